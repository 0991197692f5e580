package validator_test

import (
	"errors"
	"slices"
	"testing"
	"time"

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
