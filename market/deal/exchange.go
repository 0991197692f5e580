package deal

import (
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/iotverse/iotverse/protocol"
)

// The fair exchange of MECHANISM 6: a batch travels encrypted under its own key K_b, the buyer pays, K_b follows sealed to
// the buyer's X25519 key. All keys follow from one secret of the seller, so that a restart loses none.

// BatchKey is K_b: HKDF-SHA256 of the deal's key (itself from the seller's secret) for batch index of a window.
func BatchKey(secret []byte, deal protocol.Hash, window uint64, index uint8) ([32]byte, error) {
	kDeal := derive(secret, "iotverse/1/kdeal", deal[:])
	info := append([]byte("iotverse/1/kb"), deal[:]...)
	info = binary.BigEndian.AppendUint64(info, window*protocol.MaxBatches+uint64(index))
	k, err := hkdf.Key(sha256.New, kDeal[:], nil, string(info), 32)
	if err != nil {
		return [32]byte{}, fmt.Errorf("batch key: %w", err)
	}
	return [32]byte(k), nil
}

// derive is HMAC-SHA256 of a label and parts under a node's secret.
func derive(secret []byte, label string, parts ...[]byte) [32]byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(label))
	for _, p := range parts {
		h.Write(p)
	}
	return [32]byte(h.Sum(nil))
}

// Salt is the 16-byte salt of a batch: from the seller's secret, told with the batch or its sample only.
func Salt(secret []byte, prop string, seq uint64) [16]byte {
	d := derive(secret, "iotverse/1/salt", []byte(prop), binary.BigEndian.AppendUint64(nil, seq))
	return [16]byte(d[:16])
}

// AuxSalt is the salt of a window's aux commitment.
func AuxSalt(secret []byte, prop string, window uint64) [16]byte {
	d := derive(secret, "iotverse/1/aux", []byte(prop), binary.BigEndian.AppendUint64(nil, window))
	return [16]byte(d[:16])
}

// Encrypt is XChaCha20-Poly1305 of salt ‖ pack under K_b. The key is used once, so the nonce is zero.
func Encrypt(key [32]byte, salt [16]byte, pack []byte) ([]byte, error) {
	aead, err := sealing(key[:])
	if err != nil {
		return nil, err
	}
	plain := append(append(make([]byte, 0, 16+len(pack)), salt[:]...), pack...)
	return aead.Seal(nil, make([]byte, aead.NonceSize()), plain, nil), nil
}

// Decrypt undoes Encrypt. Error: Invalid for a wrong key or a spoiled cipher: then key, delivery and cipher are a public
// proof against the seller (hard code 7).
func Decrypt(key [32]byte, data []byte) (salt [16]byte, pack []byte, err error) {
	aead, err := sealing(key[:])
	if err != nil {
		return salt, nil, err
	}
	plain, err := aead.Open(nil, make([]byte, aead.NonceSize()), data, nil)
	if err != nil || len(plain) < 17 {
		return salt, nil, fmt.Errorf("the key does not open the batch: %w", protocol.Invalid)
	}
	return [16]byte(plain[:16]), plain[16:], nil
}

// BoxKey is the buyer's X25519 key of its channel number i, from the buyer's secret.
func BoxKey(secret []byte, i uint32) (*ecdh.PrivateKey, error) {
	seed := derive(secret, "iotverse/1/box", binary.BigEndian.AppendUint32(nil, i))
	return ecdh.X25519().NewPrivateKey(seed[:])
}

// SealKey seals K_b to the buyer: an ephemeral X25519 key (from the seller's secret, so that a repeated answer is the same
// bytes) ‖ XChaCha20-Poly1305 under HKDF-SHA256 of the shared secret.
func SealKey(secret []byte, deal protocol.Hash, window uint64, index uint8, box [32]byte, key [32]byte) ([]byte, error) {
	place := binary.BigEndian.AppendUint64(nil, window*protocol.MaxBatches+uint64(index))
	seed := derive(secret, "iotverse/1/ephemeral", deal[:], place)
	eph, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	to, err := ecdh.X25519().NewPublicKey(box[:])
	if err != nil {
		return nil, fmt.Errorf("seal key: buyer's box: %v: %w", err, protocol.Invalid)
	}
	aead, err := shared(eph, to, eph.PublicKey().Bytes())
	if err != nil {
		return nil, err
	}
	return aead.Seal(eph.PublicKey().Bytes(), make([]byte, aead.NonceSize()), key[:], nil), nil
}

// OpenKey undoes SealKey with the buyer's box key. Error: Invalid.
func OpenKey(box *ecdh.PrivateKey, sealed []byte) ([32]byte, error) {
	if len(sealed) != 80 {
		return [32]byte{}, fmt.Errorf("sealed key of %d bytes, want 80: %w", len(sealed), protocol.Invalid)
	}
	eph, err := ecdh.X25519().NewPublicKey(sealed[:32])
	if err != nil {
		return [32]byte{}, fmt.Errorf("sealed key: %v: %w", err, protocol.Invalid)
	}
	aead, err := shared(box, eph, sealed[:32])
	if err != nil {
		return [32]byte{}, err
	}
	key, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed[32:], nil)
	if err != nil {
		return [32]byte{}, fmt.Errorf("sealed key is not for this deal: %w", protocol.Invalid)
	}
	return [32]byte(key), nil
}

func shared(mine *ecdh.PrivateKey, theirs *ecdh.PublicKey, eph []byte) (cipher.AEAD, error) {
	secret, err := mine.ECDH(theirs)
	if err != nil {
		return nil, fmt.Errorf("key exchange: %v: %w", err, protocol.Invalid)
	}
	k, err := hkdf.Key(sha256.New, secret, eph, "iotverse/1/seal", 32)
	if err != nil {
		return nil, fmt.Errorf("key exchange: %w", err)
	}
	return sealing(k)
}

func sealing(key []byte) (cipher.AEAD, error) { return chacha20poly1305.NewX(key) }
