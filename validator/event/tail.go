package event

import (
	"math"

	"github.com/iotverse/iotverse/validator/number"
)

// A tail counts distances in classes of an eighth of an octave, from 2^−40 to 2^20.
const (
	octave  = 8
	lowest  = -40
	classes = 60 * octave
)

// steps are 2^(i/8), the lower ends of the classes of an octave.
var steps = [octave]float64{1, 1.0905077326652577, 1.189207115002721, 1.2968395546510096, 1.4142135623730951, 1.5422108254079407, 1.6817928305074292, 1.8340080864093424}

type tail struct {
	count [classes]float64
	total float64
}

// class of a distance.
func class(x float64) int {
	if !(x > 0) {
		return 0
	}
	if x >= 1<<20 {
		return classes - 1
	}
	frac, exp := math.Frexp(x) // frac in ½..1
	k := (exp - 1 - lowest) * octave
	for i := octave - 1; i > 0; i-- {
		if float64(frac*2) >= steps[i] {
			k += i
			break
		}
	}
	return max(k, 0)
}

// floor is the lower end of a class.
func floor(k int) float64 { return math.Ldexp(steps[k%octave], k/octave+lowest) }

func (t *tail) add(x float64, c *constants) {
	t.count[class(x)]++
	if t.total++; t.total > c.Memory {
		t.total = 0
		for i := range t.count {
			t.count[i] /= 2
			t.total += t.count[i]
		}
	}
}

// surprise returns −log10 of the chance of a distance of x or more among those before it; 0 for one that is not in the tail.
func (t *tail) surprise(x float64, c *constants) float64 {
	if t.total < fewest {
		return 0
	}
	want := float64(c.Tail * t.total)
	k, in, sum := classes-1, 0.0, 0.0
	for ; k > 0; k-- {
		more := in + t.count[k]
		if more > want && in > 0 || more > 2*want {
			break
		}
		in = more
		sum += float64(t.count[k] * float64(k))
	}
	from := floor(k + 1)
	if k+1 == classes || x <= from {
		return 0
	}
	logs := float64((sum - float64(in*float64(k))) * (math.Ln2 / octave)) // Σ ln(distance/from)
	shape := (in + c.Weight) / (logs + c.Weight/c.Shape)
	above := float64(shape * (number.Ln(min(x, 1<<20)) - number.Ln(from)))
	return (above - number.Ln((in+1)/(t.total+1))) / math.Ln10
}
