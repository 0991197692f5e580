package round_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
)

func TestSizes(t *testing.T) {
	p := params.Standard()
	for _, c := range []struct {
		rep         uint16
		common, own int
	}{{0, 6, 2}, {799, 6, 2}, {800, 3, 1}, {1000, 3, 1}} {
		if common, own := round.Sizes(&p, c.rep); common != c.common || own != c.own {
			t.Errorf("reputation %d: %d + %d, want %d + %d", c.rep, common, own, c.common, c.own)
		}
	}
}

func hash(t *rapid.T, name string) (h protocol.Hash) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
	return h
}

// Law: samples are distinct, ascending and in range, own ones are not common; all but the asked number is drawn only where
// the window is too short; the same inputs give the same sample.
func TestSampleLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, wid, ticket := hash(t, "ball"), hash(t, "wid"), hash(t, "ticket")
		batches := rapid.IntRange(1, protocol.MaxBatches).Draw(t, "batches")
		nc, no := rapid.IntRange(0, 70).Draw(t, "common"), rapid.IntRange(0, 70).Draw(t, "own")
		common := round.CommonSample(b, wid, nc, batches)
		own := round.OwnSample(b, wid, ticket, no, batches, common)
		if len(common) != min(nc, batches) || len(own) != min(no, batches-len(common)) {
			t.Fatalf("%d common and %d own of %d", len(common), len(own), batches)
		}
		seen := map[int]bool{}
		for _, list := range [][]int{common, own} {
			if !slices.IsSorted(list) {
				t.Fatalf("%v is not ascending", list)
			}
			for _, i := range list {
				if i < 0 || i >= batches || seen[i] {
					t.Fatalf("index %d of %d, seen %v", i, batches, seen[i])
				}
				seen[i] = true
			}
		}
		if again := round.OwnSample(b, wid, ticket, no, batches, common); !slices.Equal(own, again) {
			t.Fatalf("%v, then %v", own, again)
		}
	})
}

// Law: over many balls every batch is sampled alike, so there is no safe place for false data.
func TestSampleIsFair(t *testing.T) {
	counts := make([]int, 60)
	const rounds = 6000
	for i := range uint64(rounds) {
		for _, k := range round.CommonSample(protocol.H("ball", i), protocol.Hash{1}, 6, 60) {
			counts[k]++
		}
	}
	for k, n := range counts {
		if n < rounds/10-140 || n > rounds/10+140 { // six deviations
			t.Errorf("batch %d was sampled %d times of %d, want a tenth", k, n, rounds)
		}
	}
}

