package chash_test

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
)

func readVectors(t *testing.T, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/addresses.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	var v struct {
		Definitions []struct {
			Definition any
			Result     byteball.Address
			Error      string
		}
		Devices []struct {
			Pubkey        string
			DeviceAddress string           `json:"device_address"`
			SigAddress    byteball.Address `json:"sig_address"`
		}
		Strings []struct {
			Data     string
			Chash160 byteball.Address
		} `json:"chash_of_strings"`
		Validity []struct {
			Address byteball.Address
			Valid   bool `json:"is_valid_address"`
		}
		Offsets []int `json:"checksum_offsets_160"`
	}
	readVectors(t, &v)
	for _, c := range v.Strings {
		checkMix(t, c.Chash160, v.Offsets)
	}
	for _, c := range v.Definitions {
		if got, err := chash.Of(c.Definition); got != c.Result || (err != nil) != (c.Error != "") {
			t.Errorf("Of(%v) = %s, %v, want %s, %s", c.Definition, got, err, c.Result, c.Error)
		}
	}
	for _, c := range v.Devices {
		if got := chash.DeviceAddress(c.Pubkey); got != c.DeviceAddress {
			t.Errorf("DeviceAddress(%s) = %s, want %s", c.Pubkey, got, c.DeviceAddress)
		}
		sig := []any{"sig", map[string]any{"pubkey": c.Pubkey}}
		if got, err := chash.Of(sig); got != c.SigAddress || err != nil {
			t.Errorf("Of(%v) = %s, %v, want %s", sig, got, err, c.SigAddress)
		}
	}
	for _, c := range v.Strings {
		if got := chash.Sum160(c.Data); got != c.Chash160 {
			t.Errorf("Sum160(%q) = %s, want %s", c.Data, got, c.Chash160)
		}
	}
	for _, c := range v.Validity {
		if got := chash.Valid(c.Address); got != c.Valid {
			t.Errorf("Valid(%q) = %t, want %t", c.Address, got, c.Valid)
		}
	}
}

// checkMix wants the bits at the given places to be those of the check sum over the rest.
func checkMix(t *testing.T, a byteball.Address, offsets []int) {
	t.Helper()
	mixed, err := base32.StdEncoding.DecodeString(string(a))
	if err != nil {
		t.Fatal(err)
	}
	var clean, check []byte
	var c, k int
	for i := range 160 {
		bit := mixed[i/8] >> (7 - i%8) & 1
		if slices.Contains(offsets, i) {
			check = put(check, k, bit)
			k++
			continue
		}
		clean = put(clean, c, bit)
		c++
	}
	sum := sha256.Sum256(clean)
	if want := []byte{sum[5], sum[13], sum[21], sum[29]}; !slices.Equal(check, want) {
		t.Errorf("%s holds the check sum %x, want %x", a, check, want)
	}
}

// put appends the nth bit.
func put(b []byte, n int, bit byte) []byte {
	if n%8 == 0 {
		b = append(b, 0)
	}
	b[n/8] |= bit << (7 - n%8)
	return b
}

// Law: every hash is a valid address, and no other character at any place is.
func TestChecksum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := chash.Sum160(rapid.String().Draw(t, "data"))
		if !chash.Valid(a) {
			t.Fatalf("Valid(%s) = false", a)
		}
		i := rapid.IntRange(0, len(a)-1).Draw(t, "place")
		c := rapid.SampledFrom([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")).Draw(t, "character")
		changed := a[:i] + byteball.Address(c) + a[i+1:]
		if changed != a && chash.Valid(changed) {
			t.Fatalf("%s with %c at %d is valid", a, c, i)
		}
	})
}

func TestOfRefuses(t *testing.T) {
	for _, definition := range []any{nil, []any{}, []any{"sig", map[string]any{}}, []any{"autonomous agent", nil}} {
		if a, err := chash.Of(definition); err == nil {
			t.Errorf("Of(%v) = %s, want an error", definition, a)
		}
	}
}

func ExampleOf() {
	address, err := chash.Of([]any{"sig", map[string]any{"pubkey": "A8lUyrq8qsHZe5fvP7UXMJ59ZukI+UQPMand7BXnd98q"}})
	fmt.Println(address, err)
	// Output: G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3 <nil>
}

func BenchmarkValid(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if !chash.Valid("G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3") {
			b.Fatal("not valid")
		}
	}
}
