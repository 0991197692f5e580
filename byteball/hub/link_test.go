package hub_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TestLinksSample reads what a real node answered, and refuses it with any value of it altered.
func TestLinksSample(t *testing.T) {
	sample := named(t, "light/get_link_proofs")
	var units []byteball.Hash
	var tree []any
	if err := errors.Join(json.Unmarshal(sample.Request.Params, &units), json.Unmarshal(sample.Response, &tree)); err != nil {
		t.Fatal(err)
	}
	s := serve(t)
	s.answer("light/get_link_proofs", tree)
	links, err := dial(t, hub.Config{}, s.url).Links(t.Context(), units...)
	if err != nil || len(links) != len(tree) || links[0].Joint == nil || links[0].Unit != units[0] || links[1].Ball == "" || links[1].Joint != nil {
		t.Fatalf("got %d steps, %v, want %d", len(links), err, len(tree))
	}
	last := len(tree) - 1
	for name, chain := range map[string][]any{
		"nothing": {}, "no end": tree[:last], "no begin": tree[1:], "a gap": slices.Delete(slices.Clone(tree), 2, 3),
		"null": append(slices.Clone(tree), nil), "no unit": append(slices.Clone(tree), map[string]any{"ball": links[1].Ball}),
	} {
		s.answer("light/get_link_proofs", chain)
		if _, err := dial(t, hub.Config{}, s.url).Links(t.Context(), units...); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	free := []string{"unit.actual_tps_fee", "unit.main_chain_index", "unit.headers_commission", "unit.payload_commission",
		"unit.authors.authentifiers.r"} // neither the hash of a unit nor the way to another hangs on these
	each(tree, "", func(path string, change func() func()) {
		restore := change()
		defer restore()
		s.answer("light/get_link_proofs", tree)
		if _, err := dial(t, hub.Config{}, s.url).Links(t.Context(), units...); err == nil && !slices.Contains(free, path) {
			t.Errorf("%s may be altered", path)
		}
	})
	if _, err := dial(t, hub.Config{}, s.url).Links(t.Context(), units[0]); !errors.Is(err, byteball.Invalid) {
		t.Errorf("one unit: got %v, want Invalid", err)
	}
}

// TestLinksLedger: a new unit is linked to one that is not stable and over it to one that is.
func TestLinksLedger(t *testing.T) {
	_, alice := newKey(t, 1)
	_, bob := newKey(t, 2)
	n := startNode(t, unit.Output{Address: alice, Amount: 5_000_000})
	c := dial(t, hub.Config{}, n.url)
	w := n.wallet(c, 1)
	var units []byteball.Hash
	for _, ref := range []string{"first", "second", "third"} {
		u, err := w.Pay(t.Context(), ref, []unit.Output{{Address: bob, Amount: 1000}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, u.Unit)
		if ref == "first" {
			eventually(t, "first payment is not stable", func() bool {
				b, err := w.Balance(t.Context())
				return err == nil && b.Change == 0
			})
		}
	}
	slices.Reverse(units)
	links, err := c.Links(t.Context(), units...)
	if err != nil || len(links) < 2 || links[0].Unit != units[0] || links[0].Joint == nil {
		t.Errorf("got %d steps, %v", len(links), err)
	}
	slices.Reverse(units)
	if _, err := c.Links(t.Context(), units...); !errors.Is(err, byteball.Invalid) {
		t.Errorf("an earlier unit includes a later one: %v", err)
	}
}
