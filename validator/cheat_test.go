package validator_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// dense is the fast profile with 50 readings a batch: two batches of one window can hold a replay and its original.
const dense = 20 * time.Millisecond

// loop repeats a short stretch for ever, a window after the other.
func loop(seed uint64, length int) func(window, n int) []float64 {
	stretch := noise(rand.New(rand.NewPCG(seed, 1)), length)
	return func(window, n int) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = stretch[(window*n+i)%length]
		}
		return out
	}
}

func TestLoopIsFoundInTheFirstWindow(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 1, func(_ *world, s *trader) {
		s.period, s.values = dense, loop(5, 40)
	})
	stamp := s.stamp(1)
	if stamp == nil || stamp.I != 0 || !slices.Equal(stamp.Hard, []uint8{5}) || stamp.C != 0 {
		t.Fatalf("stamp %+v", stamp)
	}
	if n := len(w.votes[stamp.Wid]); n != 7 {
		t.Errorf("%d members signed", n)
	}
}

// csvCheat is the cheat of another program: CSV text of a recording in which a stretch comes again and again, with the times
// of now. It knows nothing of this project but the two columns.
func csvCheat(from time.Time, rows, honest, stretch int) string {
	rng := rand.New(rand.NewPCG(77, 77))
	var b strings.Builder
	b.WriteString("ts,value\n")
	recorded := make([]string, 0, rows)
	for i := range rows {
		value := fmt.Sprintf("%.2f", 14+.2*rng.NormFloat64())
		if i >= honest {
			value = recorded[honest-stretch+(i-honest)%stretch]
		}
		recorded = append(recorded, value)
		fmt.Fprintf(&b, "%.3f,%s\n", float64(from.UnixMilli()+int64(i)*100)/1000, value)
	}
	return b.String()
}

// fromCSV feeds a seller from CSV, window by window.
func fromCSV(t testing.TB, s *trader, text string) func(window, n int) []float64 {
	byWindow := map[uint64][]float64{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		ts, value, _ := strings.Cut(lines.Text(), ",")
		at, err := strconv.ParseFloat(ts, 64)
		if err != nil {
			continue // the header
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		w, _ := s.cal.WindowAt(time.UnixMilli(int64(at*1000 + .5)))
		byWindow[w] = append(byWindow[w], v)
	}
	return func(window, n int) []float64 {
		if len(byWindow[uint64(window)]) != n {
			t.Fatalf("window %d: %d rows, want %d", window, len(byWindow[uint64(window)]), n)
		}
		return byWindow[uint64(window)]
	}
}

// In the fast profile a member sees 3 of 5 batches with 10 readings each, too few for a replay of 32: it needs what the
// others were shown in the windows before.
func TestReplayOfAnotherProgramFromCSV(t *testing.T) {
	const honest = 3 // windows
	_, s := play(t, params.Fast(), 0, 9, func(w *world, s *trader) {
		s.values = fromCSV(t, s, csvCheat(w.cal.WindowStart(0), 500, honest*50, 60))
	})
	caught := uint64(0)
	for window := uint64(0); window < 10; window++ {
		stamp := s.stamp(window)
		if stamp == nil {
			t.Fatalf("window %d has no stamp", window)
		}
		t.Log(window, stamp.I, stamp.Hard, stamp.Reasons)
		if window < honest && len(stamp.Hard) > 0 {
			t.Errorf("honest window %d: %v", window, stamp.Hard)
		}
		if caught == 0 && slices.Contains(stamp.Hard, 5) {
			caught = window
		}
	}
	if caught < honest || caught > honest+3 {
		t.Errorf("caught in window %d, the cheat began in %d", caught, honest)
	}
}

func TestCopyOfAnotherSellerIsPlagiarism(t *testing.T) {
	w := newWorld(t, params.Fast())
	victim, copier := newTrader(w, 20), newTrader(w, 30)
	victim.period, copier.period = dense, dense
	said := map[int][]float64{}
	sensor := victim.values
	victim.values = func(window, n int) []float64 {
		if said[window] == nil {
			said[window] = sensor(window, n)
		}
		return said[window]
	}
	copier.values = func(window, n int) []float64 { // of the window before
		if window < 2 {
			return noise(rand.New(rand.NewPCG(8, 8)), n)
		}
		return victim.values(window-1, n)
	}
	for _, s := range []*trader{victim, copier} {
		s.trade(1, 4)
	}
	w.run(w.cal.WindowStart(6))
	caught := 0
	for window := uint64(1); window <= 4; window++ {
		a, b := victim.stamp(window), copier.stamp(window)
		if a == nil || b == nil {
			t.Fatalf("window %d: stamps %v, %v", window, a, b)
		}
		if len(a.Hard) > 0 {
			t.Errorf("window %d of the victim: %v", window, a.Hard)
		}
		if slices.Equal(b.Hard, []uint8{5}) && b.I == 0 {
			caught++
		}
	}
	if caught < 2 {
		t.Errorf("the copier was caught in %d windows", caught)
	}
}

func TestTwoCommitmentsOfOneWindow(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 2, func(w *world, s *trader) {
		s.after = func(window uint64, env envelope.Envelope, ids []protocol.Identity) {
			if window != 1 {
				return
			}
			other := *env.Body.(*protocol.WindowCommit)
			other.Root = protocol.H("another root")
			second := w.seal(s.person, &other)
			w.deliver(nil, ids[3], second) // one member is enough
		}
	})
	stamp := s.stamp(1)
	if stamp == nil || stamp.I != 0 || !slices.Equal(stamp.Hard, []uint8{2}) {
		t.Fatalf("stamp %+v", stamp)
	}
	if len(stamp.Tickets) != 7 || w.noted("contradicts itself") != 1 {
		t.Errorf("%d reveals, %d members noticed", len(stamp.Tickets), w.noted("contradicts itself"))
	}
	kept := 0
	for _, n := range w.nodes {
		for key := range n.disk {
			if strings.HasPrefix(key, "conflict/wc/") {
				kept++
			}
		}
	}
	if kept != 1 {
		t.Errorf("both commitments are kept by %d members", kept)
	}
}

