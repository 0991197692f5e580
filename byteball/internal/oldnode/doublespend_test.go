package oldnode_test

import (
	"context"
	"errors"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// past is a hub as it was at one moment: a wallet that lost its connection then knows no more.
type past struct {
	wallet.Hub
	over     bool // the connection is back
	anchor   unit.Anchor
	proven   []unit.Proven
	unstable []*unit.Unit
}

func (w *world) past(of byteball.Address) *past {
	w.Helper()
	p := &past{Hub: w.hub}
	var err error
	p.anchor, err = w.hub.Anchor(w.Context(), []byteball.Address{of}, nil)
	w.ok(err)
	p.proven, p.unstable, err = w.hub.History(w.Context(), []byteball.Address{of}, nil, 0)
	w.ok(err)
	return p
}

func (p *past) Anchor(ctx context.Context, from, outputs []byteball.Address) (unit.Anchor, error) {
	if p.over {
		return p.Hub.Anchor(ctx, from, outputs)
	}
	return p.anchor, nil
}

func (p *past) History(ctx context.Context, a []byteball.Address, known []byteball.Hash, minMCI uint64) ([]unit.Proven, []*unit.Unit, error) {
	if p.over {
		return p.Hub.History(ctx, a, known, minMCI)
	}
	proven := p.proven
	for len(proven) > 0 && proven[0].MCI < minMCI {
		proven = proven[1:]
	}
	return proven, p.unstable, nil
}

// cover posts a unit of p that has u among its parents: only so can a unit become stable that the witness would not build on.
func (w *world) cover(p someone, u byteball.Hash) {
	w.Helper()
	a, err := w.hub.Anchor(w.Context(), []byteball.Address{p.address}, nil)
	w.ok(err)
	a.Parents = append(a.Parents, u)
	proven, _, err := w.hub.History(w.Context(), []byteball.Address{p.address}, nil, 0)
	w.ok(err)
	var coins []wallet.Coin
	for _, unit := range proven {
		coins = append(coins, coinsIn(unit.Unit, p.address)...)
	}
	c, err := wallet.Compose(byteball.Old, a, coins, nil, nil, p.address, wallet.Definition(p.key), p.address)
	w.ok(err)
	w.ok(c.SignWith(p.address, "r", p.key))
	w.ok(c.Seal())
	w.ok(w.hub.Post(w.Context(), c))
}

func coinsIn(u *unit.Unit, of byteball.Address) []wallet.Coin {
	var coins []wallet.Coin
	for i, m := range u.Messages {
		p, ok := m.Payload.(*unit.Payment)
		if !ok {
			continue
		}
		for k, o := range p.Outputs {
			if o.Address == of {
				coins = append(coins, wallet.Coin{OutPoint: unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}, Amount: o.Amount, Stable: true})
			}
		}
	}
	return coins
}

// TestDoubleSpend: two copies of a wallet spend the same coin. The old node takes the second unit too, as one that is bad
// for ever; once somebody builds on it, its place is proven, and the client shows it for what it is.
func TestDoubleSpend(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := w.person(100_000), w.person(0), w.person(100_000)
	to := func(amount byteball.Bytes) []unit.Output {
		return []unit.Output{{Address: bob.address, Amount: amount}}
	}
	_, err := alice.Pay(t.Context(), "first", to(1_000), nil)
	w.ok(err)
	w.settled(alice.Wallet, "first")
	w.post(5)

	old := w.past(alice.address)
	copied, err := wallet.New(wallet.Config{Network: byteball.Old, Hub: old, Store: &store{values: map[string][]byte{}}, Key: alice.key})
	w.ok(err)
	_, err = alice.Pay(t.Context(), "good", to(2_000), nil)
	w.ok(err)
	if p := w.settled(alice.Wallet, "good"); p.State != wallet.Stable {
		t.Fatalf("the first of two is %s", p.State)
	}
	bad, err := copied.Pay(t.Context(), "bad", to(4_000), nil)
	if err != nil {
		t.Fatalf("the old node refuses the second: %v", err)
	}
	if s, err := w.Sequence(bad.Unit); err != nil || s != "final-bad" {
		t.Errorf("the second is %s, %v, want final-bad", s, err)
	}
	w.post(3)
	if proven, _, err := w.hub.Prove(t.Context(), bad.Unit); err != nil || len(proven) != 0 {
		t.Errorf("nobody has built on the second, yet it is stable: %v, %v", proven, err)
	}
	w.cover(carol, bad.Unit)
	if p := w.proven(bad.Unit); p.Serial {
		t.Errorf("the second counts, says the client")
	}
	old.over = true
	if p := w.settled(copied, "bad"); p.State != wallet.DoubleSpent {
		t.Errorf("its wallet says %s, want double-spent", p.State)
	}
	if _, err := copied.Wait(t.Context(), "bad"); !errors.Is(err, byteball.Stale) {
		t.Errorf("waiting for it gives %v, want Stale", err)
	}
	if b := w.balance(bob.Wallet); b.Stable != 3_000 || b.Arriving != 0 {
		t.Errorf("bob has %+v, want 3000", b)
	}
	if a, c := w.balance(alice.Wallet), w.balance(copied); a != c {
		t.Errorf("one wallet has %+v, its copy %+v", a, c)
	}
}
