package label_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/label"
)

// evidence is a good window of a property: 3 batches of 20 readings every 10 s, as value says.
func evidence(prop string, value func(i int) float64) label.Evidence {
	p, _ := protocol.PropertyOf(prop)
	e := label.Evidence{Prop: p, Cell: "u33db", T1: 1_800_000_590_000, Coverage: 1000, Window: 100, Length: 5 * time.Second,
		Offer: &protocol.Offer{Prop: prop, Unit: p.Unit, Cell: "u33db", Period: 10_000, Accuracy: "0.1"}}
	for b := range 3 {
		var list []protocol.Reading
		for i := range 20 {
			list = append(list, protocol.Reading{Time: 1_800_000_000_000 + int64(b*200_000+i*10_000), Value: value(b*20 + i)})
		}
		e.Batches = append(e.Batches, list)
	}
	return e
}

// noisy is a live sensor on a grid of hundredths.
func noisy(mean, sd float64) func(int) float64 {
	rng := rand.New(rand.NewPCG(4, 2))
	return func(int) float64 { return math.Round(100*(mean+sd*rng.NormFloat64())) / 100 }
}

func around(v float64) []float64 { return []float64{v + .5, v - .4, v + .1, v - .2} }

func TestOf(t *testing.T) {
	class := func(prop, medium, role, unit string, period uint32, accuracy string) protocol.Class {
		return protocol.Class{Prop: prop, Medium: medium, Role: role, Unit: unit, Cell: "u33db", T1: 1_800_000_590_000, Period: period, Accuracy: accuracy, Coverage: 1000}
	}
	still := func(list ...float64) []label.Earlier {
		var past []label.Earlier
		for i, v := range list {
			past = append(past, label.Earlier{Window: int64(100 - len(list) + i), Median: v, Run: 60})
		}
		return past
	}
	honest := class("air-temperature", "", "measured", "Cel", 10_000, "0.1")
	for _, c := range []struct {
		name   string
		e      label.Evidence
		change func(*label.Evidence)
		want   protocol.Class
		wrong  string // labels that are wrong
	}{
		{"honest", evidence("air-temperature", noisy(15, .08)), nil, honest, ""},
		{"honest beside neighbours", evidence("air-temperature", noisy(15, .08)), func(e *label.Evidence) { e.Near = map[string][]float64{"air-temperature": around(16)} }, honest, ""},
		{"far from its neighbours, but nothing else fits", evidence("air-temperature", noisy(31, .08)),
			func(e *label.Evidence) { e.Near = map[string][]float64{"air-temperature": around(5)} },
			class("air-temperature", "", "measured", "Cel", 10_000, "0.1"), ""},
		{"°F beside neighbours", evidence("air-temperature", noisy(59, .15)),
			func(e *label.Evidence) { e.Near = map[string][]float64{"air-temperature": around(15)} },
			class("air-temperature", "", "measured", "DEG_F", 10_000, "0.1"), "unit"},
		{"°F alone, beyond the bounds", evidence("air-temperature", noisy(68, .15)), nil, class("air-temperature", "", "measured", "DEG_F", 10_000, "0.1"), "unit"},
		{"kelvin", evidence("air-temperature", noisy(290, .1)), nil, class("air-temperature", "", "measured", "K", 10_000, "0.1"), "unit"},
		{"hectopascals or millibars", evidence("air-pressure", noisy(1013, .1)), nil, class("", "", "measured", "Pa", 10_000, "0.1"), "quantity"},
		{"kilopascals", evidence("air-pressure", noisy(95.2, .01)), nil, class("air-pressure", "", "measured", "KiloPA", 10_000, "0.1"), "unit"},
		{"humidity, as its neighbours say", evidence("air-temperature", noisy(47, .3)),
			func(e *label.Evidence) {
				e.Near = map[string][]float64{"air-temperature": around(15), "relative-humidity": around(49)}
			},
			class("relative-humidity", "", "measured", "%RH", 10_000, "0.1"), "quantity"},
		{"humidity, as its title says", evidence("air-temperature", noisy(47, .08)), func(e *label.Evidence) { e.Offer.Title = "relative humidity, room 3" },
			class("relative-humidity", "", "measured", "%RH", 10_000, "0.1"), "quantity"},
		{"a title against the neighbours", evidence("air-temperature", noisy(15, .08)),
			func(e *label.Evidence) {
				e.Offer.Title, e.Near = "relative humidity", map[string][]float64{"air-temperature": around(15)}
			}, honest, "title"},
		{"a title of what is not for sale", evidence("air-temperature", noisy(15, .08)), func(e *label.Evidence) { e.Offer.Title = "co2 in room 3" },
			class("", "room", "measured", "Cel", 10_000, "0.1"), "quantity"},
		{"nothing that is known", evidence("relative-humidity", noisy(4000, 1)), nil, class("", "", "measured", "%RH", 10_000, "0.1"), "quantity"},
		{"the title's medium", evidence("air-temperature", noisy(15, .08)), func(e *label.Evidence) { e.Offer.Title = "supply air temperature, building 3" },
			class("air-temperature", "supply", "measured", "Cel", 10_000, "0.1"), ""},
		{"a field against the title", evidence("air-temperature", noisy(15, .08)),
			func(e *label.Evidence) { e.Offer.Title, e.Offer.Medium = "return air temperature", "supply" },
			class("air-temperature", "return", "measured", "Cel", 10_000, "0.1"), "medium"},
		{"a setpoint by its title", evidence("air-temperature", func(int) float64 { return 21 }), func(e *label.Evidence) { e.Offer.Title = "zone temp setpoint" },
			class("air-temperature", "room", "setpoint", "Cel", 10_000, "0.1"), "role"},
		{"a setpoint by its steps", evidence("air-temperature", func(int) float64 { return 21 }), func(e *label.Evidence) { e.Past = still(18, 18, 18, 21) },
			class("air-temperature", "", "setpoint", "Cel", 10_000, "0.1"), "role"},
		{"a setpoint that steps in the window", evidence("air-temperature", func(i int) float64 { return []float64{21, 17.5}[i/30] }),
			func(e *label.Evidence) { e.Past = still(21, 21, 21) }, class("air-temperature", "", "setpoint", "Cel", 10_000, "0.1"), "role"},
		{"stuck, no steps", evidence("air-temperature", func(int) float64 { return 21 }), func(e *label.Evidence) { e.Past = still(21, 21, 21, 21) }, honest, ""},
		{"stuck, off the coarse grid", evidence("air-temperature", func(int) float64 { return 21.37 }), func(e *label.Evidence) { e.Past = still(18.04, 18.04, 18.04) }, honest, ""},
		{"a coarse sensor", evidence("air-temperature", func(i int) float64 { return []float64{21, 21.5}[i/30] }), func(e *label.Evidence) { e.Past = still(20.5, 20.5, 21) }, honest, ""},
		{"a particle counter in clean air", evidence("pm10", func(i int) float64 { return float64(i / 7 % 2) }), nil, class("pm10", "", "measured", "ug/m3", 10_000, "0.1"), ""},
		{"whole degrees, slowly rising", evidence("air-temperature", func(i int) float64 { return []float64{21, 22}[i/30] }),
			func(e *label.Evidence) { e.Past = still(19, 20, 21) }, honest, ""},
		{"humidity on a rug of days", evidence("relative-humidity", func(int) float64 { return 45 }),
			func(e *label.Evidence) { e.Length, e.Past = time.Hour, still(41, 42, 60, 45) }, class("relative-humidity", "", "measured", "%RH", 10_000, "0.1"), ""},
		{"a hot place that says so", evidence("air-temperature", noisy(45, .08)),
			func(e *label.Evidence) {
				e.Offer.Title, e.Near = "exhaust air temperature", map[string][]float64{"air-temperature": around(20), "relative-humidity": around(45)}
			}, class("air-temperature", "exhaust", "measured", "Cel", 10_000, "0.1"), ""},
		{"readings offered as a setpoint", evidence("air-temperature", noisy(15, .08)), func(e *label.Evidence) { e.Offer.Role = "setpoint" }, honest, "role"},
		{"less accurate than it says", evidence("air-temperature", noisy(15, 1.5)), nil, class("air-temperature", "", "measured", "Cel", 10_000, "0.59"), ""}, // what 20 s at the largest rate explain is taken off,
		{"slower than it says", evidence("air-temperature", noisy(15, .08)), func(e *label.Evidence) { e.Offer.Period = 5000 }, honest, ""},
		{"nothing opened", evidence("air-temperature", noisy(15, .08)), func(e *label.Evidence) { e.Batches, e.Offer.Role = nil, "alarm" },
			class("air-temperature", "", "alarm", "Cel", 10_000, "0.1"), ""},
	} {
		if c.change != nil {
			c.change(&c.e)
		}
		f := label.Of(c.e)
		var wrong []string
		for _, w := range f.Wrong {
			wrong = append(wrong, w.What)
			if w.Why == "" || !strings.Contains(w.String(), w.Said) {
				t.Errorf("%s: %v says too little", c.name, w)
			}
		}
		if got := strings.Join(wrong, " "); f.Class != c.want || got != c.wrong {
			t.Errorf("%s: got %+v, wrong %v; want %+v, %q", c.name, f.Class, f.Wrong, c.want, c.wrong)
		}
	}
}

