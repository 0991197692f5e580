package wallet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// core is a wallet's hub made of the ledger's core, without sockets: the proofs are real and checked.
type core struct {
	t   testing.TB
	l   *ledger.Ledger
	op  ledger.Operator
	now time.Time
}

// begin starts a chain that pays each amount to the wallet of the tests.
func begin(t testing.TB, amounts ...byteball.Bytes) *core {
	opKey, _ := key(t, 9)
	_, mine := key(t, 0)
	c := &core{t: t, op: ledger.Operator{Signer: opKey}, now: time.Unix(1_700_000_000, 0)}
	var outputs []unit.Output
	for _, a := range amounts {
		outputs = append(outputs, unit.Output{Address: mine, Amount: a})
	}
	genesis, err := ledger.MakeGenesis(byteball.Dev, c.op, outputs, c.now)
	if err != nil {
		t.Fatal(err)
	}
	if c.l, err = ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.l.Close() })
	c.witness(4)
	return c
}

// witness lets the order provider post n units, a second apart.
func (c *core) witness(n int) {
	for range n {
		c.now = c.now.Add(time.Second)
		if _, err := c.l.Witness(c.op, c.now); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *core) Anchor(_ context.Context, from, _ []byteball.Address) (unit.Anchor, error) {
	return c.l.Anchor(from, c.now)
}

func (c *core) Post(_ context.Context, u *unit.Unit) error {
	return c.l.Post(u, c.now)
}

func (c *core) History(_ context.Context, addresses []byteball.Address, known []byteball.Hash, minMCI uint64) ([]unit.Proven, []*unit.Unit, error) {
	h, err := c.l.History(ledger.HistoryQuery{Addresses: addresses, Known: known, MinMCI: minMCI})
	if err != nil {
		return nil, nil, err
	}
	data, err := json.Marshal(h)
	if err != nil {
		return nil, nil, err
	}
	v, err := hub.Verify(data, []byteball.Address{c.l.OP()}, 1)
	return v.Proven, v.Unstable, err
}

func newWallet(t testing.TB, h wallet.Hub, n int) *wallet.Wallet {
	k, _ := key(t, n)
	w, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: h, Store: newStore(), Key: k})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestLedgerPayments: on the real ledger, payments in a row arrive, and not a byte appears or is lost.
