// Package protocol is what travels between IoTVerse nodes: readings, batches, windows, offers, demands, matches, receipts,
// reveals, stamps, deliveries. Each message has one file, one size bound and one fuzz seed; all of them are deterministic
// CBOR (RFC 8949 §4.2) and go inside a signed envelope (package envelope). Rules that judge messages live above, in market;
// sockets live in p2p, private keys in utim. Source of every shape and bound: MECHANISM.md.
package protocol

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/iotverse/iotverse/byteball"
)

// The kinds of error are the ledger's: one vocabulary for the whole program.
var (
	Invalid   = byteball.Invalid
	Stale     = byteball.Stale
	NotFound  = byteball.NotFound
	Funds     = byteball.Funds
	Transient = byteball.Transient
)

// Verdict is what a topic validator says of a gossip message.
type Verdict int

// Reject is only for what is wrong for everybody and for ever (form, signature, binding): the sender pays with its peer
// score. All that hangs on a clock, a ledger view or one's own config is Ignore, the zero value.
const (
	Ignore Verdict = iota
	Accept
	Reject
)

// Hash is a SHA-256.
type Hash [32]byte

// String returns the first eight hexadecimal digits: enough for people and logs.
func (h Hash) String() string { return hex.EncodeToString(h[:4]) }

// Identity is a node's public identity key: 32 bytes of Ed25519 or 33 bytes of compressed P-256. It is the libp2p peer id
// in another form.
type Identity string

// ID returns SHA-256 of the key: how messages name a seller or a buyer.
func (i Identity) ID() Hash { return sha256.Sum256([]byte(i)) }

// String returns the short form of the ID.
func (i Identity) String() string { return i.ID().String() }

// Check returns Invalid unless i has the length of one of the two kinds of key.
func (i Identity) Check() error {
	if n := len(i); n != 32 && n != 33 {
		return fmt.Errorf("identity key of %d bytes, want 32 (Ed25519) or 33 (P-256): %w", n, Invalid)
	}
	return nil
}

// MarshalCBOR writes the key as a byte string.
func (i Identity) MarshalCBOR() ([]byte, error) { return encMode.Marshal([]byte(i)) }

// UnmarshalCBOR reads a byte string.
func (i *Identity) UnmarshalCBOR(b []byte) error {
	var raw []byte
	if err := decMode.Unmarshal(b, &raw); err != nil {
		return err
	}
	*i = Identity(raw)
	return nil
}

// Signer signs with the identity key. Sign takes the bytes themselves: Ed25519 (RFC 8032), or ECDSA P-256 over their
// SHA-256 as r||s with low S.
type Signer interface {
	Identity() Identity
	Sign(message []byte) ([]byte, error)
}

// Verifier checks what a Signer made. The simulator may put a cheap one here; nodes use envelope.Keys.
type Verifier interface {
	Verify(signer Identity, message, signature []byte) bool
}

// Deterministic CBOR, bounded: no indefinite lengths, no tags, no duplicate keys, no floats with another encoding.
var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  16384,
		MaxMapPairs:       64,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options fixed at build time; a test would never start
	}
	return v
}

// Encode returns enc(v), the only CBOR encoding that a message may have.
func Encode(v any) ([]byte, error) { return encMode.Marshal(v) }

// Decode reads one canonical encoding into v. Error: Invalid if the bytes are not exactly what Encode gives for the result.
func Decode(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode %T: %v: %w", v, err, Invalid)
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Errorf("decode %T: %v: %w", v, err, Invalid)
	}
	if string(again) != string(data) {
		return fmt.Errorf("decode %T: not the canonical encoding: %w", v, Invalid)
	}
	return nil
}
