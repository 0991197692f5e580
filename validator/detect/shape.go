package detect

import "github.com/iotverse/iotverse/validator/number"

const parts = 8 // of a fingerprint

// shape is how a sensor's curve usually looks, whatever its level.
type shape struct {
	rest, run, rough, net track
	typical               track // log of the typical step
	part                  [parts]track
	mean                  [parts]float64
	cov                   [parts][parts]float64
	n                     float64
	carried               int     // equal readings at the end of the last batch
	low, high             float64 // values ever met
	met                   bool
}

// priors are the usual deviations of the parts of a fingerprint, for a sensor that is not known yet.
var priors = [parts]float64{.35, .2, .35, .3, .35, .12, .25, .2}

// fingerprint is what the steps look like: size, second differences, range, largest, spread, rests, typical, persistence.
func (w *window) fingerprint(unit float64) (p [parts]float64) {
	n := float64(len(w.y))
	low, high, path, second, largest, rests, same, sumY, sumTY := w.y[0], w.y[0], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
	for i, y := range w.y {
		low, high = min(low, y), max(high, y)
		d := w.steps[i]
		path += abs(d)
		largest = max(largest, abs(d))
		if d == 0 {
			rests++
		}
		if i > 0 {
			second += abs(d - w.steps[i-1])
			same += float64(d * w.steps[i-1])
		}
		sumY += y
		sumTY += float64((float64(i) - float64((n-1)/2)) * y)
	}
	slope := sumTY / max(1, float64(float64(n*(float64(n*n)-1))/12))
	mean, vr := sumY/n, 0.0
	for i, y := range w.y {
		vr += number.Square(y - mean - float64(slope*(float64(i)-float64((n-1)/2))))
	}
	var sorted [64]float64
	for i, d := range w.steps {
		sorted[i] = abs(d)
	}
	mid := number.Quantile(sorted[:len(w.y)], .5)
	tiny := float64(.05*unit) + 1e-9
	p[0] = number.Ln(w.rms + tiny)
	p[1] = ratio(second+tiny, path+tiny)
	p[2] = ratio(high-low+tiny, path+tiny)
	p[3] = ratio(largest+tiny, mid+float64(.3*w.rms)+tiny)
	p[4] = ratio(sqrt(vr/n)+tiny, w.rms+tiny)
	p[5] = rests / n
	p[6] = ratio(mid+float64(.2*w.rms)+tiny, w.rms+tiny)
	p[7] = same / (float64(n*number.Square(w.rms)) + number.Square(tiny))
	return p
}

// features writes what the shape of the curve says, and returns what is to be learned from it.
func (h *shape) features(v *vector, w *window, last *lasting) (learn func(trust float64)) {
	unit := number.Exp(h.typical.mean)
	if h.typical.n < 1 {
		unit = w.rms
	}
	p := w.fingerprint(unit)
	run, longest := h.carried, h.carried
	for _, d := range w.steps {
		run = carry(run, d)
		longest = max(longest, run)
	}
	length := number.Ln(float64(min(longest, 4096)) + 1)
	edge := h.edge(w)
	v.set(fEdge, edge)
	v.set(fRunInner, float64(h.run.z(length, .35)*(1-edge)))
	v.set(fRest, h.rest.z(p[5], .08))
	v.set(fRestShare, p[5])
	v.set(fRun, h.run.z(length, .35))
	v.set(fRunLong, length)
	h.spikes(v, w, unit)
	v.set(fRough, h.rough.z(p[0], .4))
	v.set(fFinger, h.distance(p))
	v.set(fFingerLast, last.finger)
	v.set(fRoughLast, last.rough)
	last.finger, last.rough = v.get(fFinger), v.get(fRough)
	for i := range p {
		v.set(fShape0+i, h.part[i].z(p[i], priors[i]))
	}
	v.set(fUsualRest, h.rest.mean)
	size := number.Ln(w.typical + float64(.1*w.rms) + 1e-9)
	return func(trust float64) {
		h.carried = run
		h.rest.add(p[5], trust, .08)
		h.run.add(length, trust, .35)
		h.rough.add(p[0], trust, .4)
		h.typical.add(size, trust, .5)
		for i := range p {
			h.part[i].add(p[i], trust, priors[i])
		}
		h.learn(p, trust)
	}
}

func carry(run int, step float64) int {
	if step == 0 {
		return run + 1
	}
	return 1
}

// spikes measures readings that leave and come back at once.
func (h *shape) spikes(v *vector, w *window, unit float64) {
	first, second, largest := 0.0, 0.0, 0.0
	scale := float64(.5*unit) + float64(.5*w.typical) + float64(.3*number.Exp(h.rough.mean)) + 1e-9
	if h.rough.n < 1 {
		scale = w.typical + float64(.3*w.rms) + 1e-9
	}
	for i, d := range w.steps {
		largest = max(largest, abs(d))
		if i == 0 || float64(d*w.steps[i-1]) >= 0 {
			continue
		}
		x := min(abs(d), abs(w.steps[i-1]))
		if x > first {
			first, second = x, first
		} else {
			second = max(second, x)
		}
	}
	v.set(fSpike, number.Ln(1+first/scale))
	v.set(fSpikeSecond, number.Ln(1+second/scale))
	v.set(fStepMax, number.Ln(1+largest/scale))
}

// distance is the Mahalanobis distance of p from the sensor's own fingerprints.
func (h *shape) distance(p [parts]float64) float64 {
	if h.n < 3 {
		return 0
	}
	var a [parts][parts]float64
	var d [parts]float64
	for i := range p {
		d[i] = p[i] - h.mean[i]
		for j := range p {
			a[i][j] = float64(h.n*h.cov[i][j]) / (h.n + 6)
		}
		a[i][i] += float64(6*number.Square(priors[i]))/(h.n+6) + float64(.05*h.cov[i][i]) + 1e-6
	}
	sum := 0.0
	for i := range p { // Cholesky and forward substitution in one
		for j := range i {
			x := a[i][j]
			for k := range j {
				x -= float64(a[i][k] * a[j][k])
			}
			a[i][j] = x / a[j][j]
			d[i] -= float64(a[i][j] * d[j])
		}
		x := a[i][i]
		for k := range i {
			x -= number.Square(a[i][k])
		}
		a[i][i] = sqrt(max(x, 1e-9))
		d[i] /= a[i][i]
		sum += number.Square(d[i])
	}
	return min(sqrt(sum), 60)
}

func (h *shape) learn(p [parts]float64, trust float64) {
	h.n = min(h.n+trust, 90)
	if h.n <= 0 {
		return
	}
	a := trust / max(h.n, 1)
	var d [parts]float64
	for i := range p {
		d[i] = p[i] - h.mean[i]
	}
	for i := range p {
		h.mean[i] += float64(a * d[i])
		for j := range p {
			h.cov[i][j] = float64((1 - a) * (h.cov[i][j] + float64(a*float64(d[i]*d[j]))))
		}
	}
}

// edge is the share of the readings that stand at the highest or the lowest value met so far: a full scale, or 100 % of
// humidity, may honestly stand still.
func (h *shape) edge(w *window) float64 {
	if !h.met {
		h.low, h.high, h.met = w.y[0], w.y[0], true
	}
	n, low, high := 0.0, h.low, h.high
	for _, y := range w.y {
		if y <= h.low || y >= h.high {
			n++
		}
		low, high = min(low, y), max(high, y)
	}
	h.low, h.high = low, high
	return n / float64(len(w.y))
}
