package score

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// explain appends a reason to r for every statistic that is not near its best.
func (w *window) explain(r *Result, in Input, all []statistic) {
	for _, s := range all {
		if s.value >= 0 && s.value < reasonBelow {
			r.Soft = append(r.Soft, Reason{s.code, permille(s.value), w.tell(s.code, in)})
		}
	}
}

// tell says what was seen of a finding, in numbers.
func (w *window) tell(c Code, in Input) string {
	p := in.Profile
	switch c {
	case CodeRange:
		return w.tellRange(p)
	case CodeRate:
		return w.tellRate(p)
	case CodeStuck:
		return w.tellStuck(p)
	case CodeHistory:
		mid, scale, _ := w.usualLevel(in)
		return fmt.Sprintf("the median is %s, %s spreads from the usual %s", p.value(w.median), short(math.Abs(w.median-mid)/scale), p.value(mid))
	case CodeNeighbours:
		r, _ := w.residual(in)
		return fmt.Sprintf("the median is %s, %s that of %d neighbours; usual are %s", p.value(w.median), p.over(r), len(in.nearest()), p.over(w.offset))
	case CodeNovelty:
		return fmt.Sprintf("the small movements follow readings that were seen before, with a correlation of %s", short(w.rho))
	case CodeUnit:
		return fmt.Sprintf("the values look like %s: the median %s would be %s", w.wrong.Name, short(w.median), p.value(w.fits))
	case CodeInvented:
		return fmt.Sprintf("a smooth curve: its noise is %s of its movement, a sensor's at least %s", short(w.smooth), short(alive))
	case CodeUnsafe:
		if w.refused > 0 {
			return fmt.Sprintf("%d of the opened batches hold %s", w.refused, w.looks)
		}
		return fmt.Sprintf("%d of %d values look like %s", w.alike, len(w.seen), w.looks)
	case CodeGaps:
		return w.tellGaps(in)
	}
	return ""
}

func (w *window) tellRange(p Profile) string {
	outside, worst := 0, math.NaN()
	for _, r := range w.seen {
		if !(r.V >= p.Min && r.V <= p.Max) {
			outside++
			if !(math.Abs(worst) >= math.Abs(r.V)) {
				worst = r.V
			}
		}
	}
	return fmt.Sprintf("%d of %d readings lie outside of %s to %s, like %s", outside, len(w.seen), short(p.Min), p.value(p.Max), short(worst))
}

func (w *window) tellRate(p Profile) string {
	most := 0.0
	for _, piece := range w.pieces {
		for i := 1; i < len(piece); i++ {
			most = max(most, math.Abs(piece[i].V-piece[i-1].V))
		}
	}
	return fmt.Sprintf("readings jump by up to %s, possible are %s a second", p.value(most), p.value(p.MaxRate))
}

func (w *window) tellStuck(p Profile) string {
	if w.still(p.Grid) {
		first, last := w.seen[0], w.seen[len(w.seen)-1]
		return fmt.Sprintf("stuck at %s for %s, all of %d readings", p.value(first.V), lasting(minus(last.T, first.T)), len(w.seen))
	}
	run, from := 0, 0
	for _, piece := range w.pieces {
		for i := range piece {
			if i == 0 || step(piece[i-1].V, piece[i].V, p.Grid) != 0 {
				from = i
			}
			if run = i - from + 1; run == w.longest {
				return fmt.Sprintf("stuck at %s for %s, %d readings", p.value(piece[i].V), lasting(minus(piece[i].T, piece[from].T)), run)
			}
		}
	}
	return ""
}

func (w *window) tellGaps(in Input) string {
	var parts []string
	if len(w.seen) == 0 {
		parts = append(parts, "no reading could be opened")
	}
	if n := w.expected - w.received; n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d readings are missing", n, w.expected))
	}
	if gap := w.longestGap(); in.Profile.Period > 0 && gap > pause(in.Profile.Period) {
		parts = append(parts, fmt.Sprintf("a pause of %s where %s are usual", lasting(gap), lasting(in.Profile.Period)))
	}
	if n := w.doubled(in.Profile); n > 0 {
		parts = append(parts, fmt.Sprintf("%d came twice", n))
	}
	if n := w.misplaced(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d lie outside of their batch's times", n))
	}
	if w.punctual(in) < 1 {
		if after := w.delay(in); after < 0 {
			parts = append(parts, fmt.Sprintf("the clock is %s ahead", lasting(minus(0, after))))
		} else {
			parts = append(parts, fmt.Sprintf("the window came %s after its last reading", lasting(after)))
		}
	}
	return strings.Join(parts, ", ")
}

// value writes v with the property's unit, to four digits.
func (p Profile) value(v float64) string {
	if p.Unit == "" {
		return short(v)
	}
	return short(v) + " " + p.Unit
}

// over writes a difference from the neighbours.
func (p Profile) over(v float64) string {
	if v < 0 {
		return p.value(-v) + " under"
	}
	return p.value(v) + " over"
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// lasting writes a time of so many ms as people say it.
func lasting(ms int64) string {
	d := time.Duration(min(max(ms, 0), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	switch {
	case d < 2*time.Minute:
		return strconv.FormatFloat(float64(d.Milliseconds())/1000, 'g', 3, 64) + " s"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
