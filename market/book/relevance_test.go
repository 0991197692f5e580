package book_test

import (
	"errors"
	"hash/fnv"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/protocol"
)

func demand() *protocol.Demand {
	return &protocol.Demand{
		Prop: "air-temperature", Unit: "Cel", Cell: "u281z", Radius: 5000, HalfLife: 3600, Period: 10_000, Accuracy: "0.5", Cap: 40_000, Windows: 1,
	}
}

func supply() book.Supply {
	return book.Supply{Prop: "air-temperature", Unit: "Cel", Cell: "u281z", Period: 10_000, Accuracy: "0.5"}
}

func TestRelevance(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(d *protocol.Demand, s *book.Supply)
		age    time.Duration
		want   uint16
	}{
		{"the very thing", func(*protocol.Demand, *book.Supply) {}, 0, 1000},
		{"from the future", func(*protocol.Demand, *book.Supply) {}, -time.Hour, 1000},
		{"related", func(_ *protocol.Demand, s *book.Supply) { s.Prop = "surface-temperature" }, 0, 600},
		{"unrelated", func(_ *protocol.Demand, s *book.Supply) { s.Prop, s.Unit = "pm10", "Cel" }, 0, 0},
		{"any medium", func(_ *protocol.Demand, s *book.Supply) { s.Medium = "return" }, 0, 1000},
		{"another medium", func(d *protocol.Demand, s *book.Supply) { d.Medium, s.Medium = "supply", "return" }, 0, 600},
		{"a medium that the offer does not name", func(d *protocol.Demand, _ *book.Supply) { d.Medium = "supply" }, 0, 600},
		{"related and of another medium", func(d *protocol.Demand, s *book.Supply) { d.Medium, s.Prop = "supply", "surface-temperature" }, 0, 600},
		{"a setpoint", func(_ *protocol.Demand, s *book.Supply) { s.Role = "setpoint" }, 0, 0},
		{"a setpoint asked for", func(d *protocol.Demand, s *book.Supply) { d.Role, s.Role = "setpoint", "setpoint" }, 0, 1000},
		{"a setpoint asked for, a reading offered", func(d *protocol.Demand, _ *book.Supply) { d.Role = "setpoint" }, 0, 0},
		{"measured in so many words", func(d *protocol.Demand, _ *book.Supply) { d.Role = "measured" }, 0, 1000},
		{"not in the table", func(d *protocol.Demand, s *book.Supply) { d.Prop, s.Prop = "love", "love" }, 0, 0},
		{"another unit", func(_ *protocol.Demand, s *book.Supply) { s.Unit = "K" }, 0, 0},
		{"3260 m of 5000", func(_ *protocol.Demand, s *book.Supply) { s.Cell = "u281y" }, 0, 808}, // e^(−½·.652²) = .8085
		{"one radius", func(d *protocol.Demand, s *book.Supply) { s.Cell, d.Radius = "u281y", 3260 }, 0, 606},
		{"three radii", func(d *protocol.Demand, s *book.Supply) { s.Cell, d.Radius = "u281y", 1087 }, 0, 11},
		{"beyond three", func(d *protocol.Demand, s *book.Supply) { s.Cell, d.Radius = "u281y", 1086 }, 0, 0},
		{"a half-life old", func(*protocol.Demand, *book.Supply) {}, time.Hour, 500},
		{"two", func(*protocol.Demand, *book.Supply) {}, 2 * time.Hour, 250},
		{"a second old", func(*protocol.Demand, *book.Supply) {}, time.Second, 999},
		{"very old", func(*protocol.Demand, *book.Supply) {}, math.MaxInt64, 0},
		{"a quarter of the readings", func(_ *protocol.Demand, s *book.Supply) { s.Period = 40_000 }, 0, 500},
		{"more readings than asked for", func(_ *protocol.Demand, s *book.Supply) { s.Period = 1 }, 0, 1000},
		{"less accurate", func(_ *protocol.Demand, s *book.Supply) { s.Accuracy = "1" }, 0, 400}, // 2/(1+4)
		{"more accurate", func(_ *protocol.Demand, s *book.Supply) { s.Accuracy = "0.001" }, 0, 1000},
		{"no accuracy is enough", func(d *protocol.Demand, s *book.Supply) { d.Accuracy = "0" }, 0, 0},
		{"both exact", func(d *protocol.Demand, s *book.Supply) { d.Accuracy, s.Accuracy = "0.0", "0" }, 0, 1000},
		{"silly accuracy", func(_ *protocol.Demand, s *book.Supply) { s.Accuracy = "9999999999999999" }, 0, 0},
	} {
		d, s := demand(), supply()
		c.change(d, &s)
		got, err := book.Relevance(d, s, c.age)
		if err != nil || got != c.want {
			t.Errorf("%s: %d, %v, want %d", c.name, got, err, c.want)
		}
	}
	for name, change := range map[string]func(d *protocol.Demand, s *book.Supply){
		"cell":             func(d *protocol.Demand, _ *book.Supply) { d.Cell = "u28" },
		"demand accuracy":  func(d *protocol.Demand, _ *book.Supply) { d.Accuracy = "-1" },
		"offered accuracy": func(_ *protocol.Demand, s *book.Supply) { s.Accuracy = "NaN" },
	} {
		d, s := demand(), supply()
		change(d, &s)
		if _, err := book.Relevance(d, s, 0); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}

