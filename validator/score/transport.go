package score

import "github.com/iotverse/iotverse/validator/number"

// transport is T of MECHANISM 4: what came (c), less what came double, out of its header's times, or late.
func (w *window) transport(in Input) float64 {
	if len(w.seen) == 0 {
		return 0
	}
	seen := float64(len(w.seen))
	t := w.complete()
	t = float64(t * (1 - number.Unit(float64(w.doubled(in.Profile))/seen)))
	t = float64(t * (1 - number.Unit(float64(w.misplaced())/seen)))
	return float64(t * w.punctual(in))
}

// doubled counts the readings beyond those that one time may have. Times may be rounded to a second, so that at a period
// of 100 ms ten readings, and an eleventh by jitter, share a time honestly.
func (w *window) doubled(p Profile) int {
	allowed := 1
	if p.Period > 0 && p.Period < 1000 {
		allowed = int((999+p.Period)/p.Period) + 1
	}
	extra, same := 0, 0
	for i, r := range w.seen {
		if i > 0 && r.T == w.seen[i-1].T {
			same++
		} else {
			same = 1
		}
		if same > allowed && p.Period > 0 {
			extra++
		}
	}
	return extra
}

// misplaced counts the opened readings outside of the times that their header declares.
func (w *window) misplaced() int {
	n := 0
	for _, b := range w.batches {
		for _, r := range b.Readings {
			if r.T < b.T0 || r.T > b.T1 {
				n++
			}
		}
	}
	return n
}

// punctual is 1 for a commitment that arrives within a tenth of a window (at least 5 s) of its last reading and falls to
// zero at one window more; later ones are refused by the members anyway.
func (w *window) punctual(in Input) float64 {
	if in.Arrived == 0 || in.Profile.Length <= 0 || len(w.batches) == 0 {
		return 1
	}
	late := minus(in.Arrived, w.batches[len(w.batches)-1].T1)
	late = minus(late, max(in.Profile.Length/10, 5000))
	return 1 - number.Unit(float64(late)/float64(in.Profile.Length))
}