func TestLedgerPayments(t *testing.T) {
	c := begin(t, 3_000_000, 2_000_000)
	alice, bob := newWallet(t, c, 0), newWallet(t, c, 1)
	var fees, paid byteball.Bytes
	seen := map[byteball.Hash]bool{}
	for round := range 5 {
		for i := range 3 {
			u, err := alice.Pay(t.Context(), fmt.Sprint("rent ", round, i), to(t, 10_000), nil)
			if err != nil {
				t.Fatalf("payment %d.%d: %v", round, i, err)
			}
			f, err := unit.Fees(u)
			if err != nil || seen[u.Unit] {
				t.Fatalf("payment %d.%d is not a unit of its own, %v", round, i, err)
			}
			seen[u.Unit] = true
			fees, paid = fees+f, paid+10_000
		}
		c.witness(6)
	}
	for _, w := range []*wallet.Wallet{alice, bob} {
		if err := w.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a, err := alice.Balance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := bob.Balance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b.Stable != paid || a.Stable != 5_000_000-paid-fees {
		t.Errorf("alice has %+v, bob %+v, want %d and %d", a, b, 5_000_000-paid-fees, paid)
	}
	again := newWallet(t, c, 0)
	if fresh, err := again.Balance(t.Context()); err != nil || fresh != a {
		t.Errorf("a wallet with an empty store has %+v, %v, want %+v", fresh, err, a)
	}
}

// TestLedgerBack pays back what is not stable yet only once it is.
func TestLedgerBack(t *testing.T) {
	c := begin(t, 1_000_000)
	alice, bob := newWallet(t, c, 0), newWallet(t, c, 1)
	if _, err := alice.Pay(t.Context(), "there", to(t, 50_000), nil); err != nil {
		t.Fatal(err)
	}
	if b, err := bob.Balance(t.Context()); err != nil || b.Arriving != 50_000 || b.Stable != 0 {
		t.Errorf("bob has %+v, %v, want 50000 arriving", b, err)
	}
	c.witness(6)
	back := []unit.Output{{Address: alice.Address(), Amount: 20_000}}
	data := unit.Message{App: "data", Payload: map[string]any{"for": "the change"}}
	if _, err := bob.Pay(t.Context(), "back", back, []unit.Message{data}); err != nil {
		t.Fatal(err)
	}
	c.witness(6)
	if p, err := bob.Wait(t.Context(), "back"); err != nil || p.State != wallet.Stable {
		t.Errorf("got %v, %v, want stable", p.State, err)
	}
	if a, err := alice.Balance(t.Context()); err != nil || a.Stable < 950_000 || a.Stable > 970_000 {
		t.Errorf("alice has %+v, %v", a, err)
	}
}

// TestLedgerCopies: two copies of a wallet, of the same words, pay at the same time from several addresses of the real
// ledger. Each payment is made once, and not a byte is lost.
func TestLedgerCopies(t *testing.T) {
	c := begin(t, 9_000_000)
	_, payee := key(t, 1)
	var pair []*wallet.Wallet
	for range 2 {
		pair = append(pair, many(t, c, newStore(), false))
	}
	var outputs []unit.Output
	for i := range uint32(6) {
		outputs = append(outputs, unit.Output{Address: place(t, 0, i+1), Amount: 1_000_000})
	}
	if _, err := pair[0].Pay(t.Context(), "spread", outputs, nil); err != nil {
		t.Fatal(err)
	}
	c.witness(6)
	for _, w := range pair {
		if n, err := w.Scan(t.Context()); n != 6 || err != nil {
			t.Fatalf("found %d addresses, %v, want 6", n, err)
		}
	}
	var want byteball.Bytes
	for round := range 3 {
		var g errgroup.Group
		for i, w := range pair {
			for k := range 3 {
				amount := byteball.Bytes(200_000 + 1000*round + 100*i + k)
				want += amount
				g.Go(func() error {
					_, err := w.Pay(t.Context(), fmt.Sprint(round, k), []unit.Output{{Address: payee, Amount: amount}}, nil)
					if errors.Is(err, byteball.Stale) || errors.Is(err, byteball.Transient) {
						return nil // the other was faster; it is asked for again below
					}
					return err
				})
			}
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			c.witness(6)
			for _, w := range pair {
				for k := range 3 {
					ref := fmt.Sprint(round, k)
					p, err := w.Payment(t.Context(), ref)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = w.Pay(t.Context(), ref, p.Outputs, nil) // what is still missing in the end is found below
				}
			}
		}
	}
	c.witness(6)
	got := newWallet(t, c, 1)
	if b, err := got.Balance(t.Context()); err != nil || b.Stable != want {
		t.Errorf("the payee has %+v, %v, want %d", b, err, want)
	}
	a, err := pair[0].Balance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := pair[1].Balance(t.Context()); err != nil || a != b || a.Leaving+a.Held+a.Arriving != 0 {
		t.Errorf("the copies have %+v and %+v, %v", a, b, err)
	}
	list, err := pair[0].History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var in, out byteball.Bytes
	for _, m := range list {
		if m.State == wallet.Stable {
			in, out = in+m.In, out+m.Out
		}
	}
	if in-out != a.Stable {
		t.Errorf("history adds up to %d, the balance is %d", in-out, a.Stable)
	}
}

func BenchmarkPay(b *testing.B) {
	for _, coins := range []int{10, 10_000} {
		b.Run(fmt.Sprint(coins, " coins"), func(b *testing.B) {
			c := newChain()
			w := many(b, c, newStore(), false)
			for i := 0; i < coins; i += 100 {
				c.fund(w.Address(), slices.Repeat([]byteball.Bytes{100_000}, min(100, coins))...)
			}
			c.settle()
			if err := w.Settle(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				if _, err := w.Pay(b.Context(), fmt.Sprint(n), to(b, 1000), nil); err != nil {
					b.Fatal(err)
				}
				c.settle()
			}
		})
	}
}
