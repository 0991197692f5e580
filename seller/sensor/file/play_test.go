package file_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor/file"
)

func play(t testing.TB, text string, pace file.Pace, bad func(int, error)) *file.Player {
	t.Helper()
	r, err := file.NewReader(strings.NewReader(text), file.Config{Bad: bad})
	if err != nil {
		t.Fatal(err)
	}
	pace.Prop, pace.Period = "air-temperature", 100*time.Millisecond
	p, err := file.Play(r, pace)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlayOneAPoll(t *testing.T) {
	p := play(t, "1000,1\n5000,2\n3000,3\n", file.Pace{}, nil)
	start := time.UnixMilli(1_800_000_000_000)
	for i, want := range []float64{1, 2, 3} {
		now := start.Add(time.Duration(i) * time.Second)
		got, err := p.Read(now)
		if err != nil || len(got) != 1 || got[0].Prop != "air-temperature" || got[0].Reading != (protocol.Reading{Time: now.UnixMilli(), Value: want}) {
			t.Errorf("poll %d: got %v, %v", i, got, err)
		}
	}
	if got, err := p.Read(start); !errors.Is(err, io.EOF) || got != nil {
		t.Errorf("after the end: got %v, %v", got, err)
	}
	if q := p.Quantities(); len(q) != 1 || q[0].Period != 100*time.Millisecond || q[0].Accuracy != "1" {
		t.Errorf("got %v", q)
	}
}

func TestPlayRhythm(t *testing.T) {
	var bad []int
	p := play(t, "1000,1\n1060,2\n1030,9\n1120,3\n9000,4\n", file.Pace{Speed: 60}, func(line int, _ error) { bad = append(bad, line) })
	start := time.UnixMilli(1_800_000_000_000)
	for _, c := range []struct {
		ms   int
		want string
	}{{0, "1@0"}, {999, ""}, {2000, "2@1000 3@2000"}, {133_000, ""}, {134_000, "4@133333"}} {
		got, err := p.Read(start.Add(time.Duration(c.ms) * time.Millisecond))
		var text []string
		for _, s := range got {
			text = append(text, fmt.Sprintf("%v@%d", s.Reading.Value, s.Reading.Time-start.UnixMilli()))
		}
		if strings.Join(text, " ") != c.want || err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("at %d ms: got %v, %v, want %v", c.ms, text, err, c.want)
		}
	}
	if !slices.Equal(bad, []int{3}) {
		t.Errorf("got bad lines %v, want the one that goes back in time", bad)
	}
}

// Law: at any speed and however it is polled, a player gives the readings in their order, none early, none late by more
// than a poll, none twice.
func TestPlayLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 500), 1, 60).Draw(t, "steps")
		speed := rapid.SampledFrom([]float64{.5, 1, 7, 100}).Draw(t, "speed")
		var text strings.Builder
		at := 1000
		for i, s := range steps {
			at += s
			fmt.Fprintf(&text, "%d,%d\n", at, i)
		}
		r, err := file.NewReader(strings.NewReader(text.String()), file.Config{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := file.Play(r, file.Pace{Prop: "pm10", Period: time.Second, Speed: speed})
		if err != nil {
			t.Fatal(err)
		}
		now := time.UnixMilli(1_800_000_000_000)
		last, next := now, 0
		for {
			got, err := p.Read(now)
			for _, s := range got {
				if s.Reading.Value != float64(next) || s.Reading.Time > now.UnixMilli() || s.Reading.Time < last.UnixMilli() {
					t.Fatalf("polled at %v after %v, got %v, want reading %d", now.UnixMilli(), last.UnixMilli(), s, next)
				}
				next++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			last, now = now, now.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "pause"))*time.Millisecond)
		}
		if next != len(steps) {
			t.Fatalf("got %d readings, want %d", next, len(steps))
		}
	})
}

func TestPlayRefuses(t *testing.T) {
	for name, pace := range map[string]file.Pace{
		"property": {Prop: "smell", Period: time.Second},
		"period":   {Prop: "pm10"},
		"negative": {Prop: "pm10", Period: time.Second, Speed: -1},
		"NaN":      {Prop: "pm10", Period: time.Second, Speed: math.NaN()},
		"infinite": {Prop: "pm10", Period: time.Second, Speed: math.Inf(1)},
	} {
		if _, err := file.Play(nil, pace); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	p := play(t, "1000,1\n", file.Pace{Speed: 1}, nil)
	for range 2 { // many rows for one poll come in portions
		if _, err := p.Read(time.UnixMilli(5)); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
	many := play(t, strings.Repeat("1000,1\n", protocol.MaxReadings+5), file.Pace{Speed: 1}, nil)
	if got, err := many.Read(time.UnixMilli(5)); len(got) != protocol.MaxReadings || err != nil {
		t.Errorf("got %d readings at once, %v", len(got), err)
	}
}
