package unit_test

import (
	"encoding/json"
	"testing"

	"github.com/iotverse/iotverse/byteball/unit"
)

// The units that a real node served and built upon are good in form.
func TestServedUnits(t *testing.T) {
	for _, name := range []string{"protocol_samples.json", "ledger_replay.json"} {
		seen := 0
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, e := range v {
					walk(e)
				}
			case map[string]any:
				if v["version"] != nil && v["authors"] != nil && v["unit"] != nil {
					seen++
					checkServed(t, v)
					return
				}
				for _, e := range v {
					walk(e)
				}
			}
		}
		walk(readShared[any](t, name))
		if seen == 0 {
			t.Errorf("no units in %s", name)
		}
	}
}

func checkServed(t *testing.T, tree map[string]any) {
	t.Helper()
	u, err := unit.FromTree(tree)
	if err != nil {
		t.Errorf("%v: %v", tree["unit"], err)
		return
	}
	if u.Unit == "sw1SPxWD0n6+Cyz6Eync/iqjzTegaKgN9F0wFDKXpjM=" { // once posted as it is, once damaged
		return
	}
	if err := u.CheckHashes(); err != nil {
		t.Errorf("%s: CheckHashes: %v", u.Unit, err)
	}
	if err := unit.CheckForm(u); err != nil {
		t.Errorf("%s: CheckForm: %v", u.Unit, err)
	}
	for _, field := range []string{"main_chain_index", "actual_tps_fee"} {
		if tree[field] == nil { // a null says no more than nothing
			delete(tree, field)
		}
	}
	data, err := json.Marshal(tree)
	if err != nil {
		t.Error(err)
	}
	checkRoundTrip(t, string(u.Unit), data, u)
}
