package faults_test

import (
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/params"
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

	lawless bool           // it signs what no buyer signs
	fees    byteball.Bytes // tps fee that it offers at least
}

// greedy ends the buyer for good and goes on from its disk, in the deal of a.
func (w *world) greedy(a *account) *greedy {
	w.Helper()
	var g *greedy
	g = w.impostor(a, func(m protocol.Message) {
		if m, ok := m.(*protocol.Delivery); ok {
			g.delivered(m)
		}
	})
	g.prepay()
	return g
}

// impostor is greedy who does nothing by itself; hear gets what the seller says to the buyer.
func (w *world) impostor(a *account, hear func(protocol.Message)) *greedy {
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
		hear(env.Body)
		return nil
	}
	return g
}

// fee pays the committee of the window that runs.
func (g *greedy) fee() {
	w := g.w.window()
	g.pay(g.a.deal.Fee(g.w.rules, g.w.committee(w)), w, protocol.Prepaid)
}

// prepay pays the committee of every window at its start.
func (g *greedy) prepay() {
	w := g.w.window()
	g.fee()
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
	next, effects, err := g.payer.Apply(channel.Pay{Add: add, Base: base, TPSFee: g.fees}, g.w.now)
	if err != nil {
		return // the deposit is spent
	}
	g.payer = next
	for _, e := range effects {
		if e, ok := e.(channel.Send); ok {
			m := &protocol.Voucher{Deal: g.a.deal.ID, Window: window, Index: index, Data: must(e.Voucher.Encode())}
			env := must(envelope.Seal(g.w.buyer, g.w.rules.Market, m))
			if !g.lawless {
				g.w.laws.sent(g.w.buyer, role.Send{To: g.w.dealer.Identity(), Env: env})
			}
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

// TestAKeyIsGivenForAPaidBatchOnly: a buyer does not pay for the first batch of a window until the seller keeps that window no
// more and is at a later one. Then it asks for the key, as if the answer to its payment had been lost.
func TestAKeyIsGivenForAPaidBatchOnly(t *testing.T) {
	w := trusted(t, 100)
	w.bought(5)
	var offered uint64 // the newest window of which a batch came
	keys := 0
	g := w.impostor(w.line()[0], func(m protocol.Message) {
		switch m := m.(type) {
		case *protocol.Delivery:
			offered = m.Window
		case *protocol.Key:
			keys++
		}
	})
	w.until("a batch is offered", 30*time.Second, func() bool { return offered > 0 })
	first := offered
	w.run(30 * w.par.Window())
	g.fee()
	w.until("one of a later window", 30*time.Second, func() bool { return offered > first })
	g.lawless = true
	g.pay(nil, first, 0)
	w.run(time.Second)
	if keys > 0 {
		t.Error("the key of a batch was given for nothing")
	}
}

// TestAVoucherPaysOnce: a buyer hands in its newest voucher again, for each batch that is offered and for windows to come.
func TestAVoucherPaysOnce(t *testing.T) {
	for name, m := range map[string]params.Manifest{"usual": manifest(), "shares are dust": cheap()} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, m)
			w.jury.last, w.jury.integrity = known(), func(uint64) uint16 { return 1000 }
			w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, nil)
			w.dealer.boot()
			w.buyer.boot()
			w.bought(5)
			a, keys := w.line()[0], 0
			var g *greedy
			again := func(window uint64, index int16) {
				v := &protocol.Voucher{Deal: a.deal.ID, Window: window, Index: index, Data: must(g.payer.Newest.Encode())}
				w.dealer.step(role.Received{From: w.buyer.Identity(), Env: must(envelope.Seal(w.buyer, w.rules.Market, v))})
			}
			g = w.impostor(a, func(m protocol.Message) {
				switch m := m.(type) {
				case *protocol.Delivery:
					w.after(latency, func() { again(m.Window, int16(m.Index)) })
				case *protocol.Key:
					keys++
				}
			})
			last := w.window() + 1
			for range 4 {
				w.start(w.window()+1, 100*time.Millisecond)
				again(w.window(), protocol.Prepaid)
			}
			if keys > 0 {
				t.Errorf("%d keys were given for one payment", keys)
			}
			for window := last; window < w.window(); window++ {
				if w.jury.stamped(window) != nil {
					t.Errorf("window %d was judged, nobody was paid for it", window)
				}
			}
		})
	}
}

// TestDustOpensNoBatch: the buyer's final voucher gives the seller what is dust to others, more than a batch costs. A voucher that
// pays for one more batch comes when that closing was refused for its fee, and then the ledger takes the closing.
func TestDustOpensNoBatch(t *testing.T) {
	w := worldOf(t, cheap())
	w.jury.last = known()
	w.jury.integrity = func(uint64) uint16 { return 1000 }
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, func(c *buyer.Config) { c.Wants[0].Demand.Windows = 100 })
	w.dealer.boot()
	w.buyer.boot()
	w.bought(5)
	a := w.line()[0]
	var out *protocol.Delivery
	keys := 0
	g := w.impostor(a, func(m protocol.Message) {
		switch m := m.(type) {
		case *protocol.Delivery:
			out = m
		case *protocol.Key:
			keys++
		}
	})
	g.lawless = true
	w.until("a batch is offered", 30*time.Second, func() bool { return out != nil })
	w.ledger.held = func(*unit.Unit) bool { return true }
	base, _ := w.view.Bases.Newest()
	final, effects, err := g.payer.Apply(channel.CloseNow{Reason: "done", Base: base}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range effects {
		if e, ok := e.(channel.Send); ok {
			env := must(envelope.Seal(w.buyer, w.rules.Market, &protocol.Close{Deal: a.deal.ID, Reason: "done", Data: must(e.Voucher.Encode())}))
			w.dealer.step(role.Received{From: w.buyer.Identity(), Env: env})
		}
	}
	w.until("a closing is taken", time.Minute, func() bool { return len(w.ledger.posted) > 0 })
	w.ledger.fee = 3 * *final.Newest.Unit.TPSFee
	w.until("it is refused", time.Minute, func() bool { return w.dealer.heard("close refused by the ledger") })
	g.fees = w.ledger.fee
	g.pay(nil, out.Window, int16(out.Index)) // has the number of the final one
	price, _ := a.deal.Batch(w.rules, w.jury.stamped(out.Window))
	g.fees++
	g.pay(channel.Payouts{a.deal.PayTo: price}, out.Window, int16(out.Index))
	w.run(time.Second)
	w.ledger.held = nil
	w.until("the channel is closed", time.Minute, func() bool { return a.closing != nil })
	w.run(time.Second)
	if got := channel.Paid(a.closing)[a.deal.PayTo]; got < g.payer.Payouts[a.deal.PayTo] || *a.closing.TPSFee >= g.fees {
		t.Errorf("the closing pays %d bytes with a tps fee of %d, want the dust of others with the fee of the older one", got, *a.closing.TPSFee)
	}
	if keys > 0 {
		t.Error("the key of a batch was given for dust")
	}
}
