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

// signedPayment is a payment with two outputs of a fixed key.
func signedPayment(t testing.TB) *unit.Unit {
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
	return u
}

func BenchmarkHash(b *testing.B) {
	u := signedPayment(b)
	b.ReportAllocs()
	for b.Loop() {
		if h, err := u.Hash(); h != u.Unit || err != nil {
			b.Fatal(h, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	u := signedPayment(b)
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
	u := signedPayment(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckForm(b *testing.B) {
	u := signedPayment(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := unit.CheckForm(u); err != nil {
			b.Fatal(err)
		}
	}
}

// manyKeys is how many units, each of another key, the checks below go through, so that nothing remembered of a key helps.
const manyKeys = 256

// check is what one check of a unit needs, and what is left of it for the bare verification.
type check struct {
	data, point, rs []byte
	pub             string
	hash            [32]byte
}

func checks(b *testing.B) []check {
	b.Helper()
	list := make([]check, manyKeys)
	for i := range list {
		key, err := unit.NewKey([32]byte{29: 1, 30: byte(i >> 8), 31: byte(i)})
		if err != nil {
			b.Fatal(err)
		}
		u := payment(b, key, 100_000, 10_000)
		u.Authors[0].Definition = nil // as in all but the first unit of an address
		if err := u.SignWith(u.Authors[0].Address, "r", key); err != nil {
			b.Fatal(err)
		}
		if err := u.Seal(); err != nil {
			b.Fatal(err)
		}
		c := check{pub: key.PublicKey()}
		c.data, err = json.Marshal(u)
		if err != nil {
			b.Fatal(err)
		}
		if c.hash, err = u.HashToSign(); err != nil {
			b.Fatal(err)
		}
		c.point, _ = base64.StdEncoding.DecodeString(c.pub)
		c.rs, _ = base64.StdEncoding.DecodeString(u.Authors[0].Authentifiers["r"])
		list[i] = c
	}
	return list
}

// BenchmarkCheck reads, hashes and verifies payments; its floor is BenchmarkVerifyFloor.
func BenchmarkCheck(b *testing.B) {
	list := checks(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := &list[i%manyKeys]
		read, err := unit.Parse(c.data)
		if err != nil {
			b.Fatal(err)
		}
		if h, err := read.Hash(); h != read.Unit || err != nil {
			b.Fatal(h, err)
		}
		toSign, err := read.HashToSign()
		if err != nil || !unit.VerifySig(toSign, read.Authors[0].Authentifiers["r"], c.pub) {
			b.Fatal("not verified", err)
		}
	}
}

// BenchmarkVerifyFloor is the library's own verification of the same signatures.
func BenchmarkVerifyFloor(b *testing.B) {
	list := checks(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := &list[i%manyKeys]
		var r, s btcec.ModNScalar
		r.SetByteSlice(c.rs[:32])
		s.SetByteSlice(c.rs[32:])
		key, err := btcec.ParsePubKey(c.point)
		if err != nil || !ecdsa.NewSignature(&r, &s).Verify(c.hash[:], key) {
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
