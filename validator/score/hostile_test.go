package score_test

import (
	"testing"

	"github.com/iotverse/iotverse/validator/score"
)

// slanted returns readings whose steps on the grid of air come again every 400 readings, where only 13 of them are not zero, so
// that a run is as long as one may be. Each repetition is slanted by another part of a step, so that none is a replay of another.
func slanted(n int, first, later float64) []float64 {
	const period = 400
	out := make([]float64, n)
	v := 15.0
	for i := range out {
		slant := first + .04*float64(i/period)
		if i/period >= 18 { // beyond those that an Index remembers of one key
			slant = later + .04*float64(i/period%17)
		}
		if k := i % period; k%30 == 0 && k <= 360 {
			v += .01 * float64(k/15-13)
		}
		v += .01 * slant
		out[i] = v
	}
	return out
}

// Law: runs that only look equal cost a comparison each, and no evidence: a window of them must not keep a member for minutes.
func TestRunsThatOnlyLookEqualMakeNoEvidence(t *testing.T) {
	const most = 4096 // readings of a batch
	x := index(t, score.Limits{}, runs(name(1), name(2), 1, batches(0, 1, slanted(60_000, -.4, -.4), most))...)
	in := score.Input{
		Profile: air(), Seller: name(1), Wid: name(3), Window: 2000, Committed: 2, Device: 1000, Index: x,
		Batches: batches(2000, 100, slanted(8*most, -.39, -.38), most),
	}
	var r score.Result
	made := testing.AllocsPerRun(1, func() { r = score.Window(in) })
	if made > 1_000_000 { // about a million pieces of evidence would be made, of several objects each
		t.Errorf("one window made %.0f objects, want about a hundred thousand", made)
	}
	if r.Evidence != nil {
		t.Error("runs that drift apart were called a replay")
	}
}
