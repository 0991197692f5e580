package round_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
)

var packs = [][]byte{[]byte("pack 1"), []byte("pack 3")}

// ballot has one reveal for each score, all else alike.
func ballot(seats int, scores ...uint16) round.Ballot {
	c, _ := board(seats, 0)
	b := round.Ballot{Wid: protocol.Hash{1}, Committee: c, Packs: packs, Reveals: map[protocol.Hash]*protocol.Reveal{}, Proven: func(*protocol.Reveal) bool { return true }}
	for i, x := range scores {
		r := &protocol.Reveal{
			Wid: b.Wid, Ticket: c.Members[i].ID, Score: x, C: x, T: x,
			Class: protocol.Class{Prop: "air-temperature", Unit: "Cel", Cell: "u281z", T1: 900, Period: 100, Accuracy: "0.5", Coverage: 1000},
		}
		r.Salt[0] = byte(i)
		r.Custody = round.Custody(r.Ticket, r.Salt, packs)
		b.Reveals[r.Ticket] = r
	}
	return b
}

func TestTallyScores(t *testing.T) {
	for _, c := range []struct {
		name     string
		seats    int
		scores   []uint16
		want     uint16
		disputed bool
	}{
		{"agreement", 7, []uint16{900, 905, 910, 915, 920, 925, 930}, 915, false},
		{"two liars each way", 7, []uint16{0, 0, 900, 905, 910, 1000, 1000}, 905, true}, // middle five: 0 … 1000
		{"one liar each way", 7, []uint16{0, 880, 900, 905, 910, 1000, 1000}, 905, false},
		{"spread of 250", 7, []uint16{0, 700, 800, 850, 900, 950, 1000}, 850, false},
		{"spread of 251", 7, []uint16{0, 699, 800, 850, 900, 950, 1000}, 850, true},
		{"six: the lower middle", 7, []uint16{500, 600, 610, 620, 630, 1000}, 610, false},
		{"five are capped", 7, []uint16{900, 905, 910, 915, 920}, 700, false},
		{"five below the cap", 7, []uint16{600, 605, 610, 615, 620}, 610, false},
		{"small committee", 3, []uint16{900, 905}, 700, false},
		{"alone", 1, []uint16{650}, 650, false},
		{"majority of deflators", 7, []uint16{0, 0, 0, 0, 1000, 1000, 1000}, 0, true},
	} {
		v, err := round.Tally(ballot(c.seats, c.scores...))
		if err != nil || v.I != c.want || v.Disputed != c.disputed || len(v.Counted) != len(c.scores) {
			t.Errorf("%s: %+v, %v, want %d, disputed %v", c.name, v, err, c.want, c.disputed)
		}
	}
}

func TestTallyCounts(t *testing.T) {
	first := func(b round.Ballot) *protocol.Reveal { return b.Reveals[b.Committee.Members[0].ID] }
	for _, c := range []struct {
		name    string
		change  func(b *round.Ballot)
		counted int
	}{
		{"all", func(*round.Ballot) {}, 7},
		{"false custody", func(b *round.Ballot) { first(*b).Custody[0] ^= 1 }, 6},
		{"custody of another", func(b *round.Ballot) { first(*b).Custody = b.Reveals[b.Committee.Members[1].ID].Custody }, 6},
		{"salt of another", func(b *round.Ballot) { first(*b).Salt[1] ^= 1 }, 6},
		{"another window", func(b *round.Ballot) { first(*b).Wid[3] ^= 1 }, 6},
		{"ticket of another", func(b *round.Ballot) { first(*b).Ticket = b.Committee.Members[1].ID }, 6},
		{"none", func(b *round.Ballot) { b.Reveals[b.Committee.Members[0].ID] = nil }, 6},
		{"stranger", func(b *round.Ballot) {
			r := *first(*b)
			r.Ticket = protocol.Hash{99}
			r.Custody = round.Custody(r.Ticket, r.Salt, packs)
			b.Reveals[r.Ticket] = &r
		}, 7},
	} {
		b := ballot(7, 900, 900, 900, 900, 900, 900, 900)
		c.change(&b)
		v, err := round.Tally(b)
		if err != nil || len(v.Counted) != c.counted {
			t.Errorf("%s: %v, %d count, want %d", c.name, err, len(v.Counted), c.counted)
		}
	}
	if _, err := round.Tally(ballot(7, 900, 900, 900, 900)); !errors.Is(err, protocol.Transient) {
		t.Errorf("four of seven: %v, want Transient", err)
	}
	if _, err := round.Tally(ballot(7)); !errors.Is(err, protocol.Transient) {
		t.Errorf("none: %v, want Transient", err)
	}
}

