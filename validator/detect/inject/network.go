package inject

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// climate is what the sensors of a made-up network have in common; each quantity is drawn anew for each network, so that a
// forest grown on many of them meets more than the few networks that were measured.
type climate struct {
	rng      *rand.Rand
	cadence  int64     // ms
	shared   []float64 // the signal of the place, in units of its own scatter
	local    float64   // scatter of a sensor's own wandering
	wander   float64   // how long that lasts, in readings
	noise    float64   // of one reading
	tails    float64   // share of readings with five times the noise
	average  int       // readings that a sensor averages
	bend     func(float64) float64
	grid     float64 // step of the values
	zero     float64 // in steps: where the scale begins
	decimal  float64 // steps in a unit
	jitter   float64 // of times, in cadences
	pauses   float64 // share of readings before which some are missing
	freezes  float64 // share of readings that start a freeze of a few readings
	low, top float64 // full scale
	out      []bool  // readings that no sensor sends
	changes  []change
}

// Network makes up clean readings of sensors. Most networks have 5 to 16 sensors near one another; in some every sensor has
// a quantity of its own, as on a machine, which now and then changes its way of working; some are a sensor or two alone. The
// same seed gives the same network.
func Network(seed uint64) *series.Case {
	rng := rand.New(rand.NewPCG(seed, 17))
	const readings = 2600
	n, c := 5+rng.IntN(12), draw(rng, readings+16)
	kind := rng.IntN(8)
	if kind == 0 {
		n = 1 + rng.IntN(2)
	}
	if kind <= 1 {
		c.work(readings)
	}
	out := &series.Case{Name: "made-up_" + strconv.FormatUint(seed, 10)}
	for i := range n {
		if kind <= 1 && i > 0 { // another quantity of the same record
			other := draw(rng, readings+16)
			other.cadence, other.jitter, other.changes, other.out = c.cadence, c.jitter, c.changes, c.out
			c = other
		}
		out.Streams = append(out.Streams, series.Stream{Name: "m" + strconv.Itoa(i), Readings: c.sensor(readings)})
	}
	return out
}

// change is a moment from which on a machine works in another way.
type change struct {
	at     int
	lasts  int
	spread float64
}

// work lets the machine change its way of working a few times.
func (c *climate) work(n int) {
	for range c.rng.IntN(6) {
		c.changes = append(c.changes, change{c.rng.IntN(n), 60 + c.rng.IntN(600), 1.5})
	}
}

// follow adds what the changes do to one sensor: its level moves, and the noise is stronger or weaker; loud is the factor.
func (c *climate) follow(own, loud []float64) {
	for _, x := range c.changes {
		if c.rng.IntN(2) == 0 {
			continue
		}
		shift, factor := x.spread*c.rng.NormFloat64()*(c.local+c.noise), math.Exp(.6*c.rng.NormFloat64())
		for k := x.at; k < min(x.at+x.lasts, len(own)); k++ {
			own[k] += shift * min(1, float64(k-x.at)/8)
			loud[k] *= factor
		}
	}
}

// draw chooses a climate of n readings.
func draw(rng *rand.Rand, n int) *climate {
	wide := func(low, high float64) float64 { return low * math.Exp(rng.Float64()*math.Log(high/low)) }
	c := &climate{rng: rng, cadence: int64(wide(15, 900)) * 1000, shared: make([]float64, n)}
	if rng.IntN(2) == 0 {
		c.jitter = wide(.005, .15)
	}
	for range 1 + rng.IntN(3) {
		walk(rng, c.shared, wide(30, 1500), wide(.2, 1))
	}
	if rng.IntN(3) > 0 { // days
		amp, turn, day := wide(.3, 2.5), rng.Float64(), 86400e3/float64(c.cadence)
		for k := range c.shared {
			x := float64(k)/day + turn
			c.shared[k] += amp * (math.Sin(2*math.Pi*x) + .3*math.Sin(4*math.Pi*x+turn))
		}
	}
	for range rng.IntN(4) { // fronts
		at, wide, size := rng.IntN(n), wide(2, 60), rng.NormFloat64()
		for k := range c.shared {
			c.shared[k] += size / (1 + math.Exp(-float64(k-at)/wide))
		}
	}
	c.local, c.wander, c.noise = wide(.05, .8), wide(10, 600), wide(.003, .4)
	if rng.IntN(3) == 0 {
		c.tails = wide(.001, .02)
	}
	c.average = 1 + rng.IntN(2)*rng.IntN(8)
	c.shape(wide)
	c.grid = wide(.02, 3) * c.noise
	c.zero, c.decimal = math.Round(wide(.5, 30)/c.grid), math.Pow10(rng.IntN(4))
	if rng.IntN(4) == 0 {
		c.pauses = wide(.0001, .0008)
	}
	c.out = outages(rng, n, wide)
	if rng.IntN(4) == 0 {
		c.freezes = wide(.0003, .003)
	}
	return c
}

