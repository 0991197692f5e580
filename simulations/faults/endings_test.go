package faults_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller"
)

// TestASellerThatStopsSaysSo: the buyer prepays nothing more, gets what it has prepaid, and closes; then all begins anew.
func TestASellerThatStopsSaysSo(t *testing.T) {
	w := market(t)
	w.start(3, time.Second)
	w.dealer.step(role.Stop{})
	w.until("the seller is done", 20*time.Second, func() bool { return w.dealer.done })
	a := w.only()
	if n := len(w.buyer.got); n != 20 || a.closing == nil {
		w.explain()
		t.Errorf("%d batches are bought, want windows 0 to 3; closed %t", n, a.closing != nil)
	}
	w.dealer.crash()
	w.bought(5)
	w.settle()
}

// TestAForgottenProposalDoesNotBlock: the buyer dies after it proposed; its next proposal is not taken for a further one.
func TestAForgottenProposalDoesNotBlock(t *testing.T) {
	w := newWorld(t)
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, nil)
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if env.Kind() == protocol.KindMatch && from == w.dealer && w.buyer.life == 1 {
			w.buyer.down = time.Second
			w.buyer.crash()
			return nil
		}
		return []envelope.Envelope{env}
	}
	w.dealer.boot()
	w.buyer.boot()
	w.bought(5)
	if len(w.laws.deals) != 2 {
		t.Errorf("%d deals, want the forgotten one and the next", len(w.laws.deals))
	}
	for _, a := range w.laws.deals {
		if a.deal.Match.Further {
			t.Error("the deal counts as a further one")
		}
	}
	w.settle()
}

// TestAProposalThatComesLateEndsNoDeal: a proposal is on its way for so long that the buyer has given it up and agreed on
// another deal, whose deposit is paid and not stable.
func TestAProposalThatComesLateEndsNoDeal(t *testing.T) {
	w := market(t)
	var late envelope.Envelope
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if m, ok := env.Body.(*protocol.Match); ok && from == w.buyer {
			if first, ok := late.Body.(*protocol.Match); !ok || first.ID() == m.ID() {
				late = env
				return nil
			}
		}
		return []envelope.Envelope{env}
	}
	w.until("a deal", time.Minute, func() bool { return w.buyer.heard("deal agreed") })
	w.dealer.step(role.Received{From: w.buyer.Identity(), Env: late})
	w.bought(5)
	w.settle()
}

// TestStrangersCannotBlockAStream: proposals that are never funded lapse.
func TestStrangersCannotBlockAStream(t *testing.T) {
	w := newWorld(t)
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, nil)
	w.dealer.boot()
	w.ledger.money = 11_000_000 // for bonds, not for deposits like these
	var strangers []*node
	for i := range byte(16) {
		s := w.addBuyer(40+i, func(c *buyer.Config) { c.Wants[0].Demand.Windows = 100 })
		strangers = append(strangers, s)
		s.boot()
	}
	w.run(10 * time.Second)
	for _, s := range strangers {
		s.down = time.Hour
		s.crash()
	}
	w.run(w.par.OfferValid)
	w.buyer.boot()
	w.until("a deal", 5*time.Second, func() bool { return w.buyer.heard("deal agreed") })
	w.bought(5)
	w.settle()
}

// TestProposalsOfAMomentAreRefused: strangers that cost nothing propose deals, each of which has lapsed when the next one comes.
// The seller does not keep them all.
func TestProposalsOfAMomentAreRefused(t *testing.T) {
	w := newWorld(t)
	w.dealer = w.addSeller(nil)
	w.dealer.boot()
	w.ledger.money = 11_000_000 // for bonds, not for deposits
	tried := 0
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		m, ok := env.Body.(*protocol.Match)
		if !ok || from == w.dealer {
			return []envelope.Envelope{env}
		}
		wait := time.Duration(from.seed) * 5 * time.Millisecond
		short := *m
		short.Expiry = w.now.Add(wait + time.Millisecond).UnixMilli()
		env = must(envelope.Seal(from, w.rules.Market, &short))
		w.after(wait, func() { w.dealer.step(role.Received{From: from.Identity(), Env: env}) })
		tried++
		return nil
	}
	for i := range byte(50) {
		w.addBuyer(40+i, nil).boot()
	}
	w.run(15 * time.Second)
	kept := 0
	for key := range w.dealer.disk {
		if strings.HasPrefix(key, "deal/") {
			kept++
		}
	}
	if tried < 50 || kept > 16 {
		t.Errorf("%d deals are kept of %d proposals", kept, tried)
	}
}

