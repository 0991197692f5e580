package detect

import (
	"cmp"
	"math"
	"slices"
)

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
	ok          bool
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

// meet brings the list of neighbours up to date.
func (s *Sensor) meet() {
	all := s.net.sensors
	if len(s.pairs) >= candidates || len(s.pairs) == len(all)-1 {
		return
	}
	known := make(map[*Sensor]bool, len(s.pairs))
	for _, p := range s.pairs {
		known[p.other] = true
	}
	var list []*Sensor
	for i := 1; i < len(all); i++ {
		if o := all[(s.place+i)%len(all)]; !known[o] {
			list = append(list, o)
		}
	}
	if s.known && len(all) > candidates {
		slices.SortStableFunc(list, func(a, b *Sensor) int { return cmp.Compare(s.distance(a), s.distance(b)) })
	}
	for _, o := range list[:min(len(list), candidates-len(s.pairs))] {
		s.pairs = append(s.pairs, &pair{other: o, x: &s.net.scratch[len(s.pairs)]})
	}
}

// distance to o, in no unit that matters; endless if its place is not known.
func (s *Sensor) distance(o *Sensor) float64 {
	if !o.known {
		return math.Inf(1)
	}
	across := float64((s.lon - o.lon) * wave(.25+s.lat/360)) // the cosine of the latitude
	return sq(s.lat-o.lat) + sq(across)
}

// align reads every neighbour at the times of the window; it uses nothing later than the window's end.
func (s *Sensor) align(w *window) (n int) {
	s.meet()
	end := w.t[0]
	for _, t := range w.t {
		end = max(end, t)
	}
	for _, p := range s.pairs {
		if p.ok = p.other.at(w.t, end, s.clock.cadence, p.x[:len(w.t)]); p.ok {
			n++
		}
	}
	return n
}

