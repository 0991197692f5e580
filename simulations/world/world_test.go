package world_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/world"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func sensor(t *testing.T, seed uint64, name, prop, cell string) *world.Sensor {
	t.Helper()
	s, err := world.New(seed).Sensor(name, prop, cell)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func day(s *world.Sensor) []float64 {
	var list []float64
	for at := noon; at.Before(noon.Add(24 * time.Hour)); at = at.Add(time.Minute) {
		list = append(list, s.Read(at).Value)
	}
	return list
}

func TestSeedDecides(t *testing.T) {
	a := day(sensor(t, 1, "a", "air-temperature", "u0yj8"))
	if got := day(sensor(t, 1, "a", "air-temperature", "u0yj8")); !slices.Equal(got, a) {
		t.Error("the same seed and name gave another day")
	}
	for _, other := range [][]float64{day(sensor(t, 2, "a", "air-temperature", "u0yj8")), day(sensor(t, 1, "b", "air-temperature", "u0yj8"))} {
		if slices.Equal(other, a) {
			t.Error("another seed or name gave the same day")
		}
	}
}

// Every property stays in its bounds, on its grid and under its rate, as an honest sensor's does.
func TestHonestReadings(t *testing.T) {
	shown := 0
	for _, slug := range protocol.Properties() {
		if world.Accuracy(slug) == "" {
			continue
		}
		shown++
		p, _ := protocol.PropertyOf(slug)
		s := sensor(t, 3, "s", slug, "u0yj8")
		last := math.NaN()
		for at := noon; at.Before(noon.Add(6 * time.Hour)); at = at.Add(10 * time.Second) {
			r := s.Read(at)
			if steps := r.Value / p.Grid; math.Abs(steps-math.Round(steps)) > 1e-6 || r.Value < p.Min || r.Value > p.Max || r.Time != at.UnixMilli() {
				t.Fatalf("%s: reading %+v is off grid %v or bounds %v..%v", slug, r, p.Grid, p.Min, p.Max)
			}
			if rate := math.Abs(r.Value-last) / 10; p.Rate > 0 && rate > p.Rate {
				t.Errorf("%s: %v a second, at most %v is honest", slug, rate, p.Rate)
			}
			last = r.Value
		}
	}
	if shown < 5 {
		t.Errorf("the world shows %d properties", shown)
	}
}

// Sensors of a region share its weather: their hourly means stay together, though no two of them are alike.
func TestNeighboursAgree(t *testing.T) {
	a, b := day(sensor(t, 5, "a", "air-temperature", "u0yj8")), day(sensor(t, 5, "b", "air-temperature", "u0yje"))
	p, _ := protocol.PropertyOf("air-temperature")
	var low, high float64 = math.Inf(1), math.Inf(-1)
	for h := 0; h < 24; h++ {
		var diff float64
		for i := range 60 {
			diff += (a[h*60+i] - b[h*60+i]) / 60
		}
		low, high = min(low, diff), max(high, diff)
	}
	if high-low > .2 || max(high, -low) > p.BiasMax {
		t.Errorf("offset between neighbours from %v to %v, want a steady one under %v", low, high, p.BiasMax)
	}
}

func TestUnknown(t *testing.T) {
	w := world.New(1)
	if _, err := w.Sensor("s", "host-cpu-load", "u0yj8"); !errors.Is(err, protocol.NotFound) {
		t.Errorf("a property without climate: %v", err)
	}
	if _, err := w.Sensor("s", "air-temperature", "nowhere"); !errors.Is(err, protocol.Invalid) {
		t.Errorf("a cell that is none: %v", err)
	}
}
