package definition_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
)

// TestReference: random definitions of what others did on the chain, with what the reference said of them.
func TestReference(t *testing.T) {
	var v struct {
		Context chain
		Units   []json.RawMessage
		Cases   []struct {
			evaluationCase
			Kind          string
			Unit          int
			Auth          map[string]string
			Hash          string
			MaxComplexity int `json:"max_complexity"`
			Condition     bool
			Asset         byteball.Hash
		}
	}
	load(t, "on_chain.json", &v)
	for i, c := range v.Cases {
		env := definition.Env{LastBallMCI: c.LastBallMCI, Chain: &v.Context}
		if c.Kind == "evaluate" {
			c.evaluationCase.Unit, c.HashToSign = v.Units[c.Unit], c.Hash
			env = c.env(t, &v.Context)
		}
		env.NoReferences, env.MaxComplexity = c.NoReferences, c.MaxComplexity
		var ok bool
		var err error
		switch {
		case c.Kind == "validate" && c.Condition:
			err = definition.ValidateCondition(c.Definition, env)
		case c.Kind == "validate":
			err = definition.Validate(c.Definition, env)
		case c.Condition:
			ok, err = definition.EvaluateCondition(c.Definition, c.Asset, env)
		default:
			ok, err = definition.Evaluate(c.Definition, c.Address, c.Auth, env)
		}
		if got, want := text(err), c.Expect.Error; got != want || ok != c.Expect.Result {
			def, _ := json.Marshal(c.Definition)
			t.Errorf("case %d, last ball %d, %s: got %v %q, want %v %q", i, c.LastBallMCI, def, ok, got, c.Expect.Result, want)
		}
		if err != nil && !errors.Is(err, byteball.Invalid) {
			t.Errorf("case %d: %v is not of kind Invalid", i, err)
		}
	}
}
