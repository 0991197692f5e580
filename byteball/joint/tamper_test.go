package joint_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/joint"
	"github.com/iotverse/iotverse/byteball/unit"
)

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(...any)
}

func key(t failer, n byte) *unit.Key {
	t.Helper()
	k, err := unit.NewKey([32]byte{30: 1, 31: n})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sig(k *unit.Key) []any { return []any{"sig", map[string]any{"pubkey": k.PublicKey()}} }

func someHash(n byte) byteball.Hash {
	sum := sha256.Sum256([]byte{n})
	return byteball.Hash(base64.StdEncoding.EncodeToString(sum[:]))
}

func anchor() unit.Anchor {
	return unit.Anchor{Parents: []byteball.Hash{someHash(3), someHash(2)}, LastBall: someHash(1), LastBallUnit: someHash(4),
		Timestamp: 1_700_000_000, TPSFee: 21}
}

// spend composes, signs and seals a payment from the address of a definition; signers sign at their paths, texts are
// authentifiers as they are.
func spend(t failer, net byteball.Network, def any, signers map[string]*unit.Key, texts map[string]string, more ...unit.Message) *unit.Unit {
	t.Helper()
	from, err := chash.Of(def)
	if err != nil {
		t.Fatal(err)
	}
	auth := map[string]string{}
	for path := range signers {
		auth[path] = unit.PlaceholderSig
	}
	for path, text := range texts {
		auth[path] = text
	}
	pay := unit.Message{App: "payment", Payload: &unit.Payment{Inputs: []unit.Input{{Unit: someHash(9)}}, Outputs: []unit.Output{
		{Address: from}, {Address: "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", Amount: 1000}}}}
	u, err := unit.Compose(net, anchor(), []unit.Author{{Address: from, Definition: def, Authentifiers: auth}}, append(more, pay))
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Balance(1_000_000, from); err != nil {
		t.Fatal(err)
	}
	for path, k := range signers {
		if err := u.SignWith(from, path, k); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Seal(); err != nil {
		t.Fatal(err)
	}
	return u
}

func text(t failer, u *unit.Unit) []byte {
	t.Helper()
	data, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Law: a sealed unit is good, and with any one byte altered it is not, unless it still says the same.
func TestAnyAlteredByteIsNoticed(t *testing.T) {
	u := spend(t, byteball.Dev, sig(key(t, 1)), map[string]*unit.Key{"r": key(t, 1)}, nil,
		unit.Message{App: "data", Payload: map[string]any{"temperature": 21.5, "place": "Köln \u2028 😀", "ok": true}})
	data := text(t, u)
	wantGood(t, data, u.Unit)
	rapid.Check(t, func(t *rapid.T) {
		altered := append([]byte{}, data...)
		altered[rapid.IntRange(0, len(data)-1).Draw(t, "place")] = rapid.Byte().Draw(t, "byte")
		checkAltered(t, data, altered)
	})
	for i := range data {
		altered := append([]byte{}, data...)
		altered[i] ^= 1
		checkAltered(t, data, altered)
	}
}

func checkAltered(t interface{ Fatalf(string, ...any) }, data, altered []byte) {
	if _, err := joint.Check(altered, asOnNetwork); err != nil {
		return
	}
	var was, is any
	if json.Unmarshal(data, &was) != nil || json.Unmarshal(altered, &is) != nil || fmt.Sprint(was) != fmt.Sprint(is) {
		t.Fatalf("passes:\n%s\nmade of\n%s", altered, data)
	}
}

// Law: a unit with several authors of shared addresses is good, and not with any signature exchanged for another.
func TestEverySignatureCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "holders")
		var set []any
		signers := map[string]*unit.Key{}
		for i := range n {
			set = append(set, sig(key(t, byte(i))))
			if i < 2 || rapid.Bool().Draw(t, "signs") {
				signers[fmt.Sprintf("r.%d", i)] = key(t, byte(i))
			}
		}
		u := spend(t, byteball.Dev, []any{"r of set", map[string]any{"required": 2.0, "set": set}}, signers, nil)
		if got, err := joint.Check(text(t, u), asOnNetwork); got != u.Unit || err != nil {
			t.Fatalf("%s, %v, want %s", got, err, u.Unit)
		}
		other := key(t, 77)
		for path := range signers {
			if err := u.SignWith(u.Authors[0].Address, path, other); err != nil {
				t.Fatal(err)
			}
			break
		}
		if err := u.Seal(); err != nil {
			t.Fatal(err)
		}
		_, err := joint.Check(text(t, u), asOnNetwork)
		if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "bad signature at path") {
			t.Fatalf("%v, want a bad signature", err)
		}
	})
}

