package channel

import (
	"encoding/json"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// MaxState bounds a saved state, in bytes: two units of the largest size, the terms and the payouts.
const MaxState = 64 << 10

const stateVersion = 2

// The two sides of a channel; both may be in one store.
const (
	roleBuyer  = "buyer"
	roleSeller = "seller"
)

// wireTerms is Terms on disk.
type wireTerms struct {
	_                                 struct{} `cbor:",toarray"`
	Network                           string
	Buyer, Seller                     [33]byte
	Age                               uint64
	SellerAddress, ChangeAddress      [20]byte
	Deposit, Reserve, Dust, TPSMargin byteball.Bytes
	Previous                          [][20]byte // none or one
}

// wireState is a State on disk. The newest voucher stands there without its channel; units that were posted or settled
// the channel are rare and may be anything, so they are their JSON.
type wireState struct {
	_        struct{} `cbor:",toarray"`
	Version  uint64
	Role     string
	Terms    wireTerms
	Phase    Phase
	Funding  []wireOut // none or one
	MCI      uint64    // of the funding
	Payouts  amounts
	Newest   []promise // none or one
	Hung     uint64
	Reason   string
	Own      []byte
	Nonce    uint32
	Seen     bool
	Settled  []byte
	Restored bool
	Until    uint64
	Next     [][20]byte // none or one
	Old      bool       // Inherited
	Debt     byteball.Bytes
	Owed     amounts
	Claimed  amounts
}

func encodeState(role string, s State) ([]byte, error) {
	w, err := s.wire(role)
	if err != nil {
		return nil, fmt.Errorf("channel state: %w", err)
	}
	data, err := encMode.Marshal(w)
	if err != nil || len(data) > MaxState {
		return nil, fmt.Errorf("channel state of %d bytes, %d allowed (%v): %w", len(data), MaxState, err, byteball.Invalid)
	}
	return data, nil
}

func (s State) wire(role string) (*wireState, error) {
	var p packer
	w := &wireState{Version: stateVersion, Role: role, Terms: p.terms(s.Terms), Phase: s.Phase, MCI: s.Funding.MCI,
		Payouts: p.payouts(s.Payouts), Hung: s.Hung, Reason: s.Reason, Own: p.unit(s.Own), Nonce: s.Nonce, Seen: s.Seen,
		Settled: p.unit(s.Settled), Restored: s.Restored, Until: s.Until, Next: p.addresses(s.Next),
		Old: s.Inherited, Debt: s.Debt, Owed: p.payouts(s.Owed), Claimed: p.payouts(s.Claimed)}
	if s.Funding.Out.Unit != "" {
		w.Funding = append(w.Funding, p.out(s.Funding.Out))
	}
	if s.Newest != nil {
		w.Newest = append(w.Newest, p.promiseOf(*s.Newest))
	}
	return w, p.err
}

func (p *packer) terms(t Terms) wireTerms {
	return wireTerms{Network: t.Network.Name, Buyer: p.key(t.Buyer), Seller: p.key(t.Seller), Age: t.Age,
		SellerAddress: p.address(t.SellerAddress), ChangeAddress: p.address(t.ChangeAddress),
		Deposit: t.Deposit, Reserve: t.Reserve, Dust: t.Dust, TPSMargin: t.TPSMargin, Previous: p.addresses(t.Previous)}
}

func (p *packer) addresses(a byteball.Address) [][20]byte {
	if a == "" {
		return nil
	}
	return [][20]byte{p.address(a)}
}

func (p *packer) unit(u *unit.Unit) []byte {
	if u == nil {
		return nil
	}
	data, err := json.Marshal(u)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("unit %s: %v: %w", u.Unit, err, byteball.Invalid)
	}
	return data
}

// decodeState reads what encodeState made, or a state of version 1. The newest voucher is left packed, for its channel's
// shape to unpack: nil if there is none, or if it is in the State already.
func decodeState(role string, data []byte) (State, *promise, error) {
	if len(data) > MaxState {
		return State{}, nil, fmt.Errorf("channel state of %d bytes, %d allowed: %w", len(data), MaxState, byteball.Invalid)
	}
	if len(data) > 0 && data[0] == '{' {
		s, err := decodeJSON(role, data)
		return s, nil, err
	}
	var w wireState
	if err := decode(data, &w); err != nil {
		return State{}, nil, fmt.Errorf("channel state of no version that this program reads (%v): %w", err, byteball.Invalid)
	}
	if w.Version != stateVersion {
		return State{}, nil, fmt.Errorf("channel state of version %d, this program reads %d: %w", w.Version, stateVersion, byteball.Invalid)
	}
	if err := checkRole(role, w.Role); err != nil {
		return State{}, nil, err
	}
	s, err := w.state()
	if err != nil {
		return State{}, nil, fmt.Errorf("channel state: %v: %w", err, byteball.Invalid)
	}
	if len(w.Newest) == 0 {
		return s, nil, nil
	}
	return s, &w.Newest[0], nil
}

func checkRole(role, of string) error {
	if role != of {
		return fmt.Errorf("channel state of a %.10q, not of a %s: %w", of, role, byteball.Invalid)
	}
	return nil
}

func (w *wireState) state() (State, error) {
	t, err := w.Terms.terms()
	if err != nil {
		return State{}, err
	}
	s := State{Terms: t, Phase: w.Phase, Hung: w.Hung, Reason: w.Reason, Nonce: w.Nonce, Seen: w.Seen, Restored: w.Restored, Until: w.Until,
		Next: one(w.Next), Inherited: w.Old, Debt: w.Debt}
	s.Funding.MCI = w.MCI
	if len(w.Funding) > 0 {
		s.Funding.Out = w.Funding[0].point()
	}
	for _, f := range []struct {
		from amounts
		to   *Payouts
	}{{w.Payouts, &s.Payouts}, {w.Owed, &s.Owed}, {w.Claimed, &s.Claimed}} {
		if *f.to, err = f.from.payouts(); err != nil {
			return State{}, err
		}
	}
	for _, f := range []struct {
		from []byte
		to   **unit.Unit
	}{{w.Own, &s.Own}, {w.Settled, &s.Settled}} {
		if len(f.from) == 0 {
			continue
		}
		if *f.to, err = unit.Parse(f.from); err != nil {
			return State{}, err
		}
	}
	return s, nil
}

func (w *wireTerms) terms() (Terms, error) {
	net, ok := byteball.NetworkByName(w.Network)
	if !ok {
		return Terms{}, fmt.Errorf("no network %.80q", w.Network)
	}
	return Terms{Network: net, Buyer: keyOf(w.Buyer), Seller: keyOf(w.Seller), Age: w.Age,
		SellerAddress: addressOf(w.SellerAddress), ChangeAddress: addressOf(w.ChangeAddress),
		Deposit: w.Deposit, Reserve: w.Reserve, Dust: w.Dust, TPSMargin: w.TPSMargin, Previous: one(w.Previous)}, nil
}

// one returns the first address of a list that has one or none.
func one(list [][20]byte) byteball.Address {
	if len(list) == 0 {
		return ""
	}
	return addressOf(list[0])
}
