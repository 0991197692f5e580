package wallet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

type fataler interface {
	Helper()
	Fatal(...any)
}

func reopen(t fataler, c *chain, s *store) *wallet.Wallet {
	t.Helper()
	k, _ := key(t, 0)
	w, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: c, Store: s, Key: k})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// funded gives a wallet with proven coins.
func funded(t fataler, amounts ...byteball.Bytes) (*wallet.Wallet, *chain, *store) {
	t.Helper()
	c, s := newChain(), newStore()
	w := reopen(t, c, s)
	c.fund(w.Address(), amounts...)
	c.settle()
	return w, c, s
}

func to(t fataler, amount byteball.Bytes) []unit.Output {
	_, a := key(t, 1)
	return []unit.Output{{Address: a, Amount: amount}}
}

func state(t *testing.T, w *wallet.Wallet, ref string, want wallet.State) wallet.Payment {
	t.Helper()
	p, err := w.Payment(t.Context(), ref)
	if err != nil || p.State != want {
		t.Fatalf("payment %q: got %v, %v, want %v", ref, p.State, err, want)
	}
	return p
}

func TestPayOnce(t *testing.T) {
	w, c, s := funded(t, 100_000)
	first, err := w.Pay(t.Context(), "rent", to(t, 5000), nil)
	if err != nil {
		t.Fatal(err)
	}
	state(t, w, "rent", wallet.Posted)
	for name, again := range map[string]*wallet.Wallet{"same": w, "restarted": reopen(t, c, s)} {
		u, err := again.Pay(t.Context(), "rent", to(t, 7000), nil)
		if err != nil || u.Unit != first.Unit {
			t.Errorf("%s: got another unit, %v", name, err)
		}
	}
	c.settle()
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := state(t, w, "rent", wallet.Stable); p.MCI != 7 {
		t.Errorf("got main chain index %d, want 7", p.MCI)
	}
	for name, again := range map[string]*wallet.Wallet{"same": w, "restarted": reopen(t, c, s)} {
		u, err := again.Pay(t.Context(), "rent", to(t, 7000), nil)
		if err != nil || u.Unit != first.Unit {
			t.Errorf("%s, stable: got another unit, %v", name, err)
		}
	}
	if len(c.units) != 2 {
		t.Errorf("got %d units on the chain, want 2", len(c.units))
	}
}

func TestPayLostAnswer(t *testing.T) {
	w, c, s := funded(t, 100_000)
	c.mute = true
	signed, err := w.Pay(t.Context(), "rent", to(t, 5000), nil)
	if !errors.Is(err, byteball.Transient) || signed == nil {
		t.Fatalf("got unit %v, %v, want the one that is pending, Transient", signed, err)
	}
	state(t, w, "rent", wallet.Prepared)
	c.mute = false
	u, err := reopen(t, c, s).Pay(t.Context(), "rent", to(t, 5000), nil)
	if err != nil || len(c.units) != 2 || c.units[1].u.Unit != u.Unit {
		t.Fatalf("paid %d times, %v", len(c.units)-1, err)
	}
}

func TestSettleGoesOn(t *testing.T) {
	w, c, s := funded(t, 100_000)
	c.refuse = []error{errAway}
	if _, err := w.Pay(t.Context(), "rent", to(t, 5000), nil); !errors.Is(err, byteball.Transient) {
		t.Fatalf("got %v, want Transient", err)
	}
	again := reopen(t, c, s)
	if err := again.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	state(t, again, "rent", wallet.Posted)
}

