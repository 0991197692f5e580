package score

import (
	"math"

	"github.com/iotverse/iotverse/validator/number"
)

// permille rounds x to ‰: 0..1000, and −1 for a dropped statistic.
func permille(x float64) int {
	if x < 0 {
		return -1
	}
	return int(float64(number.Unit(x)*1000) + .5)
}

// falloff returns 1/(1+Σ x²); a term that is no number counts as endless.
func falloff(terms ...float64) float64 {
	sum := 1.0
	for _, x := range terms {
		sum += float64(x * x)
	}
	return number.Unit(1 / sum)
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
