package hub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
)

// told are the fields of a history that are the hub's word or have no meaning, by their path without indexes.
var told = map[string]string{
	"joints.unit.actual_tps_fee":                                    "nothing proves what was really paid",
	"joints.unit.main_chain_index":                                  "only its order is proven",
	"unstable_mc_joints.unit.main_chain_index":                      "not used",
	"unstable_mc_joints.unit.actual_tps_fee":                        "not used",
	"unstable_mc_joints.unit.headers_commission":                    "not hashed, not used",
	"unstable_mc_joints.unit.payload_commission":                    "not hashed, not used",
	"witness_change_and_definition_joints.unit.main_chain_index":    "not used",
	"witness_change_and_definition_joints.unit.actual_tps_fee":      "not used",
	"witness_change_and_definition_joints.unit.headers_commission":  "not hashed, not used",
	"witness_change_and_definition_joints.unit.payload_commission":  "not hashed, not used",
	"witness_change_and_definition_joints.ball":                     "must be there; the reference does not prove it either",
	"joints.skiplist_units":                                         "a hint where to ask on",
	"witness_change_and_definition_joints.skiplist_units":           "not used",
	"unstable_mc_joints.skiplist_units":                             "not used",
	"unstable_mc_joints.unit.messages.payload (of the chain alone)": "its hash is checked, it is not used",
}

// TestVerifyEveryField alters each value of a true answer, one by one, and wants each refused with a text that names
// what is wrong, but for those in told.
func TestVerifyEveryField(t *testing.T) {
	var tree any
	if err := json.Unmarshal(named(t, "light/get_history with an unstable unit").Response, &tree); err != nil {
		t.Fatal(err)
	}
	n, seen := 0, map[string]bool{}
	each(tree, "", func(path string, change func() func()) {
		restore := change()
		data, err := json.Marshal(tree)
		restore()
		if err != nil {
			t.Fatal(err)
		}
		n++
		_, err = hub.Verify(data, sampleOPs, 1)
		_, free := told[path]
		free = free || strings.HasPrefix(path, "unstable_mc_joints.unit.messages.payload.")
		switch {
		case err == nil && !free:
			if !seen[path] {
				t.Errorf("%s may be altered", path)
			}
			seen[path] = true
		case err != nil && (!errors.Is(err, byteball.Invalid) || !strings.HasPrefix(err.Error(), "history refused: ")):
			t.Errorf("%s: %v", path, err)
		}
	})
	if n < 300 {
		t.Errorf("%d fields were altered", n)
	}
}

// each calls f with the path of each leaf of a tree and a function that alters it and returns how to restore it.
func each(tree any, path string, f func(path string, change func() func())) {
	leaf := func(path string, v any, put func(any)) {
		switch v.(type) {
		case map[string]any, []any:
			each(v, path, f)
		default:
			f(path, func() func() {
				put(altered(v))
				return func() { put(v) }
			})
		}
	}
	switch tree := tree.(type) {
	case map[string]any:
		keys := make([]string, 0, len(tree))
		for k := range tree {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			leaf(strings.TrimPrefix(path+"."+k, "."), tree[k], func(v any) { tree[k] = v })
		}
	case []any:
		for i := range tree {
			leaf(path, tree[i], func(v any) { tree[i] = v })
		}
	}
}

func altered(v any) any {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "A") {
			return "B" + v[1:]
		}
		return "A" + v[min(1, len(v)):]
	case float64:
		return v + 1
	case bool:
		return !v
	}
	return fmt.Sprint(v)
}

// TestVerifyOrder: main chain indexes that contradict what is proven are refused.
func TestVerifyOrder(t *testing.T) {
	for name, test := range map[string]struct {
		tamper func(map[string]any)
		says   string
	}{
		"two units swapped": {func(tree map[string]any) {
			a, b := at(tree, "joints", 0, "unit").(map[string]any), at(tree, "joints", 2, "unit").(map[string]any)
			a["main_chain_index"], b["main_chain_index"] = b["main_chain_index"], a["main_chain_index"]
		}, "main chain index"},
		"one moved to the end":   {set("main_chain_index", 600.0, "joints", 2, "unit"), "main chain index"},
		"one moved to the start": {set("main_chain_index", 1.0, "joints", 0, "unit"), "main chain index"},
	} {
		var tree map[string]any
		if err := json.Unmarshal(named(t, "light/get_history, one address").Response, &tree); err != nil {
			t.Fatal(err)
		}
		test.tamper(tree)
		data, _ := json.Marshal(tree)
		if err := verify(data, sampleOPs, 1); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want Invalid with %q", name, err, test.says)
		}
	}
}
