// Package sensor is what a seller's sensors look like: a Driver that is polled and gives Samples, the loop that polls it,
// and wrappers that work on any driver. The drivers are its folders: host (this machine), file (recordings), sysfs (chips
// that Linux knows). It leaves out batches and signatures (package outbox) and what may be sold (package privacy). The
// command line builds a driver and runs it; Run is the only place with a clock.
package sensor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

// Sample is one reading of a property, a slug of the table in package protocol.
type Sample struct {
	Prop    string
	Reading protocol.Reading
}

// Quantity is what a driver delivers of one property.
type Quantity struct {
	Prop     string
	Period   time.Duration // between readings, over 0
	Accuracy string        // standard deviation of a reading in the property's unit, a plain decimal as in protocol.Offer
}

// Driver is a sensor, or several in one device.
//
// Read polls it once; now becomes the time of the readings, unless they carry their own. It may give readings and an error
// together: of two chips one can be unplugged. Errors: Transient when the next poll may succeed, io.EOF after the last
// reading of a recording, any other kind for good. A driver is used by one goroutine.
type Driver interface {
	Quantities() []Quantity
	Read(now time.Time) ([]Sample, error)
}

// Run polls d at the shortest period of its quantities and hands every sample to emit, until ctx ends or d is at its end
// (both nil), d fails for good, or emit returns an error. A poll that fails for the moment leaves a gap; Warn tells of it.
// Polls stand in the middle of their period by the wall clock, so that each batch of whole periods gets its number of
// readings and none more; one that a busy machine lets slip into the next period is left out.
func Run(ctx context.Context, d Driver, emit func(Sample) error) error {
	period, err := shortest(d.Quantities())
	if err != nil {
		return err
	}
	pace := pace{period: int64(period)}
	timer := time.NewTimer(pace.next(time.Now()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := time.Now()
		if !pace.due(now) {
			timer.Reset(pace.next(now))
			continue
		}
		samples, err := d.Read(now)
		for _, s := range samples {
			if err := emit(s); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, protocol.Transient) {
			return fmt.Errorf("sensor: %w", err)
		}
		timer.Reset(pace.next(time.Now()))
	}
}

func shortest(quantities []Quantity) (time.Duration, error) {
	var least time.Duration
	for i, q := range quantities {
		if q.Period <= 0 {
			return 0, fmt.Errorf("sensor: %s has a period of %v, want over 0: %w", q.Prop, q.Period, protocol.Invalid)
		}
		if i == 0 || q.Period < least {
			least = q.Period
		}
	}
	if least == 0 {
		return 0, fmt.Errorf("sensor: the driver delivers nothing: %w", protocol.Invalid)
	}
	return least, nil
}

// pace says when to poll: once a period, in its second half. Periods are counted from 1970.
type pace struct {
	period int64 // ns
	last   int64 // number of the period that was polled last
}

// next is how long it is from t to the next middle of a period.
func (p *pace) next(t time.Time) time.Duration {
	n, into := p.at(t)
	middle := p.period / 2
	if into >= middle || n == p.last {
		middle += p.period
	}
	return time.Duration(middle - into)
}

// due says whether to poll at t, and counts that as done. A timer that wakes late, or a clock that was set back, finds a
// period in its first half, whose own poll is still to come, or one that has been polled.
func (p *pace) due(t time.Time) bool {
	n, into := p.at(t)
	if into < p.period/2 || n == p.last {
		return false
	}
	p.last = n
	return true
}

// at is the number of the period that t is in and how far it is into it.
func (p *pace) at(t time.Time) (n, into int64) {
	ns := t.UnixNano()
	if into = ns % p.period; into < 0 {
		into += p.period
	}
	return (ns - into) / p.period, into
}

// Warned is a driver whose passing errors go to a function; see Warn.
type Warned struct {
	Driver
	warn func(error)
}

// Warn returns d with its Transient errors handed to warn instead of returned.
func Warn(d Driver, warn func(error)) Warned { return Warned{d, warn} }

// Read polls the driver within.
func (w Warned) Read(now time.Time) ([]Sample, error) {
	samples, err := w.Driver.Read(now)
	if errors.Is(err, protocol.Transient) {
		w.warn(err)
		return samples, nil
	}
	return samples, err
}
