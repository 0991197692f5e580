package channel

import (
	"fmt"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// A channel cannot be filled up: its address is spent once. When its deposit or its time runs out, another one takes over.
//
//  1. The buyer asks Low at each step. When it says yes he proposes Terms.Successor, once, and pays its deposit.
//  2. Both open a Payer and a Payee on it. Payments go on in the old channel while the new deposit is not stable.
//  3. When the new one is Open both apply Succeeded to the old one: the buyer signs its final voucher, the seller closes
//     with that, or with what he has after 2*MaxBehind main chain units. From then on payments go to the new one, so
//     money is unsettled in one channel at a time but for that while.
//  4. When the old one is Closed both apply Inherit to the new one. What was dust in the old one's final closing the seller
//     got; the buyer's next vouchers pay it to its owners out of what the seller would get, and say so in Claims.
//
// A seller whose side of the old channel was restored from a backup does not know what he got for others and refuses such
// vouchers; he had better not agree to a successor.
//
// Each channel keeps its own deposit, age and deadline, so the bounds of both hold as if the other did not exist. The
// seller's credit in a deal is the sum of both.

// Successor returns the terms of a channel that takes over from one on t: the same but for a fresh key of the buyer and
// the deposit. Error: Invalid, as from Validate.
func (t Terms) Successor(buyer string, deposit byteball.Bytes) (Terms, error) {
	address, err := t.Address()
	if err != nil {
		return Terms{}, err
	}
	if buyer == t.Buyer {
		return Terms{}, fmt.Errorf("channel %s: its successor needs a fresh key: %w", address, byteball.Invalid)
	}
	t.Buyer, t.Deposit, t.Previous = buyer, deposit, address
	return t, t.Validate()
}

// Low reports whether it is time to open a successor: spend is the most that is promised, to at most outputs payees who
// have nothing yet, while a new deposit becomes stable, which takes at most that many main chain units. It is if the room
// or the time until CloseAt is not enough for that.
func (p Payer) Low(spend byteball.Bytes, outputs int, units uint64) bool {
	if p.Phase != Open || p.Next != "" || p.Restored {
		return false
	}
	return p.Room(outputs) < spend || p.Tip+units >= p.CloseAt()
}

// succeeded notes the successor; the caller goes on to the close.
func (m machine) succeeded(ev Succeeded) (State, error) {
	if ev.Next == "" || ev.Next == m.shape.address {
		return State{}, fmt.Errorf("channel %s: succeeded by %q: %w", m.shape.address, ev.Next, byteball.Invalid)
	}
	st := m.State
	st.Next = ev.Next
	return st, nil
}

// Debts returns what a closed channel leaves behind: the promises that were dust and that no output pays, and how much of
// that the seller got for their owners by a final closing. Without a final closing it is in the buyer's change.
// Error: NotFound if no closing is stable.
func (s State) Debts() (owed Payouts, withSeller byteball.Bytes, err error) {
	if s.Phase != Closed || s.Settled == nil {
		return nil, 0, fmt.Errorf("channel is %s: nothing is settled: %w", s.Phase, byteball.NotFound)
	}
	paid := Paid(s.Settled)
	owed = s.Waiting()
	maps.DeleteFunc(owed, func(a byteball.Address, _ byteball.Bytes) bool { return a == s.Terms.SellerAddress || paid[a] > 0 })
	if got, due := paid[s.Terms.SellerAddress], s.Payouts[s.Terms.SellerAddress]; s.Newest != nil && s.Newest.Final && got > due {
		withSeller = min(got-due, s.Terms.Dust*MaxOutputs)
	}
	return owed, withSeller, nil
}

// inherit takes over the debts of the previous channel, once.
func (m machine) inherit(ev Inherit) (State, []Effect, error) {
	st := m.State
	previous, err := ev.Old.Terms.Address()
	switch {
	case err != nil:
		return State{}, nil, err
	case previous != m.shape.Previous || ev.Old.Terms.SellerAddress != m.shape.SellerAddress:
		return State{}, nil, fmt.Errorf("channel %s succeeds %q, not %s: %w", m.shape.address, m.shape.Previous, previous, byteball.Invalid)
	case st.Inherited || st.Phase > Open:
		return st, nil, nil
	}
	owed, debt, err := ev.Old.Debts()
	if err != nil {
		return State{}, nil, err
	}
	st.Inherited, st.Debt = true, debt
	if m.role == roleBuyer {
		delete(owed, m.shape.ChangeAddress)
		st.Owed = owed
		total, err := owed.Total()
		if err != nil {
			return State{}, nil, err
		}
		st.Debt = min(debt, total)
	}
	return m.keep(st)
}

// claim adds to add what is owed from the previous channel: in the order of addresses, as far as the seller's part of add
// pays for it; what he does not hold the buyer pays. It returns st with what is left.
func (st State) claim(add Payouts) (State, Payouts, error) {
	if len(st.Owed) == 0 {
		return st, add, nil
	}
	seller := st.Terms.SellerAddress
	taken, left := Payouts{}, add[seller]
	st.Owed = maps.Clone(st.Owed)
	for _, a := range slices.Sorted(maps.Keys(st.Owed)) {
		amount := st.Owed[a]
		debit := min(amount, st.Debt)
		if debit > left || debit > 0 && st.Payouts[seller]+left-debit < st.Terms.Dust {
			break
		}
		left, st.Debt, taken[a] = left-debit, st.Debt-debit, amount
		delete(st.Owed, a)
	}
	sum, err := add.Plus(taken)
	if err != nil {
		return State{}, nil, err
	}
	if sum[seller] = left; left == 0 {
		delete(sum, seller)
	}
	st.Claimed, err = st.Claimed.Plus(taken)
	return st, sum, err
}

// claims checks what a voucher says it pays of the previous channel's debts, and returns what is new of it and how much of
// that the seller pays: at most what he got for others.
func (p Payee) claims(v Voucher) (more Payouts, short byteball.Bytes, err error) {
	if len(v.Claims) == 0 && len(p.Claimed) == 0 {
		return nil, 0, nil
	}
	if a, ok := p.Claimed.falls(v.Claims); ok {
		return nil, 0, fmt.Errorf("it claims %d bytes for %s, after %d before: %w", v.Claims[a], a, p.Claimed[a], byteball.Invalid)
	}
	more = Payouts{}
	for a, amount := range v.Claims {
		if p.shape.Previous == "" || amount >= p.shape.Dust || a == p.shape.SellerAddress {
			return nil, 0, fmt.Errorf("it claims %d bytes for %s, no debt of channel %q: %w", amount, a, p.shape.Previous, byteball.Invalid)
		}
		if amount > p.Claimed[a] {
			more[a] = amount - p.Claimed[a]
		}
	}
	if len(more) > 0 && !p.Inherited {
		return nil, 0, fmt.Errorf("it claims debts of channel %s, whose closing is not stable here: %w", p.shape.Previous, byteball.Transient)
	}
	short, err = more.Total()
	return more, min(short, p.Debt), err
}
