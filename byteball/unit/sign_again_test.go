package unit_test

import (
	"encoding/base64"
	"testing"

	"github.com/iotverse/iotverse/byteball/unit"
)

func TestSignAgain(t *testing.T) {
	key, err := unit.NewKey([32]byte{31: 7})
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{1, 2, 3}
	first, err := key.Sign(hash)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[64]byte]bool{first: true}
	for n := range uint32(50) {
		sig, err := key.SignAgain(hash, n)
		if err != nil {
			t.Fatal(err)
		}
		if seen[sig] {
			t.Errorf("nonce %d: signature seen before", n)
		}
		seen[sig] = true
		if again, _ := key.SignAgain(hash, n); again != sig {
			t.Errorf("nonce %d: got two signatures, want one", n)
		}
		if !unit.VerifySig(hash, base64.StdEncoding.EncodeToString(sig[:]), key.PublicKey()) {
			t.Errorf("nonce %d: signature is not valid", n)
		}
	}
}
