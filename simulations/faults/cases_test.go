package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// market starts a seller and a buyer.
func market(t tb) *world {
	w := newWorld(t)
	w.dealer = w.addSeller(nil)
	w.buyer = w.addBuyer(30, nil)
	w.dealer.boot()
	w.buyer.boot()
	return w
}

// bought lets trade go on until so many more batches are bought.
func (w *world) bought(n int) {
	w.Helper()
	n += len(w.buyer.got)
	w.until(fmt.Sprint(n, " batches"), 3*time.Minute, func() bool { return len(w.buyer.got) >= n })
}

// heard says whether a node has noted or refused something.
func (n *node) heard(text string) bool {
	return slices.ContainsFunc(n.notes, func(s string) bool { return strings.Contains(s, text) })
}

func (w *world) want(n *node, text string) {
	w.Helper()
	if !n.heard(text) {
		w.explain()
		w.Errorf("the %s never says %q", n.name, text)
	}
}

// only is the one deal there was.
func (w *world) only() *account {
	w.Helper()
	if len(w.laws.deals) != 1 {
		w.explain()
		w.Fatalf("%d deals", len(w.laws.deals))
	}
	for _, a := range w.laws.deals {
		return a
	}
	return nil
}

func TestTradeWithoutFaults(t *testing.T) {
	w := market(t)
	w.bought(30)
	for _, n := range w.nodes {
		for _, err := range n.refused {
			t.Errorf("%s refused: %v", n.name, err)
		}
	}
	w.settle()
	if n := w.laws.closed(); n != 1 {
		t.Errorf("%d channels were closed", n)
	}
}

// TestAnyMessageMayBeLost loses the first messages of a kind, once trade is under way and from the beginning.
func TestAnyMessageMayBeLost(t *testing.T) {
	kinds := []protocol.Kind{protocol.KindMatch, protocol.KindOpened, protocol.KindVoucher, protocol.KindAccepted, protocol.KindCommitted, protocol.KindAux,
		protocol.KindStamped, protocol.KindDelivery, protocol.KindKey}
	for _, k := range kinds {
		for _, from := range []time.Duration{0, 22 * time.Second} {
			for _, n := range []int{1, 4} {
				t.Run(fmt.Sprintf("%d %s after %v", n, k, from), func(t *testing.T) {
					w, left := market(t), n
					w.run(from)
					w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
						if env.Kind() == k && left > 0 {
							left--
							return nil
						}
						return []envelope.Envelope{env}
					}
					w.bought(12)
					if k != protocol.KindMatch && k != protocol.KindOpened && left > 0 {
						t.Errorf("%d messages were not there to be lost", left)
					}
					w.settle()
				})
			}
		}
	}
}

func TestTheCloseMayBeLost(t *testing.T) {
	w, left := market(t), 3
	w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
		if env.Kind() == protocol.KindClose && left > 0 {
			left--
			return nil
		}
		return []envelope.Envelope{env}
	}
	w.bought(5)
	w.settle()
	if left > 0 || w.laws.closed() != 1 {
		t.Errorf("%d closes not lost, %d channels closed", left, w.laws.closed())
	}
}

// TestPowerMayFailBeforeAnyEffect crashes a side before each kind of effect, several times.
func TestPowerMayFailBeforeAnyEffect(t *testing.T) {
	for side, traps := range [][]string{{"step", "Send", "Wake", "Watch", "Pay"}, {"step", "Send", "Wake", "Watch", "Pay", "Deliver"}} {
		for _, trap := range traps {
			t.Run(fmt.Sprint(side, " ", trap), func(t *testing.T) {
				w := market(t)
				n := w.nodes[side]
				for i := range 5 {
					n.trap, n.spared, n.down = trap, 3*i, time.Duration(i)*2*time.Second
					w.bought(3)
				}
				w.settle()
			})
		}
	}
}

func TestAHardCodeEarnsNothing(t *testing.T) {
	w := market(t)
	w.jury.integrity = func(uint64) uint16 { return 0 }
	w.until("the seller is dropped", time.Minute, func() bool { return w.buyer.heard("seller dropped") })
	w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
	w.run(time.Minute)
	a := w.only()
	pay := channel.Paid(a.closing)
	if len(w.buyer.got) > 0 || pay[a.deal.PayTo] != 0 || w.jury.sharesOf(a.deal) == 0 {
		t.Errorf("%d batches bought, the seller gets %d, others %d", len(w.buyer.got), pay[a.deal.PayTo], w.jury.sharesOf(a.deal))
	}
	w.buyer.down = time.Second
	w.buyer.crash()
	w.run(time.Minute)
	w.only() // no new deal after a restart
	w.settle()
}

