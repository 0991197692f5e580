package definition_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// FuzzValidate: any JSON is either valid or refused with kind Invalid, alike each time; what is valid can be evaluated,
// and never lets anybody spend without a signature.
func FuzzValidate(f *testing.F) {
	for _, name := range []string{"definitions.json", "definition_validation.json", "on_chain.json"} {
		var v struct {
			Cases []struct{ Definition json.RawMessage }
		}
		load(f, name, &v)
		for _, c := range v.Cases {
			f.Add([]byte(c.Definition), "r.0", "x")
		}
	}
	on := context(f)
	pay := &unit.Payment{Inputs: []unit.Input{{Type: "issue", Amount: 7}}, Outputs: []unit.Output{{Address: someone, Amount: 5}}}
	f.Fuzz(func(t *testing.T, data []byte, path, auth string) {
		var def any
		if json.Unmarshal(data, &def) != nil {
			return
		}
		env := definition.Env{LastBallMCI: 26, Chain: on, Unit: &unit.Unit{
			Authors: []unit.Author{{Address: someone, Definition: def}}, Messages: []unit.Message{{App: "payment", Payload: pay}}}}
		err, again := definition.Validate(def, env), definition.ValidateCondition(def, env)
		for _, err := range []error{err, again} {
			if err != nil && !errors.Is(err, byteball.Invalid) {
				t.Fatalf("%s: %v is not of kind Invalid", data, err)
			}
		}
		if ok, unsigned := definition.Evaluate(def, someone, nil, env); err == nil && (ok || unsigned != nil) {
			t.Fatalf("%s: got %v, %v without a signature", data, ok, unsigned)
		}
		if _, err := definition.Evaluate(def, someone, map[string]string{path: auth}, env); err != nil && !errors.Is(err, byteball.Invalid) {
			t.Fatalf("%s: %v is not of kind Invalid", data, err)
		}
	})
}

// mirror is a chain on which every address and every template is the definition under check itself, and which counts what
// it is asked.
type mirror struct {
	def   any
	asked int
}

func (m *mirror) ask() bool {
	m.asked++
	return m.asked%2 == 0
}

func (m *mirror) Definition(a byteball.Address, _ uint64) (any, byteball.Address, error) {
	m.asked++
	return m.def, a, nil
}

func (m *mirror) Template(byteball.Hash, uint64) (any, error) {
	m.asked++
	return m.def, nil
}

func (m *mirror) Seen(byteball.Address, uint64) (bool, error)            { return m.ask(), nil }
func (m *mirror) SeenCoin(definition.Coin, uint64) (bool, error)         { return m.ask(), nil }
func (m *mirror) Feed(definition.Feed, uint64) (bool, error)             { return m.ask(), nil }
func (m *mirror) PrivateAsset(byteball.Hash, uint64) (bool, error)       { return false, nil }
func (m *mirror) Changed(_, _ byteball.Address, _ uint64) (bool, error)  { return m.ask(), nil }
func (m *mirror) Attested(_, _ byteball.Address, _ uint64) (bool, error) { return m.ask(), nil }

// FuzzEvaluate: any definition with any authentifiers is either refused with kind Invalid or evaluated, alike each time,
// with as many questions to the chain as the complexity allows, however the definition refers to itself.
func FuzzEvaluate(f *testing.F) {
	var v struct {
		Cases []struct {
			Definition, Auth json.RawMessage
			Kind             string
		}
	}
	load(f, "on_chain.json", &v)
	for _, c := range v.Cases {
		if c.Kind == "evaluate" && c.Auth != nil {
			f.Add([]byte(c.Definition), []byte(c.Auth))
		}
	}
	f.Add([]byte(`["definition template",["`+string(someUnit)+`",{"a":1}]]`), []byte(`{"r":"x"}`))
	f.Add([]byte(`["or",[["address","`+someone+`"],["address","`+someone+`"]]]`), []byte(`{"r.0":"x","r.1":"y"}`))
	change := unit.Message{App: "address_definition_change", Payload: map[string]any{"definition_chash": someone}}
	f.Fuzz(func(t *testing.T, data, signed []byte) {
		var def any
		var auth map[string]string
		if json.Unmarshal(data, &def) != nil || json.Unmarshal(signed, &auth) != nil {
			return
		}
		evaluate := func() (bool, int, error) {
			m := &mirror{def: def}
			env := definition.Env{LastBallMCI: 26, Chain: m, Unit: &unit.Unit{
				Authors: []unit.Author{{Address: someone}}, Messages: []unit.Message{change}}}
			ok, err := definition.Evaluate(def, someone, auth, env)
			if most := 400 + 100*len(data)/len(someone); m.asked > most {
				t.Fatalf("%s: %d questions to the chain, want at most %d", data, m.asked, most)
			}
			return ok, m.asked, err
		}
		ok, asked, err := evaluate()
		if err != nil && !errors.Is(err, byteball.Invalid) {
			t.Fatalf("%s: %v is not of kind Invalid", data, err)
		}
		if ok2, asked2, err2 := evaluate(); ok2 != ok || text(err2) != text(err) || asked2 != asked {
			t.Fatalf("%s: got %v, %v, %d questions, then %v, %v, %d", data, ok, err, asked, ok2, err2, asked2)
		}
		cond, err := definition.EvaluateCondition(def, someUnit, definition.Env{Chain: &mirror{def: def}})
		if err != nil && (cond || !errors.Is(err, byteball.Invalid)) {
			t.Fatalf("%s: condition: got %v, %v", data, cond, err)
		}
	})
}

const someUnit byteball.Hash = "WCpywTdKeZrLSWWI/CRWJtKwcarfENtkIdva1nYlIQo="
