package number_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/validator/number"
)

// Law: Ln and Exp are those of package math to a few units in the last place, and undo one another.
func TestLnExp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(1e-290, 1e290).Draw(t, "x")
		if got, want := number.Ln(x), math.Log(x); math.Abs(got-want) > 4e-16*math.Abs(want)+3e-16 {
			t.Fatalf("ln %v = %v, want %v", x, got, want)
		}
		y := rapid.Float64Range(-690, 690).Draw(t, "y")
		if got, want := number.Exp(y), math.Exp(y); math.Abs(got-want) > 1e-15*want {
			t.Fatalf("exp %v = %v, want %v", y, got, want)
		}
		if got := number.Ln(number.Exp(y)); math.Abs(got-y) > 1e-13*math.Abs(y)+1e-15 {
			t.Fatalf("ln exp %v = %v", y, got)
		}
	})
}

// Law: no argument makes Ln, Exp, Clamp or Unit anything but a finite number.
func TestFinite(t *testing.T) {
	for _, x := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		for name, got := range map[string]float64{"ln": number.Ln(x), "exp": number.Exp(x), "clamp": number.Clamp(x, -2, 3), "unit": number.Unit(x)} {
			if math.IsNaN(got) || math.IsInf(got, 0) {
				t.Errorf("%s %v = %v, want a finite number", name, x, got)
			}
		}
	}
}

func TestSample(t *testing.T) {
	mid, scale := number.Spread([]float64{3, 1, 2, 100})
	for _, tt := range []struct {
		name      string
		got, want float64
	}{
		{"median of none", number.Median(nil), 0},
		{"median of three", number.Median([]float64{9, 1, 4}), 4},
		{"median of four", number.Median([]float64{9, 1, 4, 5}), 4.5},
		{"quantile", number.Quantile([]float64{5, 4, 3, 2, 1}, .75), 4},
		{"quantile of none", number.Quantile(nil, .5), 0},
		{"middle", mid, 2.5},
		{"scale", scale, 1.4826},
		{"correlation", number.Correlation([]float64{1, 2, 3}, []float64{2, 4, 6}), 1},
		{"against", number.Correlation([]float64{1, 2, 3}, []float64{3, 2, 1}), -1},
		{"still", number.Correlation([]float64{1, 1, 1}, []float64{3, 2, 1}), 0},
	} {
		if math.Abs(tt.got-tt.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}