// TestASellerThatContradictsItself says no to every proposal, each time because Further should be the other way round.
func TestASellerThatContradictsItself(t *testing.T) {
	w, asked := market(t), 0
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		m, ok := env.Body.(*protocol.Match)
		if !ok || from != w.buyer {
			return []envelope.Envelope{env}
		}
		asked++
		no := must(envelope.Seal(w.dealer, w.rules.Market, &protocol.Refuse{Deal: m.ID(), Reason: "no", Further: !m.Further}))
		w.after(latency, func() { w.buyer.step(role.Received{From: w.dealer.Identity(), Env: no}) })
		return nil
	}
	w.run(time.Minute)
	if most := int(time.Minute / w.par.Window()); asked > most {
		t.Errorf("the buyer proposes %d times in a minute, %d times would do", asked, most)
	}
	w.wire.tap = nil
	w.bought(5)
	w.settle()
}

// TestVouchersDoNotAge: one side is away for longer than a voucher's parent is young enough, in the middle of a deal and at
// its close.
func TestVouchersDoNotAge(t *testing.T) {
	for _, when := range []string{"batch", "prepaid", "close"} {
		for side := range 2 {
			t.Run(fmt.Sprint(when, " ", side), func(t *testing.T) {
				w := market(t)
				w.bought(7)
				away := w.nodes[side]
				w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
					v, ok := env.Body.(*protocol.Voucher)
					hit := when == "close" && env.Kind() == protocol.KindClose || ok && (v.Index == protocol.Prepaid) == (when == "prepaid") && when != "close"
					if hit && !away.cut {
						away.cut = true
						w.after(115*time.Second, func() { away.cut = false })
						w.wire.tap = nil
						return nil
					}
					return []envelope.Envelope{env}
				}
				if when == "close" {
					w.buyer.step(role.Stop{})
				}
				w.until("one is away", time.Minute, func() bool { return away.cut })
				w.until("it is back", 3*time.Minute, func() bool { return !away.cut })
				if when != "close" {
					w.bought(5)
				}
				w.settle()
				if n := w.laws.closed(); n != 1 {
					t.Errorf("%d channels closed", n)
				}
			})
		}
	}
}

// TestBooksFollowAnOlderClosing: the seller closes without the newest voucher, which never reached it.
func TestBooksFollowAnOlderClosing(t *testing.T) {
	w := market(t)
	w.bought(7)
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if from == w.buyer {
			return nil
		}
		return []envelope.Envelope{env}
	}
	w.run(8 * time.Second)
	w.dealer.step(role.Stop{})
	w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
	w.run(3 * time.Second)
	w.laws.closed()
	w.wire.tap = nil
	w.settle()
}

// TestADepositThatComesLate: the wallet has signed it when the hub goes away, and hands it in again later. Until then nobody
// knows whether it is paid, so the channel is not forgotten, whether the buyer stops meanwhile or the proposal lapses.
func TestADepositThatComesLate(t *testing.T) {
	for _, then := range []string{"the buyer stops", "the proposal lapses"} {
		t.Run(then, func(t *testing.T) {
			w := newWorld(t)
			w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, nil)
			w.buyer.owing = w.par.OfferValid + 10*time.Second
			w.dealer.boot()
			w.buyer.boot()
			w.until("the wallet's answer", 30*time.Second, func() bool { return w.buyer.heard("the deposit is not taken yet") })
			w.buyer.owing = 0
			if then == "the buyer stops" {
				w.buyer.step(role.Stop{})
			}
			w.run(w.par.OfferValid + 15*time.Second)
			if n := len(w.laws.deals); n != 1 {
				t.Errorf("%d deals, want 1: the deposit of the first one may still come", n)
			}
			w.buyer.step(role.Stop{})
			for _, a := range w.laws.deals {
				w.until("the deposit is settled", 15*time.Minute, func() bool { return a.closing != nil })
			}
			w.settle()
		})
	}
}

// TestTheDepositComesBack: the seller never shows itself again.
func TestTheDepositComesBack(t *testing.T) {
	w := market(t)
	w.bought(7)
	w.dealer.down = 24 * time.Hour
	w.dealer.crash()
	w.until("the refund is stable", 15*time.Minute, func() bool { return w.only().closing != nil })
	w.run(5 * time.Second)
	a := w.only()
	if err := w.laws.booked(w.buyer, a.deal, "buyer", a.closing); err != nil {
		t.Error(err)
	}
	if pay := channel.Paid(a.closing); len(pay) != 1 || pay[w.buyer.address] == 0 {
		t.Errorf("the refund pays %v", pay)
	}
	w.dealer.down = 0
	w.dealer.boot()
	w.run(10 * time.Second)
	if got := w.dealer.line("channel/" + fmt.Sprintf("%x", a.deal.ID[:])); got != 0 {
		t.Errorf("the seller's book has %d for a deal that was refunded", got)
	}
}

// TestAHubThatIsAwayDelaysTheClose: the closing is posted again and again until somebody takes it.
func TestAHubThatIsAwayDelaysTheClose(t *testing.T) {
	w := market(t)
	w.bought(7)
	w.ledger.closed = true
	w.buyer.step(role.Stop{})
	w.until("the seller closes", 30*time.Second, func() bool { return w.dealer.heard("close refused by the ledger") })
	w.run(20 * time.Second)
	if w.only().closing != nil {
		t.Error("closed without a hub")
	}
	w.ledger.closed = false
	w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
	w.settle()
}