// TestAHardCodeCannotBeHidden: the seller does not show its stamp, but the committee publishes it.
func TestAHardCodeCannotBeHidden(t *testing.T) {
	w := market(t)
	w.jury.gossips = true
	w.jury.integrity = func(window uint64) uint16 { return 930 * uint16(min(1, window%4)) } // 0 and 4 are bad
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if from == w.dealer && slices.Contains([]protocol.Kind{protocol.KindStamped, protocol.KindAux, protocol.KindCommitted}, env.Kind()) {
			return nil
		}
		return []envelope.Envelope{env}
	}
	w.start(0, 0)
	w.until("the seller is dropped", 10*time.Second, func() bool { return w.buyer.heard("stamped with hard code 5") })
	w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
	w.settle()
}

// TestAStampIsFinishedWithoutItsSeller: it dies when the samples are open, and sells the window when it is back.
func TestAStampIsFinishedWithoutItsSeller(t *testing.T) {
	w := market(t)
	w.jury.gossips, w.jury.takes = true, 5*time.Second
	w.start(3, 3*time.Second+500*time.Millisecond) // window 2 is open before the members
	w.dealer.crash()
	w.start(7, 0)
	if !slices.ContainsFunc(w.buyer.got, func(d role.Deliver) bool { return d.Window == 2 }) {
		w.explain()
		t.Error("window 2 was not sold")
	}
	w.settle()
}

func TestTwoBadWindowsInARowEndTheDeal(t *testing.T) {
	w := market(t)
	w.jury.integrity = func(window uint64) uint16 {
		if window == 1 || window == 3 || window == 4 {
			return 499
		}
		return 930
	}
	w.start(7, 0)
	w.want(w.buyer, "two windows in a row")
	for _, d := range w.buyer.got {
		if d.Window != 0 && d.Window != 2 {
			t.Errorf("batch %d of window %d was bought", d.Index, d.Window)
		}
	}
	if len(w.buyer.got) != 10 {
		t.Errorf("%d batches were bought, want two windows", len(w.buyer.got))
	}
	w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
	w.settle()
}

func TestAWrongKeyIsProven(t *testing.T) {
	for name, spoil := range map[string]func(*protocol.Key){
		"another key": func(m *protocol.Key) { m.Sealed = slices.Clone(m.Sealed); m.Sealed[79] ^= 1 },
		"noise":       func(m *protocol.Key) { m.Sealed = make([]byte, 80) },
	} {
		t.Run(name, func(t *testing.T) {
			w := market(t)
			w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
				if m, ok := env.Body.(*protocol.Key); ok {
					bad := *m
					spoil(&bad)
					env = must(envelope.Seal(from, w.rules.Market, &bad))
				}
				return []envelope.Envelope{env}
			}
			w.until("the seller is dropped", time.Minute, func() bool { return w.buyer.heard("a key that does not open") })
			w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
			a := w.only()
			var proof protocol.WrongKey // a third party has the bytes and the market's manifest
			if err := protocol.Decode(w.buyer.disk["proof/"+string(a.deal.ID[:])], &proof); err != nil {
				t.Fatalf("no proof is kept: %v", err)
			}
			if d, fault, err := deal.WrongKey(w.rules, &proof); err != nil || fault == nil || d.Seller != w.dealer.Identity() {
				t.Errorf("the proof convicts %s of %v, error %v", d.Seller, fault, err)
			}
			if len(w.buyer.got) > 0 || len(a.price) != 1 {
				t.Errorf("%d batches delivered, %d paid for, want 0 and 1", len(w.buyer.got), len(a.price))
			}
			w.settle()
		})
	}
}

func TestAFalseDeliveryIsNotPaid(t *testing.T) {
	for name, spoil := range map[string]func(*protocol.Delivery){
		"another header": func(m *protocol.Delivery) { m.Header.N++ },
		"another place":  func(m *protocol.Delivery) { m.Header.Seq++ },
		"no path":        func(m *protocol.Delivery) { m.Path = nil },
		"another cipher": func(m *protocol.Delivery) { m.Cipher = slices.Clone(m.Cipher); m.Cipher[0] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			w := market(t)
			w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
				if m, ok := env.Body.(*protocol.Delivery); ok {
					bad := *m
					spoil(&bad)
					env = must(envelope.Seal(from, w.rules.Market, &bad))
				}
				return []envelope.Envelope{env}
			}
			w.until("the seller is dropped", time.Minute, func() bool { return w.buyer.heard("not what was stamped") })
			if n := len(w.only().price); n > 0 {
				t.Errorf("%d batches were paid for", n)
			}
			w.settle()
		})
	}
}

