package validator_test

import (
	"encoding/hex"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator"
)

// market6 is a market of six windows: a seller, one that copies it, one that stands still; a member that was restarted.
func market6(t *testing.T) (*world, *trader) {
	w := newWorld(t, params.Fast())
	victim, copier, stuck := newTrader(w, 20), newTrader(w, 30), newTrader(w, 40)
	said := map[int][]float64{}
	for _, s := range []*trader{victim, copier, stuck} {
		s.period = dense
	}
	sensor := victim.values
	victim.values = func(window, n int) []float64 {
		if said[window] == nil {
			said[window] = sensor(window, n)
		}
		return said[window]
	}
	copier.values = func(window, n int) []float64 {
		if window < 2 {
			return noise(rand.New(rand.NewPCG(8, 8)), n)
		}
		return victim.values(window-1, n)
	}
	stuck.values = func(_, n int) []float64 { return slices.Repeat([]float64{12.5}, n) }
	for _, s := range []*trader{victim, copier, stuck} {
		s.trade(1, 6)
	}
	w.at(w.cal.WindowStart(4).Add(w.par.Window()*4/5), func() { w.boot(w.nodes[2]) })
	w.run(w.cal.WindowStart(8))
	return w, victim
}

// TestRecompute: from their disks alone all members repeat every judgement bit by bit, of honest windows, of copies with
// their evidence, of a sensor that stands still; also one that was restarted in between.
func TestRecompute(t *testing.T) {
	w, _ := market6(t)
	for i, n := range w.nodes {
		list, err := validator.Recompute(w.rules, n.disk)
		if err != nil {
			t.Fatal(err)
		}
		hard, soft := 0, 0
		for _, r := range list {
			if !r.Same() {
				t.Errorf("member %d, window %d of %s: differs %q, missing %q", i, r.Commit.Window, r.Commit.Seller, r.Differs, r.Missing)
			}
			if published := w.stamps[r.Wid]; published == nil || published.I != r.Stamp.I || r.Signed < 5 || r.Reveals < 5 {
				t.Errorf("member %d, window %d: stamped %d, published %+v; %d signed, %d reveals", i, r.Commit.Window, r.Stamp.I, published, r.Signed, r.Reveals)
			}
			if len(r.Stamp.Hard) > 0 {
				hard++
			}
			if r.Stamp.I < 500 {
				soft++
			}
		}
		if least := 15; len(list) < least || hard < 3 || soft-hard < 3 {
			t.Errorf("member %d: %d judgements, %d hard, %d low; want %d, 3 and 3 at least", i, len(list), hard, soft, least)
		}
	}
}

// repeats wants every member to repeat every judgement that it keeps, and counts those whose stamp has a reason.
func repeats(t *testing.T, w *world, reason uint8) (n int) {
	t.Helper()
	for i, member := range w.nodes {
		list, err := validator.Recompute(w.rules, member.disk)
		if err != nil || len(list) == 0 {
			t.Fatalf("member %d repeats %d judgements: %v", i, len(list), err)
		}
		for _, r := range list {
			if !r.Same() {
				t.Errorf("member %d, window %d of %s: differs %q, missing %q", i, r.Commit.Window, r.Commit.Seller, r.Differs, r.Missing)
			}
			if slices.Contains(r.Mine.Reasons, reason) {
				n++
			}
		}
	}
	return n
}

func TestRecomputeSaysWhatIsWrong(t *testing.T) {
	w, s := market6(t)
	disk, stamp := w.nodes[0].disk, s.stamp(5)
	id := hex.EncodeToString(stamp.Wid[:])
	var docket, batch string
	for _, key := range slices.Sorted(maps.Keys(disk)) {
		if strings.HasPrefix(key, "docket/") && strings.HasSuffix(key, id) {
			docket = key
		}
		if strings.HasPrefix(key, "history/"+id) {
			batch = key
		}
	}
	if docket == "" || batch == "" {
		t.Fatal("nothing is kept of the window")
	}
	for _, c := range []struct {
		name          string
		change        func(disk map[string][]byte)
		differs, miss string
	}{
		{"nothing", func(map[string][]byte) {}, "", ""},
		{"another score", func(d map[string][]byte) {
			d[docket] = validator.Amend(d[docket], 0, func(m *protocol.Reveal) { m.Score-- })
		}, "integrity: revealed 849, recomputed 850", ""},
		{"another reason", func(d map[string][]byte) {
			d[docket] = validator.Amend(d[docket], 0, func(m *protocol.Reveal) { m.Reasons = []uint8{22} })
		}, "soft codes: revealed [22], recomputed []", ""},
		{"another class", func(d map[string][]byte) {
			d[docket] = validator.Amend(d[docket], 0, func(m *protocol.Reveal) { m.Class.Medium = "room" })
		}, "class: revealed {", ""},
		{"an event that was none", func(d map[string][]byte) {
			d[docket] = validator.Amend(d[docket], 0, func(m *protocol.Reveal) { m.Reasons = []uint8{protocol.CodeEvent} })
		}, "soft codes: revealed [31], recomputed []", ""},
		{"an older docket", func(d map[string][]byte) { d[docket] = validator.Older(d[docket]) }, "", "class and reasons are not repeated"},
		{"an old scorer", func(d map[string][]byte) { d[docket] = validator.Amend(d[docket], 1, nil) }, "", "version 1 of the scorer"},
		{"no batches", func(d map[string][]byte) {
			maps.DeleteFunc(d, func(key string, _ []byte) bool { return strings.HasPrefix(key, "history/"+id) })
		}, "", "not kept any more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := maps.Clone(disk)
			c.change(changed)
			list, err := validator.Recompute(w.rules, changed, stamp.Wid)
			if err != nil || len(list) != 1 {
				t.Fatalf("%d windows, %v", len(list), err)
			}
			r := list[0]
			differs, miss := strings.Join(r.Differs, "; "), strings.Join(r.Missing, "; ")
			if !strings.Contains(differs, c.differs) || !strings.Contains(miss, c.miss) || r.Same() != (c.differs+c.miss == "") {
				t.Errorf("differs %q, missing %q; want %q and %q", differs, miss, c.differs, c.miss)
			}
		})
	}
	if _, err := validator.Recompute(w.rules, disk, protocol.Hash{1}); !errors.Is(err, protocol.NotFound) {
		t.Errorf("an unknown window: got %v, want NotFound", err)
	}
	foreign := w.rules
	foreign.Market = protocol.Hash{2}
	if _, err := validator.Recompute(foreign, disk); !errors.Is(err, protocol.Invalid) {
		t.Errorf("another market: got %v, want Invalid", err)
	}
	for _, key := range []string{docket, batch} {
		broken := maps.Clone(disk)
		broken[key] = append([]byte{0}, disk[key]...)
		if _, err := validator.Recompute(w.rules, broken); !errors.Is(err, protocol.Invalid) {
			t.Errorf("a broken row %s: got %v, want Invalid", key[:8], err)
		}
	}
}
