package score

import (
	"math"

	"github.com/iotverse/iotverse/validator/number"
)

// Unit is another way to write a value: x in the property's unit reads x·Factor + Offset in it, or Factor/x if Inverse.
type Unit struct {
	Name           string // for people: "°F", "ten times too much"
	Factor, Offset float64
	Inverse        bool
	Guess          bool // a mere factor that fits any unit: takes more to believe in it
}

// original returns what a reading v in this unit is in the property's.
func (u Unit) original(v float64) float64 {
	if u.Inverse {
		return u.Factor / v
	}
	return (v - u.Offset) / u.Factor
}

// gross is the factor from which on an own history is enough to call a jump of level an error of unit: no weather does that.
const gross = 50

// unit is 0 where the level is impossible as it stands and fits as soon as it is read in another unit, else 1. What it must
// fit are the neighbours (three or more), the property's bounds, or the seller's own history; without any it is dropped.
// w.wrong and w.fits then say which unit, and which level it gives. The order of Profile.Units decides between several.
func (w *window) unit(in Input) float64 {
	if len(w.values) == 0 || !(in.Profile.Min < in.Profile.Max) {
		return dropped
	}
	near, agree, social := w.around(in)
	mid, scale, old := w.usualLevel(in)
	outside := w.median < in.Profile.Min || w.median > in.Profile.Max
	if !outside && !social && !old {
		return dropped
	}
	for i, u := range in.Profile.Units {
		v := u.original(w.median)
		if !finite(v) || v < in.Profile.Min || v > in.Profile.Max {
			continue
		}
		fits := outside && (!u.Guess || w.farOutside(in.Profile))
		switch {
		case social:
			bias := in.Profile.BiasMax
			off := math.Abs(w.median - near)
			close := math.Abs(v-near) <= min(bias, max(off/20, float64(2*agree)))
			fits = close && off > float64(2*bias)+float64(4*agree) && w.coarser(u, in.Profile.Grid)
		case old && !outside:
			jump := math.Abs(w.median-mid) > float64(12*scale)
			fits = jump && math.Abs(v-mid) <= float64(3*scale) && (u.Offset != 0 || math.Abs(u.Factor) >= gross || math.Abs(u.Factor) <= 1/gross)
		}
		if fits {
			w.wrong, w.fits = &in.Profile.Units[i], v
			return 0
		}
	}
	return 1
}

// farOutside tells whether the median is outside of the bounds by more than a tenth of their width: damp hygrometers say
// 103 %, and dust sensors less than nothing.
func (w *window) farOutside(p Profile) bool {
	width := p.Max - p.Min
	return w.median > p.Max+float64(width/10) || w.median < p.Min-float64(width/10)
}

// coarser tells whether values could be multiplied by u: with a plain factor of 10 or more the grid grows, too, so nearly all
// of them must lie on the larger one. A local event that happens to be ten times the neighbours' level does not.
func (w *window) coarser(u Unit, grid float64) bool {
	if u.Inverse || u.Offset != 0 || !(u.Factor >= 10) || !(grid > 0) {
		return true
	}
	on := 0
	for _, v := range w.values {
		steps := v / float64(grid*u.Factor)
		if math.Abs(steps-math.Round(steps)) < .01 {
			on++
		}
	}
	return on*10 >= len(w.values)*9
}

// around returns the level that the neighbours give for this place and how well they agree, if there are enough of them.
func (w *window) around(in Input) (level, scale float64, ok bool) {
	r, ok := w.residual(in)
	if !ok {
		return 0, 0, false
	}
	var near []float64
	for _, n := range in.nearest() {
		near = append(near, n.Median)
	}
	_, scale = number.Spread(near)
	return w.median - r, scale, finite(scale)
}
