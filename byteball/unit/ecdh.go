package unit

import (
	"crypto/sha256"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
)

// ECDH returns the secret that k shares with the holder of the key pub (base64): the SHA-256 of the x coordinate of their
// product, 32 bytes with its leading zeros. The group has prime order and pub is a point of it or refused, so nobody learns
// of the private key by asking for secrets. Error: Invalid if pub is no key.
func (k *Key) ECDH(pub string) ([32]byte, error) {
	var point [66]byte
	n := decode64(point[:], pub)
	other, err := btcec.ParsePubKey(point[:n])
	if err != nil {
		return [32]byte{}, byteball.Errorf(byteball.Invalid, "%.70q is no public key", pub)
	}
	return sha256.Sum256(btcec.GenerateSharedSecret(k.private, other)), nil
}
