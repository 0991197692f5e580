package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// A buyer of events prepays every window and buys those only that a stamp marks (protocol.CodeEvent). That a quiet window is
// not bought says nothing about its seller.

// events makes a buyer one of events.
func events(c *buyer.Config) { c.Wants[0].Demand.Events = true }

// eventful is a market where the committee marks some windows; what change makes of the buyer.
func eventful(t tb, change func(*buyer.Config), marked ...uint64) *world {
	w := newWorld(t)
	w.jury.reasons = func(window uint64) []uint8 {
		if slices.Contains(marked, window) {
			return []uint8{protocol.CodeEvent}
		}
		return nil
	}
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, change)
	w.dealer.boot()
	w.buyer.boot()
	return w
}

// calm wants nobody to have refused anything, and the seller not to be dropped.
func (w *world) calm() {
	w.Helper()
	for _, n := range w.nodes {
		for _, err := range n.refused {
			w.Errorf("%s refused: %v", n.name, err)
		}
		if n.heard("seller dropped") {
			w.Errorf("the %s drops the seller", n.name)
		}
	}
}

// prepaidIn counts the windows that a buyer has prepaid.
func (w *world) prepaidIn(by *node) (n int) {
	for b := range w.laws.prepaid {
		if b.by == by {
			n++
		}
	}
	return n
}

// TestABuyerOfEvents: after many quiet windows one is marked. A buyer of all windows and one of events pay the same fees, and
// the same for the batches of that window; the one of events pays for no other.
func TestABuyerOfEvents(t *testing.T) {
	const step, end = 11, 14
	var fees [2]byteball.Bytes
	var price [2]byteball.Bytes
	for i, change := range []func(*buyer.Config){nil, events} {
		w := eventful(t, change, step)
		w.start(end, 0)
		w.run(500 * time.Millisecond)
		w.calm()
		a := w.only()
		if got := w.prepaidIn(w.buyer); got != end+1 {
			t.Errorf("%d windows are prepaid, want %d", got, end+1)
		}
		fees[i], price[i] = w.jury.sharesOf(a.deal), a.price[place{step, 0}]
		w.settle()
		w.calm()
		all := byteball.Bytes(0)
		for _, p := range a.price {
			all += p
		}
		if pay := channel.Paid(a.closing); pay[a.deal.PayTo] != all || w.laws.closed() != 1 {
			t.Errorf("the seller gets %d for batches worth %d, %d channels closed", pay[a.deal.PayTo], all, w.laws.closed())
		}
		if change == nil {
			continue
		}
		if got := w.buyer.windowsOf(); !slices.Equal(got, []uint64{step}) || len(w.buyer.got) != w.par.Batches {
			w.explain()
			t.Errorf("%d batches of windows %v are bought, want all of window %d", len(w.buyer.got), got, step)
		}
	}
	if fees[0] != fees[1] || price[0] != price[1] || fees[0] == 0 || price[0] == 0 {
		t.Errorf("fees %v, price of a batch %v: they differ", fees, price)
	}
}

// TestABuyerOfEventsBesideAnother: two buyers of one stream, whoever comes first.
func TestABuyerOfEventsBesideAnother(t *testing.T) {
	for name, changes := range map[string][2]func(*buyer.Config){"first": {events, nil}, "second": {nil, events}} {
		t.Run(name, func(t *testing.T) {
			w := eventful(t, changes[0], 12, 14)
			other := w.addBuyer(31, changes[1])
			w.start(4, 0)
			other.boot()
			w.start(17, 0)
			quiet, loud := w.buyer, other
			if changes[1] != nil {
				quiet, loud = other, w.buyer
			}
			if got := quiet.windowsOf(); !slices.Equal(got, []uint64{12, 14}) {
				w.explain()
				t.Errorf("the buyer of events has windows %v", got)
			}
			if got := loud.windowsOf(); len(got) < 9 {
				t.Errorf("the other buyer has windows %v", got)
			}
			for _, n := range w.nodes {
				if n.heard("seller dropped") {
					t.Errorf("the %s drops the seller", n.name)
				}
				n.step(role.Stop{})
			}
			w.until("all are done", time.Minute, func() bool { return w.dealer.done && quiet.done && loud.done })
			if n := w.laws.closed(); n != 2 {
				t.Errorf("%d channels closed", n)
			}
		})
	}
}

// TestQuietWindowsHaveASuccessor: a channel that pays nothing but fees for as long as it may is succeeded like any other.
func TestQuietWindowsHaveASuccessor(t *testing.T) {
	w := newWorld(t)
	w.jury.reasons = func(window uint64) []uint8 {
		if window%20 == 19 {
			return []uint8{protocol.CodeEvent}
		}
		return nil
	}
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, func(c *buyer.Config) { events(c); c.Wants[0].Demand.Windows = 300 })
	w.dealer.boot()
	w.buyer.boot()
	w.until("a second deal", 15*time.Minute, func() bool { return len(w.line()) == 2 && w.line()[1].n > 0 })
	last := w.window() + 40
	w.start(last, 0)
	for i, got := range w.buyer.windowsOf() {
		if got != uint64(20*i+19) {
			t.Errorf("window %d is bought", got)
		}
	}
	if got := w.prepaidIn(w.buyer); uint64(got) < last {
		t.Errorf("%d windows of %d are prepaid", got, last)
	}
	w.calm()
	w.settle()
}

// TestQuietWindowsSurviveARestart: a buyer that is away while a quiet window is stamped, and again amid the batches of a marked
// one, misses no batch. The fee of the stamp that it did not see is not free: in the end every window is paid for.
func TestQuietWindowsSurviveARestart(t *testing.T) {
	w := eventful(t, events, 10)
	w.start(8, 3900*time.Millisecond) // 7 is stamped at 4 s
	w.buyer.down = 300 * time.Millisecond
	w.buyer.crash()
	w.run(time.Second)
	w.buyer.trap, w.buyer.spared = "Deliver", 2
	w.start(15, 500*time.Millisecond)
	if got := w.buyer.windowsOf(); !slices.Equal(got, []uint64{10}) || w.buyer.heard("seller dropped") || w.buyer.life != 3 {
		w.explain()
		t.Errorf("windows %v are bought, want 10", got)
	}
	a := w.only()
	fee, _ := a.deal.Fee(w.rules, w.committee(14)).Total()
	if got := w.jury.sharesOf(a.deal); got != 16*fee || len(a.got) != w.par.Batches {
		w.explain()
		t.Errorf("%d bytes for committees, want 16 of %d; %d batches", got, fee, len(a.got))
	}
	w.settle()
}

// TestBadWindowsAmongQuietOnes: two bad windows count only if they follow one another, and a wrong label counts in a window
// that is quiet, too.
func TestBadWindowsAmongQuietOnes(t *testing.T) {
	w := eventful(t, events, 6)
	w.jury.integrity = func(window uint64) uint16 {
		if slices.Contains([]uint64{1, 4, 8, 9}, window) {
			return 499
		}
		return 930
	}
	w.start(8, 0)
	w.calm()
	w.start(12, 0)
	w.want(w.buyer, "two windows in a row under the least integrity")
	if got := w.buyer.windowsOf(); !slices.Equal(got, []uint64{6}) {
		t.Errorf("windows %v are bought, want 6", got)
	}
	w.settle()

	w = eventful(t, events)
	w.jury.relabel = func(c *protocol.Class) { c.Prop, c.Unit = "relative-humidity", "%RH" }
	w.until("the seller is dropped", time.Minute, func() bool { return w.buyer.heard("that are not what was offered") })
	w.settle()
}
