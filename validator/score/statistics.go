package score

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
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

// noise is 1 − clamp((longest equal run − allowance)/20): a live sensor does not stand still.
func (w *window) noise(in Input) float64 {
	if !in.Profile.Noise || !(in.Profile.Grid > 0) || len(w.seen) <= in.Profile.equalRun() {
		return dropped
	}
	allowed := max(float64(in.Profile.equalRun()), w.restful(in.Profile), usualRun(in))
	return 1 - number.Unit((float64(w.longest)-allowed)/20)
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

// history compares the median with those of the same hour of the days before (or, without a daily pattern or too few days,
// with all earlier windows): 1/(1+(max(0,z−3)/2)²), z = |median − theirs|/(1.4826·MAD + floor).
func (w *window) history(in Input) float64 {
	past := recent(in, in.Profile.HistWindows)
	if len(w.values) == 0 || len(past) == 0 || len(past) < in.Profile.MinWindows {
		return dropped
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
	mid, scale := number.Spread(all)
	return falloff(beyond(w.median-mid, scale+in.Profile.floor(), 3, 2))
}

// residual is the median less the median of the nearest neighbours, and whether it can be told.
func (w *window) residual(in Input) (float64, bool) {
	if len(w.values) == 0 || !(in.Profile.BiasMax > 0) {
		return 0, false
	}
	var near []float64
	for _, n := range in.Neighbours {
		if finite(n.Median) && n.Seller != in.Seller && len(near) < maxNeighbours {
			near = append(near, n.Median)
		}
	}
	if len(near) < minNeighbours {
		return 0, false
	}
	r := w.median - number.Median(near)
	return r, finite(r)
}

// neighbours is the statistic of weight .40: how far the residual against the neighbours is from its usual value b, how
// unsteady it was (both on the scale of the whole class), and how far b exceeds what an honest place explains. The last
// is on the scale .6·b_max, which is the 1.5 of MECHANISM 4 for the b_max of 2.5 it was found with.
func (w *window) neighbours(in Input) float64 {
	r, ok := w.residual(in)
	if !ok || !(in.ClassScale > 0) || !finite(in.ClassScale) {
		return dropped
	}
	var usual []float64
	for _, p := range recent(in, in.Profile.Baseline) {
		if p.Near && finite(p.Residual) {
			usual = append(usual, p.Residual)
		}
	}
	if len(usual) == 0 || len(usual) < min(in.Profile.MinWindows, max(in.Profile.Baseline, 1)) {
		return dropped
	}
	b, own := number.Spread(usual)
	return falloff(
		beyond(r-b, in.ClassScale, 2, 2),
		beyond(own, in.ClassScale, 2, 1.5),
		max(0, math.Abs(b)-in.Profile.BiasMax)/float64(.6*in.Profile.BiasMax),
	)
}
