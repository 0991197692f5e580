package detect

import "github.com/iotverse/iotverse/validator/number"

// Result is the judgement of one batch.
type Result struct {
	Score    int       // ‰: 1000 is beyond doubt, under 500 would be refused
	Margin   float64   // log odds that the batch is false
	Features []float32 // what the judge was given
	Reasons  []Reason  // the gravest first; empty for a good batch

	Collection int // ‰: is it what the sensor saw? The score that it would have if it had come whole, in order and in time
	Transport  int // ‰: did it come whole, in order, in time?
}

// assess judges n readings that end back before the last one sent.
func (s *Sensor) assess(n, back int) Result {
	var w window
	v := new(vector)
	s.cut(n, back, &w)
	if s.clock.silent && s.clock.alone(s) <= .5 || s.oddFor >= oddEnough {
		s.anew()
	}
	s.clock.silent = false
	v.set(fWindowGap, ratio(float64(len(w.y)), usual))
	s.align(&w)
	learn := [...]func(float64){
		s.shape.features(v, &w, &s.last),
		s.level.features(s, v, &w),
		s.pairsFeatures(v, &w),
		s.past.features(s, v, &w, back),
	}
	s.clock.features(s, v, &w)
	for i, f := range [...]int{fRoughNetZ, fCorrMeanZ, fCorrTopZ, fLevelMid, fFinger, fCopyNear} {
		s.last.sums[i] = float64(.6*s.last.sums[i]) + number.Clamp(v.get(f), -8, 8)
		v.set(fRoughSum+i, s.last.sums[i])
	}
	s.judged++
	v.set(fHistory, number.Ln(float64(min(s.judged, 400))))
	s.believe(v)
	s.net.scale.features(v, s.trust)
	for _, f := range learn {
		f(s.trust)
	}
	r := Result{Features: v[:], Margin: total(v, s.net.judge)}
	r.Score = score(r.Margin)
	r.Collection, r.Transport = r.Score, transport(v, len(w.y))
	if r.Transport < 1000 {
		r.Collection = max(collection(v, s.net.judge), r.Score)
	}
	r.Reasons = s.reasons(v, r.Score)
	return r
}

// believe sets how much is learned from a batch: it does not depend on the model, so that the features do not either.
func (s *Sensor) believe(v *vector) {
	odd := max(v.get(fFinger)/2.2, v.get(fLevelMid), abs(v.get(fRough)), v.get(fPair50), abs(v.get(fRest)))
	if hard(v) > 0 || v.get(fReplayRun) >= 16 {
		odd = max(odd, 12)
	}
	s.last.odd = min(odd, 20)
	s.trust = 1
	s.oddFor++
	if odd <= 3 {
		s.oddFor = 0
	}
	if odd > 3 && s.judged > 6 {
		s.trust = max(number.Square(3/odd), .03)
	}
}

// oddEnough batches in a row that are odd are a new way of being usual.
const oddEnough = 20

// anew forgets what is usual for the sensor, but for its clock, its values and its past: after a silence of the whole network
// that was longer than ten batches, and when it has been odd for long. What is constant is not false.
func (s *Sensor) anew() {
	s.shape = shape{low: s.shape.low, high: s.shape.high, met: s.shape.met, carried: s.shape.carried}
	s.level = level{}
	for _, p := range s.pairs {
		p.away, p.corr, p.know = track{}, track{}, false
	}
	s.last.sums = [6]float64{}
	s.judged, s.oddFor = 0, 0
}

// hard counts what no honest sensor does: readings sent twice, and a clock that runs back.
func hard(v *vector) float64 {
	return v.get(fDuplicates) + v.get(fBacks) + v.get(fSkewEnded) + v.get(fEarly)
}

// total asks the judge; the rule for a level far beyond all neighbours and the hard rules come on top.
func total(v *vector, judge Judge) float64 {
	m := 0.0
	if judge != nil {
		m = judge.Margin(v[:])
	} else {
		m = pool(v)
	}
	if v.get(fPairMin) > 12 && v.get(fLevelGroups) > 15 && v.get(fLevelFront) < 3 {
		m = max(m, 3) // far from every neighbour, and they are where they were: more than a forest has seen
	}
	if stands(v) {
		m = max(m, 3)
	}
	if h := hard(v); h > 0 {
		m = max(m, 6+min(h, 10)/10)
	}
	return m
}

// stands says whether the value began to stand still, away from its full scale and for longer than it ever does, while the
// neighbours moved. What has stood for more than a hundred readings has been told, and is left to the judge.
func stands(v *vector) bool {
	run := v.get(fRunLong)
	return run > 2.4 && run < 4.6 && v.get(fRun) > 4 && v.get(fRunInner) > 4 && (v.get(fRunNet) > 1 || v.get(fKin) == 0)
}

// pool is the judgement without a trained judge: the largest of the calibrated signs.
func pool(v *vector) float64 {
	return -4 + max(v.get(fFinger)/2.5, v.get(fLevelMid), abs(v.get(fRoughNetZ)), v.get(fGapTail)/2, float64(2*v.get(fGapRare)), v.get(fRun), float64(1.2*v.get(fSpike)),
		v.get(fReplayRun)/2, float64(6*v.get(fCopyEqual)), float64(3*v.get(fAhead)))
}

// score turns a margin into ‰; refusal is the margin of 500.
func score(margin float64) int {
	return int(float64(1000/(1+number.Exp((margin-refusal)/2))) + .5)
}

// refusal is the margin of 500: about one clean batch in a hundred exceeds it in networks like those of the training.
const refusal = 1.6

// Judged scores a batch by its features alone, with judge or, if that is nil, by the pooled signs: for training.
func Judged(features []float32, judge Judge) Result {
	v := (*vector)(features)
	r := Result{Features: features, Margin: total(v, judge)}
	r.Score = score(r.Margin)
	return r
}
