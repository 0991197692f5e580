package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// TestSweep: a sweep leaves nothing, and what it does not deliver is fees; no unit is too large, however many coins there
// are, and doing it again does nothing.
func TestSweep(t *testing.T) {
	_, target := key(t, 5)
	rapid.Check(t, func(t *rapid.T) {
		c, s := newChain(), newStore()
		w := many(t, c, s, false)
		total := byteball.Bytes(0)
		for i := range rapid.Uint32Range(1, 19).Draw(t, "addresses") {
			if i > 0 {
				if _, err := w.Receive(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			var amounts []byteball.Bytes
			for _, a := range rapid.SliceOfN(rapid.Uint64Range(1, 300), 0, 40).Draw(t, "dust") {
				amounts = append(amounts, byteball.Bytes(a))
			}
			if i == 0 {
				amounts = append(amounts, 200_000)
			}
			for _, a := range amounts {
				total += a
			}
			if len(amounts) > 0 {
				c.fund(place(t, 0, i), amounts...)
			}
		}
		c.settle()
		to := target
		if rapid.Bool().Draw(t, "tidy") {
			to = w.Address()
		}
		swept, err := w.Sweep(context.Background(), "all", to)
		if err != nil {
			t.Fatal(err)
		}
		if swept.Amount+swept.Fees != total {
			t.Fatalf("swept %d for %d of fees, there was %d", swept.Amount, swept.Fees, total)
		}
		for _, u := range swept.Units {
			if u.OversizeFee != 0 || len(inputs(u)) > unit.MaxInputs || len(u.Authors) > unit.MaxAuthors {
				t.Fatalf("unit of %d inputs, %d authors, oversize fee %d", len(inputs(u)), len(u.Authors), u.OversizeFee)
			}
		}
		c.settle()
		again, err := w.Sweep(context.Background(), "all", to)
		if err != nil || len(again.Units) != len(swept.Units) || again.Amount != swept.Amount {
			t.Fatalf("swept twice: %d units and %d, %v", len(swept.Units), len(again.Units), err)
		}
		want := wallet.Balance{}
		if to != target {
			want.Stable = swept.Amount
		}
		if b, err := w.Balance(context.Background()); err != nil || b != want {
			t.Fatalf("left %+v, %v, want %+v", b, err, want)
		}
	})
}

func TestSweepOne(t *testing.T) {
	c := newChain()
	w := many(t, c, newStore(), false)
	if _, err := w.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Sweep(t.Context(), "none", place(t, 0, 9)); !errors.Is(err, byteball.NotFound) {
		t.Errorf("got %v, want NotFound", err)
	}
	c.fund(place(t, 0, 0), 50_000)
	c.fund(place(t, 0, 1), 20_000, 1)
	c.settle()
	swept, err := w.Sweep(t.Context(), "one", place(t, 0, 9), place(t, 0, 1))
	if err != nil || swept.Amount+swept.Fees != 20_001 || len(swept.Units) != 1 {
		t.Fatalf("got %+v, %v", swept, err)
	}
	if b, err := w.Balance(t.Context()); err != nil || b.Stable != 50_000 || b.Leaving != 20_001 {
		t.Errorf("got %+v, %v", b, err)
	}
	c.fund(place(t, 0, 1), 100, 200)
	c.settle()
	if _, err := w.Sweep(t.Context(), "dust", place(t, 0, 9), place(t, 0, 1)); !errors.Is(err, byteball.Funds) {
		t.Errorf("got %v, want Funds", err)
	}
}

// TestSweepBroken: a sweep goes on under its name, wherever the disk or the hub failed.
func TestSweepBroken(t *testing.T) {
	var dust []byteball.Bytes
	for range 400 {
		dust = append(dust, 150)
	}
	for fail := range 16 {
		w, c, s := funded(t, append(dust, 500_000)...)
		s.fail, c.mute = fail+1, fail%2 == 1
		if _, err := w.Sweep(t.Context(), "all", place(t, 0, 9)); err == nil && !c.mute && fail < 10 {
			t.Fatalf("disk failed at %d and nobody noticed", fail)
		}
		s.fail, c.mute = 0, false
		w = reopen(t, c, s)
		swept, err := w.Sweep(t.Context(), "all", place(t, 0, 9))
		if err != nil {
			t.Fatalf("failed at %d: %v", fail, err)
		}
		var got byteball.Bytes
		for _, e := range c.units {
			got += change(e.u, place(t, 0, 9))
		}
		if got != swept.Amount || got+swept.Fees != 560_000 || c.unspent(w.Address()) != 0 {
			t.Fatalf("failed at %d: target got %d, sweep says %d with fees of %d, %d left", fail, got, swept.Amount, swept.Fees, c.unspent(w.Address()))
		}
	}
}

// TestLedgerSweep: the real ledger takes what a sweep makes: several authors, first units, chains of own change.
func TestLedgerSweep(t *testing.T) {
	c := begin(t, 5_000_000)
	w := many(t, c, newStore(), true)
	payer := newWallet(t, c, 0)
	for range 5 {
		if _, err := w.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		var outputs []unit.Output
		for i := range 100 {
			outputs = append(outputs, unit.Output{Address: place(t, 0, uint32(1+i%5)), Amount: byteball.Bytes(500 + i)})
		}
		if _, err := payer.Pay(t.Context(), fmt.Sprint(round), outputs, nil); err != nil {
			t.Fatal(err)
		}
		c.witness(6)
	}
	from := []byteball.Address{place(t, 0, 1), place(t, 0, 2), place(t, 0, 3), place(t, 0, 4), place(t, 0, 5)}
	before, err := w.Balance(t.Context(), from...)
	if err != nil {
		t.Fatal(err)
	}
	swept, err := w.Sweep(t.Context(), "out", place(t, 0, 30), from...)
	if err != nil {
		t.Fatal(err)
	}
	if len(swept.Units) < 3 || swept.Amount+swept.Fees != before.Stable {
		t.Errorf("%d units bring %d for fees of %d, there was %d", len(swept.Units), swept.Amount, swept.Fees, before.Stable)
	}
	c.witness(6)
	for i, a := range from {
		if b, err := w.Balance(t.Context(), a); err != nil || b != (wallet.Balance{}) {
			t.Errorf("address %d has %+v left, %v", i, b, err)
		}
	}
	if p, err := w.Payment(t.Context(), "out#all"); err != nil || p.State != wallet.Stable || !slices.Equal(p.From, nil) {
		t.Errorf("the last unit is %v, %v", p.State, err)
	}
}
