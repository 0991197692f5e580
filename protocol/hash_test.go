package protocol_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol"
)

// TestHashIsOfTheLabelledList checks H against bytes written by hand from RFC 8949: an array of a text, then the parts.
func TestHashIsOfTheLabelledList(t *testing.T) {
	for _, tt := range []struct {
		label string
		parts []any
		cbor  string
	}{
		{"iv1/x", nil, "81" + "65" + "6976312f78"},
		{"iv1/x", []any{uint64(0), "b", []byte{1, 2}}, "84" + "65" + "6976312f78" + "00" + "6162" + "420102"},
		{"iv1/x", []any{uint64(500), int64(-1), 24}, "84" + "65" + "6976312f78" + "1901f4" + "20" + "1818"},
		{"iv1/x", []any{protocol.Hash{}}, "82" + "65" + "6976312f78" + "5820" + "0000000000000000000000000000000000000000000000000000000000000000"},
	} {
		enc, err := hex.DecodeString(tt.cbor)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := protocol.H(tt.label, tt.parts...), protocol.Hash(sha256.Sum256(enc)); got != want {
			t.Errorf("H(%s, %v) is %x, want %x", tt.label, tt.parts, got, want)
		}
	}
}

// TestNamesOfMessages pins what every node must compute alike; another value is another protocol.
func TestNamesOfMessages(t *testing.T) {
	wc := sample(t, protocol.KindCommitted).(*protocol.WindowCommit)
	reveal := sample(t, protocol.KindReveal).(*protocol.Reveal)
	match := &protocol.Match{Offer: []byte{1}, Demand: []byte{2}, Relevance: 3, BuyerKey: make([]byte, 33), Change: someone, Age: 4, Deposit: 5}
	for _, tt := range []struct {
		what string
		got  protocol.Hash
		want string
	}{
		{"window", wc.ID(), "0e37f381"},
		{"commit", reveal.CommitHash(), "fa2321f9"},
		{"deal", match.ID(), "d112ff47"},
		{"header", header(7).Hash(), "ae2dc044"},
		{"batch", protocol.BatchCommit([16]byte{1}, []byte{2}), "4eb554c7"},
		{"aux", protocol.AuxCommit([16]byte{1}, protocol.AuxNormal), "d35b69c5"},
	} {
		if got := tt.got.String(); got != tt.want {
			t.Errorf("%s is named %s, want %s", tt.what, got, tt.want)
		}
	}
}

// TestDrawLaws: PRF draws distinct indices in range, as many as there are at most, the same for the same question, and a
// longer draw begins with the shorter one.
func TestDrawLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, limit := rapid.IntRange(-1, 80).Draw(t, "n"), rapid.IntRange(0, 70).Draw(t, "limit")
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		got := protocol.Draw(n, limit, "iv1/test", key)
		if want := max(0, min(n, limit)); len(got) != want {
			t.Fatalf("%d indices, want %d", len(got), want)
		}
		seen := map[int]bool{}
		for _, i := range got {
			if i < 0 || i >= limit || seen[i] {
				t.Fatalf("index %d of %d in %v", i, limit, got)
			}
			seen[i] = true
		}
		again := protocol.Draw(n+1, limit, "iv1/test", key)
		for i := range got {
			if again[i] != got[i] {
				t.Fatalf("%v does not begin with %v", again, got)
			}
		}
	})
}

// TestDrawIsEven: over many questions every index comes first about equally often (five standard deviations).
func TestDrawIsEven(t *testing.T) {
	const limit, rounds = 7, 7000
	var count [limit]int
	for i := range uint64(rounds) {
		count[protocol.Draw(1, limit, "iv1/even", i)[0]]++
	}
	for i, n := range count {
		if n < 1000-5*30 || n > 1000+5*30 {
			t.Errorf("index %d came %d times of %d", i, n, rounds)
		}
	}
}

func TestDrawDependsOnEveryPart(t *testing.T) {
	base := protocol.Draw(8, 64, "iv1/a", []byte{1}, []byte{2})
	for what, other := range map[string][]int{
		"label":       protocol.Draw(8, 64, "iv1/b", []byte{1}, []byte{2}),
		"first part":  protocol.Draw(8, 64, "iv1/a", []byte{0}, []byte{2}),
		"second part": protocol.Draw(8, 64, "iv1/a", []byte{1}, []byte{0}),
		"grouping":    protocol.Draw(8, 64, "iv1/a", []byte{1, 2}),
	} {
		same := len(other) == len(base)
		for i := range other {
			same = same && other[i] == base[i]
		}
		if same {
			t.Errorf("another %s draws the same %v", what, base)
		}
	}
}
