package rank_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/rank"
)

var (
	someTitles = []string{"Room temperature", "AHU1 SA-T", "VAV 3 SUPFLO SP", "CO2 level", "Zone_Air_Humidity_Sensor", "CHWR-T", "Damper Cmd", "Fan status", "Temperature"}
	someTexts  = []string{"", "supply air temperature every 5 min", "zone humidity", "set point of air flow", "CO2 in room 3", "status of a fan in Rome", "temperature of outside air"}
	somePlaces = []rank.Field{"", "1", "2", "North Hall", "Rome"}
	someKinds  = []rank.Field{"", "temperature", "air_flow", "humidity", "co2"}
	someMedia  = []rank.Field{"", "other", "room", "supply", "outside"}
)

func drawWant(t *rapid.T) rank.Want {
	place := rapid.SampledFrom(somePlaces)
	return rank.Want{ID: "d", Text: rapid.SampledFrom(someTexts).Draw(t, "text"), Structured: rank.Fields{
		Quantity: rapid.SampledFrom(someKinds).Draw(t, "kind"), Medium: rapid.SampledFrom(someMedia).Draw(t, "medium"),
		Building: place.Draw(t, "building"), City: place.Draw(t, "city"), Floor: place.Draw(t, "floor"), Room: place.Draw(t, "room"),
		Period: "300", Accuracy: "0.5", MaxAge: "1h",
	}}
}

func drawOffer(t *rapid.T) rank.Offer {
	place := rapid.SampledFrom(somePlaces)
	return rank.Offer{ID: rapid.StringMatching(`[a-z]{1,6}`).Draw(t, "id"), Title: rank.Field(rapid.SampledFrom(someTitles).Draw(t, "title")),
		Building: place.Draw(t, "at"), City: place.Draw(t, "in"), Floor: place.Draw(t, "on"), Room: place.Draw(t, "where"),
		Period: rapid.SampledFrom([]rank.Field{"", "60", "1 h"}).Draw(t, "period"), Accuracy: rapid.SampledFrom([]rank.Field{"", "0.1", "2"}).Draw(t, "accuracy"),
		Age: rapid.SampledFrom([]rank.Field{"", "10 min", "2 d"}).Draw(t, "age")}
}

// Law: an empty field of an offer that is filled with what is demanded never lowers its score.
func TestMatchingFacetNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := drawWant(t), drawOffer(t)
		q, s := rank.Read(w), w.Structured
		before := rank.NewEntry(o, nil)
		for _, f := range []struct {
			name string
			of   *rank.Field
			with rank.Field
		}{{"building", &o.Building, s.Building}, {"city", &o.City, s.City}, {"floor", &o.Floor, s.Floor}, {"room", &o.Room, s.Room},
			{"period", &o.Period, s.Period}, {"accuracy", &o.Accuracy, s.Accuracy}, {"age", &o.Age, s.MaxAge}} {
			if *f.of != "" || f.with == "" {
				continue
			}
			*f.of = f.with
			after := rank.NewEntry(o, nil)
			if a, b := q.Score(&before), q.Score(&after); b < a {
				_, was := q.Explain(&before)
				_, is := q.Explain(&after)
				t.Fatalf("%s %q lowers the score of %+v for %+v from %d (%v) to %d (%v)", f.name, f.with, o, w, a, was, b, is)
			}
			before = after
		}
	})
}

// Law: a ranking is a total order that does not depend on the order of the input.
func TestOrderOfInputDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rank.Read(drawWant(t))
		seen := map[string]bool{}
		var list []rank.Entry
		for range rapid.IntRange(1, 12).Draw(t, "n") {
			if o := drawOffer(t); !seen[o.ID] {
				seen[o.ID] = true
				list = append(list, rank.NewEntry(o, nil))
			}
		}
		a, b := rank.Rank(q, list), rank.Rank(q, rapid.Permutation(list).Draw(t, "order"))
		if !slices.Equal(a, b) {
			t.Fatalf("%v, then %v", a, b)
		}
		for i := 1; i < len(a); i++ {
			if a[i].Score > a[i-1].Score || a[i].Score == a[i-1].Score && a[i].ID <= a[i-1].ID {
				t.Fatalf("%v is no order", a)
			}
		}
	})
}
