package definition_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

func load(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func context(t testing.TB) *chain {
	var v struct{ Context chain }
	load(t, "definitions.json", &v)
	return &v.Context
}

type evaluationCase struct {
	Group, Name   string
	Address       byteball.Address
	Definition    any
	Unit          json.RawMessage
	Authentifiers map[string]string
	HashToSign    string `json:"hash_to_sign_hex"`
	LastBallMCI   uint64 `json:"last_ball_mci"`
	LastBallTime  int64  `json:"last_ball_timestamp"`
	NoReferences  bool   `json:"no_references"`
	Expect        struct {
		Result bool
		Error  string
	}
}

func (c *evaluationCase) env(t *testing.T, on *chain) definition.Env {
	u, err := unit.Parse(c.Unit)
	if err != nil {
		t.Fatal(err)
	}
	e := definition.Env{Unit: u, LastBallMCI: c.LastBallMCI, LastBallTimestamp: c.LastBallTime, Inputs: on.inputs(),
		Chain: on, NoReferences: c.NoReferences}
	if _, err := hex.Decode(e.HashToSign[:], []byte(c.HashToSign)); err != nil {
		t.Fatal(err)
	}
	return e
}

// withFormula are the cases of the vectors that need the reference's language of autonomous agents, which is left out.
var withFormula = map[string][]string{
	"definitions.json": {
		"formula/1", "formula/2 + 2 == 4", "formula/2 * 3 > 7", "formula/'a' || 'b' == 'ab'", "formula/timestamp > 1900000000",
		"formula/mci >= 26", "formula/mci > 26", "formula/output[[asset=base, address=FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ]].amount > 5000",
		"formula/input[[asset=base]].amount == 1000000002",
		"formula/data_feed[[oracles='FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ', feed_name='temperature']] == 25",
		"formula/data_feed[[oracles='FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ', feed_name='nosuch']] == 7",
		"formula/in_data_feed[[oracles='FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ', feed_name='temperature', feed_value>22]]",
		"formula/attestation[[attestors='7SSQSCG6SWM2FGU53Q3CQZEJVX6TKMHT', address='G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3']].kind == 'buyer'",
		"formula/trigger.data.x > 3", "formula/true AND !false", "formula/this_address == 'G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3'",
		`formula/var["x"]`, "formula/$x = 5; $x", `formula/sha256("a") == "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="`,
	},
	"definition_validation.json": {"formula: syntax", "formula: fine", "formula alone"},
}

// hasFormula says whether the operator stands anywhere in def.
func hasFormula(def any) bool {
	switch v := def.(type) {
	case []any:
		return len(v) == 2 && v[0] == "formula" || slices.ContainsFunc(v, hasFormula)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasFormula)
	}
	return false
}

// checkCase compares what came out of a case of a file of vectors. A case with the operator that is left out must be in
// the list, and the other way round, and must be refused in clear words; formulas counts such cases.
func checkCase(t *testing.T, file, name string, def any, err error, want string, formulas *int) {
	t.Helper()
	listed := slices.Contains(withFormula[file], name)
	if got := hasFormula(def); got != listed {
		t.Fatalf("uses formula: %t, listed: %t", got, listed)
	}
	if listed {
		*formulas++
		if !errors.Is(err, errors.ErrUnsupported) || err.Error() != `operator "formula" is not supported` {
			t.Fatalf("got error %v, want a clear refusal of the operator", err)
		}
		return
	}
	if got := text(err); got != want {
		t.Fatalf("got error %q, want %q", got, want)
	}
	if err != nil && !errors.Is(err, byteball.Invalid) {
		t.Fatalf("%v is not of kind Invalid", err)
	}
}

// checkCount checks that the list names no case that is not there.
func checkCount(t *testing.T, file string, cases, wantCases, formulas int) {
	t.Helper()
	if cases != wantCases || formulas != len(withFormula[file]) {
		t.Errorf("%s: %d cases, %d of them with a formula; want %d and %d", file, cases, formulas, wantCases, len(withFormula[file]))
	}
}

func TestEvaluateVectors(t *testing.T) {
	var v struct {
		Context chain
		Cases   []evaluationCase
	}
	const file = "definitions.json"
	load(t, file, &v)
	formulas := 0
	for _, c := range v.Cases {
		t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
			ok, err := definition.Evaluate(c.Definition, c.Address, c.Authentifiers, c.env(t, &v.Context))
			checkCase(t, file, c.Group+"/"+c.Name, c.Definition, err, c.Expect.Error, &formulas)
			if got, want := ok, c.Expect.Result; got != want && err == nil {
				t.Fatalf("got %v, want %v", got, want)
			}
		})
	}
	checkCount(t, file, len(v.Cases), 161, formulas)
}

func TestValidateVectors(t *testing.T) {
	var v struct {
		LastBallMCI uint64 `json:"last_ball_mci"`
		Cases       []struct {
			Name          string
			Definition    any
			MaxComplexity int  `json:"max_complexity"`
			NoReferences  bool `json:"no_references"`
			Condition     bool `json:"asset_condition"`
			Expect        struct{ Error string }
		}
	}
	const file = "definition_validation.json"
	load(t, file, &v)
	on := context(t)
	formulas := 0
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			validate := definition.Validate
			if c.Condition {
				validate = definition.ValidateCondition
			}
			err := validate(c.Definition, definition.Env{LastBallMCI: v.LastBallMCI, Chain: on,
				NoReferences: c.NoReferences, MaxComplexity: c.MaxComplexity})
			checkCase(t, file, c.Name, c.Definition, err, c.Expect.Error, &formulas)
		})
	}
	checkCount(t, file, len(v.Cases), 83, formulas)
}

// TestTexts: the same text as the reference for each way to be wrong.
func TestTexts(t *testing.T) {
	var v struct {
		Cases []struct {
			Definition   any
			LastBallMCI  uint64 `json:"last_ball_mci"`
			NoReferences bool   `json:"no_references"`
			Condition    bool   `json:"asset_condition"`
			Expect       string
		}
	}
	load(t, "texts.json", &v)
	on := context(t)
	for _, c := range v.Cases {
		validate := definition.Validate
		if c.Condition {
			validate = definition.ValidateCondition
		}
		err := validate(c.Definition, definition.Env{LastBallMCI: c.LastBallMCI, Chain: on, NoReferences: c.NoReferences})
		if got, want := text(err), c.Expect; got != want {
			t.Errorf("%v: got %q, want %q", c.Definition, got, want)
		}
	}
}

// text is the reference's text of an error, without the list of authentifiers that the vectors cut off too.
func text(err error) string {
	if err == nil {
		return ""
	}
	if s, _, cut := strings.Cut(err.Error(), "passed="); cut {
		return s + "passed=..."
	}
	return err.Error()
}
