package definition_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// tree is a random definition with what it must come to: truth for each set of signatures, worked out on the way up.
type tree struct {
	def   any
	paths []string        // where signatures may stand
	truth func(have) bool // by the plain meaning of the operators
}

// have says at which paths a right signature stands.
type have map[string]bool

// drawTree draws a definition; no signature may stand below a "not", where pubkey is empty.
func drawTree(t *rapid.T, path, pubkey string, depth int) tree {
	kind := rapid.IntRange(0, 6).Draw(t, "kind at "+path)
	if depth == 0 {
		kind = min(kind, 1)
	}
	switch {
	case kind == 6:
		inner := drawTree(t, path, "", depth-1)
		return tree{[]any{"not", inner.def}, nil, func(h have) bool { return !inner.truth(h) }}
	case kind == 0 && pubkey != "":
		return tree{[]any{"sig", map[string]any{"pubkey": pubkey}}, []string{path}, func(h have) bool { return h[path] }}
	case kind <= 1:
		past := rapid.Bool().Draw(t, "past")
		relation := map[bool]string{true: ">=", false: "<"}[past]
		return tree{[]any{"mci", []any{relation, 50.0}}, nil, func(have) bool { return past }}
	}
	options := make([]tree, rapid.IntRange(2, 3).Draw(t, "options"))
	set, weighted, out := []any{}, []any{}, tree{}
	for i := range options {
		options[i] = drawTree(t, fmt.Sprintf("%s.%d", path, i), pubkey, depth-1)
		out.paths = append(out.paths, options[i].paths...)
		set = append(set, options[i].def)
		weighted = append(weighted, map[string]any{"value": options[i].def, "weight": float64(i + 1)})
	}
	count := func(h have, weight func(int) int) (n int) {
		for i, o := range options {
			if o.truth(h) {
				n += weight(i)
			}
		}
		return n
	}
	one := func(int) int { return 1 }
	switch kind {
	case 2:
		out.def = []any{"or", set}
		out.truth = func(h have) bool { return count(h, one) > 0 }
	case 3:
		out.def = []any{"and", set}
		out.truth = func(h have) bool { return count(h, one) == len(options) }
	case 4:
		required := rapid.IntRange(1, len(options)).Draw(t, "required")
		out.def = []any{"r of set", map[string]any{"required": float64(required), "set": set}}
		out.truth = func(h have) bool { return count(h, one) >= required }
	default:
		required := rapid.IntRange(1, 3).Draw(t, "required weight")
		out.def = []any{"weighted and", map[string]any{"required": float64(required), "set": weighted}}
		out.truth = func(h have) bool { return count(h, func(i int) int { return i + 1 }) >= required }
	}
	return out
}

// TestEvaluateIsTheBooleanFunction checks three laws on definitions of keys, times and every operator that combines them: Evaluate gives what the operators
// plainly mean; one more right signature never takes permission away; without a signature nobody spends.
func TestEvaluateIsTheBooleanFunction(t *testing.T) {
	key, err := unit.NewKey([32]byte{31: 1})
	if err != nil {
		t.Fatal(err)
	}
	sig, err := key.Sign(signed)
	if err != nil {
		t.Fatal(err)
	}
	right := base64.StdEncoding.EncodeToString(sig[:])
	env := definition.Env{HashToSign: signed, LastBallMCI: 100}
	rapid.Check(t, func(t *rapid.T) {
		d := drawTree(t, "r", key.PublicKey(), 3)
		if err := definition.Validate(d.def, env); err != nil {
			if got, want := err.Error(), "each branch must have a signature"; got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			return
		}
		auth, h, before := map[string]string{}, have{}, false
		for _, p := range append([]string{""}, rapid.Permutation(d.paths).Draw(t, "order")...) {
			if p != "" {
				auth[p], h[p] = right, true
			}
			got, err := definition.Evaluate(d.def, "", auth, env)
			if err != nil || got != d.truth(h) {
				t.Fatalf("%v with %v: got %v, %v, want %v", d.def, h, got, err, d.truth(h))
			}
			if before && !got {
				t.Fatalf("%v: the signature at %s took permission away", d.def, p)
			}
			if p == "" && got {
				t.Fatalf("%v: met without a signature", d.def)
			}
			before = got
		}
	})
}

