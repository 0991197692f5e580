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
	for _, name := range []string{"definitions.json", "definition_validation.json"} {
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
