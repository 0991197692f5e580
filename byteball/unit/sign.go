package unit

import (
	"encoding/base64"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/iotverse/iotverse/byteball"
)

// Key is a secp256k1 private key in memory. It is a Signer and shows its private half to nobody.
type Key struct {
	private *btcec.PrivateKey
	public  string
}

// NewKey makes a Key of a private number. Error: Invalid if it is 0 or not below the order of the group.
func NewKey(priv [32]byte) (*Key, error) {
	var d btcec.ModNScalar
	if overflow := d.SetBytes(&priv); overflow != 0 || d.IsZero() {
		return nil, byteball.Errorf(byteball.Invalid, "private key is 0 or not below the group's order")
	}
	key := btcec.PrivKeyFromScalar(&d)
	return &Key{key, base64.StdEncoding.EncodeToString(key.PubKey().SerializeCompressed())}, nil
}

// PublicKey returns the compressed public key in base64, 44 characters.
func (k *Key) PublicKey() string { return k.public }

// Sign signs a hash: r||s, low S, nonce by RFC 6979.
func (k *Key) Sign(hash [32]byte) ([64]byte, error) {
	sig := ecdsa.Sign(k.private, hash[:])
	r, s := sig.R(), sig.S()
	var out [64]byte
	r.PutBytesUnchecked(out[:32])
	s.PutBytesUnchecked(out[32:])
	return out, nil
}

// String keeps the private key out of logs.
func (k *Key) String() string { return "key " + k.public }

// VerifySig reports whether sig is a signature over hash by the key pub, both in base64 as the reference reads it: the
// alphabets with +/ and with -_, padding or not. High S is refused.
func VerifySig(hash [32]byte, sig, pub string) bool {
	var rs [66]byte // room to notice what is too long
	if len(sig) > MaxAuthentifier || decode64(rs[:], sig) != 64 {
		return false
	}
	var r, s btcec.ModNScalar
	if r.SetByteSlice(rs[:32]) || s.SetByteSlice(rs[32:64]) || r.IsZero() || s.IsZero() || s.IsOverHalfOrder() {
		return false
	}
	var point [66]byte
	n := decode64(point[:], pub)
	key, err := btcec.ParsePubKey(point[:n])
	if err != nil {
		return false
	}
	return ecdsa.NewSignature(&r, &s).Verify(hash[:], key)
}

// decode64 decodes base64 as the reference's runtime does, skipping characters of neither alphabet. It returns the
// number of bytes, at most len(dst).
func decode64(dst []byte, s string) int {
	var acc uint32
	n, have := 0, 0
	for i := 0; i < len(s) && n < len(dst); i++ {
		v := sixBits(s[i])
		if v < 0 {
			continue
		}
		acc = acc<<6 | uint32(v)
		if have += 6; have >= 8 {
			have -= 8
			dst[n] = byte(acc >> have)
			n++
		}
	}
	return n
}

func sixBits(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+' || c == '-':
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return -1
}

// SignWith puts the signature of s at path of the author called address. The path must be there already, usually with
// PlaceholderSig, since its length is part of the size that is paid for. Error: Invalid if it is not; whatever s says.
func (u *Unit) SignWith(address byteball.Address, path string, s Signer) error {
	hash, err := u.HashToSign()
	if err != nil {
		return err
	}
	for i := range u.Authors {
		a := &u.Authors[i]
		if _, ok := a.Authentifiers[path]; !ok || a.Address != address {
			continue
		}
		sig, err := s.Sign(hash)
		if err != nil {
			return err
		}
		a.Authentifiers[path] = base64.StdEncoding.EncodeToString(sig[:])
		return nil
	}
	return byteball.Errorf(byteball.Invalid, "no place for a signature of %s at path %s", address, path)
}

// Seal names u by its hash. All signatures must be in. Error: Invalid if a placeholder is left.
func (u *Unit) Seal() error {
	for i := range u.Authors {
		for path, sig := range u.Authors[i].Authentifiers {
			if sig == PlaceholderSig {
				return byteball.Errorf(byteball.Invalid, "signature of %s at path %s is missing", u.Authors[i].Address, path)
			}
		}
	}
	h, err := u.Hash()
	if err != nil {
		return err
	}
	u.Unit = h
	return nil
}
