package unit

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
)

// SignAgain is Sign with another nonce for each n: RFC 6979 section 3.6 with n as its additional data. A unit that a hub
// refused once it refuses by its hash for ever (BYTEBALL C rule 4); with another signature the same unit has another hash.
func (k *Key) SignAgain(hash [32]byte, n uint32) ([64]byte, error) {
	private := k.private.Serialize()
	defer clear(private)
	var extra [32]byte
	binary.BigEndian.PutUint32(extra[28:], n)
	var z btcec.ModNScalar
	z.SetBytes(&hash)
	for i := range uint32(16) {
		if out, ok := k.signWith(&z, btcec.NonceRFC6979(private, hash[:], extra[:], nil, i)); ok {
			return out, nil
		}
	}
	return [64]byte{}, byteball.Errorf(byteball.Transient, "no usable nonce") // chance 2^-2000
}

// signWith returns the signature that nonce gives for z; not ok if r or s is 0.
func (k *Key) signWith(z, nonce *btcec.ModNScalar) (out [64]byte, ok bool) {
	defer nonce.Zero()
	var point btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(nonce, &point)
	point.ToAffine()
	var r, s btcec.ModNScalar
	r.SetBytes(point.X.Bytes())
	s.Mul2(&k.private.Key, &r).Add(z)
	s.Mul(new(btcec.ModNScalar).InverseValNonConst(nonce))
	if r.IsZero() || s.IsZero() {
		return out, false
	}
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	r.PutBytesUnchecked(out[:32])
	s.PutBytesUnchecked(out[32:])
	return out, true
}
