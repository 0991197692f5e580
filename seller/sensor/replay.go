package sensor

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

// Replayed is a driver that cheats; see Replay.
type Replayed struct {
	inner Driver
	n     int
	dry   bool // inner is at its end
	tapes map[string]*tape
}

type tape struct {
	values []float64
	next   int
}

// Replay returns a driver that cheats: it measures n readings of each of d's quantities, passes them on, and from then on
// repeats them for ever with fresh times, one at every poll. The seller signs them validly, so only the values can give it
// away (MECHANISM 3, hard code 5). It is here so that demo and tests can show a cheater being caught.
func Replay(d Driver, n int) *Replayed {
	r := &Replayed{inner: d, n: n, tapes: make(map[string]*tape)}
	for _, q := range d.Quantities() {
		r.tapes[q.Prop] = new(tape)
	}
	return r
}

// Quantities are those of the driver within.
func (r *Replayed) Quantities() []Quantity { return r.inner.Quantities() }

// Read measures while something is still to be recorded, then repeats. Errors: those of the driver within while it
// measures, Invalid for n under 1. A recording that ends before n readings is repeated as far as it went.
func (r *Replayed) Read(now time.Time) ([]Sample, error) {
	if r.n < 1 {
		return nil, fmt.Errorf("replay of %d readings, want 1 or more: %w", r.n, protocol.Invalid)
	}
	full := make(map[string]bool)
	for prop, t := range r.tapes {
		full[prop] = r.full(t)
	}
	samples, err := r.record(now)
	for _, q := range r.inner.Quantities() {
		if !full[q.Prop] {
			continue
		}
		t := r.tapes[q.Prop]
		samples = append(samples, Sample{q.Prop, protocol.Reading{Time: now.UnixMilli(), Value: t.values[t.next]}})
		t.next = (t.next + 1) % len(t.values)
	}
	return samples, err
}

// full says whether a tape is recorded to its end.
func (r *Replayed) full(t *tape) bool { return len(t.values) >= r.n || (r.dry && len(t.values) > 0) }

// record polls the driver within and returns the samples that are new on tape.
func (r *Replayed) record(now time.Time) ([]Sample, error) {
	for _, t := range r.tapes {
		if !r.full(t) && !r.dry {
			return r.poll(now)
		}
	}
	return nil, nil
}

func (r *Replayed) poll(now time.Time) ([]Sample, error) {
	samples, err := r.inner.Read(now)
	var fresh []Sample
	for _, s := range samples {
		if t := r.tapes[s.Prop]; t != nil && len(t.values) < r.n {
			t.values = append(t.values, s.Reading.Value)
			fresh = append(fresh, s)
		}
	}
	if !errors.Is(err, io.EOF) {
		return fresh, err
	}
	r.dry = true
	for _, t := range r.tapes {
		if len(t.values) > 0 {
			return fresh, nil
		}
	}
	return fresh, io.EOF
}
