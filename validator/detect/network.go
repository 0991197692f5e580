package detect

import "math"

// Reading is one value as the seller sent it: T in milliseconds since 1970, V finite. Arrival is when it reached the
// validator, 0 if that is not known.
type Reading struct {
	T       int64
	V       float64
	Arrival int64
}

// Network is what is known of sensors that measure one quantity near one another. It is not safe for concurrent use.
type Network struct {
	judge   Judge
	sensors []*Sensor
	gaps    gapTable
	scale   scale
	scratch [candidates][64]float64
}

// Judge turns the features of a batch into the logarithm of the odds that it is false.
type Judge interface {
	Margin(features []float32) float64
}

// NewNetwork returns an empty network. judge may be nil: then all scores are those of the hard rules.
func NewNetwork(judge Judge) *Network { return &Network{judge: judge} }

// Sizes of what is remembered of a sensor.
const (
	recentSize = 128  // readings with time and value
	longSize   = 8192 // readings of which the step is remembered
	candidates = 40   // neighbours compared at most
	minWindow  = 16   // a batch shorter than this is judged together with readings before it
	usual      = 32   // readings judged at once; a longer batch is judged in pieces
)

// Sensor is one sensor of a network.
type Sensor struct {
	net   *Network
	place int // in net.sensors

	sent  ring // as sent
	order ring // in order of time, for the neighbours
	stale int  // readings in a row that came too late for order

	fresh  int // readings since the last judgement
	worst  Result
	judged int // windows judged
	oddFor int // of them, the last in a row that were odd
	trust  float64

	clock clock
	shape shape
	level level
	past  past
	pairs []*pair
	lat   float64 // degrees
	lon   float64
	known bool // lat and lon are
	last  lasting
}

// lasting is what the next batch, or a neighbour, wants to know of the batch judged last.
type lasting struct {
	finger, level, rough, replay, copied float64
	odd, gaps                            float64
	sums                                 [6]float64 // leaky, over batches
}

// Add makes a sensor that was not there before. Its neighbours are all other sensors of the network, or, if there are more
// than 40, those added just before it.
func (n *Network) Add() *Sensor {
	s := &Sensor{net: n, place: len(n.sensors), trust: 1}
	n.sensors = append(n.sensors, s)
	return s
}

// Place says where the sensor stands, in degrees. In a network of more than 40 sensors the nearest are compared, if this
// was called for all before the first reading.
func (s *Sensor) Place(lat, lon float64) { s.lat, s.lon, s.known = lat, lon, true }

// Reading takes the next reading in the order sent. A value that is not finite is left out.
func (s *Sensor) Reading(r Reading) {
	if math.IsNaN(r.V) || math.IsInf(r.V, 0) {
		return
	}
	s.clock.see(s, r)
	s.clock.arrive(r)
	s.sent.add(r)
	switch n := s.order.n; {
	case n == 0 || r.T > s.order.at(0).T:
		s.order.add(r)
		s.stale = 0
	default:
		if s.stale++; s.stale >= 12 { // the clock was set back
			s.order.dropAfter(r.T)
			s.order.add(r)
			s.stale = 0
		}
	}
	s.past.add(r.V)
	if s.fresh++; s.fresh >= usual+minWindow {
		s.piece(usual)
	}
}

// Close ends a batch and returns the judgement of it. All readings of the other sensors up to its end should have been
// given before, and none of later ones.
func (s *Sensor) Close() Result {
	if s.fresh > 0 {
		s.piece(s.fresh)
	}
	r := s.worst
	s.worst = Result{}
	return r
}

// piece judges the oldest n fresh readings.
func (s *Sensor) piece(n int) {
	back := s.fresh - n
	s.fresh = back
	r := s.assess(n, back)
	if s.worst.Features == nil || r.Margin > s.worst.Margin {
		s.worst = r
	}
}

// ring holds the last recentSize readings.
type ring struct {
	n    int // ever added
	list [recentSize]Reading
}

func (r *ring) add(x Reading) {
	r.list[r.n%recentSize] = x
	r.n++
}

// at returns the reading that came back readings before the last; back < len.
func (r *ring) at(back int) Reading { return r.list[(r.n-1-back)%recentSize] }

// len is how many readings are there.
func (r *ring) len() int { return min(r.n, recentSize) }

// dropAfter forgets the readings at t or later.
func (r *ring) dropAfter(t int64) {
	for r.len() > 0 && r.at(0).T >= t {
		if r.n > recentSize { // what the ring has overwritten does not come back
			r.shrink(t)
			return
		}
		r.n--
	}
}

func (r *ring) shrink(t int64) {
	var keep ring
	for back := recentSize - 1; back >= 0; back-- {
		if x := r.at(back); x.T < t {
			keep.add(x)
		}
	}
	*r = keep
}