func TestBrokenChain(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*protocol.WindowCommit)
		want []uint8
	}{
		{"the predecessor of the predecessor", func(wc *protocol.WindowCommit) { wc.Prev = protocol.Hash{} }, []uint8{2}},
		{"another predecessor though no batch lies between", func(wc *protocol.WindowCommit) { wc.Prev = protocol.H("other") }, []uint8{2}},
		{"too many readings in all", func(wc *protocol.WindowCommit) { wc.N++ }, []uint8{2}},
	} {
		_, s := play(t, params.Fast(), 1, 2, func(_ *world, s *trader) {
			s.commit = func(wc *protocol.WindowCommit) {
				if wc.Window == 2 {
					c.do(wc)
				}
			}
		})
		if stamp := s.stamp(2); stamp == nil || stamp.I != 0 || !slices.Equal(stamp.Hard, c.want) {
			t.Errorf("%s: stamp %+v", c.name, stamp)
		}
	}
}

func TestTimeRunsBackwardsInABatch(t *testing.T) {
	_, s := play(t, params.Fast(), 1, 1, func(_ *world, s *trader) {
		s.shape = func(_ uint64, r []protocol.Reading) []protocol.Reading {
			r[4].Time, r[5].Time = r[5].Time, r[4].Time
			return r
		}
	})
	if stamp := s.stamp(1); stamp == nil || stamp.I != 0 || !slices.Equal(stamp.Hard, []uint8{4}) {
		t.Errorf("stamp %+v", stamp)
	}
}

// A member's false accusation does not touch the seller.
func TestFalseEvidence(t *testing.T) {
	for name, lie := range map[string]func(*world, *trader, *protocol.Reveal){
		"none":    func(_ *world, _ *trader, m *protocol.Reveal) { m.Evidence = nil },
		"garbage": func(_ *world, _ *trader, m *protocol.Reveal) { m.Evidence = []byte("no evidence") },
		"honest batches": func(_ *world, s *trader, m *protocol.Reveal) {
			x := exhibits(s.rounds[1])
			m.Evidence = encode(&protocol.Evidence{Code: 5, This: x[2:4], Earlier: x[:2]})
		},
		"a made-up original": func(_ *world, s *trader, m *protocol.Reveal) {
			x := exhibits(s.rounds[1])
			forged := x[1]
			forged.Batch.Pack = x[3].Batch.Pack
			m.Evidence = encode(&protocol.Evidence{Code: 5, This: x[3:4], Earlier: []protocol.Exhibit{forged}})
		},
		"the same batch twice": func(_ *world, s *trader, m *protocol.Reveal) {
			x := exhibits(s.rounds[1])
			m.Evidence = encode(&protocol.Evidence{Code: 5, This: x[3:4], Earlier: x[3:4]})
		},
	} {
		_, s := play(t, params.Fast(), 1, 1, func(w *world, s *trader) {
			s.period = dense
			w.rewrite(w.nodes[2], func(m *protocol.Reveal) {
				m.Hard, m.Score = []uint8{5}, 0
				lie(w, s, m)
			})
		})
		stamp := s.stamp(1)
		if stamp == nil || stamp.I < 800 || len(stamp.Hard) > 0 || len(stamp.Tickets) != 7 {
			t.Errorf("%s: stamp %+v", name, stamp)
		}
	}
}

// TestUnsafePacks: whatever is no pack of numbers of the property in its unit is named as such and worth little, in whichever
// way it is none. The first window is honest, the second not.
func TestUnsafePacks(t *testing.T) {
	text := func(records any) func([]byte) []byte {
		return func([]byte) []byte {
			data, err := protocol.Encode(records)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"another unit": func(pack []byte) []byte { return bytes.Replace(pack, []byte("Cel"), []byte("Far"), 1) },
		"a name": func(pack []byte) []byte {
			return bytes.Replace(pack, []byte("air-temperature"), []byte("b8:27:eb:01:02:"), 1)
		},
		"text for values": text([]map[int]any{{-2: "air-temperature", -4: "Cel", 3: "Anna was at home"}}),
		"nested arrays":   func([]byte) []byte { return bytes.Repeat([]byte{0x81}, 1000) },
		"a huge count":    func([]byte) []byte { return []byte{0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} },
		"empty records":   func([]byte) []byte { return append([]byte{0x99, 0xff, 0xff}, bytes.Repeat([]byte{0xa0}, 0xffff)...) },
		"compressed":      func([]byte) []byte { return append([]byte{0x1f, 0x8b, 0x08}, make([]byte, 100)...) },
	} {
		t.Run(name, func(t *testing.T) {
			_, s := play(t, params.Fast(), 0, 1, func(_ *world, s *trader) {
				s.pack = func(window uint64, pack []byte) []byte {
					if window == 0 {
						return pack
					}
					return spoil(pack)
				}
			})
			if first := s.stamp(0); first == nil || slices.Contains(first.Reasons, 29) {
				t.Errorf("the honest window: %+v", first)
			}
			if stamp := s.stamp(1); stamp == nil || stamp.I >= 500 || !slices.Contains(stamp.Reasons, 29) {
				t.Errorf("stamp %+v", stamp)
			}
		})
	}
}
