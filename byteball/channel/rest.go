package channel

import (
	"fmt"
	"math"

	"github.com/fxamacker/cbor/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Resting is one side of a channel at rest. Nothing can be done with it before it is woken, and what it was read from is
// checked then.
type Resting struct {
	Phase   Phase
	Known   bool // a deposit was seen
	Promise bool // there is a voucher

	data []byte
	key  unit.Signer
	tip  uint64
	load byteball.Bytes // as the last Tip said
	due  uint64         // main chain index from which on a Tip means something
	most byteball.Bytes // a Tip with a higher fee means something, too
}

// RestPayer takes a buyer's side from disk as it is, and says whose address it is of. Errors: Invalid for bytes of another
// kind; that of find.
func RestPayer(data []byte, find FindKey) (Resting, byteball.Address, error) {
	return restFrom(roleBuyer, data, find)
}

// RestPayee is RestPayer for the seller's side.
func RestPayee(data []byte, find FindKey) (Resting, byteball.Address, error) {
	return restFrom(roleSeller, data, find)
}

// Rest returns p at rest. It is false while that would forget something: a unit that is posted until something is stable, a
// question that is repeated until there is an answer.
func (p Payer) Rest() (Resting, bool) { return p.rest() }

// Rest is like that of a Payer.
func (p Payee) Rest() (Resting, bool) { return p.rest() }

// Payer wakes a buyer's side. Errors: as of RestorePayer.
func (r Resting) Payer() (Payer, error) {
	p, err := RestorePayer(r.data, r.key)
	p.Tip, p.load = r.tip, r.load
	return p, err
}

// Payee wakes a seller's side. Errors: as of RestorePayee.
func (r Resting) Payee() (Payee, error) {
	p, err := RestorePayee(r.data, r.key)
	p.Tip, p.load = r.tip, r.load
	return p, err
}

// Sleeps takes note of ev as far as a channel does for which it means nothing. It is false if r has to be woken for ev.
func (r *Resting) Sleeps(ev Tip) bool {
	if max(r.tip, ev.MCI, ev.Base.LastBallMCI) >= r.due || ev.Fee > r.most {
		return false
	}
	r.tip, r.load = max(r.tip, ev.MCI), ev.Fee
	return true
}

func (m machine) rest() (Resting, bool) {
	d := m.State.duty(m.role)
	if !d.quiet || m.role == roleSeller && m.wants() > 0 && !m.Phase.Over() {
		return Resting{}, false
	}
	data, err := encodeState(m.role, m.State)
	r := d.resting(data, m.key)
	r.tip, r.load = m.Tip, m.load
	return r, err == nil
}

func restFrom(role string, data []byte, find FindKey) (Resting, byteball.Address, error) {
	st, err := glance(role, data)
	if err != nil {
		return Resting{}, "", err
	}
	key, err := find(st.own(role))
	if err != nil {
		return Resting{}, "", err
	}
	address, err := chash.Of(st.Terms.Definition())
	return st.duty(role).resting(data, key), address, err
}

// duty is what a Tip may be waited for with.
type duty struct {
	phase          Phase
	known, promise bool
	quiet          bool   // all that has to be remembered is on disk
	due            uint64 // as in Resting
	most           byteball.Bytes
}

func (d duty) resting(data []byte, key unit.Signer) Resting {
	return Resting{Phase: d.phase, Known: d.known, Promise: d.promise, data: data, key: key, due: d.due, most: d.most}
}

// duty is what the two sides' tip go by.
func (s State) duty(role string) duty {
	d := duty{phase: s.Phase, known: s.Funding.Out.Unit != "", promise: s.Newest != nil, due: math.MaxUint64, most: math.MaxUint64}
	d.quiet = s.Phase.Over() || s.Own == nil && !s.Restored
	switch {
	case !d.quiet:
		d.due = 0
	case s.Phase == Opening || s.Phase.Over():
	case role == roleBuyer:
		d.due = s.RefundAfter() + 1
	case s.Newest != nil:
		d.due = s.CloseAt()
		if s.Until > 0 {
			d.due = min(d.due, s.Until)
		}
		if fee := tpsFee(s.Newest.Unit); fee < s.Terms.Reserve {
			d.most = fee / 3
		}
	}
	return d
}

// glance reads what restFrom needs of a saved state.
func glance(role string, data []byte) (State, error) {
	if len(data) > 0 && data[0] == '{' {
		st, _, err := decodeState(role, data)
		return st, err
	}
	var w wireGlance
	if err := decMode.Unmarshal(data, &w); err != nil || w.Version != stateVersion || len(data) > MaxState {
		return State{}, fmt.Errorf("channel state of no version that this program reads (%v): %w", err, byteball.Invalid)
	}
	st := State{Phase: w.Phase, Restored: w.Restored, Until: w.Until}
	st.Terms = Terms{Buyer: keyOf(w.Terms.Buyer), Seller: keyOf(w.Terms.Seller), Age: w.Terms.Age, Reserve: w.Terms.Reserve}
	if st.Funding.MCI = w.MCI; len(w.Funding) > 0 {
		st.Funding.Out.Unit = blank
	}
	if len(w.Newest) > 0 {
		st.Newest = &Voucher{Unit: &unit.Unit{TPSFee: &w.Newest[0].TPSFee}}
	}
	if len(w.Own) > 0 {
		st.Own = &unit.Unit{}
	}
	return st, checkRole(role, w.Role)
}

func (s State) own(role string) string {
	if role == roleSeller {
		return s.Terms.Seller
	}
	return s.Terms.Buyer
}

// wireGlance is a wireState of which only some is decoded.
type wireGlance struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
	Role    string
	Terms   struct {
		_                             struct{} `cbor:",toarray"`
		Network                       cbor.RawMessage
		Buyer, Seller                 [33]byte
		Age                           uint64
		SellerAddress, ChangeAddress  cbor.RawMessage
		Deposit                       cbor.RawMessage
		Reserve                       byteball.Bytes
		Dust, TPSMargin, PreviousRaws cbor.RawMessage
	}
	Phase   Phase
	Funding []cbor.RawMessage
	MCI     uint64
	Payouts cbor.RawMessage
	Newest  []struct {
		_                                        struct{} `cbor:",toarray"`
		N, Final, Parent, LastBall, LastBallUnit cbor.RawMessage
		Witnesses, Timestamp                     cbor.RawMessage
		TPSFee                                   byteball.Bytes
		Outputs, Sig, Claims                     cbor.RawMessage
	}
	Hung, Reason         cbor.RawMessage
	Own                  []byte
	Nonce, Seen, Settled cbor.RawMessage
	Restored             bool
	Until                uint64
	Next, Old, Debt      cbor.RawMessage
	Owed, Claimed        cbor.RawMessage
}
