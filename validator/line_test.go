package validator_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// A fee that waits for a stamp in one channel serves a window of the channel that succeeds it; the notice of a channel that
// has nothing to do with it is refused.
func TestAFeeIsCarriedOverALineOfChannels(t *testing.T) {
	for name, succeeds := range map[string]bool{"successor": true, "stranger": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, params.Fast())
			s := newTrader(w, 20)
			w.at(time.Unix(t0-10, 0), func() { s.agree(6) })
			w.at(time.Unix(t0-5, 0), s.funded)
			for _, window := range []uint64{6, 7, 8} { // of one epoch; 6 is never committed
				w.at(w.cal.WindowStart(window), func() { s.prepay(window) })
			}
			w.at(w.cal.WindowStart(8).Add(500*time.Millisecond), func() {
				if s.previous = ""; succeeds {
					s.previous = s.deal.Address
				}
				s.agree(9)
			})
			w.at(w.cal.WindowStart(9).Add(-500*time.Millisecond), s.funded)
			w.at(w.cal.WindowStart(9), func() { s.tell(9, s.pay(nil), w.committee(s.person, 9)) })
			w.at(w.cal.WindowStart(10), func() { s.prepay(10) })
			for _, window := range []uint64{7, 8, 9, 10} {
				w.at(w.cal.WindowStart(window+1).Add(500*time.Millisecond), func() { s.close(window) })
			}
			w.run(w.cal.WindowStart(13))
			for _, window := range []uint64{7, 8, 9, 10} { // 9 for the fee of 6
				if s.stamp(window) == nil {
					t.Errorf("window %d has no stamp", window)
				}
			}
			for i, n := range w.nodes {
				unpaid := slices.ContainsFunc(n.refused, func(err error) bool { return errors.Is(err, protocol.Funds) })
				if unpaid == succeeds {
					t.Errorf("validator %d: the notice of window 9 is refused: %t", i, unpaid)
				}
			}
		})
	}
}

// What a voucher claims for a validator is an old debt of the channel before: the share of a window comes on top of it, once.
func TestAnOldDebtPaysForNoWindow(t *testing.T) {
	const debt = 150
	for name, extra := range map[string]byteball.Bytes{"on top": debt, "out of the share": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, params.Fast())
			s := newTrader(w, 20)
			who := w.nodes[2]
			s.previous = newPerson(77).address()
			s.skim = func(window uint64, fee channel.Payouts) {
				if window == 7 {
					fee[who.address()] += extra
				}
			}
			s.notice = func(window uint64, n *protocol.Notice) *protocol.Notice {
				v, err := channel.ParseVoucher(n.Voucher)
				if err != nil {
					t.Fatal(err)
				}
				if window >= 7 {
					v.Claims = channel.Payouts{who.address(): debt}
				}
				if n.Voucher, err = v.Encode(); err != nil {
					t.Fatal(err)
				}
				return n
			}
			s.trade(6, 9)
			w.run(w.cal.WindowStart(12))
			short := 0
			for _, err := range who.refused {
				if errors.Is(err, protocol.Funds) {
					short++
				}
			}
			if refused := short > 0; refused != (extra == 0) {
				t.Errorf("the notices are refused: %t: %v", refused, who.refused)
			}
		})
	}
}