var floats = rapid.OneOf(rapid.Float64(), rapid.Float64Range(-100, 100), rapid.SampledFrom([]float64{0, 1, 21, 21.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324}))

func draw(t *rapid.T) label.Evidence {
	e := evidence(rapid.SampledFrom(protocol.Properties()).Draw(t, "property"), func(int) float64 { return 0 })
	kind := rapid.IntRange(0, 3).Draw(t, "kind")
	e.Offer.Accuracy = rapid.SampledFrom([]string{"0", "0.1", "5", "1e9", "x"}).Draw(t, "accuracy")
	e.Offer.Title = rapid.SampledFrom([]string{"", "co2", "supply air temp sp", "pm2.5 outside", "relative humidity"}).Draw(t, "title")
	at := e.Batches[0][0].Time
	for b := range e.Batches {
		for i := range e.Batches[b] {
			at += rapid.Int64Range(-10, 10_000).Draw(t, "gap")
			r := protocol.Reading{Time: at, Value: 20}
			if kind == 0 {
				r.Value = floats.Draw(t, "value")
			} else if kind > 1 {
				r.Value = rapid.Float64Range(-50, 500).Draw(t, "value")
			}
			e.Batches[b][i] = r
		}
	}
	e.Near = map[string][]float64{}
	for range rapid.IntRange(0, 12).Draw(t, "neighbours") {
		p := rapid.SampledFrom(protocol.Properties()).Draw(t, "of")
		e.Near[p] = append(e.Near[p], floats.Draw(t, "median"))
	}
	for range rapid.IntRange(0, 4).Draw(t, "past") {
		e.Past = append(e.Past, label.Earlier{Window: rapid.Int64Range(0, 99).Draw(t, "window"), Median: floats.Draw(t, "earlier"), Run: rapid.IntRange(0, 100).Draw(t, "run")})
	}
	return e
}

