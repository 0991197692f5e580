package sensor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
)

// scripted is a driver whose n-th poll (from 0) is what step says.
type scripted struct {
	period time.Duration
	props  []string
	step   func(n int, now time.Time) ([]sensor.Sample, error)
	polls  int
}

func (s *scripted) Quantities() []sensor.Quantity {
	var q []sensor.Quantity
	for _, p := range s.props {
		q = append(q, sensor.Quantity{Prop: p, Period: s.period, Accuracy: "1"})
	}
	return q
}

func (s *scripted) Read(now time.Time) ([]sensor.Sample, error) {
	s.polls++
	return s.step(s.polls-1, now)
}

func counting(n int, now time.Time) ([]sensor.Sample, error) {
	return []sensor.Sample{{Prop: "a", Reading: protocol.Reading{Time: now.UnixMilli(), Value: float64(n)}}}, nil
}

func TestRunFillsBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3 * time.Millisecond) // somewhere in a period
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		perSecond := map[int64]int{}
		err := sensor.Run(ctx, &scripted{100 * time.Millisecond, []string{"a"}, counting, 0}, func(s sensor.Sample) error {
			if s.Reading.Time%100 != 50 {
				t.Errorf("polled at %d ms, want the middle of a period", s.Reading.Time%100)
			}
			perSecond[s.Reading.Time/1000]++
			time.Sleep(40 * time.Millisecond) // the rest of the program takes its time
			return nil
		})
		if err != nil || len(perSecond) != 11 && len(perSecond) != 10 {
			t.Fatalf("got %v, %v", perSecond, err)
		}
		whole := 0
		for _, n := range perSecond {
			if n == 10 {
				whole++
			}
		}
		if whole < 9 {
			t.Errorf("got %v, want ten readings in each whole second", perSecond)
		}
	})
}

// TestRunLate: polls that are missed are left out, not made up for.
func TestRunLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last time.Time
		d := &scripted{time.Second, []string{"a"}, nil, 0}
		d.step = func(n int, now time.Time) ([]sensor.Sample, error) {
			if n > 0 && now.Sub(last) < time.Second {
				t.Errorf("poll %d came %v after the one before", n, now.Sub(last))
			}
			if last = now; n == 5 {
				return nil, io.EOF
			}
			time.Sleep(1700 * time.Millisecond)
			return counting(n, now)
		}
		if err := sensor.Run(t.Context(), d, func(sensor.Sample) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRunEnds(t *testing.T) {
	broken := errors.New("burnt")
	full := errors.New("full")
	nothing := func(sensor.Sample) error { return nil }
	for name, c := range map[string]struct {
		step  func(int, time.Time) ([]sensor.Sample, error)
		emit  func(sensor.Sample) error
		want  error
		polls int
	}{
		"the end of a recording": {func(n int, now time.Time) ([]sensor.Sample, error) {
			if n == 3 {
				return nil, io.EOF
			}
			return counting(n, now)
		}, nothing, nil, 4},
		"a sensor that is lost for good": {func(n int, now time.Time) ([]sensor.Sample, error) {
			if n == 2 {
				return nil, broken
			}
			return counting(n, now)
		}, nothing, broken, 3},
		"a sensor unplugged and plugged in": {func(n int, now time.Time) ([]sensor.Sample, error) {
			switch {
			case n == 6:
				return nil, io.EOF
			case n > 1 && n < 5:
				return nil, fmt.Errorf("gone: %w", protocol.Transient)
			}
			return counting(n, now)
		}, nothing, nil, 7},
		"emit says no": {counting, func(s sensor.Sample) error {
			if s.Reading.Value == 2 {
				return full
			}
			return nil
		}, full, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &scripted{time.Second, []string{"a"}, c.step, 0}
			if err := sensor.Run(t.Context(), d, c.emit); !errors.Is(err, c.want) || d.polls != c.polls {
				t.Errorf("%s: got %v after %d polls, want %v after %d", name, err, d.polls, c.want, c.polls)
			}
		})
	}
	for name, d := range map[string]*scripted{"no quantity": {time.Second, nil, counting, 0}, "no period": {0, []string{"a"}, counting, 0}} {
		if err := sensor.Run(t.Context(), d, nothing); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

func TestWarn(t *testing.T) {
	passing, lasting := fmt.Errorf("loose: %w", protocol.Transient), errors.New("burnt")
	var told []error
	d := &scripted{time.Second, []string{"a"}, func(n int, now time.Time) ([]sensor.Sample, error) {
		s, _ := counting(n, now)
		return s, []error{nil, passing, lasting}[n]
	}, 0}
	w := sensor.Warn(d, func(err error) { told = append(told, err) })
	for i, want := range []error{nil, nil, lasting} {
		if s, err := w.Read(time.Now()); !errors.Is(err, want) || len(s) != 1 {
			t.Errorf("poll %d: got %d samples, %v, want 1, %v", i, len(s), err, want)
		}
	}
	if len(told) != 1 || !errors.Is(told[0], passing) {
		t.Errorf("told of %v, want only what passes", told)
	}
}
