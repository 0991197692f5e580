package merkle_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/merkle"
)

type vectors struct {
	Cases []struct {
		Elements   []string
		Index      int
		Root       byteball.Hash
		Serialized string
		Verify     bool
	}
	Verify []struct {
		Element, Serialized string
		Result              bool
	} `json:"verify_serialized"`
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/merkle.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectors(t *testing.T) {
	v := readVectors(t)
	for _, c := range v.Cases {
		if got := merkle.Root(c.Elements); got != c.Root {
			t.Errorf("Root of %d elements = %s, want %s", len(c.Elements), got, c.Root)
		}
		p, err := merkle.Prove(c.Elements, c.Index)
		if err != nil || p.String() != c.Serialized {
			t.Errorf("Prove(%d of %d) = %s, %v, want %s", c.Index, len(c.Elements), p, err, c.Serialized)
		}
		if got := merkle.Verify(c.Elements[c.Index], p); got != c.Verify {
			t.Errorf("Verify(%d of %d) = %t, want %t", c.Index, len(c.Elements), got, c.Verify)
		}
	}
	for _, c := range v.Verify {
		p, err := merkle.Parse(c.Serialized)
		if got := err == nil && merkle.Verify(c.Element, p); got != c.Result {
			t.Errorf("Parse and Verify(%q, %s) = %t, %v, want %t", c.Element, c.Serialized, got, err, c.Result)
		}
	}
}

// Law: each element is proven at its place, and a proof survives being written and read.
func TestProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elements := rapid.SliceOfN(rapid.String(), 1, 40).Draw(t, "elements")
		i := rapid.IntRange(0, len(elements)-1).Draw(t, "i")
		p, err := merkle.Prove(elements, i)
		if err != nil {
			t.Fatal(err)
		}
		read, err := merkle.Parse(p.String())
		if err != nil || read.String() != p.String() {
			t.Fatalf("Parse(%s) = %s, %v", p, read, err)
		}
		if p.Root != merkle.Root(elements) || !merkle.Verify(elements[i], read) {
			t.Fatalf("element %d of %d is not proven by %s", i, len(elements), p)
		}
		if merkle.Verify(elements[i]+"x", p) {
			t.Fatalf("another element is proven by %s", p)
		}
	})
}

func TestProveRefuses(t *testing.T) {
	for _, i := range []int{-1, 2} {
		if _, err := merkle.Prove([]string{"a", "b"}, i); !errors.Is(err, byteball.Invalid) {
			t.Errorf("Prove(%d of 2): %v, want an error of kind Invalid", i, err)
		}
	}
	if got := merkle.Root(nil); got != "" {
		t.Errorf("Root of nothing = %q, want none", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range readVectors(f).Verify {
		f.Add(c.Serialized)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := merkle.Parse(s)
		if err != nil {
			if !errors.Is(err, byteball.Invalid) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if p.String() != s {
			t.Fatalf("%q became %q", s, p)
		}
		merkle.Verify("element", p)
	})
}

func BenchmarkVerify(b *testing.B) {
	elements := make([]string, 1024)
	p, err := merkle.Prove(elements, 17)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !merkle.Verify("", p) {
			b.Fatal("not verified")
		}
	}
}