// Law: whatever is opened, the class is one that a stamp may state, every change of a label is said, and the order of the
// neighbours does not matter.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := draw(t)
		f := label.Of(e)
		if err := f.Class.Check(); err != nil {
			t.Fatal(err)
		}
		if _, known := protocol.PropertyOf(f.Class.Prop); !known && f.Class.Prop != "" {
			t.Fatalf("property %q", f.Class.Prop)
		}
		if f.Class.Prop != e.Prop.Slug || f.Class.Unit != e.Prop.Unit || f.Class.Role != protocol.RoleOf(e.Offer.Role) {
			if len(f.Wrong) == 0 {
				t.Fatalf("%+v without a word", f.Class)
			}
		}
		for _, list := range e.Near {
			slices.Reverse(list)
		}
		if again := label.Of(e); again.Class != f.Class || !slices.Equal(again.Wrong, f.Wrong) {
			t.Fatalf("%+v, with the neighbours in another order %+v", f, again)
		}
	})
}

// Law: an honest sensor, up to the usual offset from its neighbours and as accurate as it says, keeps its labels.
func TestHonestKeepsItsLabels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := rapid.Float64Range(-25, 45).Draw(t, "mean")
		e := evidence("air-temperature", noisy(mean, .1))
		beside := mean + rapid.Float64Range(-2, 2).Draw(t, "offset")
		e.Near = map[string][]float64{"air-temperature": around(beside), "surface-temperature": around(beside + 3), "relative-humidity": around(60)}
		if f := label.Of(e); len(f.Wrong) > 0 || f.Class.Accuracy != "0.1" {
			t.Fatalf("%+v, %v", f.Class, f.Wrong)
		}
	})
}

// Law: a live sensor is none of a setpoint, however coarse the grid that it speaks on and however slowly the world moves.
func TestALiveSensorIsNoSetpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grid := rapid.SampledFrom([]float64{.0625, .1, .25, .5, 1}).Draw(t, "grid")
		level := rapid.Float64Range(-10, 40).Draw(t, "level")
		slope := rapid.Float64Range(-.01, .01).Draw(t, "a second")
		e := evidence("air-temperature", func(int) float64 { return 0 })
		e.Length = 600 * time.Second
		said := func(ms int64) float64 { // seconds from the beginning of the window
			return math.Round((level+slope*float64(ms-1_800_000_000_000)/1000)/grid) * grid
		}
		for _, b := range e.Batches {
			for i := range b {
				b[i].Value = said(b[i].Time)
			}
		}
		for w := int64(80); w < 100; w++ {
			e.Past = append(e.Past, label.Earlier{Window: w, Median: said(1_800_000_000_000 - (100-w)*600_000), Run: 60})
		}
		if f := label.Of(e); f.Class.Role != protocol.RoleMeasured {
			t.Fatalf("%+v, %v", f.Class, f.Wrong)
		}
	})
}
