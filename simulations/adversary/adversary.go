// Package adversary names the ways in which simulated actors behave, the honest ones included, so that a report can set them
// beside one another. A seller's way is what it feeds its core with; a validator's is how it comes to its judgement. The
// cores themselves know nothing of it: a dishonest seller runs the honest seller's core on false readings.
package adversary

import (
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/score"
)

// Strategy is the name of a way to behave.
type Strategy string

// The strategies so far.
const (
	Honest Strategy = "honest" // does what the rules expect
	Replay Strategy = "replay" // a seller that repeats a stretch of its own old data under fresh times
	Lazy   Strategy = "lazy"   // a validator that does not look at the data and reveals what is usual
)

// Source gives a seller's readings; times must not fall.
type Source interface {
	Read(at time.Time) protocol.Reading
}

// Replayed is a sensor until from on, and remembers what it saw in the stretch right before; then it repeats that for ever,
// value by value, with the times of the present.
func Replayed(inner Source, from time.Time, stretch time.Duration) Source {
	return &replay{inner: inner, from: from, stretch: stretch}
}

type replay struct {
	inner   Source
	from    time.Time
	stretch time.Duration
	old     []float64
	next    int
}

func (r *replay) Read(at time.Time) protocol.Reading {
	if at.Before(r.from) || len(r.old) == 0 {
		reading := r.inner.Read(at)
		if !at.Before(r.from.Add(-r.stretch)) {
			r.old = append(r.old, reading.Value)
		}
		return reading
	}
	reading := protocol.Reading{Time: at.UnixMilli(), Value: r.old[r.next%len(r.old)]}
	r.next++
	return reading
}

// usual is the integrity of a flawless window as long as no neighbours are known (MECHANISM 4): the best guess of somebody
// who has not looked.
const usual = 850

// Unseen is the judgement of a Lazy validator: whatever the window holds, it is as good as usual.
func Unseen(in score.Input) score.Result {
	r := score.Result{I: usual, C: usual, T: 1000}
	r.Past.Window = in.Window
	r.Stats.Complete = 1000
	return r
}