// TestSettlePostsWhatIsGone: a hub that had a payment has lost it, with all that was not stable. Settle posts the same unit again.
func TestSettlePostsWhatIsGone(t *testing.T) {
	w, c, s := funded(t, 100_000)
	u, err := w.Pay(t.Context(), "rent", to(t, 5000), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time after a restart
		state(t, w, "rent", wallet.Posted)
		c.units = slices.DeleteFunc(c.units, func(e *entry) bool { return e.u.Unit == u.Unit })
		if err := w.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last := c.units[len(c.units)-1]; last.u.Unit != u.Unit {
			t.Fatalf("the last unit is %s, want %s", last.u.Unit, u.Unit)
		}
		if p, err := w.Pending(t.Context()); err != nil || len(p) != 1 || p[0].Unit.Unit != u.Unit {
			t.Errorf("pending are %v, %v", p, err)
		}
		w = reopen(t, c, s)
	}
}

func TestPayInARow(t *testing.T) {
	w, c, _ := funded(t, 100_000)
	for i := range 5 {
		u, err := w.Pay(t.Context(), fmt.Sprint(i), to(t, 1000), nil)
		if err != nil {
			t.Fatal(err)
		}
		if shown := u.Authors[0].Definition != nil; !shown {
			t.Errorf("payment %d: definition is left out before it is stable", i)
		}
	}
	c.settle()
	u, err := w.Pay(t.Context(), "later", to(t, 1000), nil)
	if err != nil || u.Authors[0].Definition != nil {
		t.Fatalf("definition is given again: %v", err)
	}
	b, err := w.Balance(t.Context())
	if err != nil || b.Stable != 0 || b.Change == 0 {
		t.Errorf("got balance %+v, %v, want all in change", b, err)
	}
}

func TestPayMessages(t *testing.T) {
	w, c, _ := funded(t, 100_000)
	c.refuse = []error{refusal{"last ball just advanced, try again", byteball.Transient}}
	data := unit.Message{App: "data", Payload: map[string]any{"offer": 7.0}}
	u, err := w.Pay(t.Context(), "offer", nil, []unit.Message{data})
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Messages) != 2 || u.Messages[1].App != "data" || u.Messages[0].App != "payment" {
		t.Errorf("got %d messages, want payment and data", len(u.Messages))
	}
}

func TestPayComposedAnew(t *testing.T) {
	serial := refusal{"The transaction would be non-serial (a double spend)", byteball.Stale}
	wrong := refusal{"duplicate definition", byteball.Invalid}
	for _, test := range []struct {
		name   string
		refuse []error
		least  byteball.Bytes
		kind   error
		state  wallet.State
	}{
		{"parents without the unit before", []error{serial, serial}, 0, nil, wallet.Posted},
		{"stale anchor", []error{wrong}, 0, nil, wallet.Posted},
		{"wrong twice", []error{wrong, wrong}, 0, byteball.Invalid, wallet.Refused},
		{"fees rise", nil, 500, byteball.Transient, wallet.Prepared},
		{"double spend in all eyes", []error{serial, serial, serial, serial}, 0, byteball.Stale, wallet.Prepared},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, c, _ := funded(t, 100_000, 50_000)
			c.refuse, c.least = test.refuse, test.least
			u, err := w.Pay(t.Context(), "rent", to(t, 5000), nil)
			if !errors.Is(err, test.kind) {
				t.Fatalf("%s: got %v, want %v", test.name, err, test.kind)
			}
			if pending := test.state != wallet.Refused; (u != nil) != pending {
				t.Errorf("%s: got unit %v with %v, pending %t", test.name, u, err, pending)
			}
			before := state(t, w, "rent", test.state)
			c.refuse, c.fee = nil, 500
			u, err = w.Pay(t.Context(), "rent", to(t, 5000), nil)
			if err != nil {
				t.Fatalf("%s, again: %v", test.name, err)
			}
			if !slices.ContainsFunc(inputs(u), func(in unit.Input) bool { return slices.Contains(inputs(before.Unit), in) }) {
				t.Errorf("%s: the new unit has no coin in common with the old", test.name)
			}
			if len(c.units) != 2 {
				t.Errorf("%s: paid %d times", test.name, len(c.units)-1)
			}
		})
	}
}

func inputs(u *unit.Unit) []unit.Input { return u.Messages[0].Payload.(*unit.Payment).Inputs }

