package detect

import "github.com/iotverse/iotverse/validator/number"

// pairsFeatures compares the batch with each neighbour alone: level, steps, and whether it is the neighbour's own curve.
func (s *Sensor) pairsFeatures(v *vector, w *window) (learn func(trust float64)) {
	n := len(w.y)
	unit := number.Exp(s.shape.rough.mean) + 1e-9
	prior := float64(2 * unit)
	var zs, corrZ, odd [candidates]float64
	var sum, dx [64]float64
	var away [candidates]float64
	k, closeBy, farOff, partners, sign, top, topZ := 0, 0.0, 0.0, 0, 0.0, -1.0, -50.0
	for i, p := range s.pairs {
		if !p.ok {
			continue
		}
		away[i] = mean(w.y) - mean(p.x[:n])
		for t := 1; t < n; t++ {
			dx[t] = p.x[t] - p.x[t-1]
		}
		p.stepCorr = number.Correlation(w.steps[1:], dx[1:n])
		if !p.near {
			continue
		}
		for t := 1; t < n; t++ {
			sum[t] += dx[t] / (number.Exp(p.other.shape.rough.mean) + 1e-9)
		}
		c := p.corr.z(p.stepCorr, .2)
		p.z = p.away.z(away[i], prior)
		zs[k], corrZ[k] = abs(p.z), c
		sign += number.Clamp(p.z/3, -1, 1)
		top, topZ = max(top, p.stepCorr), max(topZ, c)
		if abs(p.z) < 1.5 {
			closeBy++
			odd[partners] = p.other.last.odd
			partners++
		} else if abs(p.z) > 3 {
			farOff++
		}
		k++
	}
	pairs := func(trust float64) {
		for i, p := range s.pairs {
			if p.ok {
				p.away.add(away[i], min(trust, max(p.other.trust, .1)), prior)
				p.corr.add(p.stepCorr, trust, .2)
			}
		}
	}
	s.copies(v, w, unit)
	if k == 0 {
		return pairs
	}
	m := float64(k)
	v.set(fPairSign, abs(sign)/m)
	v.set(fPairClose, closeBy/m)
	v.set(fPairFar, farOff/m)
	v.set(fPartner, number.Quantile(odd[:partners], .5))
	v.set(fPair25, number.Quantile(zs[:k], .25))
	v.set(fPair50, number.Quantile(zs[:k], .5))
	v.set(fPair75, number.Quantile(zs[:k], .75))
	v.set(fPairMin, zs[0])
	c := number.Correlation(w.steps[1:], sum[1:n])
	v.set(fCorrMean, c)
	v.set(fCorrMeanZ, s.level.corr.z(c, .2))
	v.set(fCorrTop, top)
	v.set(fCorrTopZ, topZ)
	v.set(fCorrLowZ, number.Quantile(corrZ[:k], .25))
	v.set(fUsualCorr, s.level.corr.mean)
	s.solo(v, w, unit, sum[:n], m)
	s.lags(v, w)
	return func(trust float64) {
		s.level.corr.add(c, trust, .2)
		pairs(trust)
	}
}

// solo follows the steps that the mean of the neighbours did not make: who colludes has made one when it began, and shares
// it with those that stayed near, while the honest have not.
func (s *Sensor) solo(v *vector, w *window, unit float64, others []float64, k float64) {
	l := &s.level
	rms := 0.0
	limit := float64(4 * max(l.apart.mean, .3))
	for i := 1; i < len(w.y); i++ {
		d := w.steps[i]/unit - others[i]/k
		rms += number.Square(d)
		l.alone = float64(l.alone * .985)
		if abs(d) > limit {
			l.alone += d
		}
	}
	l.apart.add(sqrt(rms/float64(len(w.y))), s.trust, 1)
	far, nFar, same, near := 0.0, 0.0, 0.0, 0.0
	var zs [candidates]float64
	n := 0
	for _, p := range s.pairs {
		if !p.near {
			continue
		}
		zs[n] = p.z
		n++
		a := p.other.level.alone
		if abs(p.z) > 2.5 {
			far += abs(a)
			nFar++
			continue
		}
		near++
		if abs(a) > 2 && abs(l.alone) > 2 && (a > 0) == (l.alone > 0) {
			same++
		}
	}
	split := 0.0
	number.Quantile(zs[:n], .5)
	for i := 1; i < n; i++ {
		split = max(split, zs[i]-zs[i-1])
	}
	v.set(fAlone, number.Ln(1+abs(l.alone)))
	v.set(fAloneFar, ratio(1+abs(l.alone), 1+far/max(nFar, 1)))
	v.set(fAloneSame, same/max(near, 1))
	v.set(fPairSplit, min(split, 50))
}

// copies looks for the neighbour whose readings, one by one, are those of the batch.
func (s *Sensor) copies(v *vector, w *window, unit float64) {
	n := len(w.y)
	end := w.t[n-1]
	var best struct {
		equal, near, ratio, offset float64
		p                          *pair
	}
	best.ratio = 50
	score := -1e9
	for _, p := range s.pairs {
		if !p.ok {
			continue
		}
		r := &p.other.order
		back := 0
		for back < r.len() && float64(r.at(back).T-end) > .5*s.clock.cadence {
			back++
		}
		for lag := range 3 {
			if r.len() < back+lag+n+1 {
				break
			}
			equal, near, diffs := 0.0, 0.0, [64]float64{}
			for i := range n {
				x := r.at(back + lag + n - 1 - i).V
				dx := x - r.at(back+lag+n-i).V
				d := abs(w.steps[i] - dx)
				diffs[i] = d
				if d < .12*unit {
					near++
				}
				if d < 1e-6*unit && w.steps[i] != 0 {
					equal++
				}
			}
			f := float64(n)
			if x := equal + float64(.3*near); x > score {
				score = x
				mid := number.Quantile(diffs[:n], .5)
				best.equal, best.near, best.p = equal/f, near/f, p
				best.ratio = ratio(mid+float64(.02*unit), w.typical+float64(.02*unit))
				best.offset = ratio(abs(w.y[n-1]-r.at(back+lag).V), unit)
			}
		}
	}
	if best.p == nil {
		return
	}
	o := best.p.other
	v.set(fCopyEqual, best.equal)
	v.set(fCopyNear, best.near)
	v.set(fCopyRatio, best.ratio)
	v.set(fCopyOffset, best.offset)
	v.set(fCopyFinger, v.get(fFinger)-o.last.finger)
	v.set(fCopyLevel, v.get(fLevelMid)-o.last.level)
	v.set(fCopyLast, s.last.copied)
	s.last.copied = best.near
}

// lags asks, while a jump forward is not explained, whether the neighbours as they were before it fit better than those
// of now.
func (s *Sensor) lags(v *vector, w *window) {
	if s.clock.forward == 0 || s.clock.since > 256 {
		return
	}
	n := len(w.y)
	shift := int64((s.clock.forward - 1) * s.clock.cadence)
	var before [64]int64
	for i, t := range w.t {
		before[i] = t - shift
	}
	var now, then, x [64]float64
	k := 0
	for _, p := range s.pairs {
		if !p.near || k >= 12 || !p.other.at(before[:n], w.t[n-1], s.clock.cadence, x[:n]) {
			continue
		}
		scale := number.Exp(p.other.shape.rough.mean) + 1e-9
		for i := range n {
			now[i] += p.x[i] / scale
			then[i] += x[i] / scale
		}
		k++
	}
	if k > 0 {
		v.set(fLag, number.Correlation(w.y, then[:n])-number.Correlation(w.y, now[:n]))
	}
}
