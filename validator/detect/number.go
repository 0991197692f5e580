package detect

import (
	"math"

	"github.com/iotverse/iotverse/validator/number"
)

func sqrt(x float64) float64 { return math.Sqrt(max(x, 0)) }
func abs(x float64) float64  { return math.Abs(x) }

// ratio is ln((a+tiny)/(b+tiny)), held to ±12; tiny is far below what matters.
func ratio(a, b float64) float64 {
	return number.Clamp(number.Ln(a+1e-12)-number.Ln(b+1e-12), -12, 12)
}

// wave is the sine of x turns, good to 2 ‰ (Bhaskara's formula).
func wave(x float64) float64 {
	x -= math.Floor(x)
	sign := 1.0
	if x >= .5 {
		x, sign = x-.5, -1
	}
	h := float64(2*x) * (1 - float64(2*x)) // x(1−x) of the half turn
	return sign * float64(16*h) / (5 - float64(4*h))
}

// track follows mean and variance of what is usual, with a memory of about memory values.
type track struct{ n, mean, vr float64 }

// memory of a track, in values.
const memory = 60

// sd is the standard deviation, where prior counts as much as three values.
func (k *track) sd(prior float64) float64 {
	return math.Sqrt((float64(k.vr*k.n) + float64(3*number.Square(prior))) / (k.n + 3))
}

// z is how many standard deviations x is above the mean, held to ±50; 0 before there is a mean.
func (k *track) z(x, prior float64) float64 {
	if k.n < 1 {
		return 0
	}
	s := float64(k.sd(prior) * math.Sqrt(1+1/k.n))
	return number.Clamp((x-k.mean)/(s+1e-12), -50, 50)
}

// add takes x with weight w in 0..1; what is far out is pulled in to four standard deviations.
func (k *track) add(x, w, prior float64) {
	if k.n >= 8 {
		s := float64(4 * k.sd(prior))
		x = number.Clamp(x, k.mean-s, k.mean+s)
	}
	k.n = min(k.n+w, memory)
	if k.n <= 0 {
		return
	}
	a := w / max(k.n, 1)
	d := x - k.mean
	k.mean += float64(a * d)
	k.vr = float64((1 - a) * (k.vr + float64(a*number.Square(d))))
}
