package protocol_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"math/big"
	"testing"

	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// p256 is an identity of a secure element that knows no Ed25519.
type p256 struct{ *ecdsa.PrivateKey }

func (k p256) Identity() protocol.Identity {
	return protocol.Identity(elliptic.MarshalCompressed(k.Curve, k.X, k.Y))
}

func (k p256) Sign(m []byte) ([]byte, error) {
	digest := sha256.Sum256(m)
	r, s, err := ecdsa.Sign(zeros{}, k.PrivateKey, digest[:])
	if err != nil {
		return nil, err
	}
	if n := k.Params().N; s.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
		s.Sub(n, s)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func wallet(t testing.TB, seed byte) *unit.Key {
	t.Helper()
	k, err := unit.NewKey([32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestBindingJoinsBothKeys(t *testing.T) {
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []protocol.Signer{identity(1), p256{ec}} {
		b, err := protocol.Bind(id, wallet(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Check(envelope.Keys{}); err != nil {
			t.Error(err)
		}
		if b.Identity != id.Identity() {
			t.Errorf("binds %s, want %s", b.Identity, id.Identity())
		}
		var got protocol.Binding
		data, err := protocol.Encode(b)
		if err == nil {
			err = protocol.Decode(data, &got)
		}
		if err != nil || got.Check(envelope.Keys{}) != nil {
			t.Errorf("a round trip spoils it: %v", err)
		}
	}
}

func TestFalseBindingsAreRefused(t *testing.T) {
	mine, other := binding(t, 1), binding(t, 2)
	halves, err := protocol.Bind(identity(1), wallet(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(b *protocol.Binding){
		"another identity":             func(b *protocol.Binding) { b.Identity = other.Identity },
		"another wallet":               func(b *protocol.Binding) { b.WalletKey = other.WalletKey },
		"halves of two bindings":       func(b *protocol.Binding) { b.WalletKey, b.ByWallet = other.WalletKey, other.ByWallet },
		"the wallet's half of another": func(b *protocol.Binding) { b.ByWallet = other.ByWallet },
		"the identity's of another":    func(b *protocol.Binding) { b.ByID = other.ByID },
		"swapped signatures":           func(b *protocol.Binding) { b.ByID, b.ByWallet = b.ByWallet, b.ByID },
		"a wallet bound elsewhere":     func(b *protocol.Binding) { b.WalletKey, b.ByID = halves.WalletKey, halves.ByID },
		"a short identity":             func(b *protocol.Binding) { b.Identity = b.Identity[:31] },
		"a short wallet key":           func(b *protocol.Binding) { b.WalletKey = b.WalletKey[:32] },
		"no point of the curve":        func(b *protocol.Binding) { b.WalletKey = make([]byte, 33) },
		"no signature of the identity": func(b *protocol.Binding) { b.ByID = nil },
		"no signature of the wallet":   func(b *protocol.Binding) { b.ByWallet = nil },
		"a high S":                     func(b *protocol.Binding) { b.ByWallet = highS(b.ByWallet) },
	} {
		b := mine
		b.ByID, b.ByWallet, b.WalletKey = bytes.Clone(mine.ByID), bytes.Clone(mine.ByWallet), bytes.Clone(mine.WalletKey)
		change(&b)
		if err := b.Check(envelope.Keys{}); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
}

// highS turns s into n − s: the same point of the curve, a signature that nobody may accept.
func highS(sig []byte) []byte {
	n, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	s := new(big.Int).Sub(n, new(big.Int).SetBytes(sig[32:]))
	return append(bytes.Clone(sig[:32]), s.FillBytes(make([]byte, 32))...)
}
