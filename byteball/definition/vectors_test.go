package definition_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// leftOut are the reference's operators that this package does not have; vectors with them are skipped by name.
var leftOut = []string{"in data feed", "in merkle", "attested", "seen", "seen definition change",
	"has definition change", "definition template", "formula"}

// missing returns the left-out operator that stands in def, if any.
func missing(def any) string {
	switch v := def.(type) {
	case []any:
		if len(v) == 2 {
			if op, ok := v[0].(string); ok && slices.Contains(leftOut, op) {
				return op
			}
		}
		for _, e := range v {
			if op := missing(e); op != "" {
				return op
			}
		}
	case map[string]any:
		for _, e := range v {
			if op := missing(e); op != "" {
				return op
			}
		}
	}
	return ""
}

// chain is the ledger of definitions.json.
type chain struct {
	Definitions []struct {
		Hash       byteball.Address `json:"definition_chash"`
		Definition any
		MCI        uint64
	}
	Changes []struct {
		Address byteball.Address
		Hash    byteball.Address `json:"definition_chash"`
		MCI     uint64
	} `json:"definition_changes"`
	Authors []struct {
		Address byteball.Address
		MCI     uint64
	}
	Outputs []struct {
		Unit    byteball.Hash
		Message int `json:"message_index"`
		Output  int `json:"output_index"`
		Address byteball.Address
		Amount  byteball.Bytes
		MCI     uint64
	}
	Assets []struct {
		Unit    byteball.Hash
		Private int `json:"is_private"`
	}
}

func (c *chain) Definition(a byteball.Address, mci uint64) (any, byteball.Address, error) {
	hash := a
	for _, ch := range c.Changes {
		if ch.Address == a && ch.MCI <= mci {
			hash = ch.Hash
		}
	}
	for _, d := range c.Definitions {
		if d.Hash == hash && d.MCI <= mci {
			return d.Definition, hash, nil
		}
	}
	return nil, hash, nil
}

func (c *chain) Seen(a byteball.Address, mci uint64) (bool, error) {
	for _, x := range c.Authors {
		if x.Address == a && x.MCI <= mci {
			return true, nil
		}
	}
	return false, nil
}

func (c *chain) PrivateAsset(asset byteball.Hash, _ uint64) (bool, error) {
	for _, x := range c.Assets {
		if x.Unit == asset {
			return x.Private != 0, nil
		}
	}
	return false, nil
}

// inputs are all outputs of the chain: the evaluation takes those it needs.
func (c *chain) inputs() []definition.ResolvedInput {
	var in []definition.ResolvedInput
	for _, o := range c.Outputs {
		in = append(in, definition.ResolvedInput{
			OutPoint: unit.OutPoint{Unit: o.Unit, MessageIndex: o.Message, OutputIndex: o.Output},
			Address:  o.Address, Amount: o.Amount, MCI: o.MCI, Stable: true,
		})
	}
	return in
}

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

func TestEvaluateVectors(t *testing.T) {
	var v struct {
		Context chain
		Cases   []evaluationCase
	}
	load(t, "definitions.json", &v)
	done := 0
	for _, c := range v.Cases {
		t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
			ok, err := definition.Evaluate(c.Definition, c.Address, c.Authentifiers, c.env(t, &v.Context))
			skipLeftOut(t, c.Definition, err)
			done++
			if got, want := text(err), c.Expect.Error; got != want {
				t.Fatalf("got error %q, want %q", got, want)
			}
			if got, want := ok, c.Expect.Result; got != want {
				t.Fatalf("got %v, want %v", got, want)
			}
		})
	}
	t.Logf("%d of %d cases use only operators that are built", done, len(v.Cases))
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
	load(t, "definition_validation.json", &v)
	on := context(t)
	done := 0
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			validate := definition.Validate
			if c.Condition {
				validate = definition.ValidateCondition
			}
			err := validate(c.Definition, definition.Env{LastBallMCI: v.LastBallMCI, Chain: on,
				NoReferences: c.NoReferences, MaxComplexity: c.MaxComplexity})
			skipLeftOut(t, c.Definition, err)
			done++
			if got, want := text(err), c.Expect.Error; got != want {
				t.Fatalf("got error %q, want %q", got, want)
			}
			if err != nil && !errors.Is(err, byteball.Invalid) {
				t.Fatalf("%v is not of kind Invalid", err)
			}
		})
	}
	t.Logf("%d of %d cases use only operators that are built", done, len(v.Cases))
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

// skipLeftOut skips a case with an operator that is left out, after a look at the error it gave.
func skipLeftOut(t *testing.T, def any, err error) {
	t.Helper()
	op := missing(def)
	if op == "" {
		return
	}
	if errors.Is(err, errors.ErrUnsupported) && !strings.Contains(err.Error(), `"`+op+`"`) {
		t.Fatalf("%v does not name operator %q", err, op)
	}
	t.Skipf("operator %q is left out", op)
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
