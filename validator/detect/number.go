package detect

import (
	"math"
	"slices"
)

// ln returns the natural logarithm of x; what is not above 1e-300 counts as 1e-300. It uses only operations that are
// correctly rounded, so it gives the same bits everywhere.
func ln(x float64) float64 {
	if !(x > 1e-300) {
		x = 1e-300
	}
	x = min(x, 1e300)
	bits := math.Float64bits(x)
	e := int64(bits>>52) - 1023
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52) // 1..2
	if m > math.Sqrt2 {
		m /= 2
		e++
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	sum := 0.0
	for k := 15; k >= 1; k -= 2 { // 2·atanh(s) = 2·Σ s^k/k
		sum = float64(sum*z) + 1/float64(k)
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))
}

// exp returns e^x, with x held to −700..700, the same bits everywhere.
func exp(x float64) float64 {
	x = clamp(x, -700, 700)
	k := math.Round(x / math.Ln2)
	r := x - float64(k*0x1.62e42feep-1) - float64(k*0x1.a39ef35793c76p-33)
	sum := 1.0
	for i := 15; i >= 1; i-- { // Horner's scheme of Σ r^i/i!
		sum = 1 + float64(r*sum)/float64(i)
	}
	return float64(sum * math.Float64frombits(uint64(int64(k)+1023)<<52))
}

// ratio is ln((a+tiny)/(b+tiny)), held to ±12; tiny is far below what matters.
func ratio(a, b float64) float64 {
	return clamp(ln(a+1e-12)-ln(b+1e-12), -12, 12)
}

// clamp holds x to low..high; what is no number becomes low.
func clamp(x, low, high float64) float64 {
	if !(x > low) {
		return low
	}
	return min(x, high)
}

// quantile returns the q-quantile of values, which it sorts; 0 if there are none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(float64(q*float64(len(values)-1))+.5)]
}

func sq(x float64) float64 { return float64(x * x) }

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

// correlation of a and b, which are of one length; 0 if one of them stands still.
func correlation(a, b []float64) float64 {
	var sa, sb, aa, bb, ab float64
	for i, x := range a {
		y := b[i]
		sa += x
		sb += y
		aa += float64(x * x)
		bb += float64(y * y)
		ab += float64(x * y)
	}
	n := float64(len(a))
	va, vb := aa-float64(sa*sa)/n, bb-float64(sb*sb)/n
	if !(va > 1e-12*aa) || !(vb > 1e-12*bb) {
		return 0
	}
	return clamp((ab-float64(sa*sb)/n)/math.Sqrt(float64(va*vb)), -1, 1)
}

// track follows mean and variance of what is usual, with a memory of about memory values.
type track struct{ n, mean, vr float64 }

// memory of a track, in values.
const memory = 60

// sd is the standard deviation, where prior counts as much as three values.
func (k *track) sd(prior float64) float64 {
	return math.Sqrt((float64(k.vr*k.n) + float64(3*sq(prior))) / (k.n + 3))
}

// z is how many standard deviations x is above the mean, held to ±50; 0 before there is a mean.
func (k *track) z(x, prior float64) float64 {
	if k.n < 1 {
		return 0
	}
	s := float64(k.sd(prior) * math.Sqrt(1+1/k.n))
	return clamp((x-k.mean)/(s+1e-12), -50, 50)
}

// add takes x with weight w in 0..1; what is far out is pulled in to four standard deviations.
func (k *track) add(x, w, prior float64) {
	if k.n >= 8 {
		s := float64(4 * k.sd(prior))
		x = clamp(x, k.mean-s, k.mean+s)
	}
	k.n = min(k.n+w, memory)
	if k.n <= 0 {
		return
	}
	a := w / max(k.n, 1)
	d := x - k.mean
	k.mean += float64(a * d)
	k.vr = float64((1 - a) * (k.vr + float64(a*sq(d))))
}
