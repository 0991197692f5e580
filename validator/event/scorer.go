package event

import (
	"math"

	"github.com/iotverse/iotverse/validator/number"
)

// constants are all that was chosen by looking at data.
type constants struct {
	Sizes  []int   // rows of a block, of each scale: 1 or a multiple of 4
	Blocks int     // blocks of a pattern
	Keep   int     // patterns that are remembered
	Memory float64 // distances after which older ones count half
	Tail   float64 // share of the distances that is the tail
	Shape  float64 // exponent of the tail before anything is known
	Weight float64 // exceedances that Shape counts as
	Fade   float64 // what is left of a surprise a row later
	Growth float64 // taken off for each factor of ten in rows above a thousand
	Rest   float64 // rows until a stream has relaxed, at least
	Share  float64 // and beside these, of all rows so far
	Bar    float64 // how many times an alarm the next must be, right after it
	Often  float64 // taken off for each factor of ten in alarms that were about as high
	Half   float64 // surprise with score 0.5
}

var standard = constants{
	Sizes: []int{1, 12, 48}, Blocks: 6, Keep: 3000, Memory: 5000, Tail: .05, Shape: 3, Weight: 5, Fade: .75,
	Growth: .75, Rest: 60, Share: .05, Bar: 2, Often: .5, Half: 1.5,
}

// Alarm is a fair level for an alarm: on the labelled files of the Numenta benchmark no other is clearly better.
const Alarm = 0.5

// Scorer scores the values of one stream. It is not safe for concurrent use. The zero value is of no use: see New.
type Scorer struct {
	c      constants
	scales []scale
	felt   []float64 // surprise of each scale, fading
	rows   int
	origin float64
	calm   calm
}

// New returns a Scorer that has seen nothing. It allocates all that it will ever need.
func New() *Scorer { return build(standard) }

func build(c constants) *Scorer {
	s := &Scorer{c: c, scales: make([]scale, len(c.Sizes)), felt: make([]float64, len(c.Sizes))}
	for i, size := range c.Sizes {
		s.scales[i] = newScale(size, &s.c)
	}
	return s
}

// Add takes the next value and returns how unusual it is, 0..1, given those before it; see Alarm.
// The first rows score 0 until there is something to compare with (about thirty at the smallest scale). While an alarm is
// fresh, rows that are not clearly worse score 0, so that one event is told once. What is no finite number scores 0 and is
// forgotten.
func (s *Scorer) Add(value float64) float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return 0
	}
	return s.told(s.feel(value))
}

// feel takes a value and returns the sum of the surprises.
func (s *Scorer) feel(value float64) float64 {
	if s.rows == 0 {
		s.origin = value
	}
	s.rows++
	x := number.Clamp(value-s.origin, -1e150, 1e150)
	sum := 0.0
	for i := range s.scales {
		s.felt[i] = max(float64(s.felt[i]*s.c.Fade), s.scales[i].add(x, &s.c))
		sum += s.felt[i]
	}
	return sum
}

// told returns the score of a sum of surprises.
func (s *Scorer) told(sum float64) float64 {
	v := s.calm.after(sum, s.rows, &s.c)
	return v / (v + s.c.Half)
}
