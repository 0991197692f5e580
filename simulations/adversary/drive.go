package adversary

import (
	"slices"
	"sync"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
)

// Drive returns a driver that says what the lies make of d's readings, a Lie for each property; a property without one is
// told as it is. Errors of Read are d's.
func Drive(d sensor.Driver, lies map[string]Lie) sensor.Driver { return &liar{d, lies} }

type liar struct {
	sensor.Driver
	lies map[string]Lie
}

func (l *liar) Read(now time.Time) ([]sensor.Sample, error) {
	seen, err := l.Driver.Read(now)
	var said []sensor.Sample
	for _, s := range seen {
		lie := l.lies[s.Prop]
		if lie == nil {
			said = append(said, s)
			continue
		}
		for _, r := range lie.Tell(s.Reading) {
			said = append(said, sensor.Sample{Prop: s.Prop, Reading: r})
		}
	}
	return said, err
}

// Overhear returns d, and a driver that shows what is read of one property of d, as somebody who buys the readings would
// see them. The two may be driven by different goroutines. What nobody takes off is kept, up to an hour's worth.
func Overhear(d sensor.Driver, prop string) (open, hidden sensor.Driver) {
	e := &ear{prop: prop, quantities: slices.DeleteFunc(slices.Clone(d.Quantities()), func(q sensor.Quantity) bool { return q.Prop != prop })}
	return &overheard{d, e}, e
}

// ear keeps what was overheard until it is read.
type ear struct {
	prop       string
	quantities []sensor.Quantity
	mu         sync.Mutex
	heard      []protocol.Reading
}

func (e *ear) Quantities() []sensor.Quantity { return e.quantities }

func (e *ear) Read(time.Time) (out []sensor.Sample, _ error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.heard {
		out = append(out, sensor.Sample{Prop: e.prop, Reading: r})
	}
	e.heard = nil
	return out, nil
}

func (e *ear) hear(r protocol.Reading) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, r)
	if over := r.Time - time.Hour.Milliseconds(); e.heard[0].Time < over {
		e.heard = slices.DeleteFunc(e.heard, func(r protocol.Reading) bool { return r.Time < over })
	}
}

// overheard is a driver with an ear at it.
type overheard struct {
	sensor.Driver
	ear *ear
}

func (o *overheard) Read(now time.Time) ([]sensor.Sample, error) {
	samples, err := o.Driver.Read(now)
	for _, s := range samples {
		if s.Prop == o.ear.prop {
			o.ear.hear(s.Reading)
		}
	}
	return samples, err
}
