package detect

import "github.com/iotverse/iotverse/validator/number"

// timing are the features that the link and the clock alone make; of a batch that came whole, in order and in time they are
// 0, but for the readings since the last jump forward.
var timing = [...]int{
	fDuplicates, fSameTime, fBacks, fBehind, fDebt, fIndebted, fSkewEnded, fGaps, fGapTail, fGapLargest, fGapTotal, fGapRare, fAhead, fLag,
	fEarly, fGapCount, fGapAlone, fGapsNear,
}

// collection is the score that the batch would have if it had come whole, in order and in time.
func collection(v *vector, judge Judge) int {
	w := *v
	for _, f := range timing {
		w[f] = 0
	}
	w[fAheadFor] = 256
	for i, f := range scaled {
		if f == fGapTail || f == fGapLargest || f == fGapTotal {
			w[featureCount+i] = 0
		}
	}
	return score(total(&w, judge))
}

// transport is the share of the batch that came once, in order and with a right clock, times the share of what should have
// been measured that came at all, in ‰.
func transport(v *vector, n int) int {
	size := float64(n)
	missing := less1(v.get(fGapTotal))
	x := size / (size + missing)
	for _, lost := range [...]float64{v.get(fDuplicates) / size, v.get(fBacks) / size, max(v.get(fIndebted), v.get(fBehind)), v.get(fEarly), min(v.get(fSkewEnded), 1) / 2} {
		x = float64(x * (1 - number.Unit(lost)))
	}
	return int(float64(1000*x) + .5)
}