// TestADealHasItsAge: before the seller closes, at 0.6 of the age, the two go on in a successor, and no window is lost.
func TestADealHasItsAge(t *testing.T) {
	w := newWorld(t)
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, func(c *buyer.Config) { c.Wants[0].Demand.Windows = 300 })
	w.dealer.boot()
	w.buyer.boot()
	w.until("a second deal", 8*time.Minute, func() bool { return len(w.line()) == 2 && w.line()[1].n > 0 })
	w.bought(20)
	if got := w.buyer.windowsOf(); got[len(got)-1] != uint64(len(got))-1 || w.dealer.heard("0.6 of the age") {
		w.explain()
		t.Errorf("%d windows are bought up to window %d, or the seller closed by itself", len(got), got[len(got)-1])
	}
	w.settle()
	if n := w.laws.closed(); n != 2 {
		t.Errorf("%d channels closed", n)
	}
}

func TestAWantIsBoughtOnce(t *testing.T) {
	w := newWorld(t)
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, func(c *buyer.Config) { c.Wants[0].Demand.Windows = 3 })
	w.dealer.boot()
	w.buyer.boot()
	w.run(3 * time.Minute)
	a := w.only()
	if a.closing == nil || len(w.buyer.got) != 15 {
		w.explain()
		t.Errorf("closed %t, %d batches bought, want 3 windows of 5", a.closing != nil, len(w.buyer.got))
	}
	w.settle()
}

func TestTooLittleMoney(t *testing.T) {
	w := newWorld(t)
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, nil)
	w.dealer.boot()
	w.run(5 * time.Second)
	w.ledger.money = 1_000_000
	w.buyer.boot()
	w.run(10 * time.Second)
	w.want(w.buyer, "MB missing")
	w.ledger.money = 0
	w.run(time.Minute)
	w.bought(5)
	w.settle()
}

// TestADepositIsNotForgotten: the hub is away when a deposit is paid, or when a buyer that has paid it starts again, until the
// offer has lapsed. The wallet pays when the hub is back, and the buyer still has the channel.
func TestADepositIsNotForgotten(t *testing.T) {
	for what, fail := range map[string]func(*world){
		"not taken": func(w *world) {
			w.ledger.down = true
			w.until("a deposit", 10*time.Second, func() bool { return w.buyer.heard("the deposit is not taken yet") })
		},
		"not stable": func(w *world) {
			w.until("a deal", 10*time.Second, func() bool { return w.buyer.heard("deal agreed") })
			w.ledger.down = true
			w.run(200 * time.Millisecond)
			w.buyer.crash()
		},
		"not taken, and the buyer stops": func(w *world) {
			w.ledger.down = true
			w.until("a deposit", 10*time.Second, func() bool { return w.buyer.heard("the deposit is not taken yet") })
			w.buyer.step(role.Stop{})
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := market(t)
			w.run(3 * time.Second)
			fail(w)
			a := w.only()
			w.run(w.par.OfferValid + 10*time.Second)
			w.ledger.down = false
			w.until("the deposit is back", 15*time.Minute, func() bool { return a.closing != nil })
		})
	}
}

func TestASellerBondsOnce(t *testing.T) {
	w := market(t)
	w.run(30 * time.Second)
	for range 5 {
		w.dealer.down = time.Second
		w.dealer.crash()
		w.run(10 * time.Second)
	}
	w.run(time.Duration(w.par.ListEpochs) * w.par.Epoch()) // the next listing period
	w.dealer.crash()
	w.run(10 * time.Second)
	if n := len(w.dealer.paid); n != 1 {
		t.Errorf("%d bonds were paid", n)
	}
}

// TestABrokenSensorSpoilsNothingElse: readings that are no numbers, or of a time to come.
func TestABrokenSensorSpoilsNothingElse(t *testing.T) {
	w := market(t)
	w.bought(3)
	for _, r := range []protocol.Reading{{Time: w.now.UnixMilli(), Value: math.NaN()}, {Time: w.now.UnixMilli(), Value: math.Inf(1)},
		{Time: w.now.Add(24 * time.Hour).UnixMilli(), Value: 1}, {Time: -1, Value: 1}, {Time: math.MaxInt64, Value: 1}, {Time: math.MinInt64, Value: 1}} {
		w.dealer.step(seller.Sensed{Prop: prop, Reading: r})
	}
	w.bought(10)
	w.settle()
}

func TestAnEmptyChannelDoesNotHoldUpTheSeller(t *testing.T) {
	w := market(t)
	w.run(5 * time.Second) // funded, before the first window
	w.buyer.down = time.Hour
	w.buyer.crash()
	w.dealer.step(role.Stop{})
	w.until("the seller is done", time.Minute, func() bool { return w.dealer.done })
}
