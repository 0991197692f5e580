package file

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
)

// Pace says how a recording is played.
type Pace struct {
	Prop     string        // what the readings are sold as, a slug of the table
	Period   time.Duration // between polls, 1 ms to 24 h; what the offer says
	Accuracy string        // for the offer, a plain decimal; empty is "1"
	// Speed over 0 keeps the recording's own rhythm, so many times as fast; several readings or none may come at a poll.
	// 0 gives one reading at every poll, whatever the recording's times.
	Speed float64
}

// Player is a driver that plays a recording as if it were measured now; see Play.
type Player struct {
	in    *Reader
	pace  Pace
	ahead *protocol.Reading // read, not due
	start time.Time         // when the first reading was played
	zero  int64             // its own time
	last  int64             // own time of the last one
}

// Play returns a driver that gives the readings of in with the times of the polls: this machine sells a recording of
// another one as its own sensor. It ends with the recording, since a repetition would be a replay. Errors: Invalid for a
// property that is not in the table and a pace out of range.
func Play(in *Reader, pace Pace) (*Player, error) {
	if _, ok := protocol.PropertyOf(pace.Prop); !ok {
		return nil, fmt.Errorf("recording: property %.40q is not in the table: %w", pace.Prop, protocol.Invalid)
	}
	if pace.Period < time.Millisecond || pace.Period > 24*time.Hour {
		return nil, fmt.Errorf("recording: period of %v, want 1ms to 24h: %w", pace.Period, protocol.Invalid)
	}
	if !(pace.Speed >= 0 && pace.Speed <= 1e6) {
		return nil, fmt.Errorf("recording: speed %v, want 0 to 1,000,000: %w", pace.Speed, protocol.Invalid)
	}
	if pace.Accuracy == "" {
		pace.Accuracy = "1"
	}
	return &Player{in: in, pace: pace}, nil
}

// Quantities is the one that is played.
func (p *Player) Quantities() []sensor.Quantity {
	return []sensor.Quantity{{Prop: p.pace.Prop, Period: p.pace.Period, Accuracy: p.pace.Accuracy}}
}

// Read gives what is due at now, protocol.MaxReadings at most. Errors: io.EOF after the last reading, else as Reader.Next.
func (p *Player) Read(now time.Time) ([]sensor.Sample, error) {
	if p.pace.Speed == 0 {
		r, err := p.in.Next()
		if err != nil {
			return nil, err
		}
		return []sensor.Sample{{Prop: p.pace.Prop, Reading: protocol.Reading{Time: now.UnixMilli(), Value: r.Value}}}, nil
	}
	var due []sensor.Sample
	for len(due) < protocol.MaxReadings {
		r, err := p.peek(now)
		if err != nil {
			return due, err
		}
		at := p.start.Add(p.after(r.Time))
		if at.After(now) {
			break
		}
		p.ahead = nil
		due = append(due, sensor.Sample{Prop: p.pace.Prop, Reading: protocol.Reading{Time: at.UnixMilli(), Value: r.Value}})
	}
	return due, nil
}

// after is how long after the first reading one with this time is played.
func (p *Player) after(t int64) time.Duration {
	return time.Duration(min(float64(t-p.zero)/p.pace.Speed*1e6, math.MaxInt64/2))
}

var errBackwards = errors.New("its time is before that of the reading before")

// peek reads the next reading without taking it. One that is older than that before it cannot be played and is bad.
func (p *Player) peek(now time.Time) (protocol.Reading, error) {
	for p.ahead == nil {
		r, err := p.in.Next()
		if err != nil {
			return r, err
		}
		if p.start.IsZero() {
			p.start, p.zero, p.last = now, r.Time, r.Time
		}
		if r.Time < p.last {
			p.in.bad(p.in.line, errBackwards)
			continue
		}
		p.last, p.ahead = r.Time, &r
	}
	return *p.ahead, nil
}