// TestDoubleSpent: another copy of the wallet spends the same coin and wins.
func TestDoubleSpent(t *testing.T) {
	w, c, _ := funded(t, 100_000)
	lost, err := w.Pay(t.Context(), "lost", to(t, 5000), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Pay(t.Context(), "child", to(t, 1000), nil); err != nil {
		t.Fatal(err)
	}
	copied, err := newCopy(t, c).Pay(t.Context(), "other", to(t, 9000), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.void(lost.Unit, copied)
	c.settle()
	if _, err := w.Wait(t.Context(), "lost"); !errors.Is(err, byteball.Stale) {
		t.Fatalf("got %v, want Stale", err)
	}
	state(t, w, "lost", wallet.DoubleSpent)
	state(t, w, "child", wallet.DoubleSpent)
	b, err := w.Balance(t.Context())
	if want := change(copied, w.Address()); err != nil || b.Stable != want || b.Change != 0 {
		t.Errorf("got balance %+v, %v, want %d", b, err, want)
	}
	u, err := w.Pay(t.Context(), "lost", to(t, 5000), nil)
	if err != nil || u.Unit == lost.Unit || slices.Equal(inputs(u), inputs(lost)) {
		t.Errorf("a payment that is proven dead is not made from other coins: %v", err)
	}
}

// newCopy is a wallet of the same key on a chain that has not seen the payments of the first.
func newCopy(t fataler, c *chain) *wallet.Wallet {
	early := newChain()
	early.units, early.stable = slices.Clone(c.units[:1]), c.stable
	return reopen(t, early, newStore())
}

func change(u *unit.Unit, a byteball.Address) (sum byteball.Bytes) {
	for _, o := range u.Messages[0].Payload.(*unit.Payment).Outputs {
		if o.Address == a {
			sum += o.Amount
		}
	}
	return sum
}

func TestEmptyStoreSeesOwnUnits(t *testing.T) {
	w, c, _ := funded(t, 100_000, 60_000)
	if _, err := w.Pay(t.Context(), "rent", to(t, 5000), nil); err != nil {
		t.Fatal(err)
	}
	fresh := reopen(t, c, newStore())
	u, err := fresh.Pay(t.Context(), "other", to(t, 5000), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(inputs(u)) != 1 || len(c.units) != 3 {
		t.Errorf("a wallet restored from its words spends what it has spent before")
	}
}

// TestInventedUnits: a hub that shows units which the wallet never signed blocks no coins.
func TestInventedUnits(t *testing.T) {
	w, c, _ := funded(t, 100_000)
	forged, err := newCopy(t, c).Pay(t.Context(), "never", to(t, 5000), nil)
	if err != nil {
		t.Fatal(err)
	}
	forged.Authors[0].Authentifiers["r"] = strings.Repeat("A", 88)
	c.units = append(c.units, &entry{forged, 0, false})
	if _, err := w.Pay(t.Context(), "rent", to(t, 5000), nil); err != nil {
		t.Fatal(err)
	}
}

func TestFunds(t *testing.T) {
	w, c, _ := funded(t, 1000)
	_, err := w.Pay(t.Context(), "rent", to(t, 5000), nil)
	if !errors.Is(err, byteball.Funds) || !strings.Contains(err.Error(), "bytes missing") {
		t.Fatalf("got %v, want Funds", err)
	}
	c.fund(w.Address(), 100_000)
	if b, err := w.Balance(t.Context()); err != nil || b.Stable != 1000 || b.Arriving != 100_000 {
		t.Errorf("got balance %+v, %v", b, err)
	}
	if _, err = w.Pay(t.Context(), "rent", to(t, 5000), nil); !errors.Is(err, byteball.Funds) {
		t.Fatalf("money that is not stable was spent: %v", err)
	}
	c.settle()
	if _, err = w.Pay(t.Context(), "rent", to(t, 5000), nil); err != nil {
		t.Fatal(err)
	}
}

func TestBooksRefused(t *testing.T) {
	k, address := key(t, 0)
	for name, books := range map[string]any{
		"damaged": "x",
		"newer":   map[string]any{"Version": 3, "Address": address},
		"foreign": map[string]any{"Version": 1, "Address": "SOMEBODY ELSE"},
		"empty":   map[string]any{"Version": 2, "Address": address},
	} {
		s := newStore()
		s.values["books"], _ = json.Marshal(books)
		_, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: newChain(), Store: s, Key: k})
		if !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

func TestRunAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c, _ := funded(t, 100_000)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- w.Run(ctx, time.Second) }()
		if _, err := w.Pay(t.Context(), "rent", to(t, 5000), nil); err != nil {
			t.Fatal(err)
		}
		short, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		if _, err := w.Wait(short, "rent"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "posted") {
			t.Errorf("got %v, want a deadline that says posted", err)
		}
		time.AfterFunc(5*time.Second, c.settle)
		if p, err := w.Wait(t.Context(), "rent"); err != nil || p.State != wallet.Stable {
			t.Errorf("got %v, %v, want stable", p.State, err)
		}
		cancel()
		if err := <-ran; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v from Run", err)
		}
	})
}

