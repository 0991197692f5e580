package channel

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Payee is the seller's side of one channel. It is a value; the zero value is of no use.
type Payee struct{ machine }

// NewPayee starts a channel on t with the seller's key. Errors: Invalid for bad terms or another key.
func NewPayee(t Terms, key unit.Signer) (Payee, []Effect, error) {
	m, effects, err := start(roleSeller, t, key)
	return Payee{m}, effects, err
}

// RestorePayee reads a saved state. Apply Restarted next. Error: Invalid for bytes that no Payee of that key saved.
func RestorePayee(data []byte, key unit.Signer) (Payee, error) {
	m, err := restore(roleSeller, data, key)
	return Payee{m}, err
}

// Apply returns the channel after ev and what to do, in that order. On an error the channel is as it was. A voucher is
// accepted when Apply returns no error and the Save is on disk; only then may what was paid for be given. The newest
// voucher may be handed in again at any time; Want is not looked at then, so nothing more may be given for it.
// Errors: Invalid for a voucher that is wrong, with the reason; Stale for one that is superseded, too old or too late;
// Transient before the deposit is stable or while the parent is not known; NotFound for a close without a voucher.
func (p Payee) Apply(ev Event, now time.Time) (Payee, []Effect, error) {
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

func (p Payee) step(ev Event, now time.Time) (State, []Effect, error) {
	switch ev := ev.(type) {
	case Funded:
		return p.funded(ev)
	case Accept:
		return p.accept(ev, now)
	case CloseNow:
		return p.closeNow(ev, now)
	case Tip:
		return p.tip(ev, now)
	case UnitSeen:
		return p.seen(ev, now)
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
		return p.recovered()
	case Succeeded:
		return p.succeeded(ev)
	case Inherit:
		return p.inherit(ev)
	}
	return State{}, nil, fmt.Errorf("channel %s: event %T is not for a seller: %w", p.shape.address, ev, byteball.Invalid)
}

// accept checks a voucher as the ledger would, and as a creditor.
func (p Payee) accept(ev Accept, now time.Time) (State, []Effect, error) {
	st := p.State
	st.Tip = max(st.Tip, ev.Tip)
	if again, err := p.placed(ev.Voucher, st.Tip); again || err != nil {
		return st, nil, err
	}
	pay, u, err := p.shape.read(st.Funding, ev.Voucher)
	if err != nil {
		return State{}, nil, err
	}
	if err := p.hangs(ev, u, st.Tip, now); err != nil {
		return State{}, nil, fmt.Errorf("channel %s, voucher %d: %w", p.shape.address, ev.Voucher.N, err)
	}
	if st.Payouts, st.Debt, err = p.credits(ev, pay); err != nil {
		return State{}, nil, fmt.Errorf("channel %s, voucher %d: %w", p.shape.address, ev.Voucher.N, err)
	}
	u.ParentUnits[0], u.LastBall, u.LastBallUnit = ev.Base.Unit, ev.Base.LastBall, ev.Base.LastBallUnit // one text for all channels
	st.Newest, st.Hung = &Voucher{N: ev.Voucher.N, Final: ev.Voucher.Final, Unit: u, Claims: ev.Voucher.Claims}, ev.Base.MCI
	st.Claimed = ev.Voucher.Claims
	switch {
	case st.Phase == Closing:
		return p.close(st, st.Reason, now)
	case ev.Voucher.Final:
		return p.close(st, "the buyer asked", now)
	}
	return p.keep(st)
}

// placed says whether v is the newest voucher once more, and whether the channel takes a new one at all.
func (p Payee) placed(v Voucher, tip uint64) (again bool, err error) {
	last := Voucher{}
	if p.Newest != nil {
		last = *p.Newest
	}
	if v.N == last.N && v.N > 0 && v.Final == last.Final && reflect.DeepEqual(v.Unit, last.Unit) {
		return true, nil
	}
	switch {
	case p.Phase == Opening:
		err = fmt.Errorf("the deposit is not stable yet: %w", byteball.Transient)
	case p.Phase != Open && !(p.Phase == Closing && p.cheap):
		err = fmt.Errorf("the channel is %s: %w", p.Phase, byteball.Stale)
	case p.Phase == Open && p.Seen && !p.Restored:
		err = fmt.Errorf("another unit spends the deposit: %w", byteball.Stale)
	case v.N < last.N:
		err = fmt.Errorf("superseded by voucher %d: %w", last.N, byteball.Stale)
	case v.N == last.N && v.N > 0:
		err = fmt.Errorf("its number was used already: %w", byteball.Invalid)
	case p.Phase == Closing && tpsFee(v.Unit) <= tpsFee(last.Unit):
		err = fmt.Errorf("the channel closes, and it offers no more than a tps fee of %d: %w", tpsFee(last.Unit), byteball.Stale)
	case p.Phase == Open && tip >= p.CloseAt() && !p.Restored:
		err = fmt.Errorf("main chain index %d: the channel closes at %d: %w", tip, p.CloseAt(), byteball.Stale)
	}
	if err != nil {
		return false, fmt.Errorf("channel %s, voucher %d: %w", p.shape.address, v.N, err)
	}
	return false, nil
}

// hangs checks where u hangs. After Recovered an old parent is as good as any: the ledger takes it, and nothing is given
// for the voucher.
func (p Payee) hangs(ev Accept, u *unit.Unit, tip uint64, now time.Time) error {
	if err := ev.Base.check(); err != nil {
		return err
	}
	if p.Restored {
		tip = 0
	}
	return ev.Base.carries(u, p.Funding, tip, now)
}

// credits checks that pay is what is owed. It returns all that is promised by it, dust included, and what the seller still
// has of the previous channel's debts.
func (p Payee) credits(ev Accept, pay Payouts) (Payouts, byteball.Bytes, error) {
	if a, ok := p.Payouts.Visible(p.shape.Dust).falls(pay); ok {
		return nil, 0, fmt.Errorf("it pays %d bytes to %s, after %d before: %w", pay[a], a, p.Payouts[a], byteball.Invalid)
	}
	more, short, err := p.claims(ev.Voucher)
	if err != nil {
		return nil, 0, err
	}
	if ev.Want == nil {
		promised, err := p.guess(ev.Voucher.Final, pay)
		return promised, p.Debt - short, err
	}
	promised, err := ev.Want.Plus(more)
	if err != nil {
		return nil, 0, err
	}
	want, err := p.shown(ev.Voucher.Final, promised)
	if err != nil {
		return nil, 0, err
	}
	seller := p.shape.SellerAddress
	lacks := want[seller] - min(want[seller], pay[seller])
	if 0 < lacks && lacks <= min(short, promised[seller]) {
		promised[seller], want[seller] = promised[seller]-lacks, pay[seller]
	} else {
		lacks = 0
	}
	return promised, p.Debt - lacks, equal(pay, want)
}

// shown returns what a voucher pays of what is promised.
func (p Payee) shown(final bool, promised Payouts) (Payouts, error) {
	if final {
		var err error
		if promised, err = promised.Final(p.shape.SellerAddress, p.shape.Dust); err != nil {
			return nil, err
		}
	}
	return promised.Visible(p.shape.Dust), nil
}

// guess returns what is promised by a voucher that pays pay, if nobody says: dust of before still waits.
func (p Payee) guess(final bool, pay Payouts) (Payouts, error) {
	shown, err := p.shown(final, p.Payouts)
	if final && (err != nil || equal(pay, shown) == nil) {
		return maps.Clone(p.Payouts), err
	}
	promised := maps.Clone(pay)
	if final {
		return promised, nil
	}
	for a, amount := range p.Waiting() {
		promised[a] = max(promised[a], amount)
	}
	return promised, nil
}

// equal returns nil if pay is want, or the first difference in the order of addresses.
func equal(pay, want Payouts) error {
	for _, a := range slices.Sorted(maps.Keys(want)) {
		if pay[a] != want[a] {
			return fmt.Errorf("it pays %d bytes to %s, %d are due: %w", pay[a], a, want[a], byteball.Invalid)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(pay)) {
		if want[a] == 0 {
			return fmt.Errorf("it pays %d bytes to %s, to whom nothing is due: %w", pay[a], a, byteball.Invalid)
		}
	}
	return nil
}

// closeNow closes with the newest voucher.
func (p Payee) closeNow(ev CloseNow, now time.Time) (State, []Effect, error) {
	st := p.State
	switch {
	case st.Phase != Open && st.Phase != Opening:
		return st, nil, nil
	case st.Phase == Opening || st.Newest == nil:
		return State{}, nil, fmt.Errorf("channel %s: no voucher to close with: %w", p.shape.address, byteball.NotFound)
	}
	return p.close(st, ev.Reason, now)
}

// close signs the newest voucher of st for the ledger. The result goes nowhere else: a stranger with an old one could
// settle the channel by it.
func (p Payee) close(st State, reason string, now time.Time) (State, []Effect, error) {
	if st.Restored { // the lost disk may have posted the same, perhaps after a restore too: see tip
		st.Nonce = max(st.Nonce+1, uint32(now.Unix()))
	}
	u := *st.Newest.Unit
	u.Authors = []unit.Author{u.Authors[0]}
	u.Authors[0].Authentifiers = maps.Clone(u.Authors[0].Authentifiers)
	if err := u.SignWith(p.shape.address, pathSeller, nonced(p.key, st.Nonce)); err != nil {
		return State{}, nil, err
	}
	if err := u.Seal(); err != nil {
		return State{}, nil, err
	}
	st.Phase, st.Reason = Closing, reason
	return p.post(st, &u, now)
}

// seen takes note of a unit that is not stable yet. A foreign one that spends the deposit is a reason to close at once.
// After Recovered a closing is no foreign one: only the lost disk can have signed it, perhaps with a newer voucher.
func (p Payee) seen(ev UnitSeen, now time.Time) (State, []Effect, error) {
	st := p.State
	switch {
	case ev.Unit == nil || st.Phase.Over():
	case st.Phase == Opening:
		if f, ok := p.deposit(ev.Unit); ok {
			return p.funded(f)
		}
	case p.spends(ev.Unit) && !p.own(ev.Unit) && !st.Seen:
		st.Seen = true
		if st.Phase == Open && st.Newest != nil && (!st.Restored || p.byRefund(ev.Unit)) {
			return p.close(st, "the buyer spends the deposit", now)
		}
		return p.keep(st)
	}
	return st, nil, nil
}

// tip closes when the deadline comes and posts until something is stable.
func (p Payee) tip(ev Tip, now time.Time) (State, []Effect, error) {
	st := p.heard(ev)
	switch {
	case st.Phase == Open && st.Newest != nil && st.Tip >= st.CloseAt():
		return p.close(st, "0.6 of the age has passed", now)
	case st.Phase == Open && st.Restored && st.Until == 0:
		st.Until = st.Tip + 2*MaxBehind
		return p.keep(st)
	case st.Phase == Open && st.Newest != nil && st.Until > 0 && st.Tip >= st.Until && !(st.Restored && st.Seen):
		return p.close(st, p.why(), now)
	case st.Phase == Open && st.Restored && st.due(now):
		return st.again(now), []Effect{Ask{restoredReason}}, nil
	case st.Phase == Open && st.wants() > 0 && st.due(now):
		return st.again(now), []Effect{Renew{st.wants()}}, nil
	case st.Phase == Closing && st.due(now) && !st.cheap:
		// What the ledger took may have been archived since: then it takes the same again and builds nothing on it. A copy
		// with another hash does no harm, the ledger refuses it while the first one lives.
		st.Nonce++
		return p.close(st, st.Reason, now)
	case st.Phase == Closing && st.due(now):
		effects := []Effect{Post{st.Own}}
		if fee := st.wants(); fee > 0 && st.cheap {
			effects = append(effects, Renew{fee})
		}
		return st.again(now), effects, nil
	}
	return st, nil, nil
}

// why says why the seller closes before 0.6 of the age.
func (p Payee) why() string {
	if p.Next != "" {
		return fmt.Sprintf("succeeded by %s", p.Next)
	}
	return restoredReason
}

// recovered waits for what others hold, and closes with the best.
func (p Payee) recovered() (State, []Effect, error) {
	st := p.State
	if st.Phase.Over() {
		return st, nil, nil
	}
	st.Restored = true
	effects := []Effect{Watch{p.shape.address}}
	if st.Phase == Open {
		effects = append(effects, Ask{restoredReason})
	}
	return p.keep(st, effects...)
}

// succeeded gives the buyer's final voucher some time.
func (p Payee) succeeded(ev Succeeded) (State, []Effect, error) {
	st, err := p.machine.succeeded(ev)
	switch {
	case err != nil:
		return State{}, nil, err
	case p.Phase != Open || p.Next == ev.Next:
		return p.State, nil, nil
	}
	st.Until = max(st.Tip, st.Hung) + 2*MaxBehind
	return p.keep(st)
}

// nonced makes key sign with another nonce, so that the unit gets another hash, if key can.
func nonced(key unit.Signer, nonce uint32) unit.Signer {
	if k, ok := key.(resigner); ok && nonce > 0 {
		return again{key, k, nonce}
	}
	return key
}

// resigner is a key that can sign the same hash in several ways; unit.Key is one.
type resigner interface {
	SignAgain(hash [32]byte, nonce uint32) ([64]byte, error)
}

type again struct {
	unit.Signer
	key   resigner
	nonce uint32
}

func (a again) Sign(hash [32]byte) ([64]byte, error) { return a.key.SignAgain(hash, a.nonce) }
