package oldnode_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// deal is a channel between two people, both sides of it, on the old node.
type deal struct {
	*world
	terms      channel.Terms
	alice, bob someone   // buyer, seller
	key        *unit.Key // of the buyer in the channel
	buyer      channel.Payer
	seller     channel.Payee
	posted     []*unit.Unit
}

// open funds a channel and opens both sides of it.
func (w *world) open(age uint64) *deal {
	w.Helper()
	d := &deal{world: w, alice: w.person(1_000_000), bob: w.person(0), key: newKey(w)}
	seller := newKey(w)
	d.terms = channel.Terms{Network: byteball.Old, Buyer: d.key.PublicKey(), Seller: seller.PublicKey(), Age: age,
		SellerAddress: d.bob.address, ChangeAddress: d.alice.address, Deposit: 200_000, Reserve: 1_000, Dust: 100}
	var err error
	d.buyer, _, err = channel.NewPayer(d.terms, d.key)
	w.ok(err)
	d.seller, _, err = channel.NewPayee(d.terms, seller)
	w.ok(err)
	u, err := d.alice.Pay(w.Context(), "deposit", []unit.Output{{Address: d.buyer.Address(), Amount: d.terms.Deposit}}, nil)
	w.ok(err)
	d.stable(u.Unit)
	if d.buyer.Phase != channel.Open || d.seller.Phase != channel.Open {
		w.Fatalf("the deposit is stable, yet the buyer is %s, the seller %s", d.buyer.Phase, d.seller.Phase)
	}
	return d
}

// stable waits for a unit and tells both sides of it.
func (d *deal) stable(u byteball.Hash) {
	d.Helper()
	p := d.proven(u)
	ev := channel.UnitStable{Unit: p.Unit, MCI: p.MCI, Serial: p.Serial}
	d.buys(ev)
	d.sells(ev)
}

// buys gives the buyer an event and carries out what follows.
func (d *deal) buys(ev channel.Event) {
	d.Helper()
	next, effects, err := d.buyer.Apply(ev, time.Now())
	d.ok(err)
	d.buyer = next
	d.run(effects)
}

func (d *deal) sells(ev channel.Event) {
	d.Helper()
	next, effects, err := d.seller.Apply(ev, time.Now())
	d.ok(err)
	d.seller = next
	d.run(effects)
}

func (d *deal) run(effects []channel.Effect) {
	d.Helper()
	for _, e := range effects {
		switch e := e.(type) {
		case channel.Send:
			b, tip := d.base()
			d.sells(channel.Accept{Voucher: e.Voucher, Base: b, Tip: tip})
		case channel.Post:
			d.ok(d.hub.Post(d.Context(), e.Unit))
			d.posted = append(d.posted, e.Unit)
		}
	}
}

// base is the newest proven unit of the witness, with how long the main chain is.
func (w *world) base() (channel.Base, uint64) {
	w.Helper()
	tip, err := w.hub.LastMCI(w.Context())
	w.ok(err)
	proven, _, err := w.hub.History(w.Context(), []byteball.Address{w.Witness}, nil, 0)
	w.ok(err)
	mci := map[byteball.Hash]uint64{}
	for _, p := range proven {
		mci[p.Unit.Unit] = p.MCI
	}
	last := proven[len(proven)-1]
	b, err := channel.On(last, mci[last.Unit.LastBallUnit], 0)
	w.ok(err)
	return b, tip
}

func (d *deal) pays(amount byteball.Bytes) {
	d.Helper()
	b, _ := d.base()
	d.buys(channel.Pay{Add: channel.Payouts{d.bob.address: amount}, Base: b})
}

