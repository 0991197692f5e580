package utim

import "crypto/sha256"

// Secret derives a secret of this device for a purpose, the same every time: SHA-256 of the identity key's deterministic
// signature over "iotverse/1/secret/" and the label. That signature is made nowhere else and never leaves, so a key in a
// token, which cannot derive, serves as well.
func (m *Module) Secret(label string) ([32]byte, error) {
	sig, err := m.Sign([]byte("iotverse/1/secret/" + label))
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(sig), nil
}
