package committee_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGoldenDraw freezes seed, shard and draw: another implementation must find the same.
func TestGoldenDraw(t *testing.T) {
	p := params.Standard()
	c := committee.NewChain(manifest(), 0)
	add(t, c, opUnit(12345, time.Unix(manifest().T0, 0)))
	seed := committee.Seed(17, c.Last())
	drawn, err := committee.Draw(seed, committee.Shard("pm10", "u281z", 7), "a seller of thirty-two bytes ....", tickets(200), &p)
	if err != nil {
		t.Fatal(err)
	}
	ids := func(list []*committee.Ticket) (out []string) {
		for _, t := range list {
			out = append(out, hex.EncodeToString(t.ID[:]))
		}
		return out
	}
	got, err := json.MarshalIndent(map[string]any{
		"about": "Seed of epoch 17 over the ball; shard (7 bits) of pm10 at u281z; committee of the seller with this identity (text) from 200 tickets H(\"ticket\", i), i = 0..199.",
		"ball":  c.Last().Hash, "seller": "a seller of thirty-two bytes ....", "seed": hex.EncodeToString(seed[:]),
		"shard": committee.Shard("pm10", "u281z", 7), "members": ids(drawn.Members), "spares": ids(drawn.Spares),
		"aggregator": hex.EncodeToString(drawn.Aggregator.ID[:]), "quorum": drawn.Quorum,
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/draw.json", append(got, '\n'))
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func TestSmallCommittees(t *testing.T) {
	p := params.Standard()
	for _, c := range []struct {
		n, members, spares, quorum int
		provisional                bool
	}{
		{1, 1, 0, 1, true}, {2, 1, 1, 1, true}, {3, 3, 0, 2, false}, {4, 3, 1, 2, false}, {5, 5, 0, 4, false},
		{6, 5, 1, 4, false}, {7, 7, 0, 5, false}, {8, 7, 1, 5, false}, {14, 7, 7, 5, false}, {15, 7, 7, 5, false}, {500, 7, 7, 5, false},
	} {
		got, err := committee.Draw(protocol.Hash{1}, 0, "seller", tickets(c.n), &p)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Members) != c.members || len(got.Spares) != c.spares || got.Quorum != c.quorum || got.Provisional != c.provisional {
			t.Errorf("%d tickets: %d members, %d spares, quorum %d, provisional %v; want %+v", c.n, len(got.Members), len(got.Spares), got.Quorum, got.Provisional, c)
		}
	}
	if _, err := committee.Draw(protocol.Hash{1}, 0, "seller", nil, &p); !errors.Is(err, protocol.NotFound) {
		t.Errorf("no tickets: %v", err)
	}
}

// Law: the order in which tickets are known does not matter; seats are distinct; only the pool sits.
func TestDrawLaw(t *testing.T) {
	p := params.Standard()
	p.Pool = 20
	rapid.Check(t, func(t *rapid.T) {
		list := tickets(rapid.IntRange(1, 60).Draw(t, "tickets"))
		var seed protocol.Hash
		seed[0], seed[1] = rapid.Byte().Draw(t, "seed"), rapid.Byte().Draw(t, "seed")
		a, err := committee.Draw(seed, 3, "seller", list, &p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := committee.Draw(seed, 3, "seller", rapid.Permutation(list).Draw(t, "order"), &p)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Members, b.Members) || !slices.Equal(a.Spares, b.Spares) || a.Aggregator != b.Aggregator {
			t.Fatal("the order of tickets changes the committee")
		}
		seated := map[protocol.Hash]bool{}
		for _, x := range slices.Concat(a.Members, a.Spares) {
			if seated[x.ID] {
				t.Fatal("one ticket sits twice")
			}
			seated[x.ID] = true
		}
	})
}

// Law: each ticket gets its share of the seats over many epochs, so that splitting a stake into tickets gains nothing.
func TestDrawIsFair(t *testing.T) {
	p := params.Standard()
	list := tickets(14)
	seats := map[protocol.Hash]int{}
	const epochs = 1000
	for e := range uint64(epochs) {
		c, err := committee.Draw(protocol.H("fair", e), 0, "seller", list, &p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.Members {
			seats[m.ID]++
		}
	}
	for _, ticket := range list {
		if n := seats[ticket.ID]; n < epochs/2-100 || n > epochs/2+100 { // six deviations
			t.Errorf("ticket %s sat %d times of %d, want half", ticket.ID, n, epochs)
		}
	}
}

func TestRetry(t *testing.T) {
	p := params.Standard()
	c, err := committee.Draw(protocol.Hash{1}, 0, "seller", tickets(9), &p)
	if err != nil {
		t.Fatal(err)
	}
	missing := []protocol.Hash{c.Members[5].ID, c.Members[1].ID, c.Members[6].ID}
	next := c.Retry(missing)
	want := slices.Clone(c.Members)
	want[1], want[5] = c.Spares[0], c.Spares[1] // no third spare
	if !slices.Equal(next.Members, want) || len(next.Spares) != 0 || next.Quorum != 5 {
		t.Errorf("got %v, want %v", next.Members, want)
	}
	if _, ok := c.Seat(missing[0]); !ok {
		t.Error("the first committee changed")
	}
	if seat, ok := next.SeatOf(want[1].Binding.Identity); !ok || seat != want[1] {
		t.Error("the spare has no seat")
	}
	if _, ok := next.Seat(missing[1]); ok {
		t.Error("a missing member keeps its seat")
	}
}

func TestShard(t *testing.T) {
	if got := committee.Shard("pm10", "u281z", 0); got != 0 {
		t.Errorf("0 bits: shard %d", got)
	}
	for bits := 1; bits <= 24; bits++ {
		if a, b := committee.Shard("pm10", "u281z", bits), committee.Shard("pm10", "u28zz", 24); a != b>>(24-bits) || a >= 1<<bits {
			t.Errorf("%d bits: shard %x of %x", bits, a, b)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	p := params.Standard()
	list := tickets(4000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := committee.Draw(protocol.Hash{1}, 0, "seller", list, &p); err != nil {
			b.Fatal(err)
		}
	}
}
