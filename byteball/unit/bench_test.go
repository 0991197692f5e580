package unit_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// signedPayment is a payment with two outputs of a fixed key, and that key's public half.
func signedPayment(t testing.TB) (*unit.Unit, string) {
	t.Helper()
	key, err := unit.NewKey([32]byte{31: 7})
	if err != nil {
		t.Fatal(err)
	}
	u := payment(t, key, 100_000, 10_000)
	if err := u.SignWith(u.Authors[0].Address, "r", key); err != nil {
		t.Fatal(err)
	}
	if err := u.Seal(); err != nil {
		t.Fatal(err)
	}
	return u, key.PublicKey()
}

func BenchmarkHash(b *testing.B) {
	u, _ := signedPayment(b)
	b.ReportAllocs()
	for b.Loop() {
		if h, err := u.Hash(); h != u.Unit || err != nil {
			b.Fatal(h, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	u, _ := signedPayment(b)
	data, err := json.Marshal(u)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := unit.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	u, _ := signedPayment(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckForm(b *testing.B) {
	u, _ := signedPayment(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := unit.CheckForm(u); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck reads, hashes and verifies a payment; its floor is BenchmarkVerifyFloor.
func BenchmarkCheck(b *testing.B) {
	u, pub := signedPayment(b)
	data, err := json.Marshal(u)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		read, err := unit.Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		if h, err := read.Hash(); h != read.Unit || err != nil {
			b.Fatal(h, err)
		}
		toSign, err := read.HashToSign()
		if err != nil || !unit.VerifySig(toSign, read.Authors[0].Authentifiers["r"], pub) {
			b.Fatal("not verified", err)
		}
	}
}

// BenchmarkVerifyFloor is the library's own verification of the same signature.
func BenchmarkVerifyFloor(b *testing.B) {
	u, pub := signedPayment(b)
	hash, err := u.HashToSign()
	if err != nil {
		b.Fatal(err)
	}
	point, _ := base64.StdEncoding.DecodeString(pub)
	rs, _ := base64.StdEncoding.DecodeString(u.Authors[0].Authentifiers["r"])
	b.ReportAllocs()
	for b.Loop() {
		var r, s btcec.ModNScalar
		r.SetByteSlice(rs[:32])
		s.SetByteSlice(rs[32:])
		key, err := btcec.ParsePubKey(point)
		if err != nil || !ecdsa.NewSignature(&r, &s).Verify(hash[:], key) {
			b.Fatal("not verified")
		}
	}
}

func BenchmarkSign(b *testing.B) {
	key, err := unit.NewKey([32]byte{31: 7})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Sign([32]byte{1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMinTPSFee(b *testing.B) {
	v := unit.DefaultVars(byteball.Dev)
	b.ReportAllocs()
	for b.Loop() {
		unit.MinTPSFee(v, 0.37, 1)
	}
}
