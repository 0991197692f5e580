package detect

import (
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// What is odd in one network is usual in another, so most features are given to the judge a second time on the scale of
// their own network: less the median and divided by the distance from it to the 90 % quantile, over the trusted batches
// of all its sensors.

// scaled are the features that are given a second time, in the order of the copies.
var scaled = [...]int{
	fGapTail, fGapLargest, fGapTotal, fRest, fRun, fSpike, fSpikeSecond, fStepMax, fRough, fRoughNet, fRoughNetZ, fFinger,
	fShape0, fShape1, fShape2, fShape3, fShape4, fShape5, fShape6, fShape7,
	fLevel, fLevelMid, fLevelGroups, fLevelStep, fLevelSpan, fLevelMax, fLevelSum, fLevelSlope, fLevelFront, fLevelShare, fLevelJump, fGainZ,
	fSpreadNet, fPair25, fPair50, fPair75, fPairMin, fPairSign, fPairClose, fPairFar, fPartner,
	fCorrMean, fCorrMeanZ, fCorrTop, fCorrTopZ, fCorrLowZ, fCopyEqual, fCopyNear, fCopyRatio, fCopyFinger, fCopyLevel,
	fReplayRun, fReplayCorr, fReplayZ, fReplayRatio, fReplayLevel, fReplaySame, fFingerLast, fLevelLast, fRoughLast, fReplayLast, fRestNet,
	fRoughSum, fCorrSum, fCorrTopSum, fMidSum, fFingerSum, fCopySum, fAlone, fAloneFar, fPairSplit, fRunNet, fRunInner,
}

// keep is how many batches of a network say what is usual in it.
const keep = 512

// scale is what is usual in a network.
type scale struct {
	n         int
	ring      [len(scaled)][keep]float32
	mid, wide [len(scaled)]float32
	known     bool
}

// features writes the scaled copies, and then takes v as one more example if it is trusted.
func (c *scale) features(v *vector, trust float64) {
	if c.known {
		for i, f := range scaled {
			v.set(featureCount+i, number.Clamp(float64(v[f]-c.mid[i])/float64(c.wide[i]), -20, 20))
		}
	}
	if trust < .5 {
		return
	}
	for i, f := range scaled {
		c.ring[i][c.n%keep] = v[f]
	}
	c.n++
	if n := min(c.n, keep); c.n%64 == 0 || (c.n < 64 && c.n%16 == 0) {
		var list [keep]float32
		for i := range scaled {
			l := list[:copy(list[:n], c.ring[i][:n])]
			slices.Sort(l)
			c.mid[i] = l[n/2]
			c.wide[i] = max(l[n*9/10]-c.mid[i], float32(.5*float64(c.mid[i]-l[n/10])), .02)
		}
		c.known = true
	}
}
