package channel

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Phase is how far a channel is; the package comment has the drawing.
type Phase uint8

// The phases. The last three are the end.
const (
	Opening   Phase = iota // no stable deposit yet: nothing may be delivered
	Open                   // vouchers pass
	Closing                // a closing was asked for or posted
	Refunding              // the buyer has posted a refund
	Closed                 // a closing is stable
	Refunded               // a refund is stable
	Lost                   // the deposit was double-spent before it was stable, or the address is an old channel's
)

var phaseNames = [...]string{"opening", "open", "closing", "refunding", "closed", "refunded", "lost"}

func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

// Over reports whether the channel has come to its end.
func (p Phase) Over() bool { return p >= Closed }

// State is all that one side knows of a channel. To be read only: units and maps are shared with the machine.
type State struct {
	Terms   Terms      `json:"terms"`
	Phase   Phase      `json:"phase"`
	Funding Funding    `json:"funding"`
	Payouts Payouts    `json:"payouts,omitempty"` // promised so far, with what waits because it is dust
	Newest  *Voucher   `json:"newest,omitempty"`  // the voucher that counts; the seller's is one he has checked
	Hung    uint64     `json:"hung,omitempty"`    // main chain index of its parent
	Reason  string     `json:"reason,omitempty"`  // why it closes
	Own     *unit.Unit `json:"own,omitempty"`     // the closing or refund that this side posts until something is stable
	Nonce   uint32     `json:"nonce,omitempty"`   // how often Own was signed anew; after Recovered at least the Unix second
	Seen    bool       `json:"seen,omitempty"`    // the other side's closing or refund was seen, not stable
	Settled *unit.Unit `json:"settled,omitempty"` // the stable unit that ended it

	Restored bool   `json:"restored,omitempty"` // read from a backup: what the lost disk has signed since is not known
	Until    uint64 `json:"until,omitempty"`    // main chain index at which the seller closes, if that is before CloseAt; 0: none

	Next      byteball.Address `json:"next,omitempty"`      // the channel that succeeds this one
	Inherited bool             `json:"inherited,omitempty"` // the debts of Terms.Previous are in Owed and Debt
	Owed      Payouts          `json:"owed,omitempty"`      // (buyer) of those, what is not paid yet
	Debt      byteball.Bytes   `json:"debt,omitempty"`      // of those, what the seller has of others' and has not paid yet
	Claimed   Payouts          `json:"claimed,omitempty"`   // of those, what this channel has paid, as in Voucher.Claims

	Tip    uint64         `json:"-"` // the highest main chain index heard of
	load   byteball.Bytes // tps fee of a unit now, as the last Tip said
	posted int64          // when Own was posted last, or the other side asked, Unix milliseconds
	tries  int            // how often
	cheap  bool           // the hub did not take Own for now: it may be posted as it is
}

// Waiting returns the promised amounts that no closing pays because they are dust. After a final closing the seller has
// them and owes them to the payees.
func (s State) Waiting() Payouts {
	w := Payouts{}
	for a, amount := range s.Payouts {
		if amount < s.Terms.Dust {
			w[a] = amount
		}
	}
	return w
}

// CloseAt returns the main chain index at which the seller closes at the latest, 0.6 of the age; 0 before it is Open.
func (s State) CloseAt() uint64 {
	if s.Funding.MCI == 0 {
		return 0
	}
	return s.Funding.MCI + (s.Terms.Age*6+9)/10
}

// RefundAfter returns the last ball's main chain index above which the buyer may take a refund; 0 before it is Open.
func (s State) RefundAfter() uint64 {
	if s.Funding.MCI == 0 {
		return 0
	}
	return s.Funding.MCI + s.Terms.Age
}

// Key returns where the state of the side called role ("buyer" or "seller") of the channel at a is saved.
func Key(role string, a byteball.Address) string { return "channel/" + role + "/" + string(a) }