// outages are times at which the gateway of the whole network fails, or loses every few readings.
func outages(rng *rand.Rand, n int, wide func(low, high float64) float64) []bool {
	out := make([]bool, n)
	if rng.IntN(2) == 0 {
		return out
	}
	for range rng.IntN(5) {
		at := rng.IntN(n)
		for k := range min(int(wide(1, 150)), n-at) {
			out[at+k] = true
		}
	}
	for range rng.IntN(3) {
		at := rng.IntN(n)
		for k := range min(int(wide(20, 150)), n-at) {
			out[at+k] = out[at+k] || rng.IntN(5) == 0
		}
	}
	return out
}

// shape chooses what the sensor makes of its quantity: as it is, with a long tail upwards, bounded, or with a full scale that
// it often reaches.
func (c *climate) shape(wide func(low, high float64) float64) {
	c.low, c.top = math.Inf(-1), math.Inf(1)
	c.bend = func(x float64) float64 { return x }
	switch c.rng.IntN(6) {
	case 0, 1:
		s := wide(.3, 1)
		c.bend = func(x float64) float64 { return (math.Exp(s*x) - 1) / s }
	case 2:
		c.bend = func(x float64) float64 { return 2 * math.Tanh(x/2) }
	case 3:
		c.top = .3 + c.rng.Float64()*1.5
	case 4:
		c.low = -.5 - c.rng.Float64()
	}
}

// walk adds a wandering of this length and scatter.
func walk(rng *rand.Rand, to []float64, length, scatter float64) {
	a := math.Exp(-1 / length)
	b := math.Sqrt(1 - a*a)
	x := rng.NormFloat64()
	for k := range to {
		to[k] += scatter * x
		x = a*x + b*rng.NormFloat64()
	}
}

// sensor makes up what one sensor of the network sends.
func (c *climate) sensor(n int) []detect.Reading {
	rng := c.rng
	own := make([]float64, n+16)
	walk(rng, own, c.wander, c.local*math.Exp(.3*rng.NormFloat64()))
	walk(rng, own, 2000, .3*c.local)
	lag, gain, offset := rng.IntN(1+rng.IntN(6)), math.Exp(.1*rng.NormFloat64()), .5*rng.NormFloat64()
	for k := range own {
		own[k] += offset + gain*c.shared[max(k-lag, 0)]
	}
	loud := make([]float64, len(own))
	for k := range loud {
		loud[k] = 1
	}
	c.follow(own, loud)
	noise := c.noise * math.Exp(.3*rng.NormFloat64())
	phase := rng.Int64N(c.cadence)
	const start = 1.6e12
	var list []detect.Reading
	held, skip, still := 0, 0, 0.0
	for k := range n {
		v := 0.0
		for j := range c.average {
			v += own[k+j] / float64(c.average)
		}
		z := noise * loud[k] * rng.NormFloat64()
		if rng.Float64() < c.tails {
			z *= 5
		}
		v = min(max(c.bend(v+z), c.low), c.top)
		switch {
		case held > 0:
			held, v = held-1, still
		case rng.Float64() < c.freezes:
			held = 2 + rng.IntN(8)
		}
		still = v
		if rng.Float64() < c.pauses {
			skip = 1 + int(4*rng.ExpFloat64())
		}
		if c.out[k] && rng.IntN(30) > 0 || skip > 0 {
			skip = max(skip-1, 0)
			continue
		}
		t := start + int64(k)*c.cadence + phase + int64(c.jitter*float64(c.cadence)*(rng.Float64()-.5))
		list = append(list, detect.Reading{T: t, V: (math.Round(v/c.grid) + c.zero) / c.decimal})
	}
	return list
}
