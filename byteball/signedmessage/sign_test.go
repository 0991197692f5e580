package signedmessage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/signedmessage"
	"github.com/iotverse/iotverse/byteball/unit"
)

func key(t testing.TB, n byte) *unit.Key {
	t.Helper()
	k, err := unit.NewKey([32]byte{0: 1, 31: n})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sig(k *unit.Key) any { return []any{"sig", map[string]any{"pubkey": k.PublicKey()}} }

// signed signs body with the keys of one author, by path.
func signed(t testing.TB, net byteball.Network, body any, ball byteball.Hash, def any, keys map[string]*unit.Key) []byte {
	t.Helper()
	a := addressOf(t, def)
	m := signedmessage.New(net, body, ball, unit.Author{Address: a, Definition: def})
	for path, k := range keys {
		if err := m.SignWith(a, path, k); err != nil {
			t.Fatal(err)
		}
	}
	return encode(t, m)
}

func encode(t testing.TB, m *signedmessage.Message) []byte {
	t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSignDefinitions(t *testing.T) {
	a, b, c := key(t, 1), key(t, 2), key(t, 3)
	two := []any{"r of set", map[string]any{"required": 2.0, "set": []any{sig(a), sig(b), sig(c)}}}
	weighted := []any{"weighted and", map[string]any{"required": 50.0, "set": []any{
		map[string]any{"weight": 40.0, "value": sig(a)}, map[string]any{"weight": 30.0, "value": sig(b)}}}}
	mixed := []any{"or", []any{[]any{"and", []any{sig(a), sig(b)}}, sig(c)}}
	for _, c := range []struct {
		name string
		def  any
		keys map[string]*unit.Key
		want string
	}{
		{"one key", sig(a), map[string]*unit.Key{"r": a}, ""},
		{"another key", sig(a), map[string]*unit.Key{"r": b}, "bad signature at path r"},
		{"two of three", two, map[string]*unit.Key{"r.0": a, "r.2": c}, ""},
		{"one of three", two, map[string]*unit.Key{"r.0": a}, "authentifier verification failed"},
		{"weight reached", weighted, map[string]*unit.Key{"r.0": a, "r.1": b}, ""},
		{"weight missed", weighted, map[string]*unit.Key{"r.0": a}, "authentifier verification failed"},
		{"both of a branch", mixed, map[string]*unit.Key{"r.0.0": a, "r.0.1": b}, ""},
		{"the other branch", mixed, map[string]*unit.Key{"r.1": c}, ""},
		{"half of a branch", mixed, map[string]*unit.Key{"r.0.0": a}, "authentifier verification failed"},
		{"one too many", sig(a), map[string]*unit.Key{"r": a, "r.5": b}, "some authentifiers are not used, res=true"},
	} {
		for _, net := range []byteball.Network{byteball.Live, byteball.Testnet, byteball.Dev, {Version: "1.0"}} {
			data := signed(t, net, map[string]any{"n": 1.5}, "", c.def, c.keys)
			m, err := signedmessage.Validate(data, "", signedmessage.Config{Network: net})
			switch {
			case c.want == "" && (err != nil || m.MCI != -1 || m.Body.(map[string]any)["n"] != 1.5):
				t.Errorf("%s, version %s: %v", c.name, net.Version, err)
			case c.want != "" && (!errors.Is(err, byteball.Invalid) || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("%s, version %s: got %v, want %s", c.name, net.Version, err, c.want)
			}
		}
	}
}

func TestSeveralAuthors(t *testing.T) {
	keys := []*unit.Key{key(t, 1), key(t, 2), key(t, 3)}
	var authors []unit.Author
	for _, k := range keys {
		authors = append(authors, unit.Author{Address: addressOf(t, sig(k)), Definition: sig(k)})
	}
	m := signedmessage.New(byteball.Dev, "ours", "", authors...)
	for i, k := range keys {
		if err := m.SignWith(authors[i].Address, "r", k); err != nil {
			t.Fatal(err)
		}
	}
	cfg := signedmessage.Config{Network: byteball.Dev}
	for _, a := range authors {
		if _, err := signedmessage.Validate(encode(t, m), a.Address, cfg); err != nil {
			t.Errorf("expecting %s: %v", a.Address, err)
		}
	}
	if _, err := signedmessage.Validate(encode(t, m), "", cfg); err == nil {
		t.Error("several authors pass though nobody in particular was expected")
	}
	if err := m.SignWith("X", "r", keys[0]); !errors.Is(err, byteball.Invalid) {
		t.Errorf("signing for a stranger: %v", err)
	}
}

// A definition may call the message's other authors, and nothing else, by "cosigned by".
func TestNetworkAware(t *testing.T) {
	v := load(t)
	ball := v.Context.Units[3]
	cfg := signedmessage.Config{Network: byteball.Dev, Chain: chain{vectors: v}}
	a := key(t, 1)
	late := []any{"and", []any{sig(a), []any{"mci", []any{">", float64(ball.MCI)}}}}
	early := []any{"and", []any{sig(a), []any{"mci", []any{"=", float64(ball.MCI)}}}}
	for _, c := range []struct {
		def  any
		want bool
	}{{sig(a), true}, {early, true}, {late, false}} {
		path := "r"
		if c.def.([]any)[0] != "sig" {
			path = "r.0"
		}
		data := signed(t, byteball.Dev, "x", ball.Unit, c.def, map[string]*unit.Key{path: a})
		m, err := signedmessage.Validate(data, addressOf(t, c.def), cfg)
		if (err == nil) != c.want || c.want && m.MCI != int64(ball.MCI) {
			t.Errorf("%v: %v", c.def, err)
		}
	}
	data := signed(t, byteball.Dev, "x", ball.Unit, sig(a), map[string]*unit.Key{"r": a})
	if _, err := signedmessage.Validate(data, "", signedmessage.Config{Network: byteball.Dev}); err == nil || !strings.HasSuffix(err.Error(), "not found") {
		t.Errorf("without a chain: %v", err)
	}
}

// Law: whatever is changed in a signed message, it is refused, or it still says the same.
func TestTampered(t *testing.T) {
	k := key(t, 1)
	body := map[string]any{"pay": "100", "to": []any{"bob", true}}
	data := signed(t, byteball.Dev, body, "", sig(k), map[string]*unit.Key{"r": k})
	cfg := signedmessage.Config{Network: byteball.Dev}
	rapid.Check(t, func(t *rapid.T) {
		bad := slices.Clone(data)
		at := rapid.IntRange(0, len(bad)-1).Draw(t, "at")
		bad[at] = rapid.Byte().Draw(t, "byte")
		m, err := signedmessage.Validate(bad, "", cfg)
		if err == nil && (m.Version != "4.0dev" || !maps.EqualFunc(m.Body.(map[string]any), body, same)) {
			t.Fatalf("accepted %s", bad)
		}
	})
}

func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func TestRefusedForms(t *testing.T) {
	author := `{"address":"G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3","authentifiers":{"r":"x"}}`
	cfg := signedmessage.Config{Network: byteball.Dev}
	for text, want := range map[string]string{
		`[]`: "signed message must be a non-empty object",
		`{}`: "signed message must be a non-empty object",
		`{"signed_message":1,"version":null,"authors":[]}`: "unsupported version: null",
		`{"signed_message":1,"version":"4.0t"}`:            `unsupported version: "4.0t"`,
		`{"signed_message":1}`:                             "no authors",
		`{"signed_message":1,"authors":[{}]}`:              "author must be a non-empty object",
		`{"signed_message":1,"authors":[{"address":"x"}]}`: "not valid address",
		`{"signed_message":1,"authors":[{"address":"G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3","definition":null}]}`:                                         "definition must be an array of length 2",
		`{"signed_message":1,"authors":[{"address":"G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3","definition":["autonomous agent",{}]}]}`:                      "AA cannot be defined in authors",
		`{"signed_message":1,"authors":[{"address":"G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3","authentifiers":{"r":1}}]}`:                                   "authentifiers must be nonempty strings",
		`{"signed_message":1,"authors":[{"address":"G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3","authentifiers":{"r":"` + strings.Repeat("x", 4097) + `"}}]}`: "authentifier too long",
		`{"signed_message":1,"authors":[` + author + `]}`:                                                                                           "no definition",
		`{"signed_message":1,"authors":[` + author + `],"last_ball_unit":1}`:                                                                        "invalid last_ball_unit",
		`{"signed_message":1,"authors":[` + author + `,` + author + `]}`:                                                                            "authors not an array of len 1",
	} {
		_, err := signedmessage.Validate([]byte(text), "", cfg)
		if !errors.Is(err, byteball.Invalid) || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestComplexityOfAllAuthors: the limit counts the definitions of all authors together (signed_message.js:254).
func TestComplexityOfAllAuthors(t *testing.T) {
	net := byteball.Live
	var authors []unit.Author
	for n := range byte(2) { // each definition has three operators
		def := []any{"and", []any{sig(key(t, 2*n+1)), sig(key(t, 2*n+2))}}
		authors = append(authors, unit.Author{Address: addressOf(t, def), Definition: def})
	}
	m := signedmessage.New(net, "hello", "", authors...)
	for n, a := range authors {
		for i, path := range []string{"r.0", "r.1"} {
			if err := m.SignWith(a.Address, path, key(t, byte(2*n+i+1))); err != nil {
				t.Fatal(err)
			}
		}
	}
	data := encode(t, m)
	for limit, want := range map[int]string{
		0: "<nil>", 6: "<nil>", 2: "custom complexity limit 2 exceeded at r.1", 3: "custom complexity limit 3 exceeded at r",
		5: "custom complexity limit 5 exceeded at r.1",
	} {
		_, err := signedmessage.Validate(data, authors[0].Address, signedmessage.Config{Network: net, MaxComplexity: limit})
		if got := fmt.Sprint(err); got != want {
			t.Errorf("limit %d: got %s, want %s", limit, got, want)
		}
	}
}
