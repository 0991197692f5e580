package validator

import (
	"cmp"
	"math"
	"slices"

	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/validator/score"
	"github.com/iotverse/iotverse/validator/truth"
)

const (
	maxNeighbours   = 8      // that are looked at, the nearest
	reach           = 30_000 // metres within which a seller is a neighbour; weather further off is another
	leastNeighbours = 3      // from which on they say something about a place
	leastClaims     = 8      // windows of a neighbour from which on its offset is known
)

// beside returns the nearest other sellers of the property that were judged here in the last two windows, each with the
// median of its newest one, its usual offset and how far it strays; and the stream's past, held against these very
// neighbours, so that a seller does not seem to move when others come and go.
func (c *Core) beside(s *stream, w uint64) ([]score.Neighbour, []score.Past) {
	near := c.nearest(s, w)
	levels := make([][]float64, len(near)) // by neighbour and window before w
	for k, o := range near {
		levels[k] = o.levels(int64(w), c.par.Baseline)
	}
	learned := truth.Learn(levels)
	var list []score.Neighbour
	for k, o := range near {
		n := score.Neighbour{Seller: o.seller.ID(), Median: o.past[len(o.past)-1].Median}
		if learned[k].Claims >= leastClaims {
			n.Offset, n.Scale = learned[k].Bias, learned[k].Scale
		}
		list = append(list, n)
	}
	past := slices.Clone(s.past)
	for i := range past {
		at := past[i].Window - (int64(w) - int64(c.par.Baseline))
		if at < 0 || at >= int64(c.par.Baseline) {
			continue
		}
		var claims []truth.Claim
		for k := range levels {
			if v := levels[k][at]; !math.IsNaN(v) {
				claims = append(claims, truth.Claim{Value: v - list[k].Offset, Scale: list[k].Scale})
			}
		}
		if len(claims) >= leastNeighbours {
			past[i].Near, past[i].Residual = true, past[i].Median-truth.Estimate(claims)
		}
	}
	return list, past
}

// nearest are the streams of other sellers within reach that count as neighbours, the nearest first; none whose label is wrong.
func (c *Core) nearest(s *stream, w uint64) []*stream {
	type near struct {
		metres uint32
		stream *stream
	}
	var list []near
	for _, o := range c.known() {
		if o.prop != s.prop || o.seller == s.seller || len(o.past) == 0 || !o.sound() {
			continue
		}
		newest := o.past[len(o.past)-1]
		metres, err := book.Distance(s.cell, o.cell)
		if back := int64(w) - newest.Window; err != nil || metres > reach || back < 0 || back > 2 || !o.judged[newest.Window] {
			continue
		}
		list = append(list, near{metres, o})
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.metres, b.metres) })
	var out []*stream
	for _, n := range list[:min(len(list), maxNeighbours)] {
		out = append(out, n.stream)
	}
	return out
}

// levels are the medians of the n windows before w, NaN where none is known.
func (s *stream) levels(w int64, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = math.NaN()
	}
	for _, p := range s.past {
		if at := p.Window - (w - int64(n)); at >= 0 && at < int64(n) {
			list[at] = p.Median
		}
	}
	return list
}

// leastResiduals is from how many residuals the scale of a class can be told.
const leastResiduals = 8

// classScale is how far sellers of a property stray from their own usual offset to their neighbours: 1.4826 times the median
// of the absolute deviations of all of them. 0 while too little is known.
func (c *Core) classScale(prop string) float64 {
	var strays []float64
	for _, s := range c.known() {
		if s.prop != prop {
			continue
		}
		var own []float64
		for _, p := range s.past {
			if p.Near {
				own = append(own, p.Residual)
			}
		}
		if len(own) < 2 {
			continue
		}
		slices.Sort(own)
		usual := own[(len(own)-1)/2]
		for _, v := range own {
			strays = append(strays, max(v-usual, usual-v))
		}
	}
	if len(strays) < leastResiduals {
		return 0
	}
	slices.Sort(strays)
	return float64(1.4826 * strays[(len(strays)-1)/2])
}
