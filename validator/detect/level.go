package detect

import "github.com/iotverse/iotverse/validator/number"

// Dimensions of the regression on the neighbours.
const (
	harmonics = 5  // a constant, and two waves of a day
	regressed = 21 // neighbours in it, at most
	groups    = 3  // disjoint groups of neighbours
	dims      = harmonics + regressed
	blocks    = 4 // parts of a batch that are rows of it
)

// pair is what is usual between a sensor and one neighbour.
type pair struct {
	other       *Sensor
	away, corr  track
	ref         float64 // of the neighbour's level in the regression
	know        bool
	x           *[64]float64 // the neighbour at the times of the window, of the network's scratch
	ok          bool         // it has readings at these times
	near        bool         // and it has told something of the sensor so far
	z, stepCorr float64
}

// level is what the neighbours say of a sensor's level.
type level struct {
	a        [dims][dims]float32 // normal equations, forgetting; row harmonics+k is neighbour k
	b        [dims]float32
	weight   [groups + 1][dims]float64 // coefficients of each group, and of all
	rows     float64
	refit    int
	ref      float64 // of the own level
	begun    bool
	resid    [groups + 1]track
	mid      track
	part     track // of the blocks' residuals
	slope    track
	jump     track
	gain     track
	corr     track
	spread   track
	variance track // of the own level
	sum      float64
	ledger   float64
	alone    float64 // leaky sum of large steps that the neighbours did not make
	apart    track   // such steps, small or large, as rms
	last4    [4]float64
	lastN    int
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}

// features writes what the neighbours say of the level, and returns what is to be learned.
func (l *level) features(s *Sensor, v *vector, w *window) (learn func(trust float64)) {
	unit := number.Exp(s.shape.rough.mean) + 1e-9
	if s.shape.rough.n < 1 {
		unit = w.rms + 1e-9
	}
	my := mean(w.y)
	if !l.begun {
		l.ref, l.begun = my, true
	}
	var rows [blocks][dims]float64
	var y [blocks]float64
	l.rowsOf(s, w, &rows, &y)
	var e [groups + 1][blocks]float64
	var r [groups + 1]float64
	for g := range groups + 1 {
		for k := range blocks {
			p := 0.0
			for i, x := range rows[k] {
				p += float64(x * l.weight[g][i])
			}
			e[g][k] = y[k] - p
			r[g] += e[g][k] / blocks
		}
	}
	three := [groups]float64{r[0], r[1], r[2]}
	mid := number.Quantile(three[:], .5)
	all := r[groups]
	prior := float64(2 * unit)
	z, zm := l.resid[groups].z(all, prior), l.mid.z(mid, prior)
	agree := 1e9
	for g := range groups {
		agree = min(agree, abs(l.resid[g].z(r[g], prior)))
	}
	recent := 0.0
	for _, x := range l.last4 {
		recent += x / 4
	}
	jump := 0.0
	if l.lastN >= 4 {
		jump = mid - recent
	}
	low, high, far := e[groups][0], e[groups][0], 0.0
	for _, x := range e[groups] {
		low, high = min(low, x), max(high, x)
		far = max(far, abs(l.part.z(x, prior)))
	}
	span := e[groups][blocks-1] - e[groups][0]
	sum := float64(.8*l.sum) + number.Clamp(z, -6, 6)
	var fronts [candidates]float64
	k := 0
	for _, p := range s.pairs {
		if p.near {
			fronts[k] = min(p.other.last.level, 20)
			k++
		}
	}
	front := number.Quantile(fronts[:k], .5)
	gain := ratio(abs(my), abs(my-mid)+float64(.5*unit))
	v.set(fLevel, abs(z))
	v.set(fLevelMid, abs(zm))
	v.set(fLevelGroups, min(agree, 60))
	v.set(fLevelStep, abs(l.jump.z(jump, prior)))
	v.set(fLevelSpan, number.Ln(1+(high-low)/(l.part.sd(prior)+1e-9)))
	v.set(fLevelMax, far)
	v.set(fLevelSum, abs(sum))
	v.set(fLevelSlope, abs(l.slope.z(span, prior)))
	v.set(fLevelFront, front)
	v.set(fLevelShare, abs(zm)/(1+front))
	v.set(fLevelFit, ratio(l.resid[groups].sd(prior), l.variance.sd(prior)))
	v.set(fLevelJump, ratio(abs(jump), unit))
	v.set(fGain, gain)
	v.set(fGainZ, abs(l.gain.z(gain, .1)))
	v.set(fLevelLast, s.last.level)
	v.set(fNeighbours, float64(k))
	v.set(fKin, float64(min(k, 8)))
	for _, d := range w.steps {
		l.ledger = float64(l.ledger * .985)
		if abs(d) > 6*unit {
			l.ledger += d / unit
		}
	}
	v.set(fLedger, number.Ln(1+abs(l.ledger)))
	same := 0.0
	for _, p := range s.pairs {
		if o := p.other.level.ledger; p.near && abs(o) > 5 && abs(l.ledger) > 5 && (o > 0) == (l.ledger > 0) {
			same++
		}
	}
	v.set(fLedgerSame, same/float64(max(k, 1)))
	l.spreads(s, v, w)
	s.last.level = max(abs(z), abs(zm))
	return func(trust float64) {
		l.sum = sum
		for g := range groups + 1 {
			l.resid[g].add(r[g], trust, prior)
		}
		l.mid.add(mid, trust, prior)
		for _, x := range e[groups] {
			l.part.add(x, trust/2, prior)
		}
		l.slope.add(span, trust, prior)
		l.jump.add(jump, trust, prior)
		l.gain.add(gain, trust, .1)
		l.variance.add(my, trust, prior)
		if trust > .5 || l.lastN < 4 {
			l.last4[l.lastN%4] = mid
			l.lastN++
		}
		l.learn(&rows, &y, trust, unit)
	}
}

func deviation(x []float64) float64 {
	m, sum := mean(x), 0.0
	for _, v := range x {
		sum += number.Square(v - m)
	}
	return sqrt(sum / float64(max(len(x), 1)))
}
