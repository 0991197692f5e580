package adversary

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

// Lie turns what a sensor shows into what its seller says. It is told reading by reading; times must not fall.
type Lie interface {
	// Tell returns what is said after one more reading was seen: nothing, one reading, or several in order of time.
	Tell(seen protocol.Reading) []protocol.Reading
}

// Plan says when a cheater does what.
type Plan struct {
	After   time.Duration // honest for so long from the first reading on; Copy does not measure at all
	Stretch time.Duration // of Replay: so much of the end of what it measured is repeated; 0 is all of it
	Behind  time.Duration // of Copy: how long after the other seller it says the same
	Since   time.Time     // of Copy: what the other showed before is not said; zero is all of it
}

// Cheat returns the Lie of a strategy about a property. That of Copy is told what the other seller's sensor shows; all
// others what the seller's own does. A negative time counts as 0. Error: NotFound for what is no cheating seller's strategy.
func Cheat(s Strategy, p protocol.Property, plan Plan) (Lie, error) {
	turn := turn{after: plan.After}
	switch s {
	case Replay:
		return &replay{turn: turn, stretch: plan.Stretch}, nil
	case Copy:
		return &copied{behind: max(plan.Behind, 0), since: plan.Since}, nil
	case Curve:
		return &curve{turn: turn, grid: p.Grid}, nil
	case Stuck:
		return &stuck{turn: turn}, nil
	case Unit:
		return &unit{turn: turn, grid: p.Grid}, nil
	}
	return nil, fmt.Errorf("%.40q is no way to cheat: there are %v: %w", s, Cheats(), protocol.NotFound)
}

// turn knows when an honest seller becomes dishonest.
type turn struct {
	after time.Duration
	from  int64 // Unix ms of the first reading
	begun bool
}

// honest says whether a reading is still passed on. The first one always is: there is nothing yet to lie with.
func (t *turn) honest(r protocol.Reading) bool {
	first := !t.begun
	if first {
		t.from, t.begun = r.Time, true
	}
	return first || r.Time-t.from < t.after.Milliseconds()
}

func one(r protocol.Reading, value float64) []protocol.Reading {
	r.Value = value
	return []protocol.Reading{r}
}

// replay repeats the end of what it measured, value by value, with the times of the present.
type replay struct {
	turn
	stretch time.Duration
	old     []protocol.Reading
	next    int
	closed  bool
}

func (l *replay) Tell(seen protocol.Reading) []protocol.Reading {
	if l.honest(seen) {
		l.old = append(l.old, seen)
		return one(seen, seen.Value)
	}
	if !l.closed && l.stretch > 0 {
		from := l.from + (l.after - l.stretch).Milliseconds()
		l.old = slices.DeleteFunc(l.old, func(r protocol.Reading) bool { return r.Time < from && r != l.old[len(l.old)-1] })
	}
	l.closed = true
	said := l.old[l.next%len(l.old)].Value
	l.next++
	return one(seen, said)
}

// copied says what another's sensor showed, so much later.
type copied struct {
	behind time.Duration
	since  time.Time
	queue  []protocol.Reading
}

func (l *copied) Tell(seen protocol.Reading) (said []protocol.Reading) {
	if l.since.IsZero() || seen.Time >= l.since.UnixMilli() {
		l.queue = append(l.queue, seen)
	}
	for len(l.queue) > 0 && l.queue[0].Time+l.behind.Milliseconds() <= seen.Time {
		r := l.queue[0]
		r.Time += l.behind.Milliseconds()
		said, l.queue = append(said, r), l.queue[1:]
	}
	return said
}

// curveReadings are those of one wave: few enough for the curve to move in every window of the fast profile, for at the crest
// of a slower one there is a window in which a quiet sensor would have shown the same.
const curveReadings = 750

// curve is a sine round the median of what was measured, which swings so far that its steps show on the sensor's grid. It is
// made up reading by reading, whenever they are said.
type curve struct {
	turn
	grid         float64
	seen         []float64
	level, swing float64
	said         int
}

func (l *curve) Tell(seen protocol.Reading) []protocol.Reading {
	if l.honest(seen) {
		l.seen = append(l.seen, seen.Value)
		return one(seen, seen.Value)
	}
	if l.seen != nil {
		slices.Sort(l.seen)
		n := len(l.seen)
		l.level = l.seen[n/2]
		l.swing = max(40*(l.seen[n*3/4]-l.seen[n/4]), 200*l.grid)
		if l.level > 0 {
			l.swing = min(l.swing, l.level/2) // what cannot be under 0 stays over it
		}
		l.seen = nil
	}
	l.said++
	angle := 2 * math.Pi * float64(l.said%curveReadings) / curveReadings
	return one(seen, onGrid(l.level+float64(l.swing*math.Sin(angle)), l.grid))
}

// stuck says the last thing it measured.
type stuck struct {
	turn
	last float64
}

func (l *stuck) Tell(seen protocol.Reading) []protocol.Reading {
	if l.honest(seen) {
		l.last = seen.Value
	}
	return one(seen, l.last)
}

// unit says degrees Fahrenheit.
type unit struct {
	turn
	grid float64
}

func (l *unit) Tell(seen protocol.Reading) []protocol.Reading {
	if l.honest(seen) && l.after > 0 {
		return one(seen, seen.Value)
	}
	return one(seen, onGrid(float64(seen.Value*1.8)+32, l.grid))
}

// onGrid rounds to the sensor's steps, as a display would.
func onGrid(v, grid float64) float64 {
	if grid <= 0 {
		return v
	}
	if per := math.Round(1 / grid); grid < 1 && per > 1 {
		return math.Round(float64(v*per)) / per
	}
	return math.Round(v/grid) * grid
}
