package channel

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// What both sides learn from the ledger.

// funded takes note of the deposit. The first stable one counts.
func (m machine) funded(ev Funded) (State, []Effect, error) {
	st := m.State
	switch {
	case st.Phase != Opening && ev.Out == st.Funding.Out:
		return st, nil, nil
	case st.Phase != Opening:
		return st, nil, fmt.Errorf("channel %s is %s: another deposit: %w", m.shape.address, st.Phase, byteball.Stale)
	case ev.Amount != m.shape.Deposit:
		return st, nil, fmt.Errorf("channel %s: deposit of %d bytes, %d agreed: %w", m.shape.address, ev.Amount, m.shape.Deposit, byteball.Invalid)
	case ev.Out.Unit == "" || ev.Stable && ev.MCI == 0:
		return st, nil, fmt.Errorf("channel %s: deposit without a unit or main chain index: %w", m.shape.address, byteball.Invalid)
	case !ev.Stable && ev.Out == st.Funding.Out:
		return st, nil, nil
	}
	st.Funding = Funding{Out: ev.Out}
	if ev.Stable {
		st.Funding.MCI, st.Phase = ev.MCI, Open
	}
	return m.keep(st)
}

// deposit finds the deposit among u's outputs.
func (m machine) deposit(u *unit.Unit) (Funded, bool) {
	for i := range u.Messages {
		p, ok := u.Messages[i].Payload.(*unit.Payment)
		if !ok || p.Asset != "" {
			continue
		}
		for k, o := range p.Outputs {
			if o.Address == m.shape.address && o.Amount == m.shape.Deposit {
				return Funded{Out: unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}, Amount: o.Amount}, true
			}
		}
	}
	return Funded{}, false
}

// spends reports whether u spends the deposit.
func (m machine) spends(u *unit.Unit) bool {
	for i := range u.Messages {
		p, ok := u.Messages[i].Payload.(*unit.Payment)
		if !ok || p.Asset != "" {
			continue
		}
		for _, in := range p.Inputs {
			if in.Type == "" && m.Funding.Out == (unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}) {
				return true
			}
		}
	}
	return false
}

// byRefund reports whether the channel's author signed u for a refund.
func (m machine) byRefund(u *unit.Unit) bool {
	for i := range u.Authors {
		if u.Authors[i].Address == m.shape.address {
			_, refund := u.Authors[i].Authentifiers[pathRefund]
			return refund
		}
	}
	return false
}

// wrote reports whether the channel's address is an author of u.
func (m machine) wrote(u *unit.Unit) bool {
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return a.Address == m.shape.address })
}

func (m machine) own(u *unit.Unit) bool { return m.Own != nil && m.Own.Unit == u.Unit }

// stable takes note of a proven unit: the deposit, or what ends the channel.
func (m machine) stable(ev UnitStable, now time.Time) (State, []Effect, error) {
	st := m.State
	if ev.Unit == nil || st.Phase.Over() {
		return st, nil, nil
	}
	switch {
	case st.Phase == Opening && ev.Serial && m.wrote(ev.Unit):
		// By an earlier channel with the same keys. The ledger knows the definition by now and takes no unit that shows it
		// again, as closings do.
		st.Phase = Lost
		return m.keep(st)
	case st.Phase == Opening && ev.Serial:
		if f, ok := m.deposit(ev.Unit); ok {
			f.MCI, f.Stable = ev.MCI, true
			return m.funded(f)
		}
	case st.Phase == Opening && ev.Unit.Unit == st.Funding.Out.Unit:
		st.Phase = Lost
		return m.keep(st)
	case st.Phase == Opening || !m.spends(ev.Unit):
	case !ev.Serial && m.own(ev.Unit):
		return m.refuse(byteball.Invalid, now)
	case ev.Serial:
		st.Phase, st.Settled = Closed, ev.Unit
		if m.byRefund(ev.Unit) {
			st.Phase = Refunded
		}
		return m.keep(st)
	}
	return st, nil, nil
}

// refuse takes note of a hub's answer to Own; Tip posts again when it is time.
func (m machine) refuse(err error, now time.Time) (State, []Effect, error) {
	st := m.State
	if st.Own == nil || st.Phase.Over() {
		return st, nil, nil
	}
	st.posted, st.cheap = now.UnixMilli(), errors.Is(err, byteball.Transient)
	return st, nil, nil
}

// vanished takes note that a unit is gone that was not stable.
func (m machine) vanished(ev Vanished, now time.Time) (State, []Effect, error) {
	st := m.State
	switch {
	case st.Phase == Opening && ev.Unit == st.Funding.Out.Unit && ev.Unit != "":
		st.Funding = Funding{}
		return m.keep(st)
	case st.Own != nil && ev.Unit == st.Own.Unit:
		return m.refuse(byteball.Invalid, now)
	case st.Seen && !st.Phase.Over() && ev.Unit != st.Funding.Out.Unit:
		st.Seen = false
		return m.keep(st)
	}
	return st, nil, nil
}

// heard takes note of the chain's length and the load.
func (m machine) heard(ev Tip) State {
	st := m.State
	st.Tip, st.load = max(st.Tip, ev.MCI), ev.Fee
	return st
}

// taken returns the tps fee that gets a unit onto the chain as things are: the ledger's nodes build on nothing that offers
// less than three times the current fee (BYTEBALL B).
func (s State) taken() byteball.Bytes { return 3 * min(s.load, byteball.MaxBytes/3) }

// wants returns the tps fee to ask the buyer for: what the newest voucher would need, at most the reserve; if the ledger
// has refused it and nobody says for what, twice what it has. It is 0 if nothing is needed, or more would not be granted.
func (s State) wants() byteball.Bytes {
	if s.Newest == nil {
		return 0
	}
	has := tpsFee(s.Newest.Unit)
	fee := s.taken()
	if s.cheap {
		fee = max(fee, 2*has)
	}
	if fee = min(fee, s.Terms.Reserve); fee <= has {
		return 0
	}
	return fee
}

// resume returns what has to be done again after a restart.
func (m machine) resume(now time.Time) (State, []Effect, error) {
	st := m.State
	if st.Phase.Over() {
		return st, nil, nil
	}
	effects := []Effect{Watch{m.shape.address}}
	switch {
	case st.Own != nil:
		st.posted, st.tries, st.cheap = 0, 0, false // the next Tip signs it anew
	case st.Restored && st.Phase != Opening:
		effects = append(effects, Ask{restoredReason})
	case m.role == roleBuyer && st.Newest != nil:
		effects = append(effects, Send{*st.Newest})
	}
	return st, effects, nil
}
