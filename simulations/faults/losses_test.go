package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// One test for each row of the table of failures in MECHANISM 6, with the bound of its last column.

// settled is what the end of a channel means for both sides.
type settled struct {
	income byteball.Bytes // of the seller
	worth  byteball.Bytes // of the batches whose keys the buyer got
	shares byteball.Bytes // of everybody else
	fees   byteball.Bytes // of the closing unit
	batch  byteball.Bytes // price of the dearest batch, p
	fee    byteball.Bytes // of a window's committee, F
}

func (w *world) settled(a *account) settled {
	w.Helper()
	if a.closing == nil {
		w.explain()
		w.Fatalf("the channel is not settled")
	}
	pay := channel.Paid(a.closing)
	all, _ := pay.Total()
	s := settled{income: pay[a.deal.PayTo], shares: all - pay[a.deal.PayTo] - pay[a.deal.Terms.ChangeAddress]}
	s.fees, _ = unit.Fees(a.closing)
	s.fee, _ = a.deal.Fee(w.rules, w.committee(0)).Total()
	for at, p := range a.price {
		s.batch = max(s.batch, p)
		if a.got[at] {
			s.worth += p
		}
	}
	return s
}

// within wants the seller to be paid for all that was opened, and the buyer to have lost most bytes at most.
func (s settled) within(t *testing.T, most byteball.Bytes) {
	t.Helper()
	if s.income < s.worth || s.income-s.worth > most {
		t.Errorf("the seller gets %d for batches worth %d; the buyer may lose %d", s.income, s.worth, most)
	}
}

// dies takes a node away for good when it is about to send a kind of message for the n-th time.
func (w *world) dies(n *node, kind protocol.Kind, nth int) {
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if from == n && env.Kind() == kind {
			if nth--; nth == 0 {
				n.down = 24 * time.Hour
				n.crash()
				return nil
			}
		}
		return []envelope.Envelope{env}
	}
}

// closingFees is what a closing of such a deal costs, with its tps fee and the margin that it gives away.
const closingFees = 1600 + deal.TPSMargin + 100

// TestRowSellerStops: it takes the pay for a batch, keeps the key, and closes when it likes: B loses p + F + fees.
func TestRowSellerStops(t *testing.T) {
	w := market(t)
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if from == w.dealer && env.Kind() == protocol.KindKey && len(w.buyer.got) >= 6 {
			from.cut = true // what it promised never comes
		}
		return []envelope.Envelope{env}
	}
	w.bought(6)
	w.until("the seller is away", time.Minute, func() bool { return w.dealer.cut })
	w.run(30 * time.Second)
	w.dealer.cut = false
	w.wire.tap = func(*node, envelope.Envelope) []envelope.Envelope { return nil }
	w.dealer.step(role.Stop{})
	a := w.only()
	w.until("the seller closes", 10*time.Minute, func() bool { return a.closing != nil })
	s := w.settled(a)
	s.within(t, s.batch)
	windows := byteball.Bytes(len(w.jury.rounds))
	if s.shares > (windows+1)*s.fee || s.fees > closingFees {
		t.Errorf("%d bytes for %d committees at %d and a closing for %d: more than one F and the fees are lost", s.shares, windows, s.fee, s.fees)
	}
}

// TestRowBuyerStops: the seller posts the best voucher and loses nothing.
func TestRowBuyerStops(t *testing.T) {
	for kind, nth := range map[protocol.Kind]int{protocol.KindVoucher: 9, protocol.KindClose: 1} {
		w := market(t)
		w.dies(w.buyer, kind, nth)
		w.run(20 * time.Second)
		w.buyer.step(role.Stop{})
		a := w.only()
		w.until("the seller closes", 15*time.Minute, func() bool { return a.closing != nil })
		w.settled(a).within(t, w.settled(a).batch)
	}
}

// TestRowSellerDiesForGood: the deposit comes back; what was not settled was never more than the cap, half of the deposit.
func TestRowSellerDiesForGood(t *testing.T) {
	w := trusted(t, 10)
	w.bought(5)
	a := w.line()[0]
	w.until("the cap is near", 5*time.Minute, func() bool { return a.paid > a.deal.Cap(w.rules)/2 })
	w.dealer.down = 24 * time.Hour
	w.dealer.crash()
	w.until("the refund is stable", 20*time.Minute, func() bool { return a.closing != nil })
	if s := w.settled(a); s.income > 0 || s.shares > 0 || s.fees > closingFees {
		t.Errorf("the refund pays %d and %d to others, and %d of fees", s.income, s.shares, s.fees)
	}
}

// trusted is a market whose seller is known for good data and gets nearly the full price, and whose buyer wants so many
// windows.
func trusted(t tb, windows uint32) *world {
	w := newWorld(t)
	w.jury.last = known()
	w.jury.integrity = func(uint64) uint16 { return 1000 }
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, func(c *buyer.Config) { c.Wants[0].Demand.Windows = windows })
	w.dealer.boot()
	w.buyer.boot()
	return w
}

// known is the newest stamp of a seller whose data were good for long.
func known() *protocol.Stamp { return &protocol.Stamp{A: 500_000, B: 1000, I: 1000} }

