package faults_test

import (
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// greedy takes a buyer's place in its one deal and buys whatever the seller sells, as long as the deposit has room for it.
type greedy struct {
	w      *world
	a      *account
	payer  channel.Payer
	bought map[place]bool
}

// greedy ends the buyer for good and goes on from its disk, in the deal of a.
func (w *world) greedy(a *account) *greedy {
	w.Helper()
	g := &greedy{w: w, a: a, bought: map[place]bool{}}
	w.buyer.down = 24 * time.Hour
	w.buyer.crash()
	p, err := channel.RestorePayer(w.buyer.disk[channel.Key("buyer", a.deal.Address)], keyOf(w.buyer, a.deal))
	if err != nil {
		w.Fatalf("%v", err)
	}
	g.payer = p
	w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
		if m, ok := env.Body.(*protocol.Delivery); ok {
			g.delivered(m)
		}
		return nil
	}
	g.prepay()
	return g
}

// prepay pays the committee of every window at its start.
func (g *greedy) prepay() {
	w := g.w.window()
	g.pay(g.a.deal.Fee(g.w.rules, g.w.committee(w)), w, protocol.Prepaid)
	g.w.at(g.w.cal.WindowStart(w+1).Add(100*time.Millisecond), g.prepay)
}

// delivered pays for a batch, once.
func (g *greedy) delivered(m *protocol.Delivery) {
	at := place{m.Window, int(m.Index)}
	s := g.w.jury.stamped(m.Window)
	if s == nil || g.bought[at] {
		return
	}
	g.bought[at] = true
	price, _ := g.a.deal.Batch(g.w.rules, s)
	g.pay(channel.Payouts{g.a.deal.PayTo: price}, m.Window, int16(m.Index))
}

// pay signs a voucher and sends it.
func (g *greedy) pay(add channel.Payouts, window uint64, index int16) {
	base, _ := g.w.view.Bases.Newest()
	next, effects, err := g.payer.Apply(channel.Pay{Add: add, Base: base}, g.w.now)
	if err != nil {
		return // the deposit is spent
	}
	g.payer = next
	for _, e := range effects {
		if e, ok := e.(channel.Send); ok {
			m := &protocol.Voucher{Deal: g.a.deal.ID, Window: window, Index: index, Data: must(e.Voucher.Encode())}
			env := must(envelope.Seal(g.w.buyer, g.w.rules.Market, m))
			g.w.laws.sent(g.w.buyer, role.Send{To: g.w.dealer.Identity(), Env: env})
			g.w.after(latency, func() { g.w.dealer.step(role.Received{From: g.w.buyer.Identity(), Env: env}) })
		}
	}
}

// TestRowSellerClosesAtTheCap: the seller closes before a buyer owes it more than the cap. A law of the world looks at what
// it has on disk at every step.
func TestRowSellerClosesAtTheCap(t *testing.T) {
	w := trusted(t, 10)
	w.bought(5)
	a := w.line()[0]
	w.run(200 * time.Millisecond)
	w.greedy(a)
	w.until("the channel is closed", 2*time.Minute, func() bool { return a.closing != nil })
	w.want(w.dealer, "is the cap")
	s := w.settled(a)
	if most := a.deal.Cap(w.rules); s.income > most || s.income+a.deal.Offer.Price <= most {
		t.Errorf("closed with %d unsettled, want as much as stays within %d", s.income, most)
	}
}
