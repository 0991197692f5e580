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
// readings; a poll that comes too late is left out, since two at once would not be two measurements.
func Run(ctx context.Context, d Driver, emit func(Sample) error) error {
	period, err := shortest(d.Quantities())
	if err != nil {
		return err
	}
	timer := time.NewTimer(untilNext(time.Now(), period))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		samples, err := d.Read(time.Now())
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
		timer.Reset(untilNext(time.Now(), period))
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

// untilNext is how long it is from t to the next middle of a period, counted from 1970.
func untilNext(t time.Time, period time.Duration) time.Duration {
	into := time.Duration((t.UnixNano() - int64(period/2)) % int64(period))
	if into < 0 {
		into += period
	}
	return period - into
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
