package unit_test

import (
	"encoding/base64"
	"encoding/hex"
	"testing"
)

func bytes32(t testing.TB, s string) (out [32]byte) {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(out) {
		t.Fatalf("not 32 bytes of hex: %q", s)
	}
	copy(out[:], b)
	return out
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
