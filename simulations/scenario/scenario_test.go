package scenario_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/simulations/report"
	"github.com/iotverse/iotverse/simulations/scenario"
)

// small is hello with few actors, three hours long: cheaters replay from the second hour on.
var small = scenario.Options{For: 3 * time.Hour, Sellers: 10, Cheaters: 2, Validators: 7, Lazy: 1, Buyers: 2, Each: 3}

func play(t *testing.T, seed uint64, o scenario.Options) report.Report {
	t.Helper()
	r, err := scenario.Run(context.Background(), "hello", seed, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// text is everything that a report says.
func text(t *testing.T, r report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b.String() + string(data)
}

func TestSameSeedSameBytes(t *testing.T) {
	first := play(t, 7, small)
	if got, want := text(t, play(t, 7, small)), text(t, first); got != want {
		t.Errorf("seed 7 twice: the second report differs:\n%s\nwant\n%s", got, want)
	}
	if other := play(t, 8, small); text(t, other) == text(t, first) {
		t.Error("seeds 7 and 8 give the same report")
	}
	check(t, first)
}

func TestRealSignatures(t *testing.T) {
	o := small
	o.Real, o.For = true, 2*time.Hour
	r := play(t, 3, o)
	if !r.Real {
		t.Error("the report does not say that signatures were real")
	}
	check(t, r)
}

// check holds a report of the small market against what the rules promise.
func check(t *testing.T, r report.Report) {
	t.Helper()
	if r.Money.Sum != 0 || r.Money.Locked != 0 {
		t.Errorf("money: sum %d, %d in open channels, want 0 and 0", r.Money.Sum, r.Money.Locked)
	}
	if r.Money.Differ != 0 {
		for _, p := range r.Parties {
			if p.Books != p.Ledger {
				t.Errorf("%s: own books say %d, the ledger %d", p.Name, p.Books, p.Ledger)
			}
		}
	}
	cheats, strategy := 0, make(map[string]string)
	for _, p := range r.Parties {
		strategy[p.Name] = p.Strategy
	}
	for _, w := range r.Windows {
		replayed := strategy[w.Seller] == "replay" && w.Number >= 1
		switch {
		case replayed && (w.Integrity != 0 || !slices.Contains(w.Hard, 5) || w.Sold != 0):
			t.Errorf("seed %d: %s replays in window %d: stamped %d with codes %v, %d batches sold; want 0, code 5, none", r.Seed, w.Seller, w.Number, w.Integrity, w.Hard, w.Sold)
		case !replayed && (w.Integrity < 700 || len(w.Hard) > 0 || w.Sold == 0):
			t.Errorf("seed %d: honest window %d of %s: stamped %d with codes %v, %d batches sold", r.Seed, w.Number, w.Seller, w.Integrity, w.Hard, w.Sold)
		case replayed:
			cheats++
		}
	}
	if cheats == 0 {
		t.Errorf("seed %d: no replayed window was ever judged", r.Seed)
	}
	for _, b := range r.Buyers {
		if b.Dropped == 0 {
			t.Errorf("seed %d: buyers dropped nobody", r.Seed)
		}
	}
	for _, v := range r.Validators {
		if v.Fees == 0 || v.Reveals == 0 {
			t.Errorf("seed %d: %s validators earned %d with %d reveals", r.Seed, v.Strategy, v.Fees, v.Reveals)
		}
	}
}

// TestCheats: every cheater is convicted of what it does, in its first windows, and dropped; the honest are not.
func TestCheats(t *testing.T) {
	for seed := range uint64(2) {
		r, err := scenario.Run(context.Background(), "cheats", seed, scenario.Options{For: 45 * time.Second}, nil)
		if err != nil {
			t.Fatal(err)
		}
		strategy, convicted, stamped := make(map[string]adversary.Strategy), make(map[adversary.Strategy]int), make(map[adversary.Strategy]int)
		for _, p := range r.Parties {
			strategy[p.Name] = adversary.Strategy(p.Strategy)
		}
		for _, w := range r.Windows {
			kind := strategy[w.Seller]
			stamped[kind]++
			switch code := kind.Convicts(); {
			case code == 0 && (w.Integrity < 700 || len(w.Hard) > 0 || w.Sold == 0):
				t.Errorf("seed %d: honest window %d of %s: stamped %d with codes %v and %v, %d batches sold", seed, w.Number, w.Seller, w.Integrity, w.Hard, w.Reasons, w.Sold)
			case code != 0 && w.Integrity < 500 && slices.Contains(slices.Concat(w.Hard, w.Reasons), uint8(code)):
				convicted[kind]++
			}
		}
		for _, kind := range adversary.Cheats() {
			want := 2 // bad windows in a row, until the buyer drops their seller
			if kind.Convicts().Hard() {
				want = 1
			}
			if convicted[kind] < want || stamped[kind] > want+2 {
				t.Errorf("seed %d: %s: %d of %d stamps convict it of code %d, want %d and no more than two others", seed, kind, convicted[kind], stamped[kind], kind.Convicts(), want)
			}
		}
		if r.Buyers[0].Dropped != len(adversary.Cheats()) || r.Money.Sum != 0 || r.Money.Differ != 0 {
			t.Errorf("seed %d: %d dropped, want %d; money %+v", seed, r.Buyers[0].Dropped, len(adversary.Cheats()), r.Money)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, o := range map[string]scenario.Options{
		"half an hour":       {For: 30 * time.Minute},
		"an hour and a half": {For: 90 * time.Minute},
		"too many cheaters":  {Sellers: 5, Cheaters: 6},
		"two validators":     {Validators: 2},
		"too many to fund":   {Sellers: 120},
		"a slow sensor":      {Period: time.Hour},
	} {
		if _, err := scenario.Run(context.Background(), "hello", 1, o, nil); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	for name, o := range map[string]scenario.Options{"a short while": {For: 20 * time.Second}, "another cast": {Sellers: 3}, "a slow sensor": {Period: time.Second}} {
		if _, err := scenario.Run(context.Background(), "cheats", 1, o, nil); !errors.Is(err, protocol.Invalid) {
			t.Errorf("cheats, %s: got %v, want Invalid", name, err)
		}
	}
	if _, err := scenario.Run(context.Background(), "hullo", 1, small, nil); !errors.Is(err, protocol.NotFound) {
		t.Errorf("a scenario that there is not: got %v, want NotFound", err)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var parts []float64
	_, err := scenario.Run(ctx, "hello", 1, small, func(done float64) {
		if parts = append(parts, done); done > .1 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !slices.IsSorted(parts) {
		t.Errorf("got %v after parts %v, want Canceled after a rising part", err, parts)
	}
}
