package ledger_test

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/merkle"
	"github.com/iotverse/iotverse/byteball/unit"
)

// vault is an address whose definition is more than a key.
func vault(t testing.TB, owner person, def any) person {
	t.Helper()
	address, err := chash.Of(def)
	if err != nil {
		t.Fatal(err)
	}
	return person{owner.Key, def, address}
}

// when is the vault that owner opens, at path r.0, while a condition holds.
func when(t testing.TB, owner person, condition any) person {
	return vault(t, owner, []any{"and", []any{owner.definition, condition}})
}

// open posts a unit at a that spends from v, signed at path, with other authentifiers.
func (w *world) open(v person, a unit.Anchor, path string, others map[string]string, messages ...unit.Message) (*unit.Unit, error) {
	w.Helper()
	coins, err := w.Unspent(v.address)
	if err != nil || len(coins) == 0 {
		w.Fatalf("%s has no coins (%v)", v.address, err)
	}
	c := slices.MaxFunc(coins, func(a, b ledger.Coin) int { return cmp.Compare(a.Amount, b.Amount) })
	author := unit.Author{Address: v.address, Authentifiers: map[string]string{path: unit.PlaceholderSig}}
	maps.Copy(author.Authentifiers, others)
	if _, _, err := w.Definition(v.address); err != nil {
		author.Definition = v.definition
	}
	pay := &unit.Payment{Inputs: []unit.Input{{Unit: c.Unit, MessageIndex: c.MessageIndex, OutputIndex: c.OutputIndex}},
		Outputs: []unit.Output{{Address: v.address}}}
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{author}, append(messages, unit.Message{App: "payment", Payload: pay}))
	if err != nil {
		w.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return u.Balance(c.Amount, v.address) },
		func() error { return u.SignWith(v.address, path, v) },
		u.Seal,
	} {
		if err := step(); err != nil {
			w.Fatal(err)
		}
	}
	return u, w.Post(u, w.now)
}

// covered says whether a unit with anchor a sees u: u is not later than its last ball.
func (w *world) covered(u *unit.Unit, a unit.Anchor) bool {
	w.Helper()
	j, err := w.Joint(u.Unit)
	if err != nil {
		w.Fatal(err)
	}
	return j.Ball != "" && *j.Unit.MainChainIndex <= a.LastBallMCI
}

const notMet = "authentifier verification failed"

// changes tries to spend from v after each second unit of the order provider, until the last ball covers by. Up to then
// its condition must be met, or not, as met says; and then the other way round.
func (w *world) changes(v person, by *unit.Unit, met bool, others map[string]string) {
	w.Helper()
	before := 0
	for range 12 {
		a, err := w.Anchor([]byteball.Address{v.address}, w.now)
		if err != nil {
			w.Fatal(err)
		}
		want := met != w.covered(by, a)
		_, err = w.open(v, a, "r.0", others)
		switch {
		case want && err != nil:
			w.Fatalf("last ball %d: %v, want it accepted", a.LastBallMCI, err)
		case !want && (!errors.Is(err, byteball.Invalid) || err.Error() != notMet):
			w.Fatalf("last ball %d: %v, want %q", a.LastBallMCI, err, notMet)
		}
		if want != met {
			if before == 0 {
				w.Fatal("it changed at once, want it only when the last ball covers the cause")
			}
			return
		}
		before++
		w.witness(2)
	}
	w.Fatal("the last ball never covered the cause")
}

func message(app string, payload any) unit.Message { return unit.Message{App: app, Payload: payload} }

