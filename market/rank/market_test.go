package rank_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/rank"
	"github.com/iotverse/iotverse/protocol"
)

func offer(prop, title, medium, role string) *protocol.Offer {
	p, _ := protocol.PropertyOf(prop)
	return &protocol.Offer{Prop: prop, Title: title, Medium: medium, Role: role, Unit: p.Unit, Cell: "u33db", Period: 60_000, Accuracy: "0.5"}
}

// TestWords: what a buyer writes becomes the fields of a demand.
func TestWords(t *testing.T) {
	base := protocol.Demand{Cell: "u33db", Radius: 10_000, HalfLife: 3600, Period: 60_000, Accuracy: "1", Cap: 1, Windows: 1}
	type d = protocol.Demand
	for text, change := range map[string]func(*d){
		"supply air temperature, building 3, every 5 min": func(x *d) { x.Prop, x.Unit, x.Medium, x.Period = "air-temperature", "Cel", "supply", 300_000 },
		"temperature":                                func(x *d) { x.Prop, x.Unit = "air-temperature", "Cel" },
		"outdoor temperature ±0.9 °F":                func(x *d) { x.Prop, x.Unit, x.Medium, x.Accuracy = "air-temperature", "Cel", "outside", "0.5000" },
		"zone temperature set point":                 func(x *d) { x.Prop, x.Unit, x.Medium, x.Role = "air-temperature", "Cel", "room", "setpoint" },
		"surface temperature, not older than 10 min": func(x *d) { x.Prop, x.Unit, x.HalfLife = "surface-temperature", "Cel", 600 },
		"temperature of the cpu":                     func(x *d) { x.Prop, x.Unit = "device-temperature", "Cel" },
		"relative humidity, hourly":                  func(x *d) { x.Prop, x.Unit, x.Period = "relative-humidity", "%RH", 3_600_000 },
		"PM2.5":                                      func(x *d) { x.Prop, x.Unit = "pm2.5", "ug/m3" },
		"pm10 in the street":                         func(x *d) { x.Prop, x.Unit = "pm10", "ug/m3" },
		"wind speed":                                 func(x *d) { x.Prop, x.Unit = "wind-speed", "m/s" },
		"barometric pressure ± 1 hPa":                func(x *d) { x.Prop, x.Unit, x.Accuracy = "air-pressure", "Pa", "100.0" },
		"cpu load, every second":                     func(x *d) { x.Prop, x.Unit, x.Period = "host-cpu-load", "%", 1000 },
		"memory used":                                func(x *d) { x.Prop, x.Unit = "host-memory-used", "%" },
		"network rate":                               func(x *d) { x.Prop, x.Unit = "host-network-rate", "B/s" },
		"number of processes":                        func(x *d) { x.Prop, x.Unit = "host-processes", "count" },
	} {
		got, want := base, base
		want.Role = "measured"
		change(&want)
		if err := rank.Read(rank.Want{Text: text}).Fill(&got); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, hint := range map[string]string{
		"temprature in hall 3": `"temperature"`, "soil moisture of bed 3": "soil moisture", "love": "air-temperature", "": "air-temperature", "damper position": "damper",
		"temperature ± 5 %": "Cel",
	} {
		got := base
		err := rank.Read(rank.Want{Text: text}).Fill(&got)
		if !errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v, want Invalid with %s", text, err, hint)
		}
	}
}

// TestMarket: offers of a market are ranked by their labels and titles, and by what stamps say of them.
func TestMarket(t *testing.T) {
	class := func(prop, unit, role string) *protocol.Class {
		return &protocol.Class{Prop: prop, Unit: unit, Role: role, Cell: "u33db", Period: 60_000, Accuracy: "0.5"}
	}
	for _, c := range []struct {
		text   string
		better rank.Offer
		worse  []rank.Offer
	}{
		{"supply air temperature, building 3, every 5 min", rank.OfOffer("a", offer("air-temperature", "supply air temperature, building 3", "supply", ""), nil, 0),
			[]rank.Offer{
				rank.OfOffer("b", offer("air-temperature", "supply air temperature, building 4", "supply", ""), nil, 0),
				rank.OfOffer("b", offer("air-temperature", "return air temperature, building 3", "return", ""), nil, 0),
				rank.OfOffer("b", offer("air-temperature", "", "", ""), nil, 0),
				rank.OfOffer("b", offer("air-temperature", "supply air temp setpoint, building 3", "supply", "setpoint"), nil, 0),
				rank.OfOffer("b", offer("air-temperature", "supply air temperature, building 3", "supply", ""), class("air-temperature", "Cel", "setpoint"), 0),
				rank.OfOffer("b", offer("air-temperature", "supply air temperature, building 3", "supply", ""), class("relative-humidity", "%RH", "measured"), 0),
				rank.OfOffer("b", offer("air-temperature", "supply air temperature, building 3", "supply", ""), class("", "Cel", "measured"), 0),
				rank.OfOffer("b", offer("relative-humidity", "supply air humidity, building 3", "supply", ""), nil, 0),
			}},
		{"temperature not older than 5 min", rank.OfOffer("a", offer("air-temperature", "", "", ""), class("air-temperature", "Cel", ""), time.Minute),
			[]rank.Offer{rank.OfOffer("b", offer("air-temperature", "", "", ""), class("air-temperature", "Cel", ""), time.Hour)}},
	} {
		q := rank.Read(rank.Want{Text: c.text})
		e := rank.NewEntry(c.better, nil)
		for _, o := range c.worse {
			w := rank.NewEntry(o, nil)
			if a, b := q.Score(&e), q.Score(&w); a <= b {
				t.Errorf("%s: %+v has %d, %+v %+v has %d", c.text, c.better, a, o, o.Labels, b)
			}
		}
	}
}

