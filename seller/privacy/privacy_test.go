package privacy_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/privacy"
	"github.com/iotverse/iotverse/seller/sensor"
)

func sample(prop string, t int64, v float64) sensor.Sample {
	return sensor.Sample{Prop: prop, Reading: protocol.Reading{Time: t, Value: v}}
}

func TestPass(t *testing.T) {
	f, err := privacy.New(time.Second, "air-temperature", "pm10")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   sensor.Sample
		want int64 // time; 0: does not pass
	}{
		{sample("air-temperature", 1_700_000_000_999, 20.123), 1_700_000_000_000},
		{sample("pm10", 1_700_000_001_000, 0), 1_700_000_001_000},
		{sample("pm2.5", 1_700_000_001_000, 0), 0},
		{sample("camera", 1_700_000_001_000, 0), 0},
		{sample("pm10", 1_700_000_001_000, math.NaN()), 0},
		{sample("pm10", 1_700_000_001_000, math.Inf(1)), 0},
		{sample("pm10", 1_700_000_001_000, math.Inf(-1)), 0},
		{sample("pm10", -1, 1), 0},
		{sample("pm10", math.MaxInt64, 1), 0},
	} {
		got, ok := f.Pass(c.in)
		want := sensor.Sample{}
		if c.want != 0 {
			want = sample(c.in.Prop, c.want, c.in.Reading.Value)
		}
		if ok != (c.want != 0) || got != want {
			t.Errorf("%v: got %v, %v", c.in, got, ok)
		}
	}
	if got, want := f.Dropped(), (privacy.Dropped{Property: 2, Value: 3, Time: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Law: no time moves forward, or back by a step, or out of its order; nor does a reading leave its batch.
func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]params.Params{params.Standard(), params.Fast()}).Draw(t, "profile")
		step := privacy.Resolution(p)
		f, err := privacy.New(step)
		if err != nil {
			t.Fatal(err)
		}
		a, b := rapid.Int64Range(0, 1e13).Draw(t, "a"), rapid.Int64Range(0, 1e13).Draw(t, "b")
		x, okX := f.Pass(sample("pm10", min(a, b), 1))
		y, okY := f.Pass(sample("pm10", max(a, b), 1))
		if !okX || !okY || x.Reading.Time > y.Reading.Time {
			t.Fatalf("got %v, %v", x, y)
		}
		if late := min(a, b) - x.Reading.Time; late < 0 || late >= step.Milliseconds() {
			t.Fatalf("a time moved by %d ms", late)
		}
		if ms := p.Batch.Milliseconds(); x.Reading.Time/ms != min(a, b)/ms {
			t.Fatal("a reading left its batch")
		}
	})
}

func TestResolution(t *testing.T) {
	if got := privacy.Resolution(params.Standard()); got != time.Second {
		t.Errorf("standard: got %v, want 1s", got)
	}
	if got := privacy.Resolution(params.Fast()); got != 100*time.Millisecond {
		t.Errorf("fast: got %v, want 100ms: ten readings in a batch of 1s", got)
	}
}

func TestNew(t *testing.T) {
	if _, err := privacy.New(time.Second, "pm10", "camera"); !errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), "camera") {
		t.Errorf("got %v, want Invalid that names it", err)
	}
	for _, r := range []time.Duration{0, -time.Second, 2 * time.Hour} {
		if _, err := privacy.New(r); !errors.Is(err, protocol.Invalid) {
			t.Errorf("resolution %v: got %v, want Invalid", r, err)
		}
	}
}

func TestCell(t *testing.T) {
	for at, want := range map[string]string{
		"48.137,11.575": "u281z", " 48.137 , 11.575 ": "u281z", "-33.8688,151.2093": "r3gx2", "0,0": "s0000", "90,180": "zzzzz", "-90,-180": "00000",
		"": "", "48.137": "", "48.137;11.575": "", "91,0": "", "0,181": "", "NaN,0": "", "Inf,0": "", "48.137,11.575,500": "", "u281z": "", "N48,E11": "",
	} {
		got, err := privacy.Cell(at)
		if got != want || (want == "") != errors.Is(err, protocol.Invalid) {
			t.Errorf("%q: got %q, %v, want %q", at, got, err, want)
		}
		if err == nil && protocol.CheckCell(got) != nil {
			t.Errorf("%q: %q is no cell", at, got)
		}
	}
}

func ExampleCell() {
	cell, err := privacy.Cell("48.1371,11.5754") // a door in Munich
	fmt.Println(cell, err)
	// Output: u281z <nil>
}
