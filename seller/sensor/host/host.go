// Package host measures the machine that it runs on, through gopsutil: a sensor that every node has. Rates and loads are
// differences of counters over 95 ms at least, divided by the time that really passed. It leaves out everything that names
// the machine, its users or its programs. The command line and demo build it for sensor.Run.
package host

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
)

// Host is a driver of this machine's own quantities.
type Host struct {
	period time.Duration
	meters []meter
}

// meter measures one property. take gives a value and whether there is one already: a rate has none at the first poll.
type meter struct {
	prop     string
	accuracy string // what repeated measurements of the same state differ by
	take     func(now time.Time) (float64, bool, error)
}

// kinds makes a meter of each property; the slowest stands last, so that the others are not late.
var kinds = []struct {
	prop, accuracy string
	open           func() (func(time.Time) (float64, bool, error), error)
}{
	{"host-cpu-load", "0.5", cpuLoad},
	{"host-network-rate", "100", networkRate},
	{"host-disk-rate", "512", diskRate},
	{"host-memory-used", "0.01", memoryUsed},
	{"device-temperature", "1", temperature},
	{"host-processes", "1", processes},
	{"host-timer-latency", "0.0001", timerLatency},
}

// New measures props, or all that this machine has if none are named, once a period (10 ms to 1 hour).
// Errors: Invalid for a property that is none of a host or a period out of range, NotFound for one that this machine does
// not have, and then the text lists those it has.
func New(period time.Duration, props ...string) (*Host, error) {
	if period < 10*time.Millisecond || period > time.Hour {
		return nil, fmt.Errorf("host: period of %v, want 10ms to 1h: %w", period, protocol.Invalid)
	}
	if len(props) == 0 {
		props = Available()
	}
	h := &Host{period: period}
	for _, k := range kinds {
		if !slices.Contains(props, k.prop) {
			continue
		}
		take, err := k.open()
		if err != nil {
			return nil, fmt.Errorf("host: this machine does not give %s (%w); it has %s: %w", k.prop, err, strings.Join(Available(), ", "), protocol.NotFound)
		}
		h.meters = append(h.meters, meter{k.prop, k.accuracy, take})
	}
	for _, p := range props {
		if !slices.ContainsFunc(h.meters, func(m meter) bool { return m.prop == p }) {
			return nil, fmt.Errorf("host: no quantity %.40q; this machine has %s: %w", p, strings.Join(Available(), ", "), protocol.Invalid)
		}
	}
	return h, nil
}

// Available lists the properties that this machine can measure.
func Available() []string {
	var props []string
	for _, k := range kinds {
		if _, err := k.open(); err == nil {
			props = append(props, k.prop)
		}
	}
	return props
}

// Quantities lists what is measured.
func (h *Host) Quantities() []sensor.Quantity {
	var q []sensor.Quantity
	for _, m := range h.meters {
		q = append(q, sensor.Quantity{Prop: m.prop, Period: h.period, Accuracy: m.accuracy})
	}
	return q
}

// Read measures everything once. A quantity that cannot be read just now is missing and named in a Transient error.
func (h *Host) Read(now time.Time) ([]sensor.Sample, error) {
	var (
		samples []sensor.Sample
		failed  error
	)
	for _, m := range h.meters {
		v, ok, err := m.take(now)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("host: %s: %w: %w", m.prop, err, protocol.Transient))
		}
		if err == nil && ok {
			samples = append(samples, sensor.Sample{Prop: m.prop, Reading: protocol.Reading{Time: now.UnixMilli(), Value: onGrid(m.prop, v)}})
		}
	}
	return samples, failed
}

// onGrid rounds v to the property's step, as a sensor with that many digits would.
func onGrid(prop string, v float64) float64 {
	p, _ := protocol.PropertyOf(prop)
	if p.Grid <= 0 {
		return v
	}
	steps := math.Round(1 / p.Grid) // whole for every grid of the table; dividing by it gives the shortest decimal
	return math.Round(v*steps) / steps
}
