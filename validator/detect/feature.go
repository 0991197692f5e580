package detect

import "github.com/iotverse/iotverse/validator/number"

// The features of a batch. Their order is that of the model: new ones go to the end, before featureCount.
const (
	fDuplicates = iota
	fSameTime
	fBacks
	fBehind
	fDebt
	fIndebted
	fSkewEnded
	fGaps
	fGapTail
	fGapLargest
	fGapTotal
	fGapRare
	fGapRate
	fAhead
	fAheadFor
	fRest      // z of the share of steps that are zero
	fRestShare // that share
	fRun       // longest equal run against its own usual one
	fRunLong
	fSpike
	fSpikeSecond
	fSpikeNear // the spike in units of the neighbours' scatter
	fStepMax
	fRough    // log rms step against its own mean
	fRoughNet // the same less the median of the neighbours'
	fRoughNetZ
	fFinger // distance of the fingerprint from its own
	fShape0 // z of each part of the fingerprint
	fShape1
	fShape2
	fShape3
	fShape4
	fShape5
	fShape6
	fShape7
	fLevel // |z| of the residual of all neighbours
	fLevelMid
	fLevelGroups
	fLevelStep // against the last trusted batches
	fLevelSpan // how much it changes within the batch
	fLevelMax
	fLevelSum // leaky sum
	fLevelSlope
	fLevelFront // the other sensors' median |z|
	fLevelShare // |z| over 1 + that
	fLevelFit   // share of variance that the neighbours explain
	fLevelJump
	fGain // log ratio to the prediction
	fGainZ
	fSpreadNet // log ratio of spread to the neighbours'
	fPair25
	fPair50
	fPair75
	fPairMin
	fPairSign   // signed agreement of the pairs
	fPairClose  // share of the neighbours with |z| under 1.5
	fPairFar    // share over 3
	fPartner    // how odd the close ones are
	fLedger     // own leaky sum of large steps
	fLedgerSame // neighbours whose ledger agrees
	fCorrMean   // correlation of steps with the mean of the neighbours'
	fCorrMeanZ
	fCorrTop
	fCorrTopZ
	fCorrLowZ
	fLag // how much better a shifted clock fits the neighbours
	fCopyEqual
	fCopyNear
	fCopyRatio
	fCopyOffset
	fCopyFinger
	fCopyLevel
	fReplayRun
	fReplayCorr
	fReplayZ
	fReplayRatio
	fReplayLevel
	fReplaySame
	fOffGrid
	fNovel
	fNovelZ
	fFingerLast
	fLevelLast
	fRoughLast
	fReplayLast
	fCopyLast
	fHistory
	fNeighbours
	fUsualRest
	fUsualCorr
	fWindowGap
	fRestNet // share of resting steps less the neighbours' median
	fEdge    // share of readings at the highest or lowest value ever met
	fEarly   // share of readings that came before they were measured; 0 in training
	// leaky sums over batches
	fRoughSum
	fCorrSum
	fCorrTopSum
	fMidSum
	fFingerSum
	fCopySum
	// steps that the neighbours did not make
	fAlone
	fAloneFar  // less that of the neighbours whose level is far
	fAloneSame // share of the near ones that made them, too
	fPairSplit // widest gap between the sorted pairs
	fRunNet    // log of the longest equal run less the neighbours' longest, on the median
	fRunInner  // z of the longest equal run away from the highest and lowest value ever met
	fKin       // neighbours that tell something of the sensor, up to 8
	fGapCount  // −log10 of the share of the network's batches with as many gaps
	fGapAlone  // share of the other sensors that sent while this one did not
	fGapsNear  // log of the number of gaps less that of the neighbours
	featureCount
)

// Features is how many features a judge is given.
const Features = featureCount + len(scaled)

// Blind are the features that a forest should not be grown on: what an injector shows by its own rounding, the age and size
// of the network, and what clean series do not hold.
var Blind = []int{fOffGrid, fNovel, fNovelZ, fHistory, fNeighbours, fWindowGap, fEarly}

type vector [Features]float32

func (v *vector) set(i int, x float64) { v[i] = float32(number.Clamp(x, -1e6, 1e6)) }
func (v *vector) get(i int) float64    { return float64(v[i]) }

// window is the piece of a batch that is judged.
type window struct {
	t        []int64
	y        []float64
	before   Reading // the reading before the first; the first itself if there is none
	steps    []float64
	store    [64]float64
	storeT   [64]int64
	stepsRaw [64]float64
	rms      float64
	typical  float64 // 70 % quantile of |step|
}

// cut takes n readings that end back readings before the last one.
func (s *Sensor) cut(n, back int, w *window) {
	n = min(n, 64)
	have := s.sent.len() - back
	if n < minWindow {
		n = min(usual, have)
	}
	n = min(n, have)
	w.y, w.t, w.steps = w.store[:n], w.storeT[:n], w.stepsRaw[:n]
	for i := range n {
		r := s.sent.at(back + n - 1 - i)
		w.t[i], w.y[i] = r.T, r.V
	}
	w.before = Reading{T: w.t[0], V: w.y[0]}
	if have > n {
		w.before = s.sent.at(back + n)
	}
	prev, sum := w.before.V, 0.0
	for i, y := range w.y {
		w.steps[i] = y - prev
		prev = y
		sum += number.Square(w.steps[i])
	}
	w.rms = sqrt(sum / float64(n))
	var sorted [64]float64
	for i, d := range w.steps {
		sorted[i] = abs(d)
	}
	w.typical = number.Quantile(sorted[:n], .7)
}
