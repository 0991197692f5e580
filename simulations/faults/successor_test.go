package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
)

// subscription is a market whose buyer wants so many windows and may lock no more in one channel than a few of them cost.
func subscription(t tb, windows uint32) *world { return subscribe(newWorld(t), windows, 2_100_000) }

// cheapSubscription is one where what a committee gets in a channel is dust in part.
func cheapSubscription(t tb, windows uint32) *world {
	return subscribe(worldOf(t, cheap()), windows, 30_000)
}

func subscribe(w *world, windows uint32, most byteball.Bytes) *world {
	w.jury.last = known()
	w.jury.integrity = func(uint64) uint16 { return 1000 }
	w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, func(c *buyer.Config) {
		c.Wants[0].Demand.Windows = windows
		c.Limits.Deal = most
	})
	w.dealer.boot()
	w.buyer.boot()
	return w
}

// line lists the deals that were funded, in the order in which they succeed one another.
func (w *world) line() (list []*account) {
	previous := byteball.Address("")
	for {
		var next *account
		for _, a := range w.laws.deals {
			if a.deal.Terms.Previous == previous && w.fundingOf(a.deal).MCI > 0 {
				next = a
			}
		}
		if next == nil {
			return list
		}
		list, previous = append(list, next), next.deal.Address
	}
}

// windowsOf lists the windows of what a buyer has got, each once.
func (n *node) windowsOf() (list []uint64) {
	for _, d := range n.got {
		if !slices.Contains(list, d.Window) {
			list = append(list, d.Window)
		}
	}
	return list
}

// TestASubscriptionOutlivesItsChannel: every window is bought, one after the other, over several channels.
func TestASubscriptionOutlivesItsChannel(t *testing.T) {
	const windows = 25
	w := subscription(t, windows)
	w.until("all is bought", 4*time.Minute, func() bool { return len(w.buyer.got) == windows*w.par.Batches })
	got := w.buyer.windowsOf()
	if got[len(got)-1]-got[0] != windows-1 {
		w.explain()
		t.Errorf("%d windows are bought from %d to %d", len(got), got[0], got[len(got)-1])
	}
	for _, n := range w.nodes {
		for _, err := range n.refused {
			t.Errorf("%s refused: %v", n.name, err)
		}
	}
	w.settle()
	line := w.line()
	if len(line) < 4 || len(line) != len(w.laws.deals) {
		t.Errorf("%d channels in a line of %d deals", len(line), len(w.laws.deals))
	}
	for i, a := range line {
		if a.closing == nil {
			t.Fatalf("channel %d is not closed", i)
		}
		w.settled(a).within(t, 0)
		if i > 0 && a.deal.Match.First < line[i-1].deal.Match.First {
			t.Errorf("channel %d begins before the one that it succeeds", i)
		}
	}
	w.want(w.buyer, "succeeded by")
}

// TestDustIsPaidByTheSuccessor: over a line of channels the committees get what they were promised, but for the dust of the last.
func TestDustIsPaidByTheSuccessor(t *testing.T) {
	const windows = 25
	w := cheapSubscription(t, windows)
	w.until("all is bought", 4*time.Minute, func() bool { return len(w.buyer.got) == windows*w.par.Batches })
	for _, n := range w.nodes {
		for _, err := range n.refused {
			t.Errorf("%s refused: %v", n.name, err)
		}
	}
	w.settle()
	line := w.line()
	promised, paid, worth, income, claimed := channel.Payouts{}, channel.Payouts{}, byteball.Bytes(0), byteball.Bytes(0), byteball.Bytes(0)
	for _, window := range w.buyer.windowsOf() {
		promised, _ = promised.Plus(line[0].deal.Fee(w.rules, w.committee(window)))
	}
	for _, a := range line {
		pay := channel.Paid(a.closing)
		delete(pay, a.deal.Terms.ChangeAddress)
		income += pay[a.deal.PayTo]
		delete(pay, a.deal.PayTo)
		paid, _ = paid.Plus(pay)
		claimed += a.claimed
	}
	for _, d := range w.buyer.got {
		worth += d.Price
	}
	var left byteball.Bytes
	for payee, n := range promised {
		if paid[payee]+w.par.Dust <= n || paid[payee] > n {
			t.Errorf("%s gets %d bytes of %d, more than dust is missing", payee, paid[payee], n)
		}
		left += n - paid[payee]
	}
	if income != worth+left || len(line) < 4 || claimed == 0 {
		t.Errorf("the seller gets %d bytes for batches worth %d and dust of %d, in %d channels; %d were claimed", income, worth, left, len(line), claimed)
	}
}
