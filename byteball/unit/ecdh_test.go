package unit_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Law: two keys share one secret, whoever asks, and no other key shares it.
func TestECDH(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) *unit.Key {
			var d [32]byte
			copy(d[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
			k, err := unit.NewKey(d)
			if err != nil {
				t.Skip()
			}
			return k
		}
		a, b, c := draw("a"), draw("b"), draw("c")
		ab, err := a.ECDH(b.PublicKey())
		ba, err2 := b.ECDH(a.PublicKey())
		if err != nil || err2 != nil || ab != ba {
			t.Fatalf("%x (%v) and %x (%v)", ab, err, ba, err2)
		}
		if ac, _ := a.ECDH(c.PublicKey()); ac == ab && c.PublicKey() != b.PublicKey() {
			t.Fatal("a third key shares the secret")
		}
	})
	k, err := unit.NewKey([32]byte{31: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "AA==", "A" + k.PublicKey(), "////////////////////////////////////////////"} {
		if _, err := k.ECDH(bad); !errors.Is(err, byteball.Invalid) {
			t.Errorf("ECDH(%q): %v", bad, err)
		}
	}
}