func TestTallyHard(t *testing.T) {
	b := ballot(7, 900, 900, 900, 900, 900, 900, 900)
	one, two := b.Reveals[b.Committee.Members[3].ID], b.Reveals[b.Committee.Members[5].ID]
	one.Hard, two.Hard = []uint8{5}, []uint8{2, 5}
	b.Proven = func(r *protocol.Reveal) bool { return r == one }
	v, err := round.Tally(b)
	if err != nil || v.I != 0 || !slices.Equal(v.Hard, []uint8{5}) {
		t.Errorf("one honest member: %+v, %v, want integrity 0 by code 5", v, err)
	}
	b.Proven = func(*protocol.Reveal) bool { return true }
	if v, err = round.Tally(b); err != nil || !slices.Equal(v.Hard, []uint8{2, 5}) {
		t.Errorf("both: %+v, %v", v, err)
	}
	b.Proven = func(*protocol.Reveal) bool { return false }
	if v, err = round.Tally(b); err != nil || v.I != 900 || len(v.Hard) != 0 {
		t.Errorf("a false accusation: %+v, %v, want 900", v, err)
	}
}

func TestTallyClass(t *testing.T) {
	b := ballot(7, 900, 900, 900, 900, 900, 900, 900)
	for i, m := range b.Committee.Members {
		r := b.Reveals[m.ID]
		r.Reasons = [][]uint8{{20, 26}, {26}, {22, 26}, {26}, {20}, {20}, {20, 21}}[i]
		r.Class.Cell = []string{"u281z", "u281z", "u281y", "u281y", "u281y", "u281x", "u281x"}[i]
		r.Class.Prop = []string{"pm10", "pm10", "pm10", "pm2.5", "pm2.5", "pm2.5", "illuminance"}[i]
		r.Class.Accuracy = []string{"10", "9", "0.50", "2", "junk", "1.5", "0.5"}[i]
		r.Class.Period = []uint32{1, 2, 3, 4, 5, 6, 7}[i]
		r.Class.T1 = []int64{-7, 2, 3, 4, 5, 6, 7}[i]
		r.Class.Coverage = []uint16{0, 0, 0, 10, 1000, 1000, 1000}[i]
	}
	v, err := round.Tally(b)
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.Class{Prop: "pm10", Unit: "Cel", Cell: "u281y", T1: 4, Period: 4, Accuracy: "2", Coverage: 10}
	if v.Class != want {
		t.Errorf("class %+v, want %+v", v.Class, want)
	}
	if !slices.Equal(v.Reasons, []uint8{20, 26}) {
		t.Errorf("reasons %v, want 20 and 26, which four of seven gave", v.Reasons)
	}
}

// Law: a verdict is a function of the set of reveals, its score lies between the scores of honest members as long as they
// are a majority, and its tickets ascend.
func TestTallyLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(5, 7).Draw(t, "reveals")
		scores := rapid.SliceOfN(rapid.Uint16Range(0, 1000), n, n).Draw(t, "scores")
		liars := rapid.IntRange(0, (n-1)/2).Draw(t, "liars")
		a, b := ballot(7, scores...), ballot(7, scores...)
		v, err := round.Tally(a)
		if err != nil {
			t.Fatal(err)
		}
		w, err := round.Tally(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v, w) {
			t.Fatalf("%+v, then %+v", v, w)
		}
		honest := slices.Sorted(slices.Values(scores[liars:]))
		if high := honest[len(honest)-1]; v.I > high || (n > 5 && v.I < honest[0]) {
			t.Fatalf("integrity %d outside %v", v.I, honest)
		}
		if n <= 5 && v.I > 700 {
			t.Fatalf("integrity %d of %d reveals", v.I, n)
		}
		for i := 1; i < len(v.Counted); i++ {
			if slices.Compare(v.Counted[i-1].Ticket[:], v.Counted[i].Ticket[:]) >= 0 {
				t.Fatal("tickets do not ascend")
			}
		}
	})
}
