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

// reconcile lets two hubs learn of each other's units. Where they are in conflict, those of the first count. All becomes
// stable, and both have seen the same.
func reconcile(first, second *chain) {
	for _, e := range slices.Concat(entries(first.secret), entries(second.secret), second.units) {
		if slices.ContainsFunc(first.units, func(f *entry) bool { return f.u.Unit == e.u.Unit }) {
			continue
		}
		fits := !slices.ContainsFunc(inputs(e.u), func(in unit.Input) bool { return first.output(in) == nil || first.isSpent(in) || first.isVoid(in.Unit) })
		first.units = append(first.units, &entry{e.u, 0, fits})
	}
	first.settle()
	first.secret, second.secret = nil, nil
	second.units, second.stable = slices.Clone(first.units), first.stable
}

func entries(units []*unit.Unit) (list []*entry) {
	for _, u := range units {
		list = append(list, &entry{u, 0, true})
	}
	return list
}

func (c *chain) isVoid(h byteball.Hash) bool {
	return slices.ContainsFunc(c.units, func(e *entry) bool { return e.u.Unit == h && !e.serial })
}

// paid counts how often each amount was paid to the address of the tests, for good or still in the air.
func paid(c *chain, payee byteball.Address) map[byteball.Bytes]int {
	count := map[byteball.Bytes]int{}
	for _, e := range c.units {
		for _, o := range e.u.Messages[0].Payload.(*unit.Payment).Outputs {
			if o.Address == payee && e.serial {
				count[o.Amount]++
			}
		}
	}
	return count
}

// copied is one copy of a wallet: its hub, its disk, and the payments it has been asked for.
type copied struct {
	hub   *chain
	disk  *store
	w     *wallet.Wallet
	asked map[string]byteball.Bytes
}

// TestCopies: two copies of a wallet of several addresses pay at the same time through two hubs that do not know of each
// other, that refuse, lie about it, and lose answers, and with disks that fail. Each reference is paid at most once at
// any time; and once the hubs agree and nothing fails, asking again pays each exactly once.
func TestCopies(t *testing.T) {
	_, payee := key(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		pair := []*copied{{hub: newChain()}, {hub: newChain()}}
		for i := range uint32(4) {
			pair[0].hub.fund(place(t, 0, i), 30_000, 20_000)
		}
		reconcile(pair[0].hub, pair[1].hub)
		for _, c := range pair {
			c.disk, c.asked = newStore(), map[string]byteball.Bytes{}
			c.w = many(t, c.hub, c.disk, rapid.Bool().Draw(t, "fresh change"))
			if _, err := c.w.Scan(ctx); err != nil {
				t.Fatal(err)
			}
		}
		once := func(t *rapid.T) {
			for _, c := range pair {
				for amount, n := range paid(c.hub, payee) {
					if n > 1 {
						t.Fatalf("payment of %d was made %d times", amount, n)
					}
				}
			}
		}
		draw := func(t *rapid.T) *copied { return rapid.SampledFrom(pair).Draw(t, "copy") }
		t.Repeat(map[string]func(*rapid.T){
			"pay": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "copy")
				ref := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "ref")
				amount := byteball.Bytes(9000 + 1000*i + 100*int(ref[0]-'a') + 1)
				if ref == "c" {
					amount += 25_000 // more than one coin, sometimes more than one address
				}
				pair[i].asked[ref] = amount
				_, _ = pair[i].w.Pay(ctx, ref, []unit.Output{{Address: payee, Amount: amount}}, nil)
			},
			"agree": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "winner")
				reconcile(pair[i].hub, pair[1-i].hub)
			},
			"restart": func(t *rapid.T) {
				c := draw(t)
				c.disk.fail = 0
				c.w = many(t, c.hub, c.disk, false)
			},
			"disk":   func(t *rapid.T) { draw(t).disk.fail = rapid.IntRange(1, 4).Draw(t, "put") },
			"away":   func(t *rapid.T) { draw(t).hub.away = rapid.Bool().Draw(t, "away") },
			"mute":   func(t *rapid.T) { draw(t).hub.mute = rapid.Bool().Draw(t, "mute") },
			"lie":    func(t *rapid.T) { draw(t).hub.lies = rapid.IntRange(0, 3).Draw(t, "lies") },
			"dearer": func(t *rapid.T) { draw(t).hub.fee += 10 },
			"settle": func(t *rapid.T) { _ = draw(t).w.Settle(ctx) },
			"":       once,
		})
		for _, c := range pair {
			c.hub.away, c.hub.mute, c.hub.lies, c.disk.fail = false, false, 0, 0
			c.w = many(t, c.hub, c.disk, false)
		}
		for range 6 {
			reconcile(pair[0].hub, pair[1].hub)
			for _, c := range pair {
				for _, ref := range []string{"a", "b", "c"} {
					if amount := c.asked[ref]; amount > 0 {
						_, _ = c.w.Pay(ctx, ref, []unit.Output{{Address: payee, Amount: amount}}, nil)
					}
				}
			}
		}
		reconcile(pair[0].hub, pair[1].hub)
		once(t)
		all := paid(pair[0].hub, payee)
		for i, c := range pair {
			for ref, amount := range c.asked {
				if all[amount] != 1 {
					p, err := c.w.Payment(ctx, ref)
					t.Fatalf("copy %d: payment %s of %d was made %d times: %v, %v", i, ref, amount, all[amount], p.State, err)
				}
			}
			if _, err := c.w.Scan(ctx); err != nil {
				t.Fatal(err)
			}
			b, err := c.w.Balance(ctx)
			var want byteball.Bytes
			places, _ := c.w.Addresses(ctx)
			for _, p := range places {
				want += c.hub.unspent(p.Address)
			}
			if err != nil || b != (wallet.Balance{Stable: want}) {
				t.Fatalf("copy %d has %+v, %v, the chain says %d", i, b, err, want)
			}
		}
	})
}

