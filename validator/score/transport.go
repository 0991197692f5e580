package score

import "github.com/iotverse/iotverse/validator/number"

// transport is T: did the window arrive whole, in order and in time? The product of
//
//	whole      the smaller of c·(1 − share of the opened readings that came twice), c = received of those due, and of the part
//	           of the opened batches' time that readings cover
//	in place   1 − share of them outside of the times that their header declares
//	punctual   1 up to a tenth of a window after the last reading, 0 one window later; 0, too, if it bears a time more than 6 s
//	           after its arrival, when the clock is ahead
//
// Readings that go back in time are hard code 4 and make it 0, like the codes 1 to 3. Without an opened reading it is 0.
func (w *window) transport(in Input) float64 {
	if len(w.seen) == 0 {
		return 0
	}
	seen := float64(len(w.seen))
	once := 1 - number.Unit(float64(w.doubled(in.Profile))/seen)
	t := min(float64(w.complete()*once), w.covered(in.Profile.Period))
	t = float64(t * (1 - number.Unit(float64(w.misplaced())/seen)))
	return float64(t * w.punctual(in))
}

// covered is the share of the opened batches' time that does not lie in pauses: a hole shows even if as many readings came as
// were due.
func (w *window) covered(period int64) float64 {
	if period <= 0 {
		return 1
	}
	var all, open int64
	for _, piece := range w.pieces {
		for i := 1; i < len(piece); i++ {
			gap := min(max(minus(piece[i].T, piece[i-1].T), 0), 1<<40)
			all += gap
			if gap > pause(period) {
				open += gap - period
			}
		}
	}
	if all == 0 {
		return 1
	}
	return number.Unit(1 - float64(open)/float64(all))
}

// pause is from which time between readings on one is missing: one and a half periods, and a second besides where times may
// be rounded to one.
func pause(period int64) int64 { return max(period/2*3, min(period, 1000)+1000) }

// longestGap is the longest time between two readings that follow one another.
func (w *window) longestGap() int64 {
	longest := int64(0)
	for _, piece := range w.pieces {
		for i := 1; i < len(piece); i++ {
			longest = max(longest, minus(piece[i].T, piece[i-1].T))
		}
	}
	return longest
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
// zero at one window more; later ones are refused by the members anyway. A commitment that comes before its last reading
// says that the clock is ahead: by a second is fine, from six on it is 0.
func (w *window) punctual(in Input) float64 {
	if in.Arrived == 0 || in.Profile.Length <= 0 || len(w.batches) == 0 {
		return 1
	}
	after := w.delay(in)
	if after < 0 {
		return 1 - number.Unit((-float64(after)-1000)/5000)
	}
	late := minus(after, max(in.Profile.Length/10, 5000))
	return 1 - number.Unit(float64(late)/float64(in.Profile.Length))
}

// delay is how long after its last reading the window arrived, in ms.
func (w *window) delay(in Input) int64 { return minus(in.Arrived, w.batches[len(w.batches)-1].T1) }
