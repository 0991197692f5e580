package oldnode_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// TestReads: the client reads the old node's chain, by proofs where there are any.
func TestReads(t *testing.T) {
	w := newWorld(t)
	ops, err := w.hub.Witnesses(t.Context())
	if err != nil || !slices.Equal(ops, []byteball.Address{w.Witness}) {
		t.Errorf("got witnesses %v, %v, want %s", ops, err, w.Witness)
	}
	last := w.proven(w.post(1))
	if tip, err := w.hub.LastMCI(t.Context()); err != nil || tip < last.MCI {
		t.Errorf("last main chain index %d, %v, want at least %d", tip, err, last.MCI)
	}
	if last.Unit.WitnessListUnit != w.Genesis || last.Unit.Version != "1.0" || !last.Serial {
		t.Errorf("unit of the witness, version %s, names %q as its witness list, want %q", last.Unit.Version, last.Unit.WitnessListUnit, w.Genesis)
	}
	units, err := w.Units()
	w.ok(err)
	h, _, err := w.hub.History(t.Context(), []byteball.Address{w.Witness}, nil, 0)
	if err != nil || len(h) < int(last.MCI)+1 || len(h) > units || h[0].Unit.Unit != w.Genesis {
		t.Errorf("got %d proven units, %v, want all %d but the last few, from the genesis on", len(h), err, units)
	}
	if j, err := w.hub.Joint(t.Context(), w.Genesis); err != nil || !slices.Equal(j.Unit.Witnesses, ops) {
		t.Errorf("genesis lists the witnesses %v, %v, want %v", j.Unit.Witnesses, err, ops)
	}
}

// TestPay: payments there and back, several in a row, with and without a definition to show; not a byte appears or is lost.
func TestPay(t *testing.T) {
	w := newWorld(t)
	const money = 1_000_000
	alice, bob := w.person(money), w.person(0)
	var fees byteball.Bytes
	pay := func(from someone, ref string, to byteball.Address, amount byteball.Bytes, shows bool) {
		t.Helper()
		u, err := from.Pay(t.Context(), ref, []unit.Output{{Address: to, Amount: amount}}, nil)
		if err != nil {
			t.Fatalf("payment %q: %v", ref, err)
		}
		if got := u.Authors[0].Definition != nil; got != shows || u.TPSFee != nil || u.WitnessListUnit != w.Genesis {
			t.Errorf("payment %q shows its definition: %t, has tps fee %v and witness list %q", ref, got, u.TPSFee, u.WitnessListUnit)
		}
		f, err := unit.Fees(u)
		w.ok(err)
		fees += f
	}
	pay(alice, "rent", bob.address, 10_000, true)
	if _, err := alice.Pay(t.Context(), "too soon", []unit.Output{{Address: bob.address, Amount: 1}}, nil); !errors.Is(err, byteball.Transient) {
		t.Errorf("payment after the first, not stable yet: %v, want Transient", err)
	}
	if b := w.balance(bob.Wallet); b.Arriving != 10_000 || b.Stable != 0 {
		t.Errorf("bob has %+v, want 10000 arriving", b)
	}
	if p := w.settled(alice.Wallet, "rent"); p.State != wallet.Stable {
		t.Errorf("rent is %s", p.State)
	}
	w.post(5)          // until the definition lies before the last ball
	for i := range 3 { // each spends the change of the one before
		pay(alice, fmt.Sprint("rent ", i), bob.address, 5_000, false)
	}
	pay(alice, "rent again", bob.address, 500, false)
	pay(bob, "back", alice.address, 2_000, true)
	for ref, x := range map[string]*wallet.Wallet{"rent 2": alice.Wallet, "rent again": alice.Wallet, "back": bob.Wallet} {
		if p := w.settled(x, ref); p.State != wallet.Stable {
			t.Errorf("%s is %s", ref, p.State)
		}
	}
	a, b := w.balance(alice.Wallet), w.balance(bob.Wallet)
	if a.Stable+b.Stable+fees != money {
		t.Errorf("alice has %d, bob %d, fees were %d, want %d in all", a.Stable, b.Stable, fees, money)
	}
	if again := w.balance(w.copyOf(alice)); again != a {
		t.Errorf("a wallet with an empty store has %+v, want %+v", again, a)
	}
}

// TestSmallRest: what is left over may be too little for a change, and no fee takes it: the wallet says how much is missing.
func TestSmallRest(t *testing.T) {
	w := newWorld(t)
	alice := w.person(20_000)
	to := addressOf(w, newKey(w))
	_, err := alice.Pay(t.Context(), "all", []unit.Output{{Address: to, Amount: 20_000}}, nil)
	if !errors.Is(err, byteball.Funds) {
		t.Fatalf("got %v, want Funds", err)
	}
	var missing byteball.Bytes
	for amount := byteball.Bytes(19_000); amount < 20_000; amount += 7 {
		u, err := alice.Pay(t.Context(), fmt.Sprint("most ", amount), []unit.Output{{Address: to, Amount: amount}}, nil)
		if err == nil {
			fees, err := unit.Fees(u)
			w.ok(err)
			if p := u.Messages[0].Payload.(*unit.Payment); len(p.Outputs) == 1 && amount+fees != 20_000 {
				t.Errorf("%d bytes went nowhere", 20_000-amount-fees)
			}
			break
		}
		if !errors.Is(err, byteball.Funds) {
			t.Fatalf("%d bytes: %v", amount, err)
		}
		missing = amount
	}
	if missing > 19_700 {
		t.Errorf("a payment of %d bytes was not possible", missing)
	}
}

// TestOtherNetwork: a client of the live network, whose letter is the same, notices at once that the old node is none of it.
func TestOtherNetwork(t *testing.T) {
	w := newWorld(t)
	c, err := hub.Dial(t.Context(), hub.Config{URLs: []string{w.URL}, Network: byteball.Live})
	if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "another network") {
		t.Errorf("got %v, %v, want a refusal", c, err)
	}
}
