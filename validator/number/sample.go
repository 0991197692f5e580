package number

import (
	"math"
	"slices"
)

// Median of finite values, which it sorts; the mean of the middle two if their number is even, 0 if there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	mid := len(values) / 2
	if len(values)%2 == 1 {
		return values[mid]
	}
	return float64(values[mid-1]/2) + float64(values[mid]/2) // a half is a product to the compiler
}

// Quantile returns the q-quantile (q in 0..1) of values, which it sorts: one of them, or 0 if there are none.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(float64(q*float64(len(values)-1))+.5)]
}

// Spread returns the median of values, which it sorts, and 1.4826 times their median absolute deviation from it, which is
// the standard deviation of a normal distribution.
func Spread(values []float64) (mid, scale float64) {
	mid = Median(values)
	away := make([]float64, len(values))
	for i, v := range values {
		away[i] = math.Abs(v - mid)
	}
	return mid, float64(1.4826 * Median(away))
}

// Correlation of a and b, which are of one length, −1..1; 0 if one of them stands still.
func Correlation(a, b []float64) float64 {
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
	return Clamp((ab-float64(sa*sb)/n)/math.Sqrt(float64(va*vb)), -1, 1)
}
