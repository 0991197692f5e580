package hub_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
)

// sample is one captured request and answer.
type sample struct {
	Name    string
	Request struct {
		Command string
		Params  json.RawMessage
	}
	Response json.RawMessage
	Wire     [][]json.RawMessage
}

func samples(t testing.TB) []sample {
	data, err := os.ReadFile("testdata/protocol_samples.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []sample }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func named(t testing.TB, name string) sample {
	for _, s := range samples(t) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no sample %q", name)
	return sample{}
}

var sampleOPs = []byteball.Address{"QZAB2MYRLRVUNITTOOCF5ZE3AG4TCJDD"}

const other byteball.Address = "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"

func TestVerifySamples(t *testing.T) {
	for _, test := range []struct {
		name     string
		mcis     []uint64
		unstable int
	}{
		{"light/get_history, one address", []uint64{563, 566, 593}, 0},
		{"light/get_history, requested_joints", []uint64{584}, 0},
		{"light/get_history, known_stable_units", []uint64{563, 593}, 0},
		{"light/get_history, min_mci", nil, 0},
		{"light/get_history with an unstable unit", []uint64{563, 593}, 1},
	} {
		h, err := hub.Verify(named(t, test.name).Response, sampleOPs, 1)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []uint64
		for _, p := range h.Proven {
			got = append(got, p.MCI)
			if !p.Serial {
				t.Errorf("%s: unit %s is not serial", test.name, p.Unit.Unit)
			}
		}
		if !slices.Equal(got, test.mcis) || len(h.Unstable) != test.unstable {
			t.Errorf("%s: got indexes %d and %d unstable, want %d and %d", test.name, got, len(h.Unstable), test.mcis, test.unstable)
		}
	}
}

// TestVerifyTampered changes each part of a true answer and wants each change refused.
func TestVerifyTampered(t *testing.T) {
	answer := named(t, "light/get_history with an unstable unit").Response
	for name, tamper := range tampers {
		var tree map[string]any
		if err := json.Unmarshal(answer, &tree); err != nil {
			t.Fatal(err)
		}
		tamper(tree)
		data, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if string(data) == string(mustCompact(t, answer)) {
			t.Errorf("%s: nothing was changed", name)
		}
		if _, err := hub.Verify(data, sampleOPs, 1); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got error %v, want Invalid", name, err)
		}
	}
	for name, err := range map[string]error{
		"other order provider": verify(answer, []byteball.Address{other}, 1),
		"no order provider":    verify(answer, nil, 0),
		"majority of two":      verify(answer, append(slices.Clone(sampleOPs), other), 2),
		"no JSON":              verify([]byte("{"), sampleOPs, 1),
		"too deep":             verify([]byte(strings.Repeat("[", 200)), sampleOPs, 1),
	} {
		if !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got error %v, want Invalid", name, err)
		}
	}
}

func verify(data []byte, ops []byteball.Address, majority int) error {
	_, err := hub.Verify(data, ops, majority)
	return err
}

func mustCompact(t *testing.T, data []byte) []byte {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// at walks a tree by keys and indexes.
func at(tree any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			tree = tree.(map[string]any)[p]
		case int:
			list := tree.([]any)
			tree = list[(p+len(list))%len(list)]
		}
	}
	return tree
}

func set(key string, value any, path ...any) func(map[string]any) {
	return func(tree map[string]any) { at(tree, path...).(map[string]any)[key] = value }
}

func drop(key string, path ...any) func(map[string]any) {
	return func(tree map[string]any) { delete(at(tree, path...).(map[string]any), key) }
}

// cut takes element i out of the list called key.
func cut(key string, i int) func(map[string]any) {
	return func(tree map[string]any) { tree[key] = slices.Delete(tree[key].([]any), i, i+1) }
}

const wrongHash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

