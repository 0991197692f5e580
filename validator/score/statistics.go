package score

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
	"github.com/iotverse/iotverse/validator/truth"
)

// minNeighbours is the fewest neighbours whose median says something; no more than maxNeighbours are used.
const (
	minNeighbours = 3
	maxNeighbours = 8
	minSameHour   = 3 // days of the same hour; with fewer all windows are the yardstick
)

// rangeShare is the share of readings inside the physical bounds.
func (w *window) rangeShare(p Profile) float64 {
	if len(w.seen) == 0 || !(p.Min < p.Max) {
		return dropped
	}
	inside := 0
	for _, v := range w.values {
		if v >= p.Min && v <= p.Max {
			inside++
		}
	}
	return float64(inside) / float64(len(w.seen))
}

// rate is max(0, 1 − 5·share of steps that are faster than the property can change). A step may also be NoiseFloor, since
// at short periods noise is faster than any change.
func (w *window) rate(p Profile) float64 {
	if !(p.MaxRate > 0) {
		return dropped
	}
	steps, fast := 0, 0
	for _, piece := range w.pieces {
		for i := 1; i < len(piece); i++ {
			seconds := float64(max(minus(piece[i].T, piece[i-1].T), p.Period, 0)) / 1000
			allowed := float64(p.MaxRate*seconds) + p.floor()
			steps++
			if !(math.Abs(piece[i].V-piece[i-1].V) <= allowed) {
				fast++
			}
		}
	}
	if steps == 0 {
		return dropped
	}
	return max(0, 1-float64(5*(float64(fast)/float64(steps))))
}

// stillRun is how many readings may be equal where none moves at all: a coarse thermometer that is read ten times a second
// stands still for some seconds.
const stillRun = 45

// noise is 1 − clamp((longest equal run − allowance)/20): a live sensor does not stand still. Where no reading of the window
// differs from any other all of them are the run, whether or not what lies between was opened.
func (w *window) noise(in Input) float64 {
	p := in.Profile
	if !p.Noise || !(p.Grid > 0) || len(w.seen) <= p.equalRun() {
		return dropped
	}
	run, allowed := w.longest, max(float64(p.equalRun()), w.restful(p))
	if w.still(p.Grid) {
		run, allowed = len(w.seen), max(float64(p.equalRun()), stillRun)
	}
	return 1 - number.Unit((float64(run)-max(allowed, usualRun(in)))/20)
}

// still tells whether all readings are equal on the grid.
func (w *window) still(grid float64) bool {
	for _, r := range w.seen {
		if step(w.seen[0].V, r.V, grid) != 0 {
			return false
		}
	}
	return true
}

// restful is the run of equal readings that this sensor reaches in one window of a hundred, judged by how often it rests
// outside of its longest run: the largest of n geometric runs stays under (ln n + ln 100)/−ln P(rest).
func (w *window) restful(p Profile) float64 {
	steps, rests := 0, 0
	for _, piece := range w.pieces {
		for i := 1; i < len(piece); i++ {
			steps++
			if step(piece[i-1].V, piece[i].V, p.Grid) == 0 {
				rests++
			}
		}
	}
	steps, rests = steps-(w.longest-1), rests-(w.longest-1)
	if steps < 8 || rests <= 0 {
		return 0
	}
	share := min(float64(rests)/float64(steps), .95)
	runs := max(float64(steps-rests), 1)
	return number.Ln(float64(runs*100)) / -number.Ln(share)
}

// usualRun is the 90 % quantile of the longest runs of the seller's earlier windows, if there are enough of them and their
// level moved: a sensor that was always stuck has no usual run.
func usualRun(in Input) float64 {
	past := recent(in, in.Profile.HistWindows)
	if len(past) == 0 || len(past) < in.Profile.MinWindows {
		return 0
	}
	runs := make([]int, len(past))
	moved := false
	for i, p := range past {
		runs[i] = p.Run
		moved = moved || step(past[0].Median, p.Median, in.Profile.Grid) != 0
	}
	if !moved {
		return 0
	}
	slices.Sort(runs)
	return float64(runs[(len(runs)*9)/10])
}

