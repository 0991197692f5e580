package deal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"fmt"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// Unlock opens a delivered batch with its sealed key; box is the buyer's private half of Match.Box. Error: Invalid if the
// seal, the key, the cipher or the readings inside are not what the seller promised by signing m.
func (d Deal) Unlock(box *ecdh.PrivateKey, m *protocol.Delivery, sealed []byte) ([]protocol.Reading, error) {
	key, err := OpenKey(box, sealed)
	if err != nil {
		return nil, err
	}
	if protocol.Hash(sha256.Sum256(key[:])) != m.HKey {
		return nil, fmt.Errorf("key of batch %d is not the one promised: %w", m.Index, protocol.Invalid)
	}
	salt, pack, err := Decrypt(key, m.Cipher)
	if err != nil {
		return nil, err
	}
	if protocol.BatchCommit(salt, pack) != m.Header.Commit {
		return nil, fmt.Errorf("batch %d is not what its header commits to: %w", m.Index, protocol.Invalid)
	}
	prop, ok := protocol.PropertyOf(d.Offer.Prop)
	if !ok {
		return nil, fmt.Errorf("property %q is not in the table: %w", d.Offer.Prop, protocol.Invalid)
	}
	return protocol.DecodePack(prop, pack)
}

// WrongKey checks a proof of hard code 7 from its bytes alone and returns the deal whose seller it convicts, and what was
// wrong with the key. It cannot be made against an honest seller: it holds his signatures under a batch and under a key, and
// the box key in it is the one both agreed on. Error: Invalid for what proves nothing.
func WrongKey(r Rules, p *protocol.WrongKey) (d Deal, fault error, err error) {
	if err := p.Check(); err != nil {
		return Deal{}, nil, err
	}
	if d, err = OpenSigned(r, p.ByBuyer, p.BySeller); err != nil {
		return Deal{}, nil, err
	}
	box, err := ecdh.X25519().NewPrivateKey(p.Box[:])
	if err != nil || !bytes.Equal(box.PublicKey().Bytes(), d.Match.Box[:]) {
		return Deal{}, nil, fmt.Errorf("wrong key: deal %s has another box: %w", d.ID, protocol.Invalid)
	}
	m, err := bySeller[*protocol.Delivery](r, d, p.Delivery)
	if err != nil {
		return Deal{}, nil, err
	}
	k, err := bySeller[*protocol.Key](r, d, p.Key)
	if err != nil {
		return Deal{}, nil, err
	}
	switch {
	case m.Deal != d.ID || k.Deal != d.ID || k.Window != m.Window || k.Index != m.Index:
		err = fmt.Errorf("wrong key: batch and key of deal %s are not of each other: %w", d.ID, protocol.Invalid)
	case protocol.Hash(sha256.Sum256(m.Cipher)) != m.HCipher:
		err = fmt.Errorf("wrong key: batch %d names another cipher, nobody pays for it: %w", m.Index, protocol.Invalid)
	}
	if err != nil {
		return Deal{}, nil, err
	}
	if _, fault = d.Unlock(box, m, k.Sealed); fault == nil {
		return Deal{}, nil, fmt.Errorf("wrong key: the key of batch %d opens it: %w", m.Index, protocol.Invalid)
	}
	return d, fault, nil
}

// bySeller opens an envelope of a deal's seller.
func bySeller[M protocol.Message](r Rules, d Deal, raw []byte) (body M, err error) {
	env, err := envelope.Open(r.Verifier, r.Market, raw)
	if err != nil {
		return body, err
	}
	body, ok := env.Body.(M)
	if !ok || env.Signer != d.Seller {
		return body, fmt.Errorf("wrong key: a %s by %s, want one of the seller's: %w", env.Kind(), env.Signer, protocol.Invalid)
	}
	return body, nil
}
