package truth_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/validator/truth"
)

// claims draws honest claims around a centre, and liars.
func claims(t *rapid.T) (honest, liars []truth.Claim) {
	n := rapid.IntRange(1, 12).Draw(t, "honest")
	value, scale := rapid.Float64Range(-100, 100), rapid.Float64Range(0, 5)
	for i := range n {
		honest = append(honest, truth.Claim{Value: value.Draw(t, fmt.Sprint("v", i)), Scale: scale.Draw(t, fmt.Sprint("s", i))})
	}
	for i := range rapid.IntRange(0, n-1).Draw(t, "liars") {
		liars = append(liars, truth.Claim{Value: rapid.Float64().Draw(t, fmt.Sprint("l", i)), Scale: scale.Draw(t, fmt.Sprint("ls", i))})
	}
	return honest, liars
}

// Law: a minority, whatever it says and however it agrees, moves the truth by no more than the honest claims differ.
func TestMinorityIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest, liars := claims(t)
		low, high := honest[0].Value, honest[0].Value
		for _, c := range honest {
			low, high = min(low, c.Value), max(high, c.Value)
		}
		got := truth.Estimate(append(slices.Clone(honest), liars...))
		if width := high - low; !(got >= low-width-1e-9 && got <= high+width+1e-9) {
			t.Fatalf("got %v, honest claims are %v to %v, liars %v", got, low, high, liars)
		}
	})
}

// Law: the order of the claims changes no bit.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest, liars := claims(t)
		all := append(honest, liars...)
		other := rapid.Permutation(all).Draw(t, "order")
		if a, b := truth.Estimate(slices.Clone(all)), truth.Estimate(other); math.Float64bits(a) != math.Float64bits(b) {
			t.Fatalf("got %v and %v", a, b)
		}
	})
}

// Law: adding a constant to all claims adds it to the truth.
func TestTruthMovesAlong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest, _ := claims(t)
		by := float64(rapid.IntRange(-1000, 1000).Draw(t, "by"))
		moved := slices.Clone(honest)
		for i := range moved {
			moved[i].Value += by
		}
		if a, b := truth.Estimate(honest)+by, truth.Estimate(moved); math.Abs(a-b) > 1e-6 {
			t.Fatalf("got %v, want %v", b, a)
		}
	})
}

// world is what sources with these offsets and errors say about so many objects.
func world(rng *rand.Rand, objects int, bias, scale []float64) (truths []float64, values [][]float64) {
	values = make([][]float64, len(bias))
	at := 15.0
	for range objects {
		at += rng.NormFloat64()
		truths = append(truths, at)
		for s := range values {
			values[s] = append(values[s], at+bias[s]+scale[s]*rng.NormFloat64())
		}
	}
	return truths, values
}

// TestLearn: offsets and errors are found, also where a source is often silent and one lies far off.
func TestLearn(t *testing.T) {
	bias, scale := []float64{0, 1, -2, .5, -.5, 0}, []float64{.05, .15, .3, .5, .8, 1.6}
	_, values := world(rand.New(rand.NewPCG(1, 1)), 400, bias, scale)
	for o := range values[1] {
		if o%3 > 0 {
			values[1][o] = math.NaN()
		}
		if o > 200 {
			values[5][o] += 1000
		}
	}
	got := truth.Learn(values)
	for s, g := range got[:5] {
		if math.Abs(g.Bias-bias[s]-got[0].Bias) > .1 {
			t.Errorf("source %d: offset %v, want %v over that of the first", s, g.Bias, bias[s])
		}
		if s > 0 && !(g.Scale > got[s-1].Scale) {
			t.Errorf("source %d: scale %v is not over %v", s, g.Scale, got[s-1].Scale)
		}
	}
	if got[1].Claims != 134 {
		t.Errorf("got %d claims, want 134", got[1].Claims)
	}
}

// Law: the longer a perfect source is watched, the more it is believed against the others.
func TestPerfectSourceGrows(t *testing.T) {
	last := 1.5
	for _, n := range []int{2, 8, 32, 128} {
		_, values := world(rand.New(rand.NewPCG(2, 2)), n, make([]float64, 7), []float64{0, 1, 1, 1, 1, 1, 1})
		got := truth.Learn(values)
		others := 0.0
		for _, g := range got[1:] {
			others += g.Scale / 6
		}
		if ratio := got[0].Scale / others; ratio >= last {
			t.Errorf("%d claims: the perfect source's error is %.3f of the others', it was %.3f", n, ratio, last)
		} else {
			last = ratio
		}
	}
}

// TestBetterThanMeanAndMedian: with sources of different quality the learned truth is nearer than both, and liars who agree
// do not spoil it as they spoil the mean.
func TestBetterThanMeanAndMedian(t *testing.T) {
	for _, liars := range []int{0, 3} {
		bias, scale := make([]float64, 8), []float64{.1, .1, .2, .4, .8, .1, .2, .4}
		for i := range liars {
			bias[i] = 0
		}
		rng := rand.New(rand.NewPCG(3, uint64(liars)))
		truths, values := world(rng, 600, bias, scale)
		for i := range liars {
			for o := 300; o < 600; o++ {
				values[7-i][o] = truths[o] + 3 + .01*rng.NormFloat64()
			}
		}
		learned := truth.Learn(crop(values, 0, 300))
		var ours, means, medians float64
		for o := 300; o < 600; o++ {
			var list []truth.Claim
			var plain []float64
			mean := 0.0
			for s := range values {
				list = append(list, truth.Claim{Value: values[s][o] - learned[s].Bias, Scale: learned[s].Scale})
				plain = append(plain, values[s][o])
				mean += values[s][o] / 8
			}
			slices.Sort(plain)
			ours += math.Abs(truth.Estimate(list)-truths[o]) / 300
			means += math.Abs(mean-truths[o]) / 300
			medians += math.Abs((plain[3]+plain[4])/2-truths[o]) / 300
		}
		t.Logf("%d liars: mean error %.3f, of the median %.3f, of the mean %.3f", liars, ours, medians, means)
		if ours >= medians || ours >= means {
			t.Errorf("%d liars: error %.3f, of the median %.3f, of the mean %.3f", liars, ours, medians, means)
		}
	}
}

func crop(values [][]float64, from, to int) (out [][]float64) {
	for _, row := range values {
		out = append(out, row[from:to])
	}
	return out
}

func TestNothing(t *testing.T) {
	if got := truth.Estimate(nil); got != 0 {
		t.Errorf("got %v of no claims", got)
	}
	if got := truth.Estimate([]truth.Claim{{Value: math.NaN()}, {Value: 3}, {Value: math.Inf(1)}, {Value: 5}}); got != 4 {
		t.Errorf("got %v, want 4", got)
	}
	if got := truth.Learn(nil); len(got) != 0 {
		t.Errorf("got %v of no sources", got)
	}
	if got := truth.Learn([][]float64{{math.NaN()}, {1}}); got[0].Claims != 0 || got[1] != (truth.Source{Claims: 1}) {
		t.Errorf("got %v", got)
	}
}