func TestAuthors(t *testing.T) {
	a, b := key(t, 1), key(t, 2)
	secret := "open sesame"
	sum := sha256.Sum256([]byte(secret))
	lock := []any{"hash", map[string]any{"hash": base64.StdEncoding.EncodeToString(sum[:])}}
	elsewhere := []any{"address", "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"}
	aged := []any{"age", []any{">", 600.0}}
	shared := []any{"or", []any{[]any{"and", []any{sig(a), elsewhere}}, []any{"and", []any{sig(b), aged}}}}
	weighted := []any{"weighted and", map[string]any{"required": 50.0, "set": []any{
		map[string]any{"weight": 40.0, "value": sig(a)}, map[string]any{"weight": 30.0, "value": sig(b)},
		map[string]any{"weight": 30.0, "value": elsewhere}}}}
	for _, c := range []struct {
		name    string
		def     any
		signers map[string]*unit.Key
		texts   map[string]string
		want    string
	}{
		{"one key", sig(a), map[string]*unit.Key{"r": a}, nil, ""},
		{"another key", sig(a), map[string]*unit.Key{"r": b}, nil, "bad signature at path r"},
		{"another path", sig(a), map[string]*unit.Key{"r.0": a}, nil, "some authentifiers are not used"},
		{"one too many", sig(a), map[string]*unit.Key{"r": a, "r.0": b}, nil, "some authentifiers are not used"},
		{"key and preimage", []any{"and", []any{sig(a), lock}}, map[string]*unit.Key{"r.0": a}, map[string]string{"r.1": secret}, ""},
		{"wrong preimage", []any{"and", []any{sig(a), lock}}, map[string]*unit.Key{"r.0": a}, map[string]string{"r.1": "x"}, "bad hash at path r.1"},
		{"no preimage", []any{"and", []any{sig(a), lock}}, map[string]*unit.Key{"r.0": a}, nil, "authentifier verification failed"},
		{"no key at all", lock, nil, map[string]string{"r": secret}, "each branch must have a signature"},
		{"a branch that needs a chain", shared, map[string]*unit.Key{"r.0.0": a, "r.0.1": b}, nil, ""},
		{"the other branch", shared, map[string]*unit.Key{"r.1.0": b}, nil, ""},
		{"a wrong key beside it", shared, map[string]*unit.Key{"r.1.0": a}, nil, "bad signature at path r.1.0"},
		{"not enough, whatever the chain says", []any{"and", []any{sig(a), sig(b), elsewhere}}, map[string]*unit.Key{"r.0": a}, nil, "authentifier verification failed"},
		{"weights", weighted, map[string]*unit.Key{"r.0": a, "r.1": b}, nil, ""},
		{"weights and a chain", weighted, map[string]*unit.Key{"r.1": b, "r.2": b}, nil, ""},
		{"an unknown operator", []any{"and", []any{sig(a), []any{"magic", 1.0}}}, map[string]*unit.Key{"r.0": a}, nil, "unknown op: magic"},
		{"a key of the wrong length", []any{"sig", map[string]any{"pubkey": "x"}}, map[string]*unit.Key{"r": a}, nil, "wrong pubkey length"},
	} {
		for _, net := range []byteball.Network{byteball.Dev, byteball.Live} {
			u := spend(t, net, c.def, c.signers, c.texts)
			got, err := joint.Check(text(t, u), asOnNetwork)
			if got != u.Unit || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s, %v, want %s, %q", c.name, got, err, u.Unit, c.want)
			}
		}
	}
}

// An author may have changed his definition, which only a chain knows; what he gives must bear his signature all the same.
func TestChangedDefinition(t *testing.T) {
	u := spend(t, byteball.Dev, sig(key(t, 1)), map[string]*unit.Key{"r": key(t, 1)}, nil)
	for signer, want := range map[*unit.Key]string{key(t, 1): "bad signature at path r", key(t, 2): ""} {
		u.Authors[0].Definition = sig(key(t, 2))
		if err := u.SignWith(u.Authors[0].Address, "r", signer); err != nil {
			t.Fatal(err)
		}
		if err := u.Seal(); err != nil {
			t.Fatal(err)
		}
		if _, err := joint.Check(text(t, u), asOnNetwork); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A signature with its other s is one to libraries, not to the ledger.
func TestHighS(t *testing.T) {
	u := spend(t, byteball.Dev, sig(key(t, 1)), map[string]*unit.Key{"r": key(t, 1)}, nil)
	rs, err := base64.StdEncoding.DecodeString(u.Authors[0].Authentifiers["r"])
	if err != nil {
		t.Fatal(err)
	}
	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		u.Authors[0].Authentifiers["r"] = alphabet.EncodeToString(rs)
		if err := u.Seal(); err != nil {
			t.Fatal(err)
		}
		if _, err := joint.Check(text(t, u), asOnNetwork); err != nil {
			t.Errorf("%v, want none", err)
		}
	}
	negate(rs[32:])
	u.Authors[0].Authentifiers["r"] = base64.StdEncoding.EncodeToString(rs)
	if err := u.Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := joint.Check(text(t, u), asOnNetwork); err == nil || err.Error() != "bad signature at path r" {
		t.Errorf("high S: %v, want a bad signature", err)
	}
}
