package faults_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
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

// line lists the buyer's deals that were funded, in the order in which they succeed one another.
func (w *world) line() (list []*account) {
	previous := byteball.Address("")
	for {
		var next *account
		for _, a := range w.laws.deals {
			if a.buyer == w.buyer && a.deal.Terms.Previous == previous && w.fundingOf(a.deal).MCI > 0 {
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

// TestAFeeWithoutAStampIsCarriedOver: a window that nobody stamps costs its fee once, also where the window that is judged for
// it is the successor's.
func TestAFeeWithoutAStampIsCarriedOver(t *testing.T) {
	over := 0
	for _, silent := range []uint64{1, 2, 6, 7, 8} { // three windows later the epoch is not over
		t.Run(fmt.Sprint(silent), func(t *testing.T) {
			w := subscription(t, 1000)
			w.jury.mute = func(window uint64) int {
				if window == silent {
					return 7
				}
				return 0
			}
			w.start(13, 0)
			shares, want := byteball.Bytes(0), byteball.Bytes(0)
			for _, a := range w.line() {
				shares += w.jury.sharesOf(a.deal)
			}
			for window := range uint64(12) { // 0 to 12, one of them for the fee of the silent one
				fee, _ := w.line()[0].deal.Fee(w.rules, w.committee(window)).Total()
				want += fee
			}
			if shares != want {
				w.explain()
				t.Errorf("%d bytes for committees, want %d", shares, want)
			}
			if w.laws.prepaid[booking{w.buyer, silent}] != w.laws.prepaid[booking{w.buyer, silent + 3}] {
				over++
			}
			for _, n := range w.nodes {
				for _, err := range n.refused {
					t.Errorf("%s refused: %v", n.name, err)
				}
			}
			w.settle()
		})
	}
	if over == 0 {
		t.Error("no fee was carried from one channel to the next")
	}
}

// TestTwoBadWindowsInARowEndALine: the last window of one channel and the first of the next.
func TestTwoBadWindowsInARowEndALine(t *testing.T) {
	w := subscription(t, 1000)
	w.jury.integrity = func(window uint64) uint16 {
		if window == 4 || window == 5 {
			return 499
		}
		return 1000
	}
	w.start(8, 0)
	if w.laws.prepaid[booking{w.buyer, 4}] == w.laws.prepaid[booking{w.buyer, 5}] {
		t.Fatal("windows 4 and 5 are of one channel")
	}
	w.want(w.buyer, "two windows in a row")
	if got := w.buyer.windowsOf(); !slices.Equal(got, []uint64{0, 1, 2, 3}) {
		t.Errorf("windows %v are bought, want 0 to 3", got)
	}
	w.until("both channels are closed", time.Minute, func() bool { return w.laws.closed() == len(w.line()) })
	w.settle()
}

// TestAWrongPreviousIsRefused: a proposal may succeed an open channel of its own buyer, once, and not before the one before that
// is settled.
func TestAWrongPreviousIsRefused(t *testing.T) {
	w := subscription(t, 1000)
	stranger := w.addBuyer(31, nil)
	stranger.boot()
	w.until("a successor is open", time.Minute, func() bool { return len(w.line()) == 2 })
	w.run(time.Second)
	line := w.line()
	if line[0].buyer != w.buyer || line[0].closing != nil {
		t.Fatal("the first channel is not the subscriber's, or closed")
	}
	for _, c := range []struct {
		by       *node
		previous byteball.Address
		want     string
	}{
		{w.buyer, op, "none of yours"},
		{w.buyer, line[0].deal.Address, "is succeeded by"},
		{w.buyer, line[1].deal.Address, "is not settled"},
		{stranger, line[1].deal.Address, "none of yours"},
	} {
		w.refuses(c.by, c.previous, c.want)
	}
	w.until("the first channel is closed", time.Minute, func() bool { return line[0].closing != nil })
	w.run(time.Second)
	w.refuses(w.buyer, line[0].deal.Address, "goes on no more")
}

// refuses proposes a deal that succeeds a channel, and wants the seller's reason to say something.
func (w *world) refuses(by *node, previous byteball.Address, want string) {
	w.Helper()
	var m protocol.Match
	for _, a := range w.laws.deals {
		if a.buyer == by && a.deal.Match.Expiry > m.Expiry {
			m = *a.deal.Match
		}
	}
	key := channelKey(by.seed, 249)
	m.Previous, m.BuyerKey, m.Expiry = previous, must(base64.StdEncoding.DecodeString(key.PublicKey())), w.now.Add(w.par.OfferValid).UnixMilli()
	reason, tap := "", w.wire.tap
	w.wire.tap = func(from *node, env envelope.Envelope) []envelope.Envelope {
		if r, ok := env.Body.(*protocol.Refuse); ok && r.Deal == m.ID() {
			reason = r.Reason
		}
		return nil
	}
	w.dealer.step(role.Received{From: by.Identity(), Env: must(envelope.Seal(by, w.rules.Market, &m))})
	w.wire.tap = tap
	if !strings.Contains(reason, want) {
		w.Errorf("to succeed %s: refused with %q, want %q", previous, reason, want)
	}
}

// TestARestoredBackupInALine: one side goes on from an older copy of its disk while two channels are open. Both close with what
// the other side holds, and life goes on.
func TestARestoredBackupInALine(t *testing.T) {
	for side, name := range []string{"seller", "buyer"} {
		t.Run(name, func(t *testing.T) {
			w := subscription(t, 1000)
			w.until("both channels are used", time.Minute, func() bool { return len(w.line()) == 2 && w.line()[1].n > 0 && w.line()[0].closing == nil })
			n := w.nodes[side]
			old := n.backup()
			w.bought(1)
			line := w.line()
			n.replace(old)
			w.until("both are closed", 2*time.Minute, func() bool { return line[0].closing != nil && line[1].closing != nil })
			for _, a := range line {
				w.settled(a).within(t, w.settled(a).batch)
			}
			w.bought(3)
			w.settle()
		})
	}
}

// TestWithoutRoomForTwoChannels: a person's limit, or the wallet, has room for one deposit only. Then one channel is settled
// before the next is paid, and the subscription goes on.
func TestWithoutRoomForTwoChannels(t *testing.T) {
	for name, limit := range map[string]func(*world, *buyer.Config){
		"limit":  func(_ *world, c *buyer.Config) { c.Limits.All = 3_000_000 },
		"wallet": nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.jury.last = known()
			w.dealer, w.buyer = w.addSeller(nil), w.addBuyer(30, func(c *buyer.Config) {
				c.Wants[0].Demand.Windows, c.Limits.Deal = 15, 2_100_000
				if limit != nil {
					limit(w, c)
				}
			})
			w.dealer.boot()
			w.buyer.boot()
			for range 1000 {
				w.run(300 * time.Millisecond)
				var locked byteball.Bytes
				for _, a := range w.laws.deals {
					if a.closing == nil && w.fundingOf(a.deal).MCI > 0 {
						locked += a.deal.Match.Deposit
					}
				}
				if locked > 3_000_000 {
					t.Fatalf("%d bytes are locked", locked)
				}
				if w.ledger.money = 0; limit == nil && locked > 0 {
					w.ledger.money = 1_000_000
				}
			}
			if got := len(w.buyer.got); got != 15*w.par.Batches {
				w.explain()
				t.Errorf("%d batches are bought, want 15 windows", got)
			}
			w.settle()
		})
	}
}