func TestAWindowThatIsNotNormalIsNotBought(t *testing.T) {
	w := market(t)
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if m, ok := env.Body.(*protocol.Aux); ok {
			bad := *m
			bad.Text = "drift of 3 degrees"
			env = must(envelope.Seal(from, w.rules.Market, &bad))
		}
		return []envelope.Envelope{env}
	}
	w.start(5, 0)
	if n := len(w.only().price); n > 0 {
		t.Errorf("%d batches were paid for", n)
	}
}

// TestAFurtherBuyerPaysTheMembersToo: the second deal of a stream says so, and both get the same data.
func TestAFurtherBuyer(t *testing.T) {
	w := market(t)
	second := w.addBuyer(31, nil)
	w.run(30 * time.Second)
	second.boot()
	w.until("the second has bought ten batches", time.Minute, func() bool { return len(second.got) >= 10 })
	further := 0
	for _, a := range w.laws.deals {
		if a.n == 0 {
			continue // proposed, and refused because it did not know of the first
		}
		if a.deal.Match.Further != (a.buyer == second) {
			t.Errorf("deal %s: further is %t", a.deal.ID, a.deal.Match.Further)
		}
		if a.deal.Match.Further {
			further++
		}
		if w.jury.sharesOf(a.deal) == 0 {
			t.Errorf("deal %s pays nobody else", a.deal.ID)
		}
	}
	if further != 1 {
		t.Errorf("%d further deals", further)
	}
	for _, n := range w.nodes {
		n.step(role.Stop{})
	}
	w.until("all are done", time.Minute, func() bool { return w.dealer.done && w.buyer.done && second.done })
	if n := w.laws.closed(); n != 2 {
		t.Errorf("%d channels closed", n)
	}
}

// TestAFeeWithoutAStampIsCarried: a window that nobody stamps costs its fee once; a later one of the epoch is judged for it.
func TestAFeeWithoutAStampIsCarried(t *testing.T) {
	w := market(t)
	w.jury.mute = func(window uint64) int {
		if window == 6 {
			return 7
		}
		return 0
	}
	w.start(13, 0)
	var stamped []uint64
	for _, s := range w.jury.rounds {
		if s.body != nil {
			stamped = append(stamped, s.wc.Window)
		}
	}
	slices.Sort(stamped)
	if want := []uint64{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11}; !slices.Equal(stamped[:min(len(stamped), 11)], want) {
		t.Fatalf("windows %v are stamped, want %v", stamped, want)
	}
	a := w.only()
	com := w.committee(6)
	fee, _ := a.deal.Fee(w.rules, com).Total()
	if got, want := w.jury.sharesOf(a.deal), 12*fee; got != want { // 0 to 12, one of them for the fee of 6
		t.Errorf("%d bytes for committees, want %d of %d", got, want, fee)
	}
	for _, n := range w.nodes {
		for _, err := range n.refused {
			t.Errorf("%s refused: %v", n.name, err)
		}
	}
	w.settle()
}

// TestAClaimThatIsWrongIsPaid: a buyer that missed some stamps counts their fees as free; shown the stamps it pays.
func TestAClaimThatIsWrongIsPaid(t *testing.T) {
	w := market(t)
	w.start(6, time.Second)
	w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
		if env.Kind() == protocol.KindStamped && w.now.Before(w.cal.WindowStart(9).Add(time.Second)) {
			return nil
		}
		return []envelope.Envelope{env}
	}
	w.start(9, 500*time.Millisecond)
	w.want(w.dealer, "no earlier fee is free")
	w.start(15, 0)
	a := w.only()
	fee, _ := a.deal.Fee(w.rules, w.committee(6)).Total()
	if got, want := w.jury.sharesOf(a.deal), 15*fee; got != want {
		t.Errorf("%d bytes for committees, want %d of %d", got, want, fee)
	}
	if n := len(w.buyer.got); n != 70 {
		t.Errorf("%d batches are bought, want windows 0 to 13", n)
	}
	w.settle()
}
