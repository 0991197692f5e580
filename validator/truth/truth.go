// Package truth finds what several sources that measure the same thing agree on, and learns how far each is to be believed.
//
// The model is the Gaussian one of Zhao and Han (A probabilistic model for estimating real-valued truth from conflicting
// sources, QDB 2012): a source says the truth plus an offset of its own plus normal noise of its own size; the noise has an
// inverse gamma prior. Learn turns between the truths, given the sources, and the sources, given the truths, as theirs and
// CRH (Li et al., SIGMOD 2014) do. Three things differ, for some sources may lie together: it starts from the median; a claim
// far from the others loses its weight smoothly (Tukey's biweight) instead of pulling a mean; and no truth leaves the median
// by more than the median absolute deviation, which fewer than half of the sources cannot push beyond the honest claims.
//
// It is pure and gives the same bits everywhere, whatever the order of the sources. It leaves out who is near whom and what
// is done about a liar. The scorer calls Estimate for the level that neighbours give, the validator Learn on what it
// remembers of them, the command that merges the series of several sellers both.
package truth

import (
	"cmp"
	"math"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// Claim is what one source says, less its usual offset. Scale is the standard deviation of its earlier errors in the same
// unit, 0 if unknown.
type Claim struct {
	Value, Scale float64
}

// Source is what was learned of a source: its usual offset from the truth, the standard deviation of its errors beside it,
// and from how many claims.
type Source struct {
	Bias, Scale float64
	Claims      int
}

const (
	rounds  = 5   // of either iteration: the changes after it are far below any grid
	reach   = 4.5 // median absolute deviations at which a claim has no weight left, 3 standard deviations
	steady  = .5  // of the typical scale: nobody is believed to be better, or one source alone would be the truth
	prior   = 4   // claims that the prior weighs
	extreme = 1e150
)

// Estimate returns the value that the claims agree on: 0 if there are none. Claims that are no finite numbers are left out.
// It sorts claims. Law: with fewer than half of the claims false it stays within twice the range of the true ones.
func Estimate(claims []Claim) float64 {
	claims = slices.DeleteFunc(claims, func(c Claim) bool { return !(math.Abs(c.Value) < extreme) })
	slices.SortFunc(claims, func(a, b Claim) int { return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Scale, b.Scale)) })
	values := make([]float64, len(claims))
	for i, c := range claims {
		values[i] = c.Value
	}
	mid, mad := number.Spread(values)
	mad /= 1.4826
	if len(claims) < 3 || mad == 0 {
		return mid
	}
	trust := trusts(claims)
	at := mid
	for range rounds {
		var sum, weight float64
		for i, c := range claims {
			if u := 1 - number.Square((c.Value-at)/float64(reach*mad)); u > 0 {
				w := float64(trust[i] * number.Square(u))
				sum += float64(w * (c.Value - mid))
				weight += w
			}
		}
		if !(weight > 0) {
			break
		}
		at = mid + number.Clamp(sum/weight, -mad, mad)
	}
	return at
}

// trusts are the weights 1/scale², on the scale of the typical source. A source that nothing is known of is a typical one.
func trusts(claims []Claim) []float64 {
	var known []float64
	for _, c := range claims {
		if c.Scale > 0 && c.Scale < extreme {
			known = append(known, c.Scale)
		}
	}
	typical := number.Median(known)
	list := make([]float64, len(claims))
	for i, c := range claims {
		list[i] = 1
		if c.Scale > 0 && typical > 0 {
			list[i] = 1 / number.Square(max(c.Scale/typical, steady))
		}
	}
	return list
}

// Learn returns what values say about their sources: values[s][o] is what source s says about object o (the level in a
// window, say), NaN where it says nothing. The rows have one length. The offsets are such that the median source has none.
// It does not change values.
func Learn(values [][]float64) []Source {
	sources := make([]Source, len(values))
	if len(values) == 0 {
		return sources
	}
	for range rounds {
		truths := make([]float64, len(values[0]))
		for o := range truths {
			truths[o] = Estimate(claimsOf(values, sources, o))
		}
		errors := make([][]float64, len(values))
		for s, row := range values {
			for o, v := range row {
				if math.Abs(v) < extreme {
					errors[s] = append(errors[s], v-truths[o])
				}
			}
		}
		fit(sources, errors)
	}
	return sources
}

func claimsOf(values [][]float64, sources []Source, o int) []Claim {
	var list []Claim
	for s, row := range values {
		if v := row[o]; math.Abs(v) < extreme {
			list = append(list, Claim{v - sources[s].Bias, sources[s].Scale})
		}
	}
	return list
}

// fit sets the sources by their errors: the offset is their median, the scale the posterior mode of the inverse gamma
// model, whose prior is the typical error of all.
func fit(sources []Source, errors [][]float64) {
	var biases, typical []float64
	for s, list := range errors {
		sources[s] = Source{Claims: len(list)}
		if len(list) == 0 {
			continue
		}
		bias, scale := number.Spread(slices.Clone(list))
		sources[s].Bias = bias
		biases, typical = append(biases, bias), append(typical, scale)
	}
	zero, usual := number.Median(biases), number.Median(typical)
	for s, list := range errors {
		sum := float64(prior * number.Square(usual))
		for _, e := range list {
			sum += number.Square(e - sources[s].Bias)
		}
		sources[s].Scale = math.Sqrt(sum / float64(prior+len(list)))
		if len(list) > 0 {
			sources[s].Bias -= zero
		}
	}
}