var tampers = map[string]func(map[string]any){
	"no main chain":                     drop("unstable_mc_joints"),
	"empty main chain":                  set("unstable_mc_joints", []any{}),
	"gap in the main chain":             cut("unstable_mc_joints", 1),
	"main chain unit has a ball":        set("ball", wrongHash, "unstable_mc_joints", 1),
	"main chain unit is null":           set("unit", nil, "unstable_mc_joints", 0),
	"last ball of another":              set("last_ball", wrongHash, "unstable_mc_joints", 0, "unit"),
	"last ball left out":                drop("last_ball", "unstable_mc_joints", 0, "unit"),
	"signature of the order provider":   swapSignature("unstable_mc_joints", 1),
	"no definition":                     set("witness_change_and_definition_joints", []any{}),
	"definition without ball":           drop("ball", "witness_change_and_definition_joints", 0),
	"definition by another":             set("address", string(other), "witness_change_and_definition_joints", 0, "unit", "authors", 0),
	"definition of another key":         set("definition", []any{"sig", map[string]any{"pubkey": strings.Repeat("A", 44)}}, "witness_change_and_definition_joints", 0, "unit", "authors", 0),
	"definition's payload":              set("amount", 1.0, "witness_change_and_definition_joints", 0, "unit", "messages", 0, "payload", "outputs", 0),
	"definition's messages":             drop("messages", "witness_change_and_definition_joints", 0, "unit"),
	"gap in the proof":                  cut("proofchain_balls", 5),
	"ball of another":                   set("ball", wrongHash, "proofchain_balls", 3),
	"unit of a ball":                    set("unit", wrongHash, "proofchain_balls", 3),
	"parents of a ball":                 set("parent_balls", []any{wrongHash}, "proofchain_balls", 3),
	"skip list of a ball":               set("skiplist_balls", []any{wrongHash}, "proofchain_balls", 3),
	"good unit said to be bad":          set("is_nonserial", true, "proofchain_balls", -1),
	"amount":                            set("amount", 7.0, "joints", 1, "unit", "messages", 0, "payload", "outputs", 0),
	"address paid":                      set("address", string(other), "joints", 2, "unit", "messages", 0, "payload", "outputs", 0),
	"payload hash":                      set("payload_hash", wrongHash, "joints", 1, "unit", "messages", 0),
	"message":                           drop("payload", "joints", 1, "unit", "messages", 0),
	"all messages":                      drop("messages", "joints", 1, "unit"),
	"stripped to its content hash":      stripped,
	"author":                            set("address", string(other), "joints", 1, "unit", "authors", 0),
	"signature":                         swapSignature("joints", 1),
	"timestamp":                         set("timestamp", 1700000000.0, "joints", 1, "unit"),
	"parents":                           set("parent_units", []any{wrongHash}, "joints", 1, "unit"),
	"last ball":                         set("last_ball", wrongHash, "joints", 1, "unit"),
	"version":                           set("version", "4.0", "joints", 1, "unit"),
	"network":                           set("alt", "1", "joints", 1, "unit"),
	"tps fee":                           set("tps_fee", 1e6, "joints", 1, "unit"),
	"headers commission, not hashed":    set("headers_commission", 1.0, "joints", 1, "unit"),
	"payload commission, not hashed":    set("payload_commission", 1.0, "joints", 1, "unit"),
	"unit hash":                         set("unit", wrongHash, "joints", 1, "unit"),
	"unknown field":                     set("surprise", 1.0, "joints", 1, "unit"),
	"ball that is not the proven":       set("ball", wrongHash, "joints", 1),
	"no main chain index":               drop("main_chain_index", "joints", 1, "unit"),
	"negative main chain index":         set("main_chain_index", -1.0, "joints", 1, "unit"),
	"joint is null":                     func(tree map[string]any) { tree["joints"].([]any)[0] = nil },
	"the same twice":                    func(tree map[string]any) { tree["joints"] = append(tree["joints"].([]any), at(tree, "joints", 0)) },
	"amount of a unit without proof":    set("amount", 7.0, "joints", 0, "unit", "messages", 0, "payload", "outputs", 0),
	"lists are objects":                 set("joints", map[string]any{"0": 1.0}),
	"proof chain is text":               set("proofchain_balls", "x"),
	"main chain by somebody else alone": onlyOthers,
}

