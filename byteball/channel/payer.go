package channel

import (
	"errors"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Payer is the buyer's side of one channel. It is a value; the zero value is of no use.
type Payer struct{ machine }

// NewPayer starts a channel on t with the buyer's key. Once the effects are run the deposit may be paid to Address.
// Errors: Invalid for bad terms or another key.
func NewPayer(t Terms, key unit.Signer) (Payer, []Effect, error) {
	m, effects, err := start(roleBuyer, t, key)
	return Payer{m}, effects, err
}

// RestorePayer reads a saved state. Apply Restarted next. Error: Invalid for bytes that no Payer of that key saved.
func RestorePayer(data []byte, key unit.Signer) (Payer, error) {
	m, err := restore(roleBuyer, data, key)
	return Payer{m}, err
}

// Apply returns the channel after ev and what to do, in that order. On an error the channel is as it was.
// Errors: Invalid for events that make no sense; Transient before the deposit is stable or while tps fees are high;
// Stale once the channel closes; Funds, with what is missing, if a payment would exceed the deposit.
func (p Payer) Apply(ev Event, now time.Time) (Payer, []Effect, error) {
	st, effects, err := p.step(ev, now)
	if err == nil {
		err = p.follows(ev, st.Phase)
	}
	if err != nil {
		return p, nil, err
	}
	p.State = st
	return p, effects, nil
}

func (p Payer) step(ev Event, now time.Time) (State, []Effect, error) {
	switch ev := ev.(type) {
	case Funded:
		return p.funded(ev)
	case Pay:
		return p.pay(ev, now)
	case CloseNow:
		return p.ask(ev, now)
	case Tip:
		return p.tip(ev, now)
	case UnitSeen:
		return p.seen(ev)
	case UnitStable:
		return p.stable(ev, now)
	case PostRefused:
		return p.refuse(ev.Err, now)
	case SerialConflict:
		return p.refuse(byteball.Invalid, now)
	case Vanished:
		return p.vanished(ev, now)
	case Restarted:
		return p.resume(now)
	case Recovered:
		return p.recovered(now)
	case Held:
		return p.held(ev)
	case Succeeded:
		return p.succeeded(ev, now)
	case Inherit:
		return p.inherit(ev)
	}
	return State{}, nil, fmt.Errorf("channel %s: event %T is not for a buyer: %w", p.shape.address, ev, byteball.Invalid)
}

// pay signs the next voucher.
func (p Payer) pay(ev Pay, now time.Time) (State, []Effect, error) {
	switch {
	case p.Phase == Opening:
		return State{}, nil, fmt.Errorf("channel %s: the deposit is not stable yet: %w", p.shape.address, byteball.Transient)
	case p.Restored:
		return State{}, nil, p.silent()
	case p.Phase != Open:
		return State{}, nil, fmt.Errorf("channel %s is %s: no more payments: %w", p.shape.address, p.Phase, byteball.Stale)
	}
	st, promised, err := p.promise(ev)
	if err != nil {
		return State{}, nil, err
	}
	st.Payouts = promised
	return p.sign(st, promised, ev.Base, false, ev.TPSFee, now)
}

// promise adds ev's amounts to what is promised, with what is owed from the previous channel if there is room for it.
func (p Payer) promise(ev Pay) (State, Payouts, error) {
	st, add, err := p.claim(ev.Add)
	if err != nil {
		return State{}, nil, err
	}
	promised, err := p.Payouts.Plus(add)
	if err != nil {
		return State{}, nil, err
	}
	err = p.affords(promised, ev.Base)
	if errors.Is(err, byteball.Funds) && len(st.Owed) < len(p.Owed) {
		if promised, err = p.Payouts.Plus(ev.Add); err == nil {
			st, err = p.State, p.affords(promised, ev.Base)
		}
	}
	return st, promised, err
}

// affords returns a Funds error unless promised, the fees and the reserve fit into the deposit.
func (p Payer) affords(promised Payouts, b Base) error {
	total, err := promised.Total()
	if err != nil {
		return err
	}
	need, err := byteball.Add(total, p.shape.fees(len(promised.Visible(p.shape.Dust))), p.shape.TPSMargin, p.shape.Reserve)
	if err != nil {
		return err
	}
	if need > p.shape.Deposit {
		return fmt.Errorf("channel %s: payouts %d, fees and reserve exceed the deposit of %d by %d bytes: %w", p.shape.address, total, p.shape.Deposit, need-p.shape.Deposit, byteball.Funds)
	}
	if b.TPSFee > p.shape.Reserve {
		return fmt.Errorf("channel %s: tps fee of %d bytes over the reserve of %d: %w", p.shape.address, b.TPSFee, p.shape.Reserve, byteball.Transient)
	}
	return nil
}

// Room returns how much more can be promised if it makes up to outputs further outputs.
func (p Payer) Room(outputs int) byteball.Bytes {
	total, err := p.Payouts.Total()
	if err != nil || outputs < 0 || outputs > MaxOutputs {
		return 0
	}
	used := total + p.shape.fees(len(p.Payouts.Visible(p.shape.Dust))+outputs) + p.shape.TPSMargin + p.shape.Reserve
	return p.shape.Deposit - min(used, p.shape.Deposit)
}

// sign makes the voucher that pays pay, hung on b, the newest of st.
func (p Payer) sign(st State, pay Payouts, b Base, final bool, fee byteball.Bytes, now time.Time) (State, []Effect, error) {
	if err := p.fresh(b); err != nil {
		return State{}, nil, err
	}
	a := b.Anchor(now)
	var err error
	if a.TPSFee, err = p.offer(b, fee); err != nil {
		return State{}, nil, err
	}
	u, err := p.shape.close(st.Funding, a, pay)
	if err != nil {
		return State{}, nil, err
	}
	if err := u.SignWith(p.shape.address, pathBuyer, p.key); err != nil {
		return State{}, nil, err
	}
	v := Voucher{N: 1, Final: final, Unit: u, Claims: st.Claimed}
	if st.Newest != nil {
		v.N = st.Newest.N + 1
	}
	st.Newest, st.Hung = &v, b.MCI
	return p.keep(st, Send{v})
}

// offer returns the tps fee of a unit that hangs on b: the least there with the margin, and up to the reserve what the
// ledger wants now, or what was asked for.
func (p Payer) offer(b Base, asked byteball.Bytes) (byteball.Bytes, error) {
	least, err := byteball.Add(b.TPSFee, p.shape.TPSMargin)
	if !p.shape.Network.TPSFees {
		return least, err
	}
	return max(least, min(max(asked, p.taken()), p.shape.Reserve)), err
}

// fresh returns nil if a voucher may hang on b.
func (p Payer) fresh(b Base) error {
	if err := b.check(); err != nil {
		return err
	}
	switch {
	case b.MCI < p.Funding.MCI:
		return fmt.Errorf("channel %s: parent at main chain index %d is older than the deposit at %d: %w", p.shape.address, b.MCI, p.Funding.MCI, byteball.Transient)
	case p.Tip > b.MCI && p.Tip-b.MCI > MaxBehind:
		return fmt.Errorf("channel %s: parent is %d main chain units old, %d allowed: %w", p.shape.address, p.Tip-b.MCI, MaxBehind, byteball.Stale)
	}
	return nil
}

// ask signs the final voucher, which asks the seller to close, or sends it again.
func (p Payer) ask(ev CloseNow, now time.Time) (State, []Effect, error) {
	st := p.State
	switch {
	case st.Phase == Opening:
		return State{}, nil, fmt.Errorf("channel %s: the deposit is not stable yet: %w", p.shape.address, byteball.Transient)
	case st.Phase != Open && st.Phase != Closing || st.Seen:
		return st, nil, nil
	case st.Restored:
		return st, p.appeal(), nil
	case st.Phase == Closing && ev.Base.MCI <= st.Hung && (ev.TPSFee <= tpsFee(st.Newest.Unit) || tpsFee(st.Newest.Unit) >= p.shape.Reserve):
		return st, []Effect{Send{*st.Newest}}, nil
	}
	pay, err := st.Payouts.Final(st.Terms.SellerAddress, st.Terms.Dust)
	if err != nil {
		return State{}, nil, err
	}
	st.Phase, st.Reason = Closing, ev.Reason
	return p.sign(st, pay, ev.Base, true, ev.TPSFee, now)
}

// seen takes note of a unit that is not stable yet.
func (p Payer) seen(ev UnitSeen) (State, []Effect, error) {
	st := p.State
	switch {
	case ev.Unit == nil || st.Phase.Over():
	case st.Phase == Opening:
		if f, ok := p.deposit(ev.Unit); ok {
			return p.funded(f)
		}
	case p.spends(ev.Unit) && !p.own(ev.Unit) && !st.Seen:
		st.Seen = true
		if st.Phase == Open {
			st.Phase, st.Reason = Closing, "the seller closed"
		}
		return p.keep(st)
	}
	return st, nil, nil
}

// tip takes the refund when it is due and posts it until something is stable.
func (p Payer) tip(ev Tip, now time.Time) (State, []Effect, error) {
	p.State = p.heard(ev)
	st := p.State
	switch {
	case (st.Phase == Open || st.Phase == Closing) && p.mayRefund(ev.Base):
		st.Phase, st.Reason = Refunding, "the deposit is older than the age"
		return p.refundAt(st, ev.Base, now)
	case st.Phase == Open && st.Restored:
		return p.recovered(now)
	case st.Phase == Closing && st.Restored && !st.Seen && st.due(now):
		return st.again(now), p.appeal(), nil
	case st.Phase == Refunding && st.due(now):
		ripe := ev.Base.check() == nil && p.shape.ripe(st.Funding, ev.Base.LastBallMCI)
		dearer, err := p.offer(ev.Base, 0)
		ahead := st.Own.Timestamp > now.Unix()+clockSkew // by a clock that was wrong: the ledger takes none of the future
		if ripe && (!st.cheap || ahead || err == nil && dearer > tpsFee(st.Own)) {
			st.Nonce++
			return p.refundAt(st, ev.Base, now)
		}
		return st.again(now), []Effect{Post{st.Own}}, nil
	}
	return st, nil, nil
}

// mayRefund reports whether a refund that hangs on b is due. While a closing of the seller, or a refund by a lost disk, may
// be on its way it waits for a quarter of the age more: two units that conflict may both be thrown away.
func (p Payer) mayRefund(b Base) bool {
	if b.check() != nil || !p.shape.ripe(p.Funding, b.LastBallMCI) {
		return false
	}
	return !p.Seen && !p.Restored || b.LastBallMCI-p.Funding.MCI > p.shape.Age+p.shape.Age/4
}

func (p Payer) refundAt(st State, b Base, now time.Time) (State, []Effect, error) {
	a := b.Anchor(now)
	var err error
	if a.TPSFee, err = p.offer(b, 0); err != nil {
		return State{}, nil, err
	}
	u, err := p.shape.refund(st.Funding, a)
	if err != nil {
		return State{}, nil, err
	}
	if err := u.SignWith(p.shape.address, pathRefund, p.key); err != nil {
		return State{}, nil, err
	}
	if err := u.Seal(); err != nil {
		return State{}, nil, err
	}
	return p.post(st, u, now)
}

// succeeded signs the final voucher.
func (p Payer) succeeded(ev Succeeded, now time.Time) (State, []Effect, error) {
	st, err := p.machine.succeeded(ev)
	switch {
	case err != nil:
		return State{}, nil, err
	case p.Phase > Open || p.Next == ev.Next:
		return p.State, nil, nil
	}
	p.State = st
	return p.ask(CloseNow{Reason: fmt.Sprintf("succeeded by %s", ev.Next), Base: ev.Base}, now)
}
