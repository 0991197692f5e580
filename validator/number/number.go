// Package number holds the arithmetic of judging: functions that give the same bits on every machine, so that a score can
// be computed again anywhere. They use only operations that are correctly rounded; a product that is added to something is
// written float64(a*b), which forbids the compiler to fuse the two.
//
// It leaves out what math does exactly everywhere (Sqrt, Abs, Round, Floor). Packages score, detect and event call it.
package number

import "math"

// Ln returns the natural logarithm of x, good to about 2 units in the last place. What is under 1e-300, or no number,
// counts as 1e-300; what is over 1e300 as 1e300.
func Ln(x float64) float64 {
	if !(x > 1e-300) {
		x = 1e-300
	}
	bits := math.Float64bits(min(x, 1e300))
	e := int64(bits>>52) - 1023
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52) // 1..2
	if m > math.Sqrt2 {
		m /= 2
		e++
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	sum := 0.0
	for _, c := range odd { // 2·atanh(s) = 2·Σ s^k/k
		sum = float64(sum*z) + c
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))
}

// odd are 1/k for k = 23, 21 … 1.
var odd = [...]float64{1. / 23, 1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3, 1}

// Exp returns e^x, good to about 2 units in the last place, for x held to −700..700.
func Exp(x float64) float64 {
	const (
		ln2Hi = 0x1.62e42feep-1 // math.Ln2 in two parts: a product of the first with a small integer is exact
		ln2Lo = 0x1.a39ef35793c76p-33
	)
	x = Clamp(x, -700, 700)
	k := math.Round(x / math.Ln2)
	r := x - float64(k*ln2Hi) - float64(k*ln2Lo)
	sum := 1.0
	for i := 17; i >= 1; i-- { // Horner's scheme of Σ r^i/i!
		sum = 1 + float64(r*sum)/float64(i)
	}
	return float64(sum * math.Float64frombits(uint64(int64(k)+1023)<<52))
}

// Clamp holds x to low..high; what is no number becomes low.
func Clamp(x, low, high float64) float64 {
	if !(x > low) {
		return low
	}
	return min(x, high)
}

// Unit holds x to 0..1; what is no number becomes 0.
func Unit(x float64) float64 { return Clamp(x, 0, 1) }

// Square returns x², rounded.
func Square(x float64) float64 { return float64(x * x) }
