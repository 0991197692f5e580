package score

import (
	"math"
	"slices"
)

// ln returns the natural logarithm of x > 0 (a normal number), good to about 2 units in the last place.
// It uses only exact or correctly rounded operations, so it gives the same bits everywhere.
func ln(x float64) float64 {
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
	for k := 23; k >= 1; k -= 2 { // 2·atanh(s) = 2·Σ s^k/k
		sum = float64(sum*z) + 1/float64(k)
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))
}

// exp returns e^x for x in −700..700, good to about 2 units in the last place, the same bits everywhere.
func exp(x float64) float64 {
	const (
		ln2Hi = 0x1.62e42feep-1 // math.Ln2 in two parts: a product of the first with a small integer is exact
		ln2Lo = 0x1.a39ef35793c76p-33
	)
	k := math.Round(x / math.Ln2)
	r := x - float64(k*ln2Hi) - float64(k*ln2Lo)
	sum := 1.0
	for i := 17; i >= 1; i-- { // Horner's scheme of Σ r^i/i!
		sum = 1 + float64(r*sum)/float64(i)
	}
	return float64(sum * math.Float64frombits(uint64(int64(k)+1023)<<52))
}

// permille rounds x to ‰: 0..1000, and −1 for a dropped statistic.
func permille(x float64) int {
	if x < 0 {
		return -1
	}
	return int(float64(unit(x)*1000) + .5)
}

// unit forces x into 0..1; what is no number becomes 0.
func unit(x float64) float64 {
	if !(x > 0) {
		return 0
	}
	return min(x, 1)
}

// falloff returns 1/(1+Σ x²); a term that is no number counts as endless.
func falloff(terms ...float64) float64 {
	sum := 1.0
	for _, x := range terms {
		sum += float64(x * x)
	}
	return unit(1 / sum)
}

// beyond returns how far |x|/scale exceeds limit, divided by width.
func beyond(x, scale, limit, width float64) float64 {
	x = math.Abs(x)
	if x == 0 {
		return 0
	}
	if scale <= 0 {
		return math.Inf(1)
	}
	return max(0, x/scale-limit) / width
}

// median of finite values; the mean of the middle two if their number is even. values is sorted in place.
func median(values []float64) float64 {
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

// spread returns the median of values and 1.4826 times their median absolute deviation from it, which is the standard
// deviation of a normal distribution.
func spread(values []float64) (mid, scale float64) {
	mid = median(values)
	away := make([]float64, len(values))
	for i, v := range values {
		away[i] = math.Abs(v - mid)
	}
	return mid, float64(1.4826 * median(away))
}

// minus returns a − b, held inside of what an int64 can say.
func minus(a, b int64) int64 {
	d := a - b
	if (a >= b) != (d >= 0) {
		if a >= b {
			return math.MaxInt64
		}
		return math.MinInt64
	}
	return d
}
