package envelope

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"math/big"

	"github.com/iotverse/iotverse/protocol"
)

// Keys verifies real signatures: Ed25519 for keys of 32 bytes; ECDSA P-256 over SHA-256, r||s with low S, for 33 bytes.
type Keys struct{}

var halfP256 = new(big.Int).Rsh(elliptic.P256().Params().N, 1)

// Verify says whether signature is signer's over message. It accepts no high S and no malformed key.
func (Keys) Verify(signer protocol.Identity, message, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	switch len(signer) {
	case ed25519.PublicKeySize:
		return ed25519.Verify(ed25519.PublicKey(signer), message, signature)
	case 33:
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), []byte(signer))
		if x == nil {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		if s.Cmp(halfP256) > 0 {
			return false
		}
		digest := sha256.Sum256(message)
		return ecdsa.Verify(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}, digest[:], r, s)
	}
	return false
}