// recent returns the windows of the past that lie less than n windows before this one; n ≤ 0 is all.
func recent(in Input, n int) []Past {
	var out []Past
	for _, p := range in.Past {
		back := minus(in.Window, p.Window)
		if back > 0 && (n <= 0 || back <= int64(n)) && finite(p.Median) {
			out = append(out, p)
		}
	}
	return out
}

// usualLevel is the median and spread of the same hour of the days before (or, without a daily pattern or too few days, of
// all earlier windows), the spread with the property's floor; false if there are too few.
func (w *window) usualLevel(in Input) (mid, scale float64, ok bool) {
	past := recent(in, in.Profile.HistWindows)
	if len(w.values) == 0 || len(past) == 0 || len(past) < in.Profile.MinWindows {
		return 0, 0, false
	}
	var all, same []float64
	for _, p := range past {
		all = append(all, p.Median)
		if d := int64(in.Profile.DayWindows); d > 0 && minus(in.Window, p.Window)%d == 0 {
			same = append(same, p.Median)
		}
	}
	if len(same) >= minSameHour {
		all = same
	}
	mid, scale = number.Spread(all)
	return mid, scale + in.Profile.floor(), true
}

// history compares the median with the usual level: 1/(1+(max(0,z−3)/2)²), z = |median − theirs|/(1.4826·MAD + floor).
func (w *window) history(in Input) float64 {
	mid, scale, ok := w.usualLevel(in)
	if !ok {
		return dropped
	}
	return falloff(beyond(w.median-mid, scale, 3, 2))
}

// nearest are the neighbours that count: of other sellers, with a number, at most maxNeighbours.
func (in *Input) nearest() []Neighbour {
	var near []Neighbour
	for _, n := range in.Neighbours {
		if finite(n.Median) && n.Seller != in.Seller && len(near) < maxNeighbours {
			near = append(near, n)
		}
	}
	return near
}

// residual is the median less the level that the nearest neighbours agree on, and whether it can be told.
func (w *window) residual(in Input) (float64, bool) {
	near := in.nearest()
	if len(w.values) == 0 || !(in.Profile.BiasMax > 0) || len(near) < minNeighbours {
		return 0, false
	}
	claims := make([]truth.Claim, len(near))
	for i, n := range near {
		claims[i] = truth.Claim{Value: n.Median - n.Offset, Scale: n.Scale}
	}
	r := w.median - truth.Estimate(claims)
	return r, finite(r)
}

// neighbours is the statistic of weight .40: how far the residual against the neighbours is from its usual value b, how
// unsteady it was (both on the scale of the whole class), and how far b exceeds what an honest place explains. The last
// is on the scale .6·b_max, which is the 1.5 of MECHANISM 4 for the b_max of 2.5 it was found with. It is full if all three
// can be told. Before there is a baseline only the last can: then the residual itself is held against b_max, and counts only
// if it objects, for that somebody new agrees with the others is no praise yet.
func (w *window) neighbours(in Input) (value float64, full bool) {
	r, ok := w.residual(in)
	if !ok {
		return dropped, false
	}
	var usual []float64
	for _, p := range recent(in, in.Profile.Baseline) {
		if p.Near && finite(p.Residual) {
			usual = append(usual, p.Residual)
		}
	}
	beyondBias := func(b float64) float64 {
		return max(0, math.Abs(b)-in.Profile.BiasMax) / float64(.6*in.Profile.BiasMax)
	}
	short := len(usual) == 0 || len(usual) < min(in.Profile.MinWindows, max(in.Profile.Baseline, 1))
	if short || !(in.ClassScale > 0) || !finite(in.ClassScale) {
		if early := falloff(beyondBias(r)); early < 1 {
			return early, false
		}
		return dropped, false
	}
	b, own := number.Spread(usual)
	w.offset = b
	return falloff(beyond(r-b, in.ClassScale, 2, 2), beyond(own, in.ClassScale, 2, 1.5), beyondBias(b)), true
}
