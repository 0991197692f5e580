package channel

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
)

// A backup does not know what was signed after it. A second voucher with the same number, or a final one that forgets a
// payment, is a fraud in the eyes of the seller. So the buyer's side signs no voucher after Recovered. The seller needs none:
// he can close with the newest that he holds. Only if he never does, the refund comes, a quarter of the age later
// than usual, when a refund of the lost disk is long stable. A unit that the backup remembers is not posted as it is, either:
// the lost disk may have seen it archived. The next Tip signs another one. The seller signs with a nonce that is the time of
// signing in seconds: a ledger takes longer to archive a unit, so no two lives of a disk sign the same.

const restoredReason = "restored from a backup"

// silent is why no voucher is signed.
func (p Payer) silent() error {
	return fmt.Errorf("channel %s was %s: nothing new is signed for it: %w", p.shape.address, restoredReason, byteball.Stale)
}

// recovered asks the seller to close with what he holds.
func (p Payer) recovered(now time.Time) (State, []Effect, error) {
	st := p.State
	if st.Phase.Over() {
		return st, nil, nil
	}
	st.Restored = true
	effects := []Effect{Watch{p.shape.address}}
	switch st.Phase {
	case Open:
		st.Phase, st.Reason = Closing, restoredReason
		effects = append(effects, p.appeal()...)
	case Closing:
		effects = append(effects, p.appeal()...)
	}
	return p.keep(st.again(now), effects...)
}

// appeal shows the seller what this side has, in case he has less, and asks him to close.
func (p Payer) appeal() []Effect {
	if p.Newest == nil {
		return []Effect{Ask{restoredReason}}
	}
	return []Effect{Send{*p.Newest}, Ask{restoredReason}}
}

// held takes over a voucher that this side has signed and forgotten, if it is newer than what it knows.
func (p Payer) held(ev Held) (State, []Effect, error) {
	st := p.State
	switch {
	case st.Phase.Over() || !st.Restored:
		return st, nil, nil
	case st.Phase == Opening:
		return State{}, nil, fmt.Errorf("channel %s: the deposit is not stable yet: %w", p.shape.address, byteball.Transient)
	}
	pay, u, err := p.shape.read(st.Funding, ev.Voucher)
	if err != nil {
		return State{}, nil, err
	}
	if st.Newest != nil {
		known := Paid(st.Newest.Unit)
		delete(known, p.shape.ChangeAddress)
		if _, older := known.falls(pay); older || ev.Voucher.N == st.Newest.N {
			return st, nil, nil
		}
	}
	for a, amount := range st.Waiting() {
		pay[a] = max(pay[a], amount)
	}
	st.Payouts, st.Hung = pay, 0
	st.Newest = &Voucher{N: ev.Voucher.N, Final: ev.Voucher.Final, Unit: u, Claims: ev.Voucher.Claims}
	st.Claimed = ev.Voucher.Claims
	return p.keep(st)
}