// TestAtMostOnce: whatever breaks, a reference pays at most once, and in the end the wallet has what the chain says.
func TestAtMostOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, c, s := funded(t, 90_000, 40_000, 20_000)
		ctx := context.Background()
		paid := map[string]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"pay": func(t *rapid.T) {
				ref := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "ref")
				amount := byteball.Bytes(1000 + len(ref)) // one amount for each
				amount += byteball.Bytes(ref[0])
				if _, err := w.Pay(ctx, ref, to(t, amount), nil); err == nil {
					paid[ref] = true
				}
			},
			"settle":  func(*rapid.T) { c.settle() },
			"restart": func(t *rapid.T) { s.fail = 0; w = reopen(t, c, s) },
			"disk":    func(t *rapid.T) { s.fail = rapid.IntRange(1, 3).Draw(t, "put") },
			"away":    func(t *rapid.T) { c.away = rapid.Bool().Draw(t, "away") },
			"mute":    func(t *rapid.T) { c.mute = rapid.Bool().Draw(t, "mute") },
			"dearer":  func(t *rapid.T) { c.fee += 10 },
			"wallet":  func(*rapid.T) { _ = w.Settle(ctx) },
			"": func(t *rapid.T) {
				count := map[byteball.Bytes]int{}
				for _, e := range c.units[1:] {
					for _, o := range e.u.Messages[0].Payload.(*unit.Payment).Outputs {
						if o.Address != w.Address() {
							count[o.Amount]++
						}
					}
				}
				for amount, n := range count {
					if n > 1 {
						t.Fatalf("payment of %d was made %d times", amount, n)
					}
				}
				if len(count) < len(paid) {
					t.Fatalf("%d payments were said to be made, %d are on the chain", len(paid), len(count))
				}
			},
		})
		c.away, c.mute, s.fail = false, false, 0
		w = reopen(t, c, s)
		for range 2 { // the second reads what the first handed in
			if err := w.Settle(ctx); err != nil {
				t.Fatal(err)
			}
			c.settle()
		}
		got, err := w.Balance(ctx)
		want := c.unspent(w.Address())
		if err != nil || got.Stable != want || got.Change != 0 || got.Arriving != 0 {
			t.Fatalf("got %+v, %v, the chain says %d", got, err, want)
		}
	})
}

// unspent is what an address really has.
func (c *chain) unspent(a byteball.Address) (sum byteball.Bytes) {
	for _, e := range c.units {
		for i, o := range e.u.Messages[0].Payload.(*unit.Payment).Outputs {
			if o.Address == a && e.serial && !c.isSpent(unit.Input{Unit: e.u.Unit, OutputIndex: i}) {
				sum += o.Amount
			}
		}
	}
	return sum
}
