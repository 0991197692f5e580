package unit_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// compact is JSON without white space, as units travel.
func compact(t testing.TB, data []byte) []byte {
	t.Helper()
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

// sameBothWays wants that a joint read in one pass is the joint read through a tree, and that both hash functions agree.
func sameBothWays(t *testing.T, data []byte) {
	t.Helper()
	quick, quickErr := unit.ParseJoint(data)
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		if quickErr == nil {
			t.Fatalf("read %q, which is no tree: %v", data, err)
		}
		return
	}
	slow, err := unit.JointFromTree(tree)
	if (err == nil) != (quickErr == nil) || err == nil && !reflect.DeepEqual(quick, slow) {
		t.Fatalf("%s\nread as %+v, %v\nby its tree %+v, %v", data, quick, quickErr, slow, err)
	}
	if err != nil {
		return
	}
	got, gotErr := quick.Unit.Hash()
	want, wantErr := unit.HashTree(unit.UnitTree(tree))
	if got != want || (gotErr == nil) != (wantErr == nil) {
		t.Fatalf("%s\nHash %s, %v, HashTree %s, %v", data, got, gotErr, want, wantErr)
	}
}

func TestQuickReadsAsTheTreeDoes(t *testing.T) {
	for n, v := range unitVectors(t) {
		data := compact(t, v.Unit)
		sameBothWays(t, data)
		joint := `{"unit":` + string(data) + `,"ball":"` + string(v.Hash) + `","skiplist_units":["` + string(v.Hash) + `"]}`
		sameBothWays(t, []byte(joint))
		for i := n % 7; i < len(data); i += 97 { // cut, and with a byte more or another one
			sameBothWays(t, data[:i])
			for _, c := range []string{" ", "0", ",", "}", `"`, "\\", ".", "é"} {
				sameBothWays(t, []byte(string(data[:i])+c+string(data[i:])))
				sameBothWays(t, []byte(string(data[:i])+c+string(data[i+1:])))
			}
		}
	}
}

func TestQuickBoundsDepth(t *testing.T) {
	data := compact(t, unitVectors(t)[18].Unit)
	for depth := 90; depth < 105; depth++ {
		deep := strings.Repeat("[", depth) + "1" + strings.Repeat("]", depth)
		for _, field := range []string{`"definition":`, `"payload":`} {
			for _, wrap := range []string{"", `{"unit":`} {
				text := wrap + string(data) + strings.Repeat("}", len(wrap)/8)
				sameBothWays(t, []byte(strings.Replace(text, `"address":`, field+deep+`,"address":`, 1)))
				sameBothWays(t, []byte(strings.Replace(text, `"payload":{`, `"payload":{"deep":`+deep+`,`, 1)))
			}
		}
	}
}

// FuzzParseJoint: both ways of reading agree, and no joint makes a check panic.
func FuzzParseJoint(f *testing.F) {
	for _, v := range unitVectors(f) {
		data := compact(f, v.Unit)
		f.Add(data)
		f.Add([]byte(`{"unit":` + string(data) + `,"ball":"` + string(v.Hash) + `"}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sameBothWays(t, data)
		if j, err := unit.ParseJoint(data); err == nil {
			_ = j.CheckForm()
		}
		tree, err := objecthash.ParseTree(data)
		if err == nil {
			_, _ = unit.HashTree(tree)
		}
	})
}