// TestABuyerLeavesAChannelBeforeTheCap: it prepays no window that the seller would not sell, and goes on elsewhere.
func TestABuyerLeavesAChannelBeforeTheCap(t *testing.T) {
	w := trusted(t, 10)
	w.bought(5)
	a := w.line()[0]
	w.until("the channel is closed", 5*time.Minute, func() bool { return a.closing != nil })
	if w.dealer.heard("is the cap") || len(a.got) != len(a.price) || len(a.price) < 4*w.par.Batches {
		w.explain()
		t.Errorf("the seller closed by itself, or %d batches came of %d that were paid for", len(a.got), len(a.price))
	}
	w.until("all is bought", 5*time.Minute, func() bool { return len(w.buyer.got) == 10*w.par.Batches })
	w.settle()
}

// TestRowUnstableFundingAndDoubleOpen: nothing is delivered before the deposit is stable, nor after it was double-spent.
func TestRowUnstableFundingAndDoubleOpen(t *testing.T) {
	w := newWorld(t)
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, nil)
	deposits := func(u *unit.Unit) bool { return u.Authors[0].Address == w.buyer.address }
	w.ledger.held = deposits
	w.dealer.boot()
	w.buyer.boot()
	w.run(90 * time.Second)
	for _, a := range w.laws.deals {
		if a.n > 0 || len(w.jury.rounds) > 0 {
			t.Errorf("voucher %d, %d rounds before a stable deposit", a.n, len(w.jury.rounds))
		}
	}
	w.ledger.held, w.ledger.doomed = nil, deposits
	w.run(60 * time.Second)
	for _, a := range w.laws.deals {
		if a.n > 0 || len(w.buyer.got) > 0 || len(w.jury.rounds) > 0 {
			t.Errorf("voucher %d, %d batches, %d rounds on a deposit that was double-spent", a.n, len(w.buyer.got), len(w.jury.rounds))
		}
	}
}

// TestRowRefundRace: the buyer is silent and waits for its refund; the seller closes at 0.6 of the age, long before.
func TestRowRefundRace(t *testing.T) {
	w := market(t)
	w.bought(7)
	a := w.only()
	opened := w.fundingOf(a.deal).MCI
	w.wire.tap = func(*node, envelope.Envelope) []envelope.Envelope { return nil }
	w.until("the seller closes", 15*time.Minute, func() bool { return a.closing != nil })
	age, n := w.ledger.mci-opened, w.par.RefundAge
	if age < n*6/10 || age > n*7/10 {
		t.Errorf("closed at an age of %d, want 0.6 to 0.7 of %d", age, n)
	}
	w.settled(a).within(t, w.settled(a).batch)
}

// TestRowLedgerDown: trade pauses when no ball comes, the ages stand still, and all goes on afterwards.
func TestRowLedgerDown(t *testing.T) {
	w := market(t)
	w.bought(7)
	a := w.only()
	w.ledger.down = true
	w.run(20 * time.Second)
	before := a.paid
	w.run(3 * time.Minute)
	if a.paid != before {
		t.Errorf("%d bytes were paid while no ball was to be had", a.paid-before)
	}
	w.ledger.down = false
	w.bought(3)
	w.settle()
	w.settled(a).within(t, 0)
}

// TestRowCrash: either side crashes again and again, before every kind of effect: at most p is lost.
func TestRowCrash(t *testing.T) {
	for side := range 2 {
		w := market(t)
		n := w.nodes[side]
		for i, trap := range []string{"step", "Send", "Deliver", "Wake", "Send", "step"} {
			n.trap, n.spared, n.down = trap, 2*i, time.Second
			w.bought(2)
		}
		a := w.only()
		w.settle()
		w.settled(a).within(t, w.settled(a).batch)
	}
}

// TestRowRestoreFromBackup: the channel closes with what the peer holds: at most p is lost.
func TestRowRestoreFromBackup(t *testing.T) {
	for side := range 2 {
		w := market(t)
		w.bought(4)
		n := w.nodes[side]
		old := n.backup()
		w.bought(6)
		a := w.only()
		n.replace(old)
		w.until("the channel is closed", 2*time.Minute, func() bool { return a.closing != nil })
		w.settled(a).within(t, w.settled(a).batch)
	}
}

// TestRowFeeSpike: the ledger takes no unit for its fees; the close is late, and whole.
func TestRowFeeSpike(t *testing.T) {
	w := market(t)
	w.bought(7)
	a := w.only()
	w.ledger.closed = true // refuses as Transient, as a hub does for fees
	w.buyer.step(role.Stop{})
	w.run(40 * time.Second)
	if a.closing != nil {
		t.Fatal("closed while fees were too high")
	}
	w.ledger.closed = false
	w.until("the channel is closed", 2*time.Minute, func() bool { return a.closing != nil })
	w.settled(a).within(t, 0)
}

// TestRowValidatorOffline: a quorum is enough; without one the fee serves a later window.
func TestRowValidatorOffline(t *testing.T) {
	w := market(t)
	silent := map[uint64]int{1: 2, 2: 7} // of seven
	w.jury.mute = func(window uint64) int { return silent[window] }
	w.start(6, 0)
	var windows []uint64
	for _, d := range w.buyer.got {
		windows = append(windows, d.Window)
	}
	if !slices.Contains(windows, 1) || slices.Contains(windows, 2) {
		t.Errorf("bought in windows %v, want 1 but not 2", slices.Compact(windows))
	}
	a := w.only()
	w.settle()
	s := w.settled(a)
	s.within(t, 0)
	if got := s.shares / s.fee; got > byteball.Bytes(len(w.jury.rounds)) {
		t.Errorf("%d fees for %d rounds", got, len(w.jury.rounds))
	}
}
