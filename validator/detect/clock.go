package detect

import (
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// clock is the ledger of a sensor's times: its cadence, jumps forward that a jump back may cancel, jumps back that stay a
// debt until a jump forward cancels them, and the rate of gaps.
type clock struct {
	cadence float64 // ms
	top     int64   // the latest time that counts
	seen    int

	forward, since float64    // the jump forward in cadences that may be a clock set wrong, and readings since it
	others         [4]float64 // the last jumps forward, any of which a jump back may cancel
	next           int        // in others
	debt           float64    // cadences that the clock was set back and not yet set forward
	debtFor        int        // readings since the debt was opened
	orderly        int        // readings in order since the last jump back

	early int // readings since the last judgement that had not been measured when they came

	// since the last judgement
	dups, same, backs, behind, indebted, cancelled, ended int
	gaps                                                  []float64
	spans                                                 [8][2]int64 // where the last of them are
	silent                                                bool        // one of them was long enough to forget
	gapRate                                               track
}

// gapTable counts the gaps of a whole network by the logarithm of their length.
type gapTable struct {
	counts  [40]float64
	many    [32]float64 // batches by the number of their gaps, one and more
	batches float64
}

const (
	gapFrom     = 1.75       // cadences
	forgetAfter = 10 * usual // cadences
)

// see takes the next reading before it is added.
func (c *clock) see(s *Sensor, r Reading) {
	c.seen++
	if s.sent.len() == 0 {
		c.top = r.T
		return
	}
	for back := range min(s.sent.len(), 96) {
		if x := s.sent.at(back); x.T == r.T {
			if x.V == r.V {
				c.dups++
			} else {
				c.same++
			}
			break
		}
	}
	step := float64(r.T - s.sent.at(0).T)
	c.since++
	if c.cadence == 0 {
		c.top = max(c.top, r.T)
		if c.seen == 8 {
			c.measure(s)
			if c.top-r.T > int64(forgetAfter*c.cadence) {
				c.top = r.T // one of the first times was wrong; nothing would ever come to it
			}
		}
		return
	}
	if c.seen%32 == 0 {
		c.measure(s)
	}
	step /= c.cadence
	switch {
	case step < 0:
		c.backward(-step, r.T)
	case step > gapFrom:
		c.onward(step, s.sent.at(0).T, r.T)
	default:
		c.orderly++
	}
	if r.T <= c.top {
		c.behind++
	}
	c.top = max(c.top, r.T)
	if c.debt > 0 {
		c.indebted++
		if c.debtFor++; c.debtFor > 256 { // this is the time now
			c.debt, c.top = 0, r.T
		}
	}
}

// arrive compares the time with the arrival: what came 5 s and two cadences before it was measured, did not.
func (c *clock) arrive(r Reading) {
	if r.Arrival != 0 && float64(r.T-r.Arrival) > 5000+float64(2*c.cadence) {
		c.early++
	}
}

// backward books a jump back: the end of a skew that a jump forward began, or a debt.
func (c *clock) backward(step float64, t int64) {
	for i, forward := range c.others {
		if d := step + 2 - forward; forward > 0 && d > -.6 && d < 1.6 {
			c.cancelled++
			c.ended++
			c.others[i], c.forward, c.top = 0, 0, t
			return
		}
	}
	c.backs++
	c.orderly = 0
	c.debt += step + 1
	c.debtFor = 0
}

// onward books a jump forward: the end of a debt, or a gap.
func (c *clock) onward(step float64, from, to int64) {
	c.orderly++
	if c.debt > 0 && step-1 > c.debt-2.1 && (step-1 < c.debt+2.1 || to > c.top) {
		c.debt = 0
		c.cancelled++
		return
	}
	if c.debt > 0 && c.debt < 64 && c.orderly < 12 {
		c.debt = max(0, c.debt-(step-1))
		return
	}
	c.spans[len(c.gaps)%len(c.spans)] = [2]int64{from, to}
	c.gaps = append(c.gaps, step)
	c.silent = c.silent || step > forgetAfter
	if len(c.gaps) > 64 {
		c.gaps = c.gaps[1:]
	}
	c.others[c.next%len(c.others)] = step
	c.next++
	if step > c.forward || c.since >= 256 {
		c.forward, c.since = step, 0
	}
}

// measure takes the median of the recent positive steps as the cadence.
func (c *clock) measure(s *Sensor) {
	var steps [recentSize]int64
	n := 0
	for back := range s.sent.len() - 1 {
		if d := s.sent.at(back).T - s.sent.at(back+1).T; d > 0 {
			steps[n] = d
			n++
		}
	}
	if n > 0 {
		slices.Sort(steps[:n])
		c.cadence = float64(steps[n/2])
	}
}

// features writes what the clock says of n readings, and forgets it.
func (c *clock) features(s *Sensor, v *vector, w *window) {
	n := float64(len(w.y))
	largest, total := 1.0, 0.0
	for _, g := range c.gaps {
		largest = max(largest, g)
		total += g - 1
	}
	count := float64(len(c.gaps))
	rate := max((float64(c.gapRate.mean*c.gapRate.n)+.5)/(c.gapRate.n+2), .01)
	v.set(fEarly, float64(c.early)/n)
	c.early = 0
	v.set(fDuplicates, float64(c.dups))
	v.set(fSameTime, float64(c.same))
	v.set(fBacks, float64(c.backs))
	v.set(fBehind, float64(c.behind)/n)
	v.set(fDebt, number.Ln(1+c.debt))
	v.set(fIndebted, float64(c.indebted)/n)
	v.set(fSkewEnded, float64(c.ended))
	v.set(fGaps, count)
	v.set(fGapTail, poissonTail(len(c.gaps), rate))
	v.set(fGapLargest, number.Ln(largest))
	v.set(fGapTotal, number.Ln(1+total))
	v.set(fGapRare, s.net.gaps.rarity(largest))
	v.set(fGapCount, s.net.gaps.manyAs(len(c.gaps)))
	v.set(fGapRate, rate)
	v.set(fGapAlone, c.alone(s))
	v.set(fGapsNear, ln1(count)-ln1(s.nearGaps()))
	s.last.gaps = count
	ahead := 0.0
	if c.forward > 0 && c.since < 256 {
		ahead = number.Ln(c.forward)
	}
	v.set(fAhead, ahead)
	v.set(fAheadFor, min(c.since, 256))
	if c.seen > 64 {
		s.net.gaps.add(c.gaps)
		c.gapRate.add(count, max(s.trust, .2), .3)
	}
	if c.orderly >= 12 && c.debt > 0 && c.debt < 6 {
		c.debt = 0 // a shuffle that is over
	}
	c.dups, c.same, c.backs, c.behind, c.indebted, c.cancelled, c.ended, c.gaps = 0, 0, 0, 0, 0, 0, 0, c.gaps[:0]
}

func ln1(x float64) float64 { return number.Ln(1 + x) }

// nearGaps is how many gaps the neighbours had in their last batch, the median.
func (s *Sensor) nearGaps() float64 {
	var list [candidates]float64
	n := 0
	for _, p := range s.pairs {
		if p.ok {
			list[n] = p.other.last.gaps
			n++
		}
	}
	return number.Quantile(list[:n], .5)
}

// alone is the share of the other sensors that went on sending while this one did not: with a failed gateway none does. It
// is 0 without gaps and a half without others.
func (c *clock) alone(s *Sensor) float64 {
	if len(c.gaps) == 0 {
		return 0
	}
	sent, all := 1.0, 2.0
	for _, span := range c.spans[:min(len(c.gaps), len(c.spans))] {
		for _, p := range s.pairs {
			o := p.other
			if o.clock.cadence > float64(span[1]-span[0]) || !o.order.covers(span) {
				continue
			}
			all++
			if o.order.within(span) {
				sent++
			}
		}
	}
	return sent / all
}

// covers says whether the sensor sent something at the end of the span or later.
func (r *ring) covers(span [2]int64) bool { return r.len() > 1 && r.at(0).T >= span[1] }

// within says whether a reading lies inside of the span; what the ring has forgotten counts as one.
func (r *ring) within(span [2]int64) bool {
	for back := range r.len() {
		if t := r.at(back).T; t <= span[0] {
			return false
		} else if t < span[1] {
			return true
		}
	}
	return r.n > recentSize
}

// poissonTail is −log P(N ≥ n) of a Poisson variable with this mean, at most 30.
func poissonTail(n int, mean float64) float64 {
	if n == 0 {
		return 0
	}
	term, tail := number.Exp(-mean), 0.0
	for k := range n + 30 {
		if k >= n {
			tail += term
		}
		term = float64(term*mean) / float64(k+1)
	}
	return number.Clamp(-number.Ln(tail), 0, 30)
}

func gapClass(g float64) int { return int(number.Clamp(float64(4*number.Ln(g)), 0, 39)) }

// rarity is −log10 of the share of batches that hold a gap at least as long.
func (g *gapTable) rarity(gap float64) float64 {
	if gap <= gapFrom {
		return 0
	}
	sum := 1.0
	for _, x := range g.counts[gapClass(gap):] {
		sum += x
	}
	return number.Clamp(float64(-.4342944819*number.Ln(sum/(g.batches+1))), 0, 6)
}

// manyAs is −log10 of the share of batches that hold as many gaps.
func (g *gapTable) manyAs(n int) float64 {
	if n == 0 {
		return 0
	}
	sum := 1.0
	for _, x := range g.many[min(n, len(g.many))-1:] {
		sum += x
	}
	return number.Clamp(float64(-.4342944819*number.Ln(sum/(g.batches+1))), 0, 6)
}

func (g *gapTable) add(gaps []float64) {
	g.batches++
	if n := len(gaps); n > 0 {
		g.many[min(n, len(g.many))-1]++
	}
	for _, x := range gaps {
		g.counts[gapClass(x)]++
	}
}
