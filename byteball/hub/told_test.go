package hub_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// world is a ledger with a liar in front of it, and what alice posted: an attestation and a profile of hers, a feed, a
// payment to bob.
type world struct {
	n          *node
	liar       *liar
	alice, bob byteball.Address
	paid       byteball.Hash
	change     int         // the output of paid that is not bob's
	old        unit.Proven // a last ball
}

// before makes an anchor name a last ball that can be proven, then changes it further.
func (w *world) before(change func(any) any) func(any) any {
	return func(tree any) any {
		m := tree.(map[string]any)
		m["last_stable_mc_ball"], m["last_stable_mc_ball_unit"], m["last_stable_mc_ball_mci"] = w.old.Ball, w.old.Unit.Unit, w.old.MCI
		return change(m)
	}
}

func newWorld(t *testing.T) *world {
	w := &world{}
	_, w.alice = newKey(t, 1)
	_, w.bob = newKey(t, 2)
	w.n = startNode(t, unit.Output{Address: w.alice, Amount: 50_000_000})
	w.liar = lie(t, w.n.url)
	a := w.n.wallet(dial(t, hub.Config{}, w.n.url), 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ref, m := range map[string]unit.Message{
		"attest":  {App: "attestation", Payload: map[string]any{"address": string(w.bob), "profile": map[string]any{"serial": "0001"}}},
		"profile": {App: "profile", Payload: map[string]any{"name": "alice"}},
		"feed":    {App: "data_feed", Payload: map[string]any{"temperature": 21.0}},
	} {
		if _, err := a.Pay(ctx, ref, nil, []unit.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Pay(ctx, "pay", []unit.Output{{Address: w.bob, Amount: 70_000}}, nil); err != nil {
		t.Fatal(err)
	}
	p, err := a.Wait(ctx, "pay")
	if err != nil {
		t.Fatal(err)
	}
	w.paid = p.Unit.Unit
	if p.Unit.Messages[0].Payload.(*unit.Payment).Outputs[0].Address == w.bob {
		w.change = 1
	}
	proven, _, err := dial(t, hub.Config{}, w.n.url).Prove(ctx, p.Unit.LastBallUnit)
	if err != nil || len(proven) != 1 {
		t.Fatalf("last ball of the payment: %d units, %v", len(proven), err)
	}
	w.old = proven[0]
	return w
}

func TestTold(t *testing.T) {
	w := newWorld(t)
	c := dial(t, hub.Config{}, w.n.url)
	ctx := t.Context()
	if got, err := c.LastStable(ctx); err != nil || got.Value.MCI == 0 || got.Hub != w.n.url {
		t.Errorf("LastStable: %+v, %v", got, err)
	}
	if got, err := c.AssetBalances(ctx, w.bob); err != nil || got.Value[w.bob][""].Stable != 70_000 {
		t.Errorf("AssetBalances: %+v, %v", got, err)
	}
	if got, err := c.DefinitionHash(ctx, w.alice, 0); err != nil || got.Value != w.alice {
		t.Errorf("DefinitionHash: %+v, %v", got, err)
	}
	if got, err := c.DefinitionFor(ctx, w.alice); err != nil || got.Value.Hash != w.alice || got.Value.Definition == nil || !got.Value.Stable {
		t.Errorf("DefinitionFor: %+v, %v", got, err)
	}
	if got, err := c.DefinitionFor(ctx, w.bob); err != nil || got.Value.Hash != w.bob || got.Value.Definition != nil {
		t.Errorf("DefinitionFor an address that never wrote: %+v, %v", got, err)
	}
	if got, err := c.DataFeed(ctx, hub.FeedQuery{Oracles: []byteball.Address{w.alice}, Name: "temperature"}); err != nil || got.Value != 21.0 {
		t.Errorf("DataFeed: %+v, %v", got, err)
	}
	if _, err := c.DataFeed(ctx, hub.FeedQuery{Oracles: []byteball.Address{w.alice}, Name: "rain"}); !errors.Is(err, byteball.NotFound) {
		t.Errorf("DataFeed of nothing: %v, want NotFound", err)
	}
	if got, err := c.ProvenFeed(ctx, hub.FeedQuery{Oracles: []byteball.Address{w.bob, w.alice}, Name: "temperature"}); err != nil || got.Value != 21.0 || got.Oracle != w.alice || got.Unit.Ball == "" {
		t.Errorf("ProvenFeed: %+v, %v", got, err)
	}
	if got, err := c.Attestations(ctx, w.bob); err != nil || len(got) != 1 || got[0].Attestor != w.alice || got[0].Profile["serial"] != "0001" {
		t.Errorf("Attestations: %+v, %v", got, err)
	}
	if got, err := c.Attestations(ctx, w.alice); err != nil || len(got) != 0 {
		t.Errorf("Attestations of nobody: %+v, %v", got, err)
	}
	if got, err := c.Attestation(ctx, w.alice, "serial", "0001"); err != nil || got.Address != w.bob || !got.Unit.Serial {
		t.Errorf("Attestation: %+v, %v", got, err)
	}
	if _, err := c.Attestation(ctx, w.alice, "serial", "0002"); !errors.Is(err, byteball.NotFound) {
		t.Errorf("Attestation of nothing: %v, want NotFound", err)
	}
	if got, err := c.Profiles(ctx, w.alice, w.bob); err != nil || len(got) != 1 {
		t.Errorf("Profiles: %d, %v", len(got), err)
	}
	tip, err := c.LastMCI(ctx)
	if err != nil {
		t.Fatal(err)
	}
	q := hub.CoinQuery{Addresses: []byteball.Address{w.bob}, LastBallMCI: tip, Amount: 10_000}
	if got, err := c.Coins(ctx, q); err != nil || len(got) != 1 || got[0].Amount != 70_000 || got[0].Unit != w.paid || !got[0].Proven {
		t.Errorf("Coins: %+v, %v", got, err)
	}
	if q.Amount = 1e9; true {
		if _, err := c.Coins(ctx, q); !errors.Is(err, byteball.Funds) {
			t.Errorf("Coins of a poor man: %v, want Funds", err)
		}
	}
}

// TestLies edits one answer after the other. Each lie must be refused with an error that names it, and the hub put aside.
func TestLies(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	oracle := hub.FeedQuery{Oracles: []byteball.Address{w.alice}, Name: "temperature"}
	coins := hub.CoinQuery{Addresses: []byteball.Address{w.bob}, LastBallMCI: 1000, Amount: 10_000}
	field := func(name string, value any) func(any) any {
		return func(tree any) any { tree.(map[string]any)[name] = value; return tree }
	}
	is := func(value any) func(any) any { return func(any) any { return value } }
	anchor := func(c *hub.Client) error {
		_, err := c.Anchor(ctx, []byteball.Address{w.alice}, []byteball.Address{w.bob})
		return err
	}
	feed := func(c *hub.Client) error { _, err := c.ProvenFeed(ctx, oracle); return err }
	pick := func(c *hub.Client) error { _, err := c.Coins(ctx, coins); return err }
	const parents = "light/get_parents_and_last_ball_and_witness_list_unit"
	for _, test := range []struct {
		name, command string
		edit          func(any) any
		ask           func(c *hub.Client) error
		says          string
		kind          error
	}{
		{"definition of another", "light/get_definition", is([]any{"sig", map[string]any{"pubkey": strings.Repeat("A", 44)}}),
			func(c *hub.Client) error { _, err := c.Definition(ctx, w.alice); return err }, "hashes to", byteball.Invalid},
		{"definition of no hash", "light/get_definition_for_address", field("definition", []any{"sig", map[string]any{"pubkey": strings.Repeat("A", 44)}}),
			func(c *hub.Client) error { _, err := c.DefinitionFor(ctx, w.alice); return err }, "hashes to", byteball.Invalid},
		{"definition hash", "light/get_definition_chash", is("me"),
			func(c *hub.Client) error { _, err := c.DefinitionHash(ctx, w.alice, 0); return err }, "is no hash of a definition", byteball.Invalid},
		{"balance beyond all money", "light/get_balances", is(map[string]any{string(w.bob): map[string]any{"base": map[string]any{"stable": 1e16}}}),
			func(c *hub.Client) error { _, err := c.AssetBalances(ctx, w.bob); return err }, "10000000000000000", byteball.Invalid},
		{"attestation in a payment", "light/get_attestations", is([]any{map[string]any{"unit": string(w.paid)}}),
			func(c *hub.Client) error { _, err := c.Attestations(ctx, w.bob); return err }, "attests nothing of", byteball.Invalid},
		{"one attestation in a payment", "light/get_attestation", is(string(w.paid)),
			func(c *hub.Client) error { _, err := c.Attestation(ctx, w.alice, "serial", "0001"); return err }, "does not attest serial", byteball.Invalid},
		{"profile in a payment", "light/get_profile_units", is([]any{string(w.paid)}),
			func(c *hub.Client) error { _, err := c.Profiles(ctx, w.alice); return err }, "holds no profile", byteball.Invalid},
		{"feed in a payment", "light/get_data_feed", is(string(w.paid)), feed, "holds no such value", byteball.Invalid},
		{"feed in no unit", "light/get_data_feed", is(wrongHash), feed, "is not stable yet", byteball.Transient},
		{"coin of another", "light/pick_divisible_coins_for_amount", coin(w.paid, 0, w.change), pick, "does not pay to the addresses", byteball.Invalid},
		{"coin beyond the outputs", "light/pick_divisible_coins_for_amount", coin(w.paid, 0, 9), pick, "does not pay to the addresses", byteball.Invalid},
		{"coin of no unit", "light/pick_divisible_coins_for_amount", coin(wrongHash, 0, 0), pick, "is not stable or lost", byteball.Invalid},
		{"last ball", parents, w.before(field("last_stable_mc_ball", wrongHash)), anchor, "names the last ball " + wrongHash, byteball.Invalid},
		{"last ball's index", parents, w.before(field("last_stable_mc_ball_mci", 77777)), anchor, "at main chain index 77777, proven", byteball.Invalid},
		{"last ball's unit", parents, w.before(field("last_stable_mc_ball_unit", wrongHash)), anchor, "does not show unit " + wrongHash, byteball.Transient},
		{"no parents", parents, field("parent_units", []any{}), anchor, "no usable parents", byteball.Invalid},
		{"fee", parents, field("tps_fee", 1e12), anchor, "tps fee of 1000000000000, at most 10000000", byteball.Transient},
		{"time to come", parents, w.before(field("timestamp", 4e9)), anchor, "the time 4000000000", byteball.Invalid},
		{"time long past", parents, w.before(field("timestamp", 1e9)), anchor, "the time 1000000000", byteball.Invalid},
		{"nothing", parents, w.before(func(tree any) any { return tree }), anchor, "", nil},
		{"too many order providers", "get_witnesses", is([]any{string(w.alice), string(w.bob)}),
			func(c *hub.Client) error { _, err := c.Witnesses(ctx); return err }, "names 2 order providers", byteball.Invalid},
		{"unit for another", "get_joint", nil,
			func(c *hub.Client) error { _, err := c.Joint(ctx, wrongHash); return err }, "has no unit", byteball.NotFound},
	} {
		c := dial(t, hub.Config{}, w.liar.url)
		w.liar.on(test.command, test.edit)
		err := test.ask(c)
		w.liar.on(test.command, nil)
		if !errors.Is(err, test.kind) || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %v with %q", test.name, err, test.kind, test.says)
		}
		c.Close()
	}
}

func coin(h byteball.Hash, message, output int) func(any) any {
	return func(any) any {
		return map[string]any{"total_amount": 1e6, "inputs_with_proofs": []any{map[string]any{"input": map[string]any{
			"unit": string(h), "message_index": message, "output_index": output}}}}
	}
}
