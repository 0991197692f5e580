package device_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/unit"
)

// noise is a reader of reproducible randomness.
func noise(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func simple(t testing.TB, n byte) *unit.Key {
	t.Helper()
	k, err := unit.NewKey([32]byte{0: 1, 31: n})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ringOf(t testing.TB, n byte) *device.Ring {
	t.Helper()
	r, err := device.NewRing(simple(t, n), noise(n))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// send encrypts a message of the device from to the present temporary key of to.
func send(t testing.TB, from, to *device.Ring, body any) *device.Sealed {
	t.Helper()
	m := device.Message{From: device.Address(from.Permanent().PublicKey()), Hub: "h", Subject: "text", Body: body}
	temp, err := to.TempKey()
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Encrypt(temp.TempPubkey, noise(99))
	if err != nil {
		t.Fatal(err)
	}
	s, err := device.Seal(p, to.Permanent().PublicKey(), from.Permanent())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Law: after one rotation an old message can still be read, after two it cannot; saving and opening a ring changes nothing.
func TestRotation(t *testing.T) {
	a, b := ringOf(t, 1), ringOf(t, 2)
	s := send(t, a, b, "hello")
	for n := range 4 {
		got, err := b.Open(s)
		if want := n < 2; (err == nil) != want || want && got.Body != "hello" {
			t.Errorf("after %d rotations: %v, %v", n, got.Body, err)
		}
		if n >= 2 && !errors.Is(err, byteball.NotFound) {
			t.Errorf("after %d rotations: %v, want NotFound", n, err)
		}
		if used := b.Used(); used != (n == 0) {
			t.Errorf("after %d rotations used is %v", n, used)
		}
		if err := b.Rotate(noise(byte(10 + n))); err != nil {
			t.Fatal(err)
		}
		again, err := device.OpenRing(b.Permanent(), b.Secrets())
		if err != nil || !slices.Equal(again.Secrets(), b.Secrets()) || !again.Used() {
			t.Fatalf("saved ring: %v", err)
		}
		x, _ := again.TempKey()
		if y, _ := b.TempKey(); x != y {
			t.Error("a saved ring has another temporary key")
		}
	}
	if _, err := device.OpenRing(b.Permanent(), []byte("short")); !errors.Is(err, byteball.Invalid) {
		t.Errorf("short secrets: %v", err)
	}
	if text := b.String() + b.GoString(); strings.Contains(text, string(b.Secrets())) {
		t.Error("a ring prints its secrets")
	}
}

// Law: a wrapped message opens to the same, and its ID does not depend on what is around it.
func TestLayers(t *testing.T) {
	a, b := ringOf(t, 1), ringOf(t, 2)
	m := device.Message{From: device.Address(a.Permanent().PublicKey()), Subject: "text", Body: []any{1.0, "x"}}
	p, err := m.Encrypt(b.Permanent().PublicKey(), noise(3))
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.ID()
	if err != nil {
		t.Fatal(err)
	}
	for layers := 1; layers <= 4; layers++ {
		s, err := device.Seal(p, b.Permanent().PublicKey(), a.Permanent())
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Open(s)
		if want := layers <= 3; (err == nil) != want || want && got.ID != id {
			t.Errorf("%d layers: id %s, %v", layers, got.ID, err)
		}
		temp, _ := b.TempKey()
		if p, err = p.Encrypt(temp.TempPubkey, noise(byte(layers))); err != nil {
			t.Fatal(err)
		}
	}
}

// fields is a sealed message as a tree that may be spoiled.
func fields(t testing.TB, s *device.Sealed) map[string]any {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return tree(t, data).(map[string]any)
}

// Whatever field is changed, taken away or added, the message is refused; re-signed by another key it is too.
func TestTamper(t *testing.T) {
	a, b, mallory := ringOf(t, 1), ringOf(t, 2), ringOf(t, 3)
	s := send(t, a, b, "hello")
	at := map[string]func(map[string]any) map[string]any{
		"":  func(f map[string]any) map[string]any { return f },
		"p": func(f map[string]any) map[string]any { return f["encrypted_package"].(map[string]any) },
		"dh": func(f map[string]any) map[string]any {
			return f["encrypted_package"].(map[string]any)["dh"].(map[string]any)
		},
	}
	for name, part := range at {
		for field, old := range part(fields(t, s)) {
			text, ok := old.(string)
			if !ok {
				continue
			}
			for i := range text {
				f := fields(t, s)
				swap := byte('A')
				if text[i] == 'A' {
					swap = 'B'
				}
				part(f)[field] = text[:i] + string(swap) + text[i+1:]
				if field == "signature" && i >= 85 {
					continue // the last bits of base64 are padding
				}
				if _, err := device.FromTree(f); !errors.Is(err, byteball.Invalid) {
					t.Fatalf("%s.%s changed at %d: %v", name, field, i, err)
				}
			}
			for _, v := range []any{nil, "", 1.0, map[string]any{}, []any{text}} {
				f := fields(t, s)
				part(f)[field] = v
				if _, err := device.FromTree(f); !errors.Is(err, byteball.Invalid) {
					t.Errorf("%s.%s = %v: %v", name, field, v, err)
				}
			}
		}
		f := fields(t, s)
		part(f)["more"] = "x"
		if _, err := device.FromTree(f); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: a further field passes: %v", name, err)
		}
	}
	stolen, err := device.Seal(packageOf(t, s), b.Permanent().PublicKey(), mallory.Permanent())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(stolen); !errors.Is(err, byteball.Invalid) || err.Error() != "wrong message signature" {
		t.Errorf("signed by another: %v", err)
	}
	if _, err := mallory.Open(s); !errors.Is(err, byteball.Invalid) {
		t.Errorf("opened by another: %v", err)
	}
}

// Changed inside, below a right signature, it does not decrypt.
func TestTamperSigned(t *testing.T) {
	a, b := ringOf(t, 1), ringOf(t, 2)
	s := send(t, a, b, "hello")
	for name, spoil := range map[string]func(*device.Package){
		"text":       func(p *device.Package) { p.Text = flip(p.Text) },
		"short text": func(p *device.Package) { p.Text = p.Text[4:] },
		"no base64":  func(p *device.Package) { p.Text = "*" },
		"iv":         func(p *device.Package) { p.IV = flip(p.IV) },
		"short iv":   func(p *device.Package) { p.IV = p.IV[4:] },
		"tag":        func(p *device.Package) { p.Tag = flip(p.Tag) },
		"short tag":  func(p *device.Package) { p.Tag = p.Tag[:8] },
		"sender":     func(p *device.Package) { p.DH.Sender = a.Permanent().PublicKey() },
		"no sender":  func(p *device.Package) { p.DH.Sender = "AA" },
		"receiver":   func(p *device.Package) { p.DH.Receiver = b.Permanent().PublicKey() },
		"stranger":   func(p *device.Package) { p.DH.Receiver = a.Permanent().PublicKey() },
	} {
		p := packageOf(t, s)
		spoil(&p)
		spoiled, err := device.Seal(p, b.Permanent().PublicKey(), a.Permanent())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Open(spoiled); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

func packageOf(t testing.TB, s *device.Sealed) (p device.Package) {
	t.Helper()
	data, err := json.Marshal(fields(t, s)["encrypted_package"])
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRefusedTexts(t *testing.T) {
	a, b := ringOf(t, 1), ringOf(t, 2)
	good := fields(t, send(t, a, b, "x"))
	deep := any("x")
	for range 6 {
		deep = []any{deep}
	}
	for want, spoil := range map[string]func(map[string]any){
		"missing fields":     func(f map[string]any) { delete(f, "signature") },
		"invalid to address": func(f map[string]any) { f["to"] = "0ABC" },
		"device message is too deeply nested or has too many nodes": func(f map[string]any) { f["x"] = deep },
		"wrong message signature":                                   func(f map[string]any) { f["x"] = "y" },
	} {
		f := maps.Clone(good)
		spoil(f)
		if _, err := device.FromTree(f); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := device.Parse(make([]byte, device.MaxLength+1)); !errors.Is(err, byteball.Invalid) {
		t.Errorf("too long: %v", err)
	}
	long := device.Message{Body: strings.Repeat("x", device.MaxLength)}
	if _, err := long.Encrypt(a.Permanent().PublicKey(), noise(1)); !errors.Is(err, byteball.Invalid) {
		t.Errorf("too long to encrypt: %v", err)
	}
}

func TestCheckLogin(t *testing.T) {
	k := simple(t, 1)
	l, err := device.NewLogin("challenge", k)
	if err != nil {
		t.Fatal(err)
	}
	base := map[string]any{"challenge": l.Challenge, "pubkey": l.Pubkey, "signature": l.Signature}
	for _, c := range []struct {
		field string
		value any
		want  string
	}{
		{"challenge", "other", "wrong challenge"},
		{"challenge", 1.0, "wrong challenge"},
		{"pubkey", nil, "no login params"},
		{"pubkey", "short", "wrong pubkey length"},
		{"pubkey", simple(t, 2).PublicKey(), "wrong signature"},
		{"signature", "", "no login params"},
		{"signature", "short", "wrong signature length"},
		{"max_message_length", "x", "max_message_length must be an integer"},
		{"max_message_count", 101.0, "max_message_count must be an integer > 0 and <= 100"},
		{"max_message_count", 5.0, "wrong signature"},
		{"x", []any{}, "message hash failed: Error: empty array"},
	} {
		f := maps.Clone(base)
		f[c.field] = c.value
		if _, err := device.CheckLogin(f, "challenge"); !errors.Is(err, byteball.Invalid) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s = %v: got %v, want %s", c.field, c.value, err, c.want)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", 201)} {
		if _, err := device.NewLogin(bad, k); !errors.Is(err, byteball.Invalid) {
			t.Errorf("challenge %q was signed: %v", bad, err)
		}
	}
}

func TestParseTempKey(t *testing.T) {
	k := simple(t, 1)
	temp, err := device.NewTempKey(simple(t, 2).PublicKey(), k)
	if err != nil {
		t.Fatal(err)
	}
	base := map[string]any{"temp_pubkey": temp.TempPubkey, "pubkey": temp.Pubkey, "signature": temp.Signature}
	for _, c := range []struct {
		field string
		value any
		want  string
	}{
		{"temp_pubkey", nil, "no temp_pubkey params"},
		{"x", 1.0, "unexpected fields in temp_pubkey package"},
		{"temp_pubkey", "short", "wrong temp_pubkey length"},
		{"pubkey", "short", "wrong pubkey length"},
		{"pubkey", simple(t, 2).PublicKey(), "signed by another pubkey"},
		{"temp_pubkey", simple(t, 3).PublicKey(), "wrong signature"},
		{"signature", "short", "wrong signature"},
	} {
		f := maps.Clone(base)
		f[c.field] = c.value
		if _, err := device.ParseTempKey(f, device.Address(k.PublicKey())); !errors.Is(err, byteball.Invalid) || err.Error() != c.want {
			t.Errorf("%s = %v: got %v, want %s", c.field, c.value, err, c.want)
		}
	}
}

// Law: a code is read back as it was written.
func TestPairingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 33, 33).Draw(t, "key")
		want := device.Pairing{Pubkey: b64(key),
			Hub:    rapid.StringMatching(`[a-z0-9.]{1,20}(:[0-9]{1,5})?(/[a-z]{1,9})?`).Draw(t, "hub"),
			Secret: rapid.StringMatching(`[A-Za-z0-9+/#]{1,20}`).Draw(t, "secret")}
		for _, scheme := range []string{"", "obyte:", "byteball-tn:"} {
			got, err := device.ParsePairing(scheme + want.String())
			if err != nil || got != want {
				t.Fatalf("got %+v (%v), want %+v", got, err, want)
			}
		}
	})
}

func TestPairingRefused(t *testing.T) {
	pub := simple(t, 1).PublicKey()
	for _, bad := range []string{"", "x", pub, pub + "@obyte.org/bb", pub + "@obyte.org/bb#", pub + "@#0000", pub + "@wss://obyte.org/bb#0000",
		pub[1:] + "@obyte.org/bb#0000", pub + "@obyte org#0", pub + "@" + strings.Repeat("x", 201) + "#0", pub + "@h#" + strings.Repeat("x", 101)} {
		if p, err := device.ParsePairing(bad); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%q: %+v, %v", bad, p, err)
		}
	}
	got, err := device.ParsePairing(pub + "@obyte.org/bb%230000")
	if err != nil || got.Secret != "0000" {
		t.Errorf("escaped: %+v, %v", got, err)
	}
}

func TestIntroduction(t *testing.T) {
	good := device.Introduction{Secret: "s", Name: "n", Reverse: "r"}
	if got, err := (device.Message{Hub: "h", Body: good.Tree()}).Introduction(); err != nil || got != good {
		t.Fatalf("got %+v (%v)", got, err)
	}
	for _, c := range []struct {
		hub  string
		body any
		want string
	}{
		{"h", "text", "correspondent not known and no pairing secret"},
		{"", device.Introduction{Secret: "s", Name: "n"}.Tree(), "no device_hub when pairing"},
		{strings.Repeat("h", 201), device.Introduction{Secret: "s", Name: "n"}.Tree(), "device_hub too long"},
		{"a b", device.Introduction{Secret: "s", Name: "n"}.Tree(), "invalid device_hub URL"},
		{"h", device.Introduction{Secret: "s"}.Tree(), "no device_name when pairing"},
		{"h", device.Introduction{Secret: "s", Name: strings.Repeat("n", 101)}.Tree(), "device_name too long"},
		{"h", map[string]any{"pairing_secret": "s", "device_name": "n", "reverse_pairing_secret": 1.0}, "bad reverse pairing secret"},
	} {
		if _, err := (device.Message{Hub: c.hub, Body: c.body}).Introduction(); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
