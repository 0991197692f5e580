package rank_test

import (
	"testing"

	"github.com/iotverse/iotverse/market/rank"
)

// Law: 3, B3 and building 3 are one building; a room B102 is not the room 102, nor a floor B1 the floor 1.
func TestBasementIsNoNumber(t *testing.T) {
	score := func(w rank.Want, o rank.Offer) int {
		w.ID, o.ID, o.Title = "d", "o", "Zone Temperature"
		e := rank.NewEntry(o, nil)
		return rank.Read(w).Score(&e)
	}
	same := score(rank.Want{Structured: rank.Fields{Quantity: "temperature", Building: "3"}}, rank.Offer{Building: "3"})
	for _, want := range []rank.Field{"3", "B3", "Building 3", "bldg 03"} {
		for _, given := range []rank.Field{"3", "B3", "building 3"} {
			if s := score(rank.Want{Structured: rank.Fields{Quantity: "temperature", Building: want}}, rank.Offer{Building: given}); s != same {
				t.Errorf("building %q for %q: %d, want %d", given, want, s, same)
			}
		}
	}
	for _, text := range []string{"zone temperature in B3", "zone temperature of building 3"} {
		in, out := score(rank.Want{Text: text}, rank.Offer{Building: "B3", City: "Rome"}), score(rank.Want{Text: text}, rank.Offer{Building: "B4", City: "Rome", Room: "3"})
		if in <= out {
			t.Errorf("%q: %d in building 3, %d in room 3 of another", text, in, out)
		}
	}
	for _, w := range []rank.Want{{Text: "zone temperature in room B102"}, {Structured: rank.Fields{Quantity: "temperature", Room: "B102"}}} {
		if in, out := score(w, rank.Offer{Room: "B102"}), score(w, rank.Offer{Room: "102"}); in <= out {
			t.Errorf("%+v: %d in the room, %d in another", w, in, out)
		}
	}
	for _, w := range []rank.Want{{Text: "zone temperature on floor B1"}, {Structured: rank.Fields{Quantity: "temperature", Floor: "B1"}}} {
		if in, out := score(w, rank.Offer{Floor: "B1"}), score(w, rank.Offer{Floor: "1"}); in <= out {
			t.Errorf("%+v: %d on the floor, %d on another", w, in, out)
		}
	}
}

// Law: the number of a building is not that of a floor or a machine in a title.
func TestNumberOfMachineIsNoPlace(t *testing.T) {
	q := rank.Read(rank.Want{ID: "d", Text: "zone temperature in B3, Dublin"})
	at, near := rank.NewEntry(rank.Offer{ID: "a", Title: "Zone Temperature", Building: "Hall", City: "Rome"}, nil),
		rank.NewEntry(rank.Offer{ID: "b", Title: "VAV 3 Zone Temperature 3rd floor", Building: "Hall", City: "Rome"}, nil)
	if a, b := q.Score(&at), q.Score(&near); b > a {
		t.Errorf("a number in the title raises the score from %d to %d", a, b)
	}
}
