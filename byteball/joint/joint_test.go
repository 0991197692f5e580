package joint_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/joint"
	"github.com/iotverse/iotverse/byteball/unit"
)

// asOnNetwork is how the command checks: with the threshold that the networks started with.
var asOnNetwork = joint.Rules{Now: 1_800_000_000, ThresholdSize: unit.ThresholdSize}

// read reads vectors, or skips the test where they are not.
func read[T any](t testing.TB, path string) (v T) {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skip("no shared vectors here")
	}
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantGood(t *testing.T, data []byte, name byteball.Hash) {
	t.Helper()
	if got, err := joint.Check(data, asOnNetwork); got != name || err != nil {
		t.Errorf("Check(%.200s…) = %q, %v, want %q", data, got, err, name)
	}
}

func TestUnitsOfEveryVersion(t *testing.T) {
	type vector struct {
		Unit json.RawMessage
		Hash byteball.Hash `json:"unit_hash"`
	}
	cases := read[struct{ Cases []vector }](t, "../unit/testdata/units.json").Cases
	if len(cases) != 138 {
		t.Errorf("%d units, want 138", len(cases))
	}
	for _, c := range cases {
		wantGood(t, c.Unit, c.Hash)
		wantGood(t, []byte(`{"unit":`+string(c.Unit)+`}`), c.Hash)
		wantGood(t, []byte(` { "ball" : "`+string(c.Hash)+`", "unit" : `+string(c.Unit)+"}\r"), c.Hash)
	}
}

func TestMainnetJoints(t *testing.T) {
	type vector struct {
		Joint json.RawMessage
		Hash  byteball.Hash `json:"unit_hash"`
	}
	for _, c := range read[struct{ Cases []vector }](t, "../../../shared/vectors/mainnet_joints.json").Cases {
		wantGood(t, c.Joint, c.Hash)
	}
}

// The units that a real node refused are refused, unless the reason lies in the chain, the clock or the way they came.
func TestRefusedUnits(t *testing.T) {
	type vector struct {
		Name     string
		Joint    json.RawMessage
		Response any
	}
	wrong := 0
	for _, c := range read[struct{ Cases []vector }](t, "../unit/testdata/refused_units.json").Cases {
		_, err := joint.Check(c.Joint, asOnNetwork)
		answer, _ := c.Response.(map[string]any)
		text, refused := answer["error"].(string)
		switch {
		case !refused && err != nil:
			t.Errorf("%s: %v, want none", c.Name, err)
		case refused && err != nil:
			wrong++
		case refused && !needsMore(text):
			t.Errorf("%s: no error, want %s", c.Name, text)
		}
	}
	if wrong < 110 {
		t.Errorf("%d units are wrong without a chain, want 110 at least", wrong)
	}
}

// needsMore reports whether a refusal hangs on more than the unit: the chain, the clock, the definition of a known author.
func needsMore(text string) bool {
	for _, s := range []string{
		"no ball via post_joint", "too far into the future", "timestamp decreased", "unknown parents", "is related to one of the other",
		"do not match", "not found", "must not retreat", "is not included in parents", "is not on MC", "no outputs to AAs",
		"bad signature at path r", "some authentifiers are not used", "duplicate definition", "do not balance", "output owner is not",
		"zero headers_commission commission", "> last_ball_mci", "conflicting divisible input", "invalid choice", "non-serial",
	} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return text == "known"
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct{ name, text, unit, want string }{
		{"nothing", "", "", "not JSON"},
		{"no JSON", "hello", "", "not JSON"},
		{"cut", `{"unit":`, "", "not JSON"},
		{"null", "null", "", "no unit"},
		{"number", "1e3", "", "no unit"},
		{"empty", "{}", "", "no unit"},
		{"list", "[]", "", "no unit"},
		{"text after it", `{} {}`, "", "not JSON"},
		{"unit is null", `{"unit":null}`, "", "invalid unit"},
		{"no fields", `{"unit":{}}`, "", "no unit"},
		{"too deep", strings.Repeat("[", 200_000), "", "too deeply nested"},
		{"too many nodes", "[" + strings.Repeat("1,", 500_000) + "1]", "", "too many nodes"},
	} {
		got, err := joint.Check([]byte(c.text), asOnNetwork)
		if string(got) != c.unit || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v, want %q, %s", c.name, got, err, c.unit, c.want)
		}
	}
}