// TestCrashEverywhere: a payment and what follows it break off at every write to the disk and every call of the hub, before
// and after it took effect; then everything works again. The payment is made exactly once.
func TestCrashEverywhere(t *testing.T) {
	_, payee := key(t, 1)
	for _, script := range []string{"plain", "refused", "several", "double-spent"} {
		for step := 1; ; step++ {
			c, s := newChain(), newStore()
			w := many(t, c, s, script == "several")
			for i := range uint32(3) {
				if i > 0 {
					if _, err := w.Receive(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				c.fund(place(t, 0, i), 20_000)
			}
			c.settle()
			amount := byteball.Bytes(7000)
			if script == "several" {
				amount = 41_000
			}
			out := []unit.Output{{Address: payee, Amount: amount}}
			if script == "refused" {
				c.refuse = []error{refusal{"duplicate", byteball.Invalid}, refusal{"duplicate", byteball.Invalid}}
			}
			if script == "double-spent" {
				if _, err := newCopyMany(t, c).Pay(t.Context(), "copy", to(t, 11_000), nil); err != nil {
					t.Fatal(err)
				}
			}
			broken := &breaker{left: step}
			s.step = broken.step
			w = many(t, &brokenHub{c, broken}, s, false)
			_, _ = w.Pay(t.Context(), "rent", out, nil)
			c.settle()
			_ = w.Settle(t.Context())
			s.step, c.refuse = nil, nil
			w = many(t, c, s, false)
			for range 3 {
				if _, err := w.Pay(t.Context(), "rent", out, nil); err != nil && script != "double-spent" {
					t.Fatalf("%s, broken at %d: %v", script, step, err)
				}
				c.settle()
			}
			if n := paid(c, payee)[amount]; n != 1 {
				t.Fatalf("%s, broken at %d: paid %d times", script, step, n)
			}
			if broken.left > 0 {
				break // it was not reached
			}
			if step > 200 {
				t.Fatal("this never ends")
			}
		}
	}
}

// newCopyMany is another copy of the wallet on the same hub.
func newCopyMany(t fataler, c *chain) *wallet.Wallet {
	w := many(t, c, newStore(), false)
	if _, err := w.Scan(context.Background()); err != nil {
		t.Fatal(err)
	}
	return w
}

// breaker ends a program at its left-th step: nothing works from then on.
type breaker struct{ left int }

// step says whether the program may make its next step; two are counted for each call: before and after its effect.
func (b *breaker) step() error {
	if b.left--; b.left <= 0 {
		return fmt.Errorf("the program was killed: %w", byteball.Transient)
	}
	return nil
}

type brokenHub struct {
	*chain
	b *breaker
}

func (h *brokenHub) Anchor(ctx context.Context, from, to []byteball.Address) (unit.Anchor, error) {
	if err := h.b.step(); err != nil {
		return unit.Anchor{}, err
	}
	return h.chain.Anchor(ctx, from, to)
}

func (h *brokenHub) Post(ctx context.Context, u *unit.Unit) error {
	if err := h.b.step(); err != nil {
		return err
	}
	err := h.chain.Post(ctx, u)
	if killed := h.b.step(); killed != nil {
		return killed
	}
	return err
}

func (h *brokenHub) History(ctx context.Context, a []byteball.Address, known []byteball.Hash, min uint64) ([]unit.Proven, []*unit.Unit, error) {
	if err := h.b.step(); err != nil {
		return nil, nil, err
	}
	return h.chain.History(ctx, a, known, min)
}

// TestRefusedMayCount: a hub refuses a payment, keeps its unit and shows it later. Until the unit is dead, the payment is
// not made from other coins; once it counts, the payment has been made by it.
func TestRefusedMayCount(t *testing.T) {
	_, payee := key(t, 1)
	c, s := newChain(), newStore()
	w := many(t, c, s, false)
	c.fund(w.Address(), 30_000, 20_000)
	c.settle()
	rent, food := []unit.Output{{Address: payee, Amount: 7000}}, []unit.Output{{Address: payee, Amount: 8000}}
	c.lies = 2
	if _, err := w.Pay(t.Context(), "rent", rent, nil); !errors.Is(err, byteball.Invalid) {
		t.Fatalf("got %v, want Invalid", err)
	}
	state(t, w, "rent", wallet.Refused)
	eaten, err := w.Pay(t.Context(), "food", food, nil)
	if err != nil {
		t.Fatal(err)
	}
	w = many(t, c, s, false)
	if _, err := w.Pay(t.Context(), "rent", rent, nil); !errors.Is(err, byteball.Transient) {
		t.Fatalf("paid from other coins while the first unit could count: %v", err)
	}
	c.units = c.units[:1] // the payment of food was never seen by anybody else
	c.units = append(c.units, &entry{c.secret[0], 0, true}, &entry{eaten, 0, false})
	c.settle()
	u, err := w.Pay(t.Context(), "rent", rent, nil)
	if err != nil || u.Unit != c.secret[0].Unit {
		t.Fatalf("the unit that counts is not the payment's: %v", err)
	}
	state(t, w, "rent", wallet.Stable)
	state(t, w, "food", wallet.DoubleSpent)
	if _, err := w.Pay(t.Context(), "food", food, nil); err != nil {
		t.Error(err)
	}
	if n := paid(c, payee); n[7000] != 1 || n[8000] != 1 {
		t.Errorf("paid %v", n)
	}
}

// TestRenewedAfterItsChild: a payment that is composed anew may spend the change of one that was made after it. It is not
// taken for dead when something else becomes stable.
func TestRenewedAfterItsChild(t *testing.T) {
	w, c, s := funded(t, 50_000, 10_000)
	c.refuse = []error{errAway}
	if _, err := w.Pay(t.Context(), "old", to(t, 45_000), nil); !errors.Is(err, byteball.Transient) {
		t.Fatalf("got %v, want Transient", err)
	}
	young, err := w.Pay(t.Context(), "young", to(t, 1000), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.fee, c.least = 6000, 6000
	u, err := w.Pay(t.Context(), "old", to(t, 45_000), nil)
	if err != nil || !slices.ContainsFunc(inputs(u), func(in unit.Input) bool { return in.Unit == young.Unit }) {
		t.Fatalf("the change of the younger payment is not spent: %v", err)
	}
	c.fund(w.Address(), 77)
	c.stable++
	c.units[len(c.units)-1].mci = c.stable
	w = reopen(t, c, s)
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	state(t, w, "old", wallet.Posted)
	state(t, w, "young", wallet.Posted)
}