// at interpolates the sensor's readings up to end at times; false if too few of them are near.
func (s *Sensor) at(times []int64, end int64, cadence float64, out []float64) bool {
	r := &s.order
	have := r.len()
	back := 0
	for back < have && r.at(back).T > end {
		back++
	}
	if have-back < 4 {
		return false
	}
	reach := int64(6 * max(cadence, s.clock.cadence, 1))
	missing := 0
	first := back
	for i := len(times) - 1; i >= 0; i-- {
		t := times[i]
		if i+1 < len(times) && t > times[i+1] {
			back = first
		}
		for back < have && r.at(back).T > t {
			back++
		}
		if back >= have {
			out[i] = r.at(have - 1).V
			missing++
			continue
		}
		low := r.at(back)
		out[i] = low.V
		if back == first { // nothing after it is known
			if t-low.T > reach {
				missing++
			}
			continue
		}
		high := r.at(back - 1)
		if high.T-low.T > 2*reach {
			missing++
		}
		f := float64(t-low.T) / float64(high.T-low.T)
		out[i] = low.V + float64(f*(high.V-low.V))
	}
	return 2*missing <= len(times)
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
	unit := exp(s.shape.rough.mean) + 1e-9
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
	mid := quantile(three[:], .5)
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
	sum := float64(.8*l.sum) + clamp(z, -6, 6)
	var fronts [candidates]float64
	k := 0
	for _, p := range s.pairs {
		if p.ok {
			fronts[k] = min(p.other.last.level, 20)
			k++
		}
	}
	front := quantile(fronts[:k], .5)
	gain := ratio(abs(my), abs(my-mid)+float64(.5*unit))
	v.set(fLevel, abs(z))
	v.set(fLevelMid, abs(zm))
	v.set(fLevelGroups, min(agree, 60))
	v.set(fLevelStep, abs(l.jump.z(jump, prior)))
	v.set(fLevelSpan, ln(1+(high-low)/(l.part.sd(prior)+1e-9)))
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
	for _, d := range w.steps {
		l.ledger = float64(l.ledger * .985)
		if abs(d) > 6*unit {
			l.ledger += d / unit
		}
	}
	v.set(fLedger, ln(1+abs(l.ledger)))
	same := 0.0
	for _, p := range s.pairs {
		if o := p.other.level.ledger; p.ok && abs(o) > 5 && abs(l.ledger) > 5 && (o > 0) == (l.ledger > 0) {
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

// spreads compares how much the curve moves with how much the neighbours' do.
func (l *level) spreads(s *Sensor, v *vector, w *window) {
	var logs, rough, rests, runs [candidates]float64
	n := len(w.y)
	k := 0
	own := deviation(w.y)
	for _, p := range s.pairs {
		if !p.ok {
			continue
		}
		x := p.x[:n]
		logs[k] = ln(deviation(x) + 1e-9)
		sum, run, longest := 0.0, 1, 1
		for i := 1; i < n; i++ {
			sum += sq(x[i] - x[i-1])
			run = carry(run, x[i]-x[i-1])
			longest = max(longest, run)
			if run > 1 {
				rests[k] += 1 / float64(n)
			}
		}
		runs[k] = ln(float64(longest) + 1)
		rough[k] = ln(sqrt(sum/float64(n))+float64(.1*exp(p.other.shape.rough.mean))+1e-9) - p.other.shape.rough.mean
		k++
	}
	if k == 0 {
		return
	}
	apart := ln(own+float64(.3*exp(s.shape.rough.mean))+1e-9) - quantile(logs[:k], .5)
	v.set(fSpreadNet, l.spread.z(apart, .5))
	net := ln(w.rms+float64(.1*exp(s.shape.rough.mean))+1e-9) - s.shape.rough.mean - quantile(rough[:k], .5)
	v.set(fRunNet, v.get(fRunLong)-quantile(runs[:k], .5))
	v.set(fRestNet, v.get(fRestShare)-quantile(rests[:k], .5))
	v.set(fRoughNet, net)
	v.set(fRoughNetZ, s.shape.net.z(net, .4))
	l.spread.add(apart, s.trust, .5)
	s.shape.net.add(net, s.trust, .4)
}

func deviation(x []float64) float64 {
	m, sum := mean(x), 0.0
	for _, v := range x {
		sum += sq(v - m)
	}
	return sqrt(sum / float64(max(len(x), 1)))
}

// rowsOf builds the rows of the regression: time of day and the neighbours, and the own level, each less its reference.
func (l *level) rowsOf(s *Sensor, w *window, rows *[blocks][dims]float64, y *[blocks]float64) {
	n := len(w.y)
	const day = 86400e3
	unit := exp(s.shape.rough.mean) + 1e-9
	for k := range blocks {
		from, to := k*n/blocks, max((k+1)*n/blocks, k*n/blocks+1)
		to = min(to, n)
		from = min(from, to-1)
		row := &rows[k]
		turn := float64(w.t[(from+to)/2]%day) / day
		amp := float64(10 * unit)
		row[0] = amp
		row[1], row[2] = float64(amp*wave(turn)), float64(amp*wave(turn+.25))
		row[3], row[4] = float64(amp*wave(2*turn)), float64(amp*wave(float64(2*turn)+.25))
		y[k] = mean(w.y[from:to]) - l.ref
		used := 0
		for i, p := range s.pairs {
			if i >= regressed {
				break
			}
			if !p.ok {
				continue
			}
			x := mean(p.x[from:to])
			if !p.know {
				p.ref, p.know = x, true
			}
			row[harmonics+i] = x - p.ref
			used++
		}
	}
}

// learn adds the rows to the normal equations and now and then solves them for each group of neighbours.
func (l *level) learn(rows *[blocks][dims]float64, y *[blocks]float64, trust, unit float64) {
	const forget = .988
	if trust > .02 {
		for i := range dims {
			l.b[i] = float32(float64(l.b[i]) * forget)
			for j := range i + 1 {
				l.a[i][j] = float32(float64(l.a[i][j]) * forget)
			}
		}
		l.rows = float64(l.rows*forget) + trust
		for k := range blocks {
			for i := range dims {
				x := float64(rows[k][i] * trust)
				l.b[i] += float32(x * y[k])
				for j := range i + 1 {
					l.a[i][j] += float32(x * rows[k][j])
				}
			}
		}
	}
	if l.refit++; l.refit%4 == 0 || l.refit < 8 {
		for g := range groups + 1 {
			l.solve(g, unit)
		}
	}
}

// solve fits group g, or all neighbours if g is the number of groups.
func (l *level) solve(g int, unit float64) {
	var index [dims]int
	n := 0
	for i := range dims {
		if i < harmonics || (l.a[i][i] > 0 && (g == groups || (i-harmonics)%groups == g)) {
			index[n] = i
			n++
		}
	}
	var a [dims][dims]float64
	var x [dims]float64
	for i := range n {
		for j := range i + 1 {
			a[i][j] = float64(l.a[index[i]][index[j]])
		}
		ridge := float64(.02*a[i][i]) + float64(8*sq(unit))
		if i == 0 {
			ridge = sq(unit)
		} else if i < harmonics {
			ridge = float64(.03*a[i][i]) + float64(200*sq(unit))
		}
		a[i][i] += ridge
		x[i] = float64(l.b[index[i]])
	}
	if n > harmonics { // shrink towards the mean of the neighbours, not towards nothing
		share := .8 / float64(n-harmonics)
		for i := harmonics; i < n; i++ {
			x[i] += float64(share * (a[i][i] - float64(l.a[index[i]][index[i]])))
		}
	}
	cholesky(&a, &x, n)
	l.weight[g] = [dims]float64{}
	for i := range n {
		l.weight[g][index[i]] = x[i]
	}
}

// cholesky solves a·z = x in place; the lower half of a is used.
func cholesky(a *[dims][dims]float64, x *[dims]float64, n int) {
	for i := range n {
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= float64(a[i][k] * a[j][k])
			}
			if i == j {
				a[i][i] = sqrt(max(sum, 1e-18))
			} else {
				a[i][j] = sum / a[j][j]
			}
		}
		for k := range i {
			x[i] -= float64(a[i][k] * x[k])
		}
		x[i] /= a[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= float64(a[k][i] * x[k])
		}
		x[i] /= a[i][i]
	}
}
