package committee

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Role is what a bond stands for.
type Role string

// The two roles that are bonded.
const (
	Validator Role = "validator"
	Seller    Role = "seller"
)

// Stream is one property at one place that a seller sells.
type Stream struct{ Prop, Cell string }

// MaxStreams bounds the streams of one seller's bond.
const MaxStreams = 32

// Registration is what a node says on the ledger beside its bond (MECHANISM 1).
type Registration struct {
	Role      Role
	Binding   protocol.Binding
	Key       string        // K, base64 of 33 bytes; empty for sellers
	NonceRoot protocol.Hash // root of the tree of nonces, one for each epoch of the term; zero for sellers
	End       uint64        // main chain index after which the owner may take the bond back, below 2^53
	Streams   []Stream      // of a seller, 1..MaxStreams, each once
}

// Check tests everything that needs no signature check. Error: Invalid.
func (r *Registration) Check() error {
	if r.End < 1 || r.End >= 1<<53 {
		return fmt.Errorf("registration: end %d, want 1 to 2^53: %w", r.End, protocol.Invalid)
	}
	switch r.Role {
	case Validator:
		raw, err := base64.StdEncoding.Strict().DecodeString(r.Key)
		if err != nil || len(raw) != 33 || len(r.Streams) > 0 {
			return fmt.Errorf("registration: validator with bond key %.50q and %d streams, want a key of 33 bytes in base64 and none: %w", r.Key, len(r.Streams), protocol.Invalid)
		}
	case Seller:
		if r.Key != "" || r.NonceRoot != (protocol.Hash{}) || len(r.Streams) < 1 || len(r.Streams) > MaxStreams {
			return fmt.Errorf("registration: seller with bond key %.50q and %d streams, want no key and 1 to %d: %w", r.Key, len(r.Streams), MaxStreams, protocol.Invalid)
		}
	default:
		return fmt.Errorf("registration: role %.20q, want validator or seller: %w", string(r.Role), protocol.Invalid)
	}
	for i, s := range r.Streams {
		if _, ok := protocol.PropertyOf(s.Prop); !ok || protocol.CheckCell(s.Cell) != nil || slices.Contains(r.Streams[:i], s) {
			return fmt.Errorf("registration: stream %.40q in cell %.12q is unknown or stands twice: %w", s.Prop, s.Cell, protocol.Invalid)
		}
	}
	return nil
}

// Definition is the bond's definition in a market, with the wallet key of the binding as its owner.
func (r *Registration) Definition(m *params.Manifest) any {
	own := base64.StdEncoding.EncodeToString(r.Binding.WalletKey)
	if r.Role == Seller {
		return SellerBondDefinition(own, m.Arbiters, r.End, m.Params.SellerBond)
	}
	return BondDefinition(own, r.Key, m.Arbiters, r.End, m.Params.Slice())
}

// Bond is the bond's address.
func (r *Registration) Bond(m *params.Manifest) byteball.Address { return address(r.Definition(m)) }

// slices is how many outputs of which amount the bond has.
func (r *Registration) slices(m *params.Manifest) (int, byteball.Bytes) {
	if r.Role == Seller {
		return m.Params.SellerParts, m.Params.SellerBond
	}
	return m.Params.Slices, m.Params.Slice()
}

// Outputs are what the registering unit pays: the bond's slices and the fee to the list address of now.
func (r *Registration) Outputs(m *params.Manifest, now time.Time) []unit.Output {
	n, amount := r.slices(m)
	list := make([]unit.Output, n, n+1)
	for i := range list {
		list[i] = unit.Output{Address: r.Bond(m), Amount: amount}
	}
	return append(list, unit.Output{Address: Reg(Period(m, now)), Amount: m.Params.RegFee})
}

// Message is the data message of the registering unit. The unit's author must be the binding's address. Error: Invalid.
func (r *Registration) Message(m *params.Manifest) (unit.Message, error) {
	if err := r.Check(); err != nil {
		return unit.Message{}, err
	}
	binding, err := protocol.Encode(r.Binding)
	if err != nil {
		return unit.Message{}, fmt.Errorf("registration: %v: %w", err, protocol.Invalid)
	}
	market := m.Hash()
	payload := map[string]any{
		"iv1": "registration", "market": base64.StdEncoding.EncodeToString(market[:]), "role": string(r.Role),
		"binding": base64.StdEncoding.EncodeToString(binding), "end": float64(r.End),
	}
	if r.Role == Validator {
		payload["k"] = r.Key
		payload["nonce_root"] = base64.StdEncoding.EncodeToString(r.NonceRoot[:])
	}
	var streams []any
	for _, s := range r.Streams {
		streams = append(streams, []any{s.Prop, s.Cell})
	}
	if streams != nil {
		payload["streams"] = streams
	}
	return unit.Message{App: "data", PayloadLocation: "inline", Payload: payload}, nil
}