// loop is a chain on which every address is defined by a reference to another one.
type loop struct {
	definition.Chain // none
	reads            int
}

func (l *loop) Definition(a byteball.Address, _ uint64) (any, byteball.Address, error) {
	l.reads++
	return []any{"address", string(a)}, a, nil
}

const someone = "G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3"

// TestLoopOfAddressesEnds: a definition that refers to itself costs no more than the limit, and one question.
func TestLoopOfAddressesEnds(t *testing.T) {
	l := new(loop)
	_, err := definition.Evaluate([]any{"address", someone}, someone, map[string]string{"r": "x"}, definition.Env{Chain: l})
	if got, want := fmt.Sprint(err), "complexity exceeded at r"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if l.reads != 1 {
		t.Errorf("the chain was asked %d times, want 1", l.reads)
	}
}

// TestUnusedAddressIsNotRead: what stands behind an address without authentifiers is neither read nor counted.
func TestUnusedAddressIsNotRead(t *testing.T) {
	l := new(loop)
	def := []any{"or", []any{[]any{"address", someone}, []any{"address", someone}}}
	if ok, err := definition.Evaluate(def, someone, nil, definition.Env{Chain: l}); ok || err != nil || l.reads != 0 {
		t.Errorf("got %v, %v, %d reads, want false and none", ok, err, l.reads)
	}
}

// broken is a chain that cannot be read.
type broken struct{}

var errDisk = errors.New("disk on fire")

func (broken) Definition(byteball.Address, uint64) (any, byteball.Address, error) {
	return nil, "", errDisk
}
func (broken) Template(byteball.Hash, uint64) (any, error)           { return nil, errDisk }
func (broken) Seen(byteball.Address, uint64) (bool, error)           { return false, errDisk }
func (broken) SeenCoin(definition.Coin, uint64) (bool, error)        { return false, errDisk }
func (broken) Feed(definition.Feed, uint64) (bool, error)            { return false, errDisk }
func (broken) PrivateAsset(byteball.Hash, uint64) (bool, error)      { return false, errDisk }
func (broken) Changed(_, _ byteball.Address, _ uint64) (bool, error) { return false, errDisk }
func (broken) Attested(_, _ byteball.Address, _ uint64) (bool, error) {
	return false, errDisk
}

// TestChainErrorsAreNoVerdict: that a chain cannot be read must not look like a wrong definition.
func TestChainErrorsAreNoVerdict(t *testing.T) {
	asset := strings.Repeat("A", 43) + "="
	sig := []any{"sig", map[string]any{"pubkey": strings.Repeat("A", 44)}}
	for _, def := range []any{
		[]any{"address", someone},
		[]any{"definition template", []any{asset, map[string]any{"a": "b"}}},
		[]any{"and", []any{sig, []any{"seen address", someone}}},
		[]any{"and", []any{sig, []any{"seen", map[string]any{"what": "output", "address": someone}}}},
		[]any{"and", []any{sig, []any{"seen definition change", []any{someone, "any"}}}},
		[]any{"and", []any{sig, []any{"attested", []any{someone, []any{someone}}}}},
		[]any{"and", []any{sig, []any{"in data feed", []any{[]any{someone}, "x", "!=", 1.0}}}},
		[]any{"and", []any{sig, []any{"has", map[string]any{"what": "output", "asset": asset}}}},
		[]any{"and", []any{sig, []any{"sum", map[string]any{"filter": map[string]any{"what": "output", "asset": asset}, "equals": 0.0}}}},
	} {
		_, err := definition.Evaluate(def, someone, map[string]string{"r": "x"}, definition.Env{Chain: broken{}})
		if !errors.Is(err, errDisk) || errors.Is(err, byteball.Invalid) {
			t.Errorf("%v: got %v, want %v", def, err, errDisk)
		}
	}
}