// TestOpensByFact: a vault opens when, and only when, the last ball covers what its definition waits for. What is posted,
// or even stable, but not covered does not count.
func TestOpensByFact(t *testing.T) {
	alice, bob, oracle, attestor := someone(t, 1), someone(t, 2), someone(t, 3), someone(t, 4)
	oracles := []any{string(oracle.address)}
	proof, err := merkle.Prove([]string{"device 1", "device 2", "device 3"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, newKey := someone(t, 5), someone(t, 6)
	change := message("address_definition_change", map[string]any{"definition_chash": string(newKey.address)})
	for _, c := range []struct {
		name      string
		condition any
		by        person
		outputs   []unit.Output
		message   unit.Message
		others    map[string]string
	}{
		{name: "number of a data feed", condition: []any{"in data feed", []any{oracles, "price", ">=", 100.0}},
			by: oracle, message: message("data_feed", map[string]any{"price": 100.0, "other": 500.0})},
		{name: "text that is a number", condition: []any{"in data feed", []any{oracles, "price", "=", "12.5"}},
			by: oracle, message: message("data_feed", map[string]any{"price": "12.50"})},
		{name: "text", condition: []any{"in data feed", []any{[]any{string(bob.address), oracles[0]}, "state", "!=", "open"}},
			by: oracle, message: message("data_feed", map[string]any{"state": "shut"})},
		{name: "merkle", condition: []any{"in merkle", []any{oracles, "devices", "device 2"}},
			by: oracle, message: message("data_feed", map[string]any{"devices": string(proof.Root)}), others: map[string]string{"r.1": proof.String()}},
		{name: "attested", condition: []any{"attested", []any{string(bob.address), []any{string(other.address), string(attestor.address)}}},
			by: attestor, message: message("attestation", map[string]any{"address": string(bob.address), "profile": map[string]any{"a": "b"}})},
		{name: "seen output", condition: []any{"seen", map[string]any{"what": "output", "address": string(other.address), "asset": "base"}},
			by: bob, outputs: to(other, 5)},
		{name: "seen amount", condition: []any{"seen", map[string]any{"what": "output", "address": string(other.address), "amount_at_least": 700.0, "amount_at_most": 800.0}},
			by: bob, outputs: to(other, 777)},
		{name: "seen input", condition: []any{"seen", map[string]any{"what": "input", "address": string(bob.address), "type": "transfer"}},
			by: bob, outputs: to(other, 5)},
		{name: "seen address", condition: []any{"seen address", string(bob.address)}, by: bob, outputs: to(other, 5)},
		{name: "seen definition change", condition: []any{"seen definition change", []any{string(bob.address), string(newKey.address)}},
			by: bob, message: change},
		{name: "seen any definition change", condition: []any{"seen definition change", []any{string(bob.address), "any"}},
			by: bob, message: change},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := when(t, alice, c.condition)
			w := newWorld(t, "", alice, bob, oracle, attestor, v)
			w.witness(4)
			var messages []unit.Message
			if c.message.App != "" {
				messages = append(messages, c.message)
			}
			cause := w.post(w.draft(c.by, c.outputs, messages...))
			w.changes(v, cause, false, c.others)
		})
	}
}

