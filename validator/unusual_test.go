package validator_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// TestEventIsMarked: a genuine change that the stream never showed is marked in the stamp of its window and not in those of
// the quiet ones before; it costs the window nothing that makes it unsaleable.
func TestEventIsMarked(t *testing.T) {
	const quiet, last = 14, 16
	rng := rand.New(rand.NewPCG(3, 3))
	w, s := play(t, params.Fast(), 1, last, func(_ *world, s *trader) {
		s.values = func(window, n int) []float64 {
			list := noise(rng, n)
			for i := range list {
				if window > quiet {
					list[i] += 3
				}
			}
			return list
		}
	})
	var marked []uint64
	for window := uint64(1); window <= last; window++ {
		stamp := s.stamp(window)
		if stamp == nil {
			t.Fatalf("window %d has no stamp", window)
		}
		t.Log(window, stamp.I, stamp.Reasons)
		if slices.Contains(stamp.Reasons, protocol.CodeEvent) {
			marked = append(marked, window)
			if int(stamp.I) < w.par.IntegrityMin {
				t.Errorf("window %d is marked and has integrity %d", window, stamp.I)
			}
		}
	}
	if want := []uint64{quiet + 1}; !slices.Equal(marked, want) {
		t.Errorf("got marks on windows %v, want %v", marked, want)
	}
	if repeats(t, w, protocol.CodeEvent) == 0 {
		t.Error("no mark was repeated")
	}
}