func streams(t *rapid.T, label string, most int) []rank.Stream {
	var list []rank.Stream
	for range rapid.IntRange(0, most).Draw(t, label) {
		list = append(list, rank.Stream{
			Prop:   rapid.SampledFrom([]string{"air-temperature", "surface-temperature", "pm10", "", "love"}).Draw(t, "prop"),
			Medium: rapid.SampledFrom([]string{"", "supply", "return"}).Draw(t, "medium"), Role: rapid.SampledFrom([]string{"measured", "setpoint"}).Draw(t, "role"),
			Cell: rapid.SampledFrom([]string{"u33db", "u33dc", "u2820", "x"}).Draw(t, "cell"), Period: rapid.Uint32().Draw(t, "period"),
		})
	}
	return list
}

// Law: the first of a kind is all new; each one more that is had makes another worth less or the same; the order of what is
// had does not matter; n of the very same leave 1/(n+1).
func TestNoveltyLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := append(streams(t, "one", 1), rank.Stream{Prop: "air-temperature", Role: "measured", Cell: "u33db", Period: 60_000})[0]
		radius := rapid.Uint32Range(0, 20_100_000).Draw(t, "radius")
		has := streams(t, "has", 8)
		all := rank.Novelty(s, radius, has)
		if all < 1 || all > 1000 || rank.Novelty(s, radius, nil) != 1000 {
			t.Fatalf("novelty %d", all)
		}
		for n := range has {
			if fewer := rank.Novelty(s, radius, has[:n]); fewer < all {
				t.Fatalf("%d with %d streams, %d with %d", fewer, n, all, len(has))
			}
		}
		rand.New(rand.NewPCG(1, uint64(len(has)))).Shuffle(len(has), func(i, j int) { has[i], has[j] = has[j], has[i] })
		if again := rank.Novelty(s, radius, has); again != all {
			t.Fatalf("%d in another order, %d", again, all)
		}
	})
	s := rank.StreamOf(offer("air-temperature", "", "", ""))
	has := []rank.Stream{}
	for n := 1; n < 6; n++ {
		if got, want := rank.Novelty(s, 5000, has), 1000/n; got != want {
			t.Errorf("the %d. of the same: %d, want %d", n, got, want)
		}
		has = append(has, s)
	}
	slow := s
	slow.Period = 3_600_000
	if a, b := rank.Novelty(s, 5000, []rank.Stream{slow}), rank.Novelty(slow, 5000, []rank.Stream{s}); a <= b || b != 500 {
		t.Errorf("a fast stream beside a slow one %d, a slow one beside a fast one %d", a, b)
	}
}

// TestFillGivesADemand: whatever is written, the demand that comes out is one that can be signed.
func FuzzFill(f *testing.F) {
	f.Add("supply air temperature, building 3, every 5 min")
	f.Add("temperature ±0.0000001 °F every 99999999 d")
	f.Add("pm10 ± 999999999 kg/m3, not older than 1 ms")
	f.Fuzz(func(t *testing.T, text string) {
		id := protocol.Identity(strings.Repeat("i", 32))
		d := protocol.Demand{Buyer: id, Cell: "u33db", Radius: 1, HalfLife: 1, Period: 1, Accuracy: "1", Cap: 1, Windows: 1}
		if err := rank.Read(rank.Want{Text: text}).Fill(&d); err != nil {
			if !errors.Is(err, protocol.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if err := d.Check(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