// TestChannel: a channel opens, pays, and closes with a unit that was signed many units of the witness before; one signed
// still earlier is a double spend then.
func TestChannel(t *testing.T) {
	w := newWorld(t)
	d := w.open(300)
	d.pays(3_000)
	d.pays(4_000)
	before, _ := d.base()
	w.post(60)
	held, _ := d.base()
	if held.MCI < before.MCI+40 {
		t.Fatalf("the closing was held for %d units only", held.MCI-before.MCI)
	}
	d.sells(channel.CloseNow{Reason: "the test wants its money"})
	closing := d.posted[0]
	d.stable(closing.Unit)
	if d.buyer.Phase != channel.Closed || d.seller.Phase != channel.Closed {
		t.Errorf("the closing is stable, yet the buyer is %s, the seller %s", d.buyer.Phase, d.seller.Phase)
	}
	fees, err := unit.Fees(closing)
	w.ok(err)
	if got, want := channel.Paid(d.buyer.Settled)[d.alice.address], d.terms.Deposit-7_000-fees; got != want {
		t.Errorf("the change is %d, want %d", got, want)
	}
	if b := w.balance(d.bob.Wallet); b.Stable != 7_000 {
		t.Errorf("the seller has %+v, want 7000", b)
	}
}

// TestChannelOldState: a seller who posts two states of a channel gets the first.
func TestChannelOldState(t *testing.T) {
	w := newWorld(t)
	d := w.open(300)
	d.pays(9_000)
	other := d.seller
	d.pays(1_000)
	d.sells(channel.CloseNow{Reason: "first"})
	d.stable(d.posted[0].Unit)
	_, effects, err := other.Apply(channel.CloseNow{Reason: "second"}, time.Now())
	w.ok(err)
	d.run(effects)
	late := d.posted[1]
	if s, err := w.Sequence(late.Unit); err != nil || s != "final-bad" {
		t.Errorf("the second closing is %s, %v, want final-bad", s, err)
	}
	w.cover(w.person(100_000), late.Unit)
	if p := w.proven(late.Unit); p.Serial {
		t.Errorf("both closings count")
	}
	if b := w.balance(d.bob.Wallet); b.Stable != 10_000 {
		t.Errorf("the seller has %+v, want 10000", b)
	}
}

// TestRefund: the buyer gets his deposit back once it is older than the age, and not before.
func TestRefund(t *testing.T) {
	w := newWorld(t)
	d := w.open(20)
	d.pays(3_000)
	b, tip := d.base()
	d.buys(channel.Tip{MCI: tip, Base: b})
	if len(d.posted) > 0 || d.buyer.Phase != channel.Open {
		t.Fatalf("the buyer is %s at %d, the deposit is of %d", d.buyer.Phase, tip, d.buyer.Funding.MCI)
	}
	w.post(15)
	w.until("a refund is due", func() bool {
		b, tip := d.base()
		d.buys(channel.Tip{MCI: tip, Base: b})
		if len(d.posted) > 0 && b.LastBallMCI <= d.buyer.RefundAfter() {
			t.Errorf("refund at last ball %d, want one above %d", b.LastBallMCI, d.buyer.RefundAfter())
		}
		return len(d.posted) > 0
	})
	d.stable(d.posted[0].Unit)
	if d.buyer.Phase != channel.Refunded || d.seller.Phase != channel.Refunded {
		t.Errorf("the refund is stable, yet the buyer is %s, the seller %s", d.buyer.Phase, d.seller.Phase)
	}
}

// TestEarlyRefund: the old node itself refuses a refund before its time.
func TestEarlyRefund(t *testing.T) {
	w := newWorld(t)
	d := w.open(200)
	b, _ := w.base()
	a := b.Anchor(time.Now())
	a.LastBallMCI = 1 << 20
	u, err := channel.Refund(d.terms, d.buyer.Funding, a)
	w.ok(err)
	w.ok(u.SignWith(u.Authors[0].Address, "r.1.0", d.key))
	w.ok(u.Seal())
	if err := w.hub.Post(t.Context(), u); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "authentifier verification failed") {
		t.Errorf("got %v, want the node's refusal", err)
	}
}