func TestCheckOpening(t *testing.T) {
	rehead := func(change func(h []protocol.BatchHeader)) func(wc *protocol.WindowCommit, o *protocol.Opening) {
		return func(wc *protocol.WindowCommit, o *protocol.Opening) {
			change(o.Headers)
			for i := 1; i < len(o.Headers); i++ {
				o.Headers[i].Prev = o.Headers[i-1].Hash()
			}
			commit(wc, o.Headers)
			o.Wid = wc.ID()
		}
	}
	for _, c := range []struct {
		name   string
		change func(wc *protocol.WindowCommit, o *protocol.Opening)
		proven int
		faults []uint8
		bad    bool
	}{
		{"sound", func(*protocol.WindowCommit, *protocol.Opening) {}, 5, nil, false},
		{"one batch", func(_ *protocol.WindowCommit, o *protocol.Opening) { o.Batches = o.Batches[2:3] }, 1, nil, false},
		{"false pack", func(_ *protocol.WindowCommit, o *protocol.Opening) { o.Batches[1].Pack[0] ^= 1 }, 4, nil, false},
		{"false salt", func(_ *protocol.WindowCommit, o *protocol.Opening) { o.Batches[1].Salt[3] ^= 1 }, 4, nil, false},
		{"swapped", func(_ *protocol.WindowCommit, o *protocol.Opening) { o.Batches[1].Index = 2 }, 4, nil, false},
		{"another window", func(_ *protocol.WindowCommit, o *protocol.Opening) { o.Wid[0] ^= 1 }, 0, nil, true},
		{"changed header", func(_ *protocol.WindowCommit, o *protocol.Opening) { o.Headers[4].N++ }, 0, nil, true},
		{"a header less", func(_ *protocol.WindowCommit, o *protocol.Opening) { o.Headers = o.Headers[:4] }, 0, nil, true},
		{"gap in sequence", rehead(func(h []protocol.BatchHeader) { h[3].Seq++ }), 5, []uint8{2}, false},
		{"time backwards", rehead(func(h []protocol.BatchHeader) { h[2].T0 = 500 }), 5, []uint8{4}, false},
		{"batch backwards", rehead(func(h []protocol.BatchHeader) { h[4].T0 = h[4].T1 + 1 }), 5, []uint8{4}, false},
		{"both", rehead(func(h []protocol.BatchHeader) { h[3].Seq, h[2].T0 = 0, 500 }), 5, []uint8{2, 4}, false},
		{"broken chain", func(wc *protocol.WindowCommit, o *protocol.Opening) {
			o.Headers[2].Prev[0] ^= 1
			commit(wc, o.Headers)
			o.Wid = wc.ID()
		}, 5, []uint8{2}, false},
		{"false total", func(wc *protocol.WindowCommit, o *protocol.Opening) {
			wc.N++
			o.Wid = wc.ID()
		}, 5, []uint8{2}, false},
		{"false end", func(wc *protocol.WindowCommit, o *protocol.Opening) {
			wc.T1 += 7
			o.Wid = wc.ID()
		}, 5, []uint8{2}, false},
	} {
		wc, o := window(5)
		c.change(wc, o)
		proven, faults, err := round.CheckOpening(wc, o)
		if errors.Is(err, protocol.Invalid) != c.bad || (err != nil) != c.bad {
			t.Errorf("%s: error %v", c.name, err)
		}
		if len(proven) != c.proven || !slices.Equal(faults, c.faults) {
			t.Errorf("%s: %d proven, faults %v, want %d and %v", c.name, len(proven), faults, c.proven, c.faults)
		}
	}
}

func TestServed(t *testing.T) {
	c, _ := board(7, 0)
	var seats []protocol.Hash
	for _, m := range c.Members {
		seats = append(seats, m.ID)
	}
	miss := func(indices ...uint8) *protocol.Unserved { return &protocol.Unserved{Indices: indices} }
	for _, v := range []struct {
		name    string
		u       map[protocol.Hash]*protocol.Unserved
		missing []int
		void    bool
	}{
		{"all served", nil, nil, false},
		{"one", map[protocol.Hash]*protocol.Unserved{seats[0]: miss(1, 4)}, nil, false},
		{"two of one", map[protocol.Hash]*protocol.Unserved{seats[0]: miss(1, 4), seats[3]: miss(4)}, []int{4}, false},
		{"three of different ones", map[protocol.Hash]*protocol.Unserved{seats[0]: miss(1), seats[3]: miss(4), seats[4]: miss(6)}, nil, false},
		{"three of one", map[protocol.Hash]*protocol.Unserved{seats[0]: miss(1), seats[3]: miss(1), seats[4]: miss(1, 6)}, []int{1}, true},
		{"not common", map[protocol.Hash]*protocol.Unserved{seats[0]: miss(2), seats[3]: miss(2), seats[4]: miss(2)}, nil, false},
		{"strangers", map[protocol.Hash]*protocol.Unserved{{1}: miss(1), {2}: miss(1), {3}: miss(1)}, nil, false},
	} {
		missing, void := round.Served(v.u, seats, []int{1, 4, 6})
		if !slices.Equal(missing, v.missing) || void != v.void {
			t.Errorf("%s: missing %v, void %v, want %v, %v", v.name, missing, void, v.missing, v.void)
		}
	}
}
