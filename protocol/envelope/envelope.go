// Package envelope signs messages and opens signed ones: COSE_Sign1 (RFC 9052 §4.2) with EdDSA or ES256, an empty
// unprotected map, and the domain, the kind and the market's hash as external data, so that a message of one market, kind
// or purpose is never taken for another. An envelope that does not encode to the very bytes it came from is refused.
// Every message passes here once, where it enters a node; behind it stands a typed body.
package envelope

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/veraison/go-cose"

	"github.com/iotverse/iotverse/protocol"
)

// headerType is the COSE header "typ" (RFC 9596); it carries the kind behind a prefix in the form of a media type.
const (
	headerType = int64(16)
	typePrefix = "iotverse/"
)

// Envelope is a signed message whose form and signature were checked (Open) or made here (Seal).
type Envelope struct {
	Signer    protocol.Identity
	Body      protocol.Message
	Payload   []byte // enc(Body)
	Signature []byte // 64 bytes
	Raw       []byte // the whole COSE_Sign1
}

// Kind is the kind of the body.
func (e Envelope) Kind() protocol.Kind { return e.Body.Kind() }

// Hash names the envelope: SHA-256 of enc of its payload and kind; all signatures over one body share it.
func (e Envelope) Hash() protocol.Hash { return protocol.H("iv1/body", string(e.Kind()), e.Payload) }

// Seal signs m for a market. Errors: Invalid if m fails its own check or is too large for its kind; whatever the signer
// returns.
func Seal(s protocol.Signer, market protocol.Hash, m protocol.Message) (Envelope, error) {
	if err := m.Check(); err != nil {
		return Envelope{}, fmt.Errorf("seal %s: %w", m.Kind(), err)
	}
	payload, err := protocol.Encode(m)
	if err != nil {
		return Envelope{}, fmt.Errorf("seal %s: %v: %w", m.Kind(), err, protocol.Invalid)
	}
	msg := skeleton(s.Identity(), m.Kind(), payload)
	if err := msg.Sign(rand.Reader, external(m.Kind(), market), signing{s}); err != nil {
		return Envelope{}, fmt.Errorf("seal %s: %w", m.Kind(), err)
	}
	raw, err := msg.MarshalCBOR()
	if err != nil {
		return Envelope{}, fmt.Errorf("seal %s: %v: %w", m.Kind(), err, protocol.Invalid)
	}
	if len(raw) > protocol.MaxSize(m.Kind()) {
		return Envelope{}, fmt.Errorf("seal %s: %d bytes, at most %d: %w", m.Kind(), len(raw), protocol.MaxSize(m.Kind()), protocol.Invalid)
	}
	return Envelope{Signer: s.Identity(), Body: m, Payload: payload, Signature: msg.Signature, Raw: raw}, nil
}

// Open checks one envelope: size, canonical form, signature, body. It keeps no reference to raw. Every error is Invalid:
// none of this hangs on a clock or a ledger.
func Open(v protocol.Verifier, market protocol.Hash, raw []byte) (Envelope, error) {
	if len(raw) > protocol.MaxFrame {
		return Envelope{}, fmt.Errorf("envelope of %d bytes, at most %d: %w", len(raw), protocol.MaxFrame, protocol.Invalid)
	}
	raw = bytes.Clone(raw)
	var msg cose.Sign1Message
	if err := msg.UnmarshalCBOR(raw); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %v: %w", err, protocol.Invalid)
	}
	signer, kind, err := readHeaders(&msg)
	if err != nil {
		return Envelope{}, err
	}
	if max := protocol.MaxSize(kind); len(raw) > max {
		return Envelope{}, fmt.Errorf("envelope of kind %.20q has %d bytes, at most %d: %w", string(kind), len(raw), max, protocol.Invalid)
	}
	again := skeleton(signer, kind, msg.Payload)
	again.Signature = msg.Signature
	if b, err := again.MarshalCBOR(); err != nil || !bytes.Equal(b, raw) {
		return Envelope{}, fmt.Errorf("envelope: not the canonical encoding: %w", protocol.Invalid)
	}
	if err := msg.Verify(external(kind, market), verifying{v, signer}); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %s by %s: bad signature, or of another market: %w", kind, signer, protocol.Invalid)
	}
	body, err := protocol.New(kind)
	if err != nil {
		return Envelope{}, err
	}
	if err := protocol.Decode(msg.Payload, body); err != nil {
		return Envelope{}, err
	}
	if err := body.Check(); err != nil {
		return Envelope{}, err
	}
	return Envelope{Signer: signer, Body: body, Payload: msg.Payload, Signature: msg.Signature, Raw: raw}, nil
}

// VerifyDetached says whether signature is signer's over a payload of a kind: how one stamp body carries the signatures
// of many.
func VerifyDetached(v protocol.Verifier, market protocol.Hash, signer protocol.Identity, kind protocol.Kind, payload, signature []byte) bool {
	if signer.Check() != nil || len(signature) != 64 {
		return false
	}
	msg := skeleton(signer, kind, payload)
	msg.Signature = signature
	return msg.Verify(external(kind, market), verifying{v, signer}) == nil
}

func external(kind protocol.Kind, market protocol.Hash) []byte {
	return append([]byte("iotverse/1/"+string(kind)), market[:]...)
}

func skeleton(signer protocol.Identity, kind protocol.Kind, payload []byte) *cose.Sign1Message {
	msg := cose.NewSign1Message()
	msg.Headers.Protected = cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm: algorithm(signer),
		cose.HeaderLabelKeyID:     []byte(signer),
		headerType:                typePrefix + string(kind),
	}
	msg.Payload = payload
	return msg
}

func readHeaders(msg *cose.Sign1Message) (protocol.Identity, protocol.Kind, error) {
	kid, _ := msg.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
	typ, _ := msg.Headers.Protected[headerType].(string)
	kind, ok := strings.CutPrefix(typ, typePrefix)
	if !ok {
		return "", "", fmt.Errorf("envelope: type %.40q is none of ours: %w", typ, protocol.Invalid)
	}
	signer := protocol.Identity(kid)
	if err := signer.Check(); err != nil {
		return "", "", fmt.Errorf("envelope: %w", err)
	}
	if len(msg.Signature) != 64 || len(msg.Headers.Unprotected) != 0 || len(msg.Headers.Protected) != 3 {
		return "", "", fmt.Errorf("envelope: signature of %d bytes, %d protected and %d unprotected headers, want 64, 3, 0: %w",
			len(msg.Signature), len(msg.Headers.Protected), len(msg.Headers.Unprotected), protocol.Invalid)
	}
	return signer, protocol.Kind(kind), nil
}

func algorithm(signer protocol.Identity) cose.Algorithm {
	if len(signer) == 33 {
		return cose.AlgorithmES256
	}
	return cose.AlgorithmEdDSA
}

// signing and verifying adapt the project's interfaces to go-cose's.
type signing struct{ protocol.Signer }

func (s signing) Algorithm() cose.Algorithm { return algorithm(s.Identity()) }

func (s signing) Sign(_ io.Reader, content []byte) ([]byte, error) { return s.Signer.Sign(content) }

type verifying struct {
	v      protocol.Verifier
	signer protocol.Identity
}

func (v verifying) Algorithm() cose.Algorithm { return algorithm(v.signer) }

func (v verifying) Verify(content, signature []byte) error {
	if !v.v.Verify(v.signer, content, signature) {
		return errors.New("signature does not verify")
	}
	return nil
}