func draw(t *rapid.T) (*protocol.Demand, book.Supply, time.Duration) {
	d, s := demand(), supply()
	d.Radius = rapid.Uint32Range(1, 20_100_000).Draw(t, "r")
	d.HalfLife = rapid.Uint32Range(1, 1e6).Draw(t, "half-life")
	d.Period = rapid.Uint32Range(1, 1e6).Draw(t, "T_req")
	s.Period = rapid.Uint32Range(1, 1e6).Draw(t, "T_off")
	s.Cell = rapid.SampledFrom([]string{"u281z", "u281y", "u281x", "u2820", "u28zz", "gcpvj"}).Draw(t, "cell")
	accuracy := rapid.StringMatching(`[1-9][0-9]{0,2}(\.[0-9]{1,5})?`)
	d.Accuracy, s.Accuracy = accuracy.Draw(t, "σ_req"), accuracy.Draw(t, "σ_off")
	return d, s, time.Duration(rapid.Int64Range(0, 1e7).Draw(t, "age")) * time.Millisecond
}

// Law: Relevance is the formula, and what fits worse is never worth more.
func TestRelevanceLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, s, age := draw(t)
		got, err := book.Relevance(d, s, age)
		if err != nil || got > 1000 {
			t.Fatal(got, err)
		}
		want := formula(t, d, s, age)
		if math.Abs(float64(got)+.5-want) > .5001 {
			t.Fatalf("%d, want %.4f", got, want)
		}
		for name, worse := range map[string]func(d *protocol.Demand, s *book.Supply, age *time.Duration){
			"another medium": func(d *protocol.Demand, s *book.Supply, _ *time.Duration) { d.Medium, s.Medium = "room", "water" },
			"another role":   func(d *protocol.Demand, _ *book.Supply, _ *time.Duration) { d.Role = "alarm" },
			"older":          func(_ *protocol.Demand, _ *book.Supply, age *time.Duration) { *age += time.Minute },
			"rarer":          func(_ *protocol.Demand, s *book.Supply, _ *time.Duration) { s.Period += 1000 },
			"vaguer":         func(_ *protocol.Demand, s *book.Supply, _ *time.Duration) { s.Accuracy = "9" + s.Accuracy },
			"farther":        func(d *protocol.Demand, _ *book.Supply, _ *time.Duration) { d.Radius = d.Radius/2 + 1 },
		} {
			d2, s2, age2 := *d, s, age
			worse(&d2, &s2, &age2)
			if less, err := book.Relevance(&d2, s2, age2); err != nil || less > got {
				t.Fatalf("%s: %d instead of %d, %v", name, less, got, err)
			}
		}
	})
}

func formula(t *rapid.T, d *protocol.Demand, s book.Supply, age time.Duration) float64 {
	metres, err := book.Distance(d.Cell, s.Cell)
	if err != nil {
		t.Fatal(err)
	}
	if uint64(metres) > 3*uint64(d.Radius) {
		return 0.5 // the middle of what is cut off to 0
	}
	x := float64(metres) / float64(d.Radius)
	off, _ := protocol.ParseDecimal(s.Accuracy)
	req, _ := protocol.ParseDecimal(d.Accuracy)
	o, _ := off.Float64()
	r, _ := req.Float64()
	return 1000 * math.Exp(-x*x/2) * math.Exp2(-age.Seconds()/float64(d.HalfLife)) *
		min(1, math.Sqrt(float64(d.Period)/float64(s.Period))) * min(1, 2/(1+o*o/(r*r)))
}

// TestRelevanceGolden holds for every platform and every version of the decimal library: money hangs on it.
func TestRelevanceGolden(t *testing.T) {
	sum := fnv.New64a()
	for i := range uint32(500) {
		d, s := demand(), supply()
		d.Radius, s.Cell, s.Period, s.Accuracy = 1000+i*68, "u281x", 10_000+i*52, "0.6"
		rel, err := book.Relevance(d, s, time.Duration(i)*4*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write([]byte{byte(rel), byte(rel >> 8)})
	}
	if got, want := sum.Sum64(), uint64(0x6c516a1833f2e0df); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

func BenchmarkRelevance(b *testing.B) {
	d, s := demand(), supply()
	s.Cell, s.Period, s.Accuracy = "u281y", 20_000, "0.7"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := book.Relevance(d, s, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