// machine is what both sides have in common. It is a value: methods return the next State and leave m as it is.
type machine struct {
	shape *shape
	role  string
	key   unit.Signer
	State
}

func start(role string, t Terms, key unit.Signer) (machine, []Effect, error) {
	m, err := build(role, State{Terms: t}, key)
	if err != nil {
		return machine{}, nil, err
	}
	st, effects, err := m.keep(m.State, Watch{m.shape.address})
	m.State = st
	return m, effects, err
}

func restore(role string, data []byte, key unit.Signer) (machine, error) {
	st, newest, err := decodeState(role, data)
	if err != nil {
		return machine{}, err
	}
	m, err := build(role, st, key)
	if err != nil {
		return machine{}, err
	}
	if newest != nil {
		v, err := newest.voucher(m.shape.Network, m.shape.definition, m.shape.address, st.Funding.Out)
		if err != nil {
			return machine{}, fmt.Errorf("channel state: %v: %w", err, byteball.Invalid)
		}
		m.Newest = &v
	}
	return m, m.sane()
}

func build(role string, st State, key unit.Signer) (machine, error) {
	s, err := st.Terms.shape()
	if err != nil {
		return machine{}, err
	}
	own := s.Buyer
	if role == roleSeller {
		own = s.Seller
	}
	if key.PublicKey() != own {
		return machine{}, fmt.Errorf("channel %s: the %s's key is %s, not %s: %w", s.address, role, own, key.PublicKey(), byteball.Invalid)
	}
	return machine{shape: s, role: role, key: key, State: st}, nil
}

// sane checks what Apply takes for granted of a state, so that bytes from a bad disk cannot make it panic.
func (m machine) sane() error {
	st := m.State
	bad := st.Phase > Lost || st.Phase != Opening && st.Phase != Lost && st.Funding.MCI == 0 ||
		st.Phase == Refunding && st.Own == nil ||
		(st.Phase == Closed || st.Phase == Refunded) && st.Settled == nil
	if st.Newest != nil {
		_, _, err := m.shape.payouts(st.Funding, *st.Newest)
		bad = bad || err != nil
	}
	for _, pay := range []Payouts{st.Payouts, st.Owed, st.Claimed} {
		_, err := pay.Total()
		bad = bad || err != nil
	}
	if bad {
		return fmt.Errorf("channel %s: saved state contradicts itself: %w", m.shape.address, byteball.Invalid)
	}
	return nil
}

// Address returns the channel's address.
func (m machine) Address() byteball.Address { return m.shape.address }

// keep returns st with effects, its own Save before them.
func (m machine) keep(st State, effects ...Effect) (State, []Effect, error) {
	data, err := encodeState(m.role, st)
	if err != nil {
		return State{}, nil, err
	}
	return st, append([]Effect{Save{Key(m.role, m.shape.address), data}}, effects...), nil
}

// post returns st and the effects of posting u, newly signed.
func (m machine) post(st State, u *unit.Unit, now time.Time) (State, []Effect, error) {
	if m.Own == nil {
		st.tries = 0 // what was asked before does not count
	}
	st.Own, st.posted, st.tries, st.cheap = u, now.UnixMilli(), st.tries+1, false
	return m.keep(st, Post{u})
}

// again notes that Own is posted, or the other side asked, once more.
func (s State) again(now time.Time) State {
	s.posted, s.tries, s.cheap = now.UnixMilli(), s.tries+1, false
	return s
}

// due reports whether that should be done again: after 3 s, 6 s … 3 minutes. Own does not wait longer than 48 s: the
// seller has 0.4 of the age for all refusals together, and no clock that is set back takes that from him.
func (s State) due(now time.Time) bool {
	most := 6
	if s.Own != nil {
		most = 4
	}
	wait := 3 * time.Second << min(max(s.tries-1, 0), most)
	since := now.UnixMilli() - s.posted
	return max(since, -since) >= wait.Milliseconds()
}
