package hub_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TestOldAnchor: a hub of protocol 1.0 is asked with the order providers alone, and units name what it answers.
func TestOldAnchor(t *testing.T) {
	const op = byteball.Address("FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ")
	h := func(c string) byteball.Hash { return byteball.Hash(strings.Repeat(c, unit.HashLength)) }
	answer := func(list string) map[string]any {
		a := map[string]any{"parent_units": []byteball.Hash{h("q"), h("p")}, "last_stable_mc_ball": h("b"), "last_stable_mc_ball_unit": h("u"), "last_stable_mc_ball_mci": 7}
		if list != "" {
			a["witness_list_unit"] = list
		}
		return a
	}
	anchor := unit.Anchor{Parents: []byteball.Hash{h("p"), h("q")}, LastBall: h("b"), LastBallUnit: h("u"), LastBallMCI: 7}
	listed, referred := anchor, anchor
	listed.Witnesses, referred.WitnessListUnit = []byteball.Address{op}, h("w")

	for name, c := range map[string]struct {
		answer map[string]any
		want   unit.Anchor
		err    error
	}{
		"a unit lists the order providers": {answer(string(h("w"))), referred, nil},
		"no unit lists them yet":           {answer(""), listed, nil},
		"it names no unit":                 {answer("short"), unit.Anchor{}, byteball.Invalid},
	} {
		s := serve(t)
		s.hello = strings.NewReplacer("4.0dev", "1.0", `"alt":"3"`, `"alt":"1"`).Replace(devVersion)
		var asked json.RawMessage
		s.answers["light/get_parents_and_last_ball_and_witness_list_unit"] = func(q json.RawMessage) any {
			asked = q
			return c.answer
		}
		client, err := hub.Dial(t.Context(), hub.Config{URLs: []string{s.url}, Network: byteball.Old, OPs: []byteball.Address{op}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Anchor(t.Context(), []byteball.Address{op}, nil)
		client.Close()
		if !reflect.DeepEqual(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: got %+v, %v, want %+v, %v", name, got, err, c.want, c.err)
		}
		if want := `{"witnesses":["` + string(op) + `"]}`; string(asked) != want {
			t.Errorf("%s: asked with %s, want %s", name, asked, want)
		}
	}
}
