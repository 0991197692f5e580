package series

import "math"

// ahead is how many readings of a sensor must be known after one before that one gets its place in time.
const ahead = 256

// Places gives the readings of one sensor, in the order of sending, their places in time, which never go back: a batch is
// judged beside what the others sent up to the place of its last reading. Use NewPlaces.
//
// A clock that ran ahead, for one reading or for some batches, has gone back within 256 readings: such a reading gets the place
// of the first that is right again. Otherwise all batches after it would be judged with what the others sent much later, or,
// where the others' readings of that time are forgotten by then, beside nobody. A reading whose time goes back behind the
// place of the one before has that one's place.
type Places struct {
	times []int64
	first int   // of times, that has no place yet
	falls int   // times among those without a place that go back
	place int64 // given last
}

// NewPlaces returns Places that has seen nothing.
func NewPlaces() *Places { return &Places{place: math.MinInt64} }

// Push takes the time of the next reading, and says whether the oldest without a place is to be given one now (Pop).
func (p *Places) Push(t int64) bool {
	if n := len(p.times); n > p.first && t < p.times[n-1] {
		p.falls++
	}
	p.times = append(p.times, t)
	return len(p.times)-p.first > ahead
}

// Pop returns the place of the oldest reading that has none. There must be one.
func (p *Places) Pop() int64 {
	waiting := p.times[p.first:]
	t := waiting[0]
	if t > p.place {
		place := t
		for i := 1; i < len(waiting) && p.falls > 0; i++ {
			if later := waiting[i]; later >= p.place {
				place = min(place, later)
			}
		}
		p.place = place
	}
	if len(waiting) > 1 && waiting[1] < t {
		p.falls--
	}
	if p.first++; p.first == ahead {
		p.times, p.first = p.times[:copy(p.times, p.times[p.first:])], 0
	}
	return p.place
}

// places are those of all readings of s.
func (s *Stream) places() []int64 {
	p := NewPlaces()
	list := make([]int64, 0, len(s.Readings))
	for _, r := range s.Readings {
		if p.Push(r.T) {
			list = append(list, p.Pop())
		}
	}
	for len(list) < len(s.Readings) {
		list = append(list, p.Pop())
	}
	return list
}