// TestVerifyHubsWord names what the protocol leaves unproven.
func TestVerifyHubsWord(t *testing.T) {
	for name, tamper := range map[string]func(map[string]any){
		"main chain index": set("main_chain_index", 565.0, "joints", 1, "unit"),
		"actual tps fee":   set("actual_tps_fee", 0.0, "joints", 1, "unit"),
		"oversize fee":     set("oversize_fee", 1.0, "joints", 1, "unit"),
		"a unit left out":  cut("joints", 1),
	} {
		var tree map[string]any
		if err := json.Unmarshal(named(t, "light/get_history, one address").Response, &tree); err != nil {
			t.Fatal(err)
		}
		tamper(tree)
		data, _ := json.Marshal(tree)
		if err := verify(data, sampleOPs, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// swapSignature puts the signature of another unit there: well-formed, but wrong.
func swapSignature(list string, i int) func(map[string]any) {
	return func(tree map[string]any) {
		other := at(tree, "unstable_mc_joints", -1, "unit", "authors", 0, "authentifiers", "r")
		at(tree, list, i, "unit", "authors", 0, "authentifiers").(map[string]any)["r"] = other
	}
}

// stripped makes a unit look like a double spend that lost.
func stripped(tree map[string]any) {
	u := at(tree, "joints", 1, "unit").(map[string]any)
	delete(u, "messages")
	u["content_hash"] = wrongHash
}

// onlyOthers leaves the units that no order provider signed.
func onlyOthers(tree map[string]any) {
	tree["unstable_mc_joints"] = slices.DeleteFunc(tree["unstable_mc_joints"].([]any), func(j any) bool {
		return at(j, "unit", "authors", 0, "address") == string(sampleOPs[0])
	})
}

// TestVerifyForgedChain re-signs nothing but rebuilds hashes: an attacker who can hash but not sign gets nowhere.
func TestVerifyForgedChain(t *testing.T) {
	answer := named(t, "light/get_history with an unstable unit").Response
	var a struct {
		Unstable []struct {
			Unit map[string]any `json:"unit"`
		} `json:"unstable_mc_joints"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	for i, j := range a.Unstable {
		var tree map[string]any
		json.Unmarshal(answer, &tree)
		j.Unit["last_ball"] = wrongHash
		j.Unit["unit"] = rehash(t, j.Unit)
		tree["unstable_mc_joints"] = []any{map[string]any{"unit": j.Unit}}
		data, _ := json.Marshal(tree)
		if err := verify(data, sampleOPs, 1); !errors.Is(err, byteball.Invalid) {
			t.Errorf("unit %d with a false last ball: got %v, want Invalid", i, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, s := range samples(f) {
		if s.Request.Command == "light/get_history" {
			f.Add([]byte(s.Response))
		}
	}
	f.Add([]byte(`{"joints":[{}],"unstable_mc_joints":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := hub.Verify(data, sampleOPs, 1)
		if err != nil && !errors.Is(err, byteball.Invalid) {
			t.Fatalf("error without kind: %v", err)
		}
		if err != nil && len(h.Proven)+len(h.Unstable) > 0 {
			t.Fatal("units in spite of an error")
		}
		for i, p := range h.Proven {
			if p.Unit == nil || p.Ball == "" || i > 0 && p.MCI < h.Proven[i-1].MCI {
				t.Fatalf("unit %d out of order or without ball", i)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	answer := named(b, "light/get_history, one address").Response
	b.ReportAllocs()
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		if _, err := hub.Verify(answer, sampleOPs, 1); err != nil {
			b.Fatal(err)
		}
	}
}
