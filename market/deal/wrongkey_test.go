package deal_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
)

// sold is one batch as an honest seller hands it over, before it is signed.
type sold struct {
	delivery protocol.Delivery
	key      protocol.Key
	proof    protocol.WrongKey
}

// honest makes the batch, its key and what a buyer would show of them.
func honest(t *testing.T) sold {
	t.Helper()
	m := match()
	d := must(deal.Open(rules, m))
	thing, _ := protocol.PropertyOf(prop)
	pack := must(protocol.EncodePack(thing, []protocol.Reading{{Time: t0 * 1000, Value: 15.5}}))
	salt := [16]byte{1}
	header := protocol.BatchHeader{N: 1, T0: t0 * 1000, T1: t0 * 1000, Commit: protocol.BatchCommit(salt, pack)}
	secret := []byte("the secret of the seller")
	k := must(deal.BatchKey(secret, d.ID, 3, 2))
	cipher := must(deal.Encrypt(k, salt, pack))
	sealed := must(deal.SealKey(secret, d.ID, 3, 2, m.Box, k))
	return sold{
		delivery: protocol.Delivery{Deal: d.ID, Window: 3, Index: 2, Header: header, HCipher: sha256.Sum256(cipher), HKey: sha256.Sum256(k[:]), Cipher: cipher},
		key:      protocol.Key{Deal: d.ID, Window: 3, Index: 2, Sealed: sealed},
		proof:    protocol.WrongKey{ByBuyer: seal(buyer, m), BySeller: seal(seller, m), Box: [32]byte(must(deal.BoxKey([]byte("secret"), 1)).Bytes())},
	}
}

// shown is the proof in bytes, as it would travel, and read again by somebody who has nothing but the market's manifest.
func (s sold) shown(t *testing.T, by *person) *protocol.WrongKey {
	t.Helper()
	s.proof.Delivery, s.proof.Key = seal(by, &s.delivery), seal(by, &s.key)
	var read protocol.WrongKey
	if err := protocol.Decode(must(protocol.Encode(&s.proof)), &read); err != nil {
		t.Fatal(err)
	}
	return &read
}

func TestAWrongKeyConvicts(t *testing.T) {
	foreign := [32]byte{9}
	for name, tt := range map[string]struct {
		cheat func(*sold)
		want  string
	}{
		"noise instead of a seal": {func(s *sold) { s.key.Sealed = make([]byte, 80) }, "key exchange"},
		"sealed to somebody else": {func(s *sold) {
			box := must(deal.BoxKey([]byte("other"), 1)).PublicKey().Bytes()
			s.key.Sealed = must(deal.SealKey([]byte("secret"), s.key.Deal, 3, 2, [32]byte(box), foreign))
		}, "not for this deal"},
		"another key": {func(s *sold) {
			s.key.Sealed = must(deal.SealKey([]byte("secret"), s.key.Deal, 3, 2, match().Box, foreign))
		}, "not the one promised"},
		"another key, promised": {func(s *sold) {
			s.delivery.HKey = sha256.Sum256(foreign[:])
			s.key.Sealed = must(deal.SealKey([]byte("secret"), s.key.Deal, 3, 2, match().Box, foreign))
		}, "does not open the batch"},
		"other readings than committed": {func(s *sold) { s.delivery.Header.Commit[0]++ }, "not what its header commits to"},
	} {
		t.Run(name, func(t *testing.T) {
			s := honest(t)
			tt.cheat(&s)
			d, fault, err := deal.WrongKey(rules, s.shown(t, seller))
			if err != nil {
				t.Fatal(err)
			}
			if d.Seller != seller.Identity() || !strings.Contains(fault.Error(), tt.want) {
				t.Errorf("convicts %s of %q, want the seller of %q", d.Seller, fault, tt.want)
			}
		})
	}
}

// TestNobodyCanBeFramed: what an honest seller signed proves nothing against it, however it is put together.
func TestNobodyCanBeFramed(t *testing.T) {
	for name, tt := range map[string]struct {
		by    *person
		frame func(*testing.T, *sold)
		want  string
	}{
		"the right key":         {seller, func(*testing.T, *sold) {}, "opens it"},
		"another box key":       {seller, func(_ *testing.T, s *sold) { s.proof.Box[5] ^= 1 }, "another box"},
		"the key of another":    {seller, func(_ *testing.T, s *sold) { s.key.Index++ }, "not of each other"},
		"of another deal":       {seller, func(_ *testing.T, s *sold) { s.key.Deal[0]++; s.delivery.Deal[0]++ }, "not of each other"},
		"a cipher not named":    {seller, func(_ *testing.T, s *sold) { s.delivery.Cipher[0] ^= 1 }, "another cipher"},
		"signed by the buyer":   {buyer, func(*testing.T, *sold) {}, "want one of the seller's"},
		"a match of one party":  {seller, func(_ *testing.T, s *sold) { s.proof.BySeller = s.proof.ByBuyer }, "others than its parties"},
		"nothing":               {seller, func(_ *testing.T, s *sold) { s.proof.ByBuyer = nil }, "envelope of a match"},
		"a match that is noise": {seller, func(_ *testing.T, s *sold) { s.proof.BySeller = []byte("noise") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := honest(t)
			tt.frame(t, &s)
			if _, fault, err := deal.WrongKey(rules, s.shown(t, tt.by)); !errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("fault %v, error %v, want Invalid with %q", fault, err, tt.want)
			}
		})
	}
}

func FuzzWrongKey(f *testing.F) {
	s := honest(&testing.T{})
	f.Add(must(protocol.Encode(s.shown(&testing.T{}, seller))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p protocol.WrongKey
		if protocol.Decode(data, &p) != nil {
			return
		}
		if d, fault, err := deal.WrongKey(rules, &p); err == nil && (fault == nil || d.Seller != seller.Identity()) {
			t.Errorf("convicts %s of %v", d.Seller, fault)
		}
	})
}