// TestSimilarFacts: what is only nearly what a definition waits for does not open it.
func TestSimilarFacts(t *testing.T) {
	alice, bob, oracle, other := someone(t, 1), someone(t, 2), someone(t, 3), someone(t, 5)
	o := []any{string(oracle.address)}
	seen := func(fields ...any) any {
		f := map[string]any{"what": "output", "address": string(other.address)}
		for i := 0; i < len(fields); i += 2 {
			f[fields[i].(string)] = fields[i+1]
		}
		return []any{"seen", f}
	}
	conditions := []any{
		[]any{"in data feed", []any{o, "price", ">", 100.0}},
		[]any{"in data feed", []any{o, "price", "<", 100.0}},
		[]any{"in data feed", []any{o, "price", "!=", "100"}},
		[]any{"in data feed", []any{o, "prices", "=", 100.0}},
		[]any{"in data feed", []any{o, "price", "=", 100.0, 1000.0}},
		[]any{"in data feed", []any{o, "price", "=", "text"}},
		[]any{"in data feed", []any{o, "word", ">", "shut"}},
		[]any{"in data feed", []any{o, "word", ">", 1.0}},
		[]any{"in data feed", []any{[]any{string(bob.address)}, "price", "=", 100.0}},
		seen("amount", 6.0), seen("amount_at_least", 6.0), seen("amount_at_most", 4.0), seen("asset", strings.Repeat("A", 43)+"="),
		[]any{"seen", map[string]any{"what": "input", "address": string(other.address)}},
		[]any{"seen", map[string]any{"what": "input", "address": string(oracle.address), "type": "issue"}},
		[]any{"attested", []any{string(bob.address), o}},
		[]any{"attested", []any{string(alice.address), []any{string(bob.address)}}},
		[]any{"seen definition change", []any{string(oracle.address), "any"}},
	}
	vaults := []person{alice, bob, oracle}
	for _, c := range conditions {
		vaults = append(vaults, when(t, alice, c))
	}
	w := newWorld(t, "", vaults...)
	w.witness(4)
	w.post(w.draft(oracle, to(other, 5), message("data_feed", map[string]any{"price": 100.0, "word": "shut"}),
		message("attestation", map[string]any{"address": string(alice.address), "profile": map[string]any{"a": "b"}})))
	w.witness(8)
	for i, c := range conditions {
		a, err := w.Anchor([]byteball.Address{vaults[i+3].address}, w.now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.open(vaults[i+3], a, "r.0", nil); err == nil || err.Error() != notMet {
			t.Errorf("%v: got %v, want %q", c, err, notMet)
		}
	}
}

// TestWrongProof: a proof that does not lead to its own root is an error, one to a root that nobody posted is no proof.
func TestWrongProof(t *testing.T) {
	alice, oracle := someone(t, 1), someone(t, 3)
	v := when(t, alice, []any{"in merkle", []any{[]any{string(oracle.address)}, "devices", "device 2"}})
	w := newWorld(t, "", alice, oracle, v)
	good, err := merkle.Prove([]string{"device 1", "device 2"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	w.post(w.draft(oracle, nil, message("data_feed", map[string]any{"devices": string(good.Root)})))
	w.witness(8)
	foreign, err := merkle.Prove([]string{"device 2", "device 9"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	spoiled := good
	spoiled.Index = 0
	for _, c := range []struct{ name, proof, want string }{
		{"other root", foreign.String(), notMet},
		{"spoiled", spoiled.String(), "bad merkle proof at path r.1"},
		{"good", good.String(), ""},
	} {
		a, err := w.Anchor([]byteball.Address{v.address}, w.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := w.open(v, a, "r.0", map[string]string{"r.1": c.proof}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestAttestationEndsWithDefinitionChange: who changes the keys of an address loses its attestations, until it is attested
// again.
func TestAttestationEndsWithDefinitionChange(t *testing.T) {
	alice, bob, attestor, next := someone(t, 1), someone(t, 2), someone(t, 4), someone(t, 6)
	v := when(t, alice, []any{"attested", []any{string(bob.address), []any{string(attestor.address)}}})
	w := newWorld(t, "", alice, bob, attestor, v)
	w.witness(4)
	attest := message("attestation", map[string]any{"address": string(bob.address), "profile": map[string]any{"a": "b"}})
	w.changes(v, w.post(w.draft(attestor, nil, attest)), false, nil)
	w.witness(8)
	change := message("address_definition_change", map[string]any{"definition_chash": string(next.address)})
	changed := w.post(w.draft(bob, nil, change))
	w.changes(v, changed, true, nil)
	w.witness(8)
	w.changes(v, w.post(w.draft(attestor, nil, attest)), false, nil)
}

// TestTemplate: an address made of a template and parameters can be spent from once the template is before the last ball.
func TestTemplate(t *testing.T) {
	alice, bob := someone(t, 1), someone(t, 2)
	w := newWorld(t, "", alice, bob)
	w.witness(4)
	template := w.post(w.draft(alice, nil, message("definition_template",
		[]any{"and", []any{[]any{"sig", map[string]any{"pubkey": "$key"}}, []any{"mci", []any{">", "$n"}}}})))
	def := func(n float64) any {
		return []any{"definition template", []any{string(template.Unit), map[string]any{"key": bob.PublicKey(), "n": n}}}
	}
	early, late := vault(t, bob, def(3)), vault(t, bob, def(1000))
	lacking := vault(t, bob, []any{"definition template", []any{string(template.Unit), map[string]any{"key": bob.PublicKey()}}})
	var outputs []unit.Output
	for _, p := range []person{early, late, lacking} {
		outputs = append(outputs, to(p, 1_000_000)...)
	}
	slices.SortFunc(outputs, func(a, b unit.Output) int { return cmp.Compare(a.Address, b.Address) })
	w.post(w.draft(bob, outputs))
	try := func(v person) string {
		a, err := w.Anchor([]byteball.Address{v.address}, w.now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = w.open(v, a, "r.0", nil); err != nil {
			return err.Error()
		}
		return ""
	}
	if got, want := try(early), "template not found or too many"; got != want {
		t.Errorf("before the last ball covers the template: got %q, want %q", got, want)
	}
	w.witness(8)
	if got := try(late); got != notMet {
		t.Errorf("index too low: got %q, want %q", got, notMet)
	}
	if got, want := try(lacking), `variable n not specified, template ["and",[["sig",{"pubkey":"$key"}],["mci",[">","$n"]]]], params {"key":"`+bob.PublicKey()+`"}`; got != want {
		t.Errorf("without a parameter: got %q, want %q", got, want)
	}
	if got := try(early); got != "" {
		t.Errorf("got %q, want it accepted", got)
	}
}

// TestHasDefinitionChange: an address that its second key may only move to other keys.
func TestHasDefinitionChange(t *testing.T) {
	alice, next := someone(t, 1), someone(t, 6)
	v := when(t, alice, []any{"has definition change", []any{"this address", string(next.address)}})
	w := newWorld(t, "", v)
	w.witness(4)
	for _, c := range []struct {
		name, to, want string
	}{
		{"none", "", notMet},
		{"to other keys", string(alice.address), notMet},
		{"to these", string(next.address), ""},
	} {
		var messages []unit.Message
		if c.to != "" {
			messages = append(messages, message("address_definition_change", map[string]any{"definition_chash": c.to}))
		}
		a, err := w.Anchor([]byteball.Address{v.address}, w.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := w.open(v, a, "r.0", nil, messages...); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestFormulaIsRefused: an address with an autonomous agent's formula cannot be spent from on this ledger, in clear words.
func TestFormulaIsRefused(t *testing.T) {
	alice := someone(t, 1)
	v := when(t, alice, []any{"formula", "1 == 1"})
	w := newWorld(t, "", v)
	w.witness(4)
	a, err := w.Anchor([]byteball.Address{v.address}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.open(v, a, "r.0", nil); !errors.Is(err, errors.ErrUnsupported) || err.Error() != `operator "formula" is not supported` {
		t.Errorf("got %v, want a clear refusal", err)
	}
}

// TestOldStoreLearnsFacts: a chain that was written without facts for definitions, or was continued without, has them after
// it is opened.
func TestOldStoreLearnsFacts(t *testing.T) {
	alice, oracle, other := someone(t, 1), someone(t, 3), someone(t, 5)
	v := when(t, alice, []any{"and", []any{
		[]any{"in data feed", []any{[]any{string(oracle.address)}, "price", "=", 7.0}},
		[]any{"seen", map[string]any{"what": "output", "address": string(other.address), "amount": 5.0}},
	}})
	for _, upTo := range []uint64{0, 5} {
		dir := t.TempDir()
		w := newWorld(t, dir, alice, oracle, v)
		w.witness(8)
		w.post(w.draft(oracle, to(other, 5), message("data_feed", map[string]any{"price": 7.0})))
		w.witness(8)
		if err := w.ForgetFacts(upTo); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w.Ledger = open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
		a, err := w.Anchor([]byteball.Address{v.address}, w.now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.open(v, a, "r.0", nil); err != nil {
			t.Errorf("facts up to %d: %v", upTo, err)
		}
	}
}
