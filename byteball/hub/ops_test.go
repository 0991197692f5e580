package hub_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// twelve is a chain of the live network with its twelve order providers.
type twelve struct {
	*chain
	at    []byteball.Address // addresses of ops
	turn  int
	voter *unit.Key
	alice byteball.Address // of voter
}

func newTwelve(t *testing.T) *twelve {
	c := &twelve{chain: &chain{t: t, limit: 2000, net: byteball.Live}}
	for i := range byte(12) {
		k, a := newKey(t, 40+i)
		c.ops, c.at = append(c.ops, k), append(c.at, a)
	}
	c.opAddr = c.at[0]
	c.voter, c.alice = newKey(t, 1)
	for i, k := range c.ops {
		c.append(k, c.at[i], true, nil)
	}
	return c
}

// round lets n order providers post one after the other.
func (c *twelve) round(n int) {
	for range n {
		i := c.turn % len(c.ops)
		c.turn++
		c.append(c.ops[i], c.at[i], false, nil)
	}
}

func (c *twelve) vote(list []byteball.Address) *unit.Unit {
	value := make([]any, len(list))
	for i, a := range slices.Sorted(slices.Values(list)) {
		value[i] = string(a)
	}
	return c.append(c.voter, c.alice, false, []unit.Message{{App: "system_vote", Payload: map[string]any{"subject": "op_list", "value": value}}})
}

func (c *twelve) dial(url string, follow bool) *hub.Client {
	client, err := hub.Dial(c.t.(*testing.T).Context(), hub.Config{URLs: []string{url}, Network: byteball.Live, Timeout: 5 * time.Second, FollowOPs: follow})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { client.Close() })
	return client
}

// raw is the answer of the chain about alice, as a tree.
func (c *twelve) raw() map[string]any {
	params, _ := json.Marshal(map[string]any{"addresses": []byteball.Address{c.alice}, "witnesses": c.at})
	data, err := json.Marshal(c.history(params))
	if err != nil {
		c.t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		c.t.Fatal(err)
	}
	return tree
}

func (c *twelve) verify(tree map[string]any) (hub.History, error) {
	data, err := json.Marshal(tree)
	if err != nil {
		c.t.Fatal(err)
	}
	return hub.Verify(data, c.at, 7)
}

// TestTwelve verifies proofs by seven of twelve order providers.
func TestTwelve(t *testing.T) {
	c := newTwelve(t)
	c.append(c.voter, c.alice, false, nil)
	c.round(24)
	if h, err := c.verify(c.raw()); err != nil || len(h.Proven) != 1 || len(h.Unstable) != 0 {
		t.Fatalf("%d proven, %d unstable, %v, want 1 proven", len(h.Proven), len(h.Unstable), err)
	}
	six := func(tree map[string]any) { tree["unstable_mc_joints"] = tree["unstable_mc_joints"].([]any)[:6] }
	for _, test := range []struct {
		name   string
		tamper func(map[string]any)
		says   string
	}{
		{"six signed", six, "6 order providers signed it, 7 are needed"},
		{"one of the seven did not sign", func(tree map[string]any) {
			from := at(tree, "unstable_mc_joints", 1, "unit", "authors", 0, "authentifiers", "r")
			set("r", from, "unstable_mc_joints", 4, "unit", "authors", 0, "authentifiers")(tree)
		}, "hashes to"},
		{"one definition is missing", cut("witness_change_and_definition_joints", 7), "is missing"},
		{"one twice", func(tree map[string]any) {
			list := tree["unstable_mc_joints"].([]any)
			list[3] = list[4]
		}, "is no parent of the one after it"},
	} {
		tree := c.raw()
		test.tamper(tree)
		if _, err := c.verify(tree); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want Invalid with %q", test.name, err, test.says)
		}
	}
}

// TestTwelveDefinitionChange: an order provider changes its key; its signatures count by the new one from then on.
func TestTwelveDefinitionChange(t *testing.T) {
	c := newTwelve(t)
	c.append(c.voter, c.alice, false, nil)
	c.round(5)
	next, to := newKey(t, 60)
	c.append(c.ops[5], c.at[5], false, []unit.Message{{App: "address_definition_change", Payload: map[string]any{"definition_chash": string(to)}}})
	changed := len(c.units) - 1
	c.defs = append(c.defs, changed)
	c.round(12)
	c.append(next, c.at[5], true, nil)
	old := c.ops[5]
	c.ops[5] = next
	c.turn = 6
	c.round(36)
	tree := c.raw()
	if h, err := c.verify(tree); err != nil || len(h.Proven) != 1 {
		t.Fatalf("%d proven, %v", len(h.Proven), err)
	}
	if n := len(tree["witness_change_and_definition_joints"].([]any)); n != 14 {
		t.Errorf("%d units define the order providers, want 14", n)
	}
	cut("witness_change_and_definition_joints", 12)(tree)
	if _, err := c.verify(tree); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "hashes to") {
		t.Errorf("the change is hidden: got %v, want Invalid", err)
	}
	c.ops[5] = old
	c.round(12)
	if _, err := c.verify(c.raw()); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "signature of "+string(c.at[5])) {
		t.Errorf("signed by the old key: got %v, want Invalid", err)
	}
}

// TestFollowOPs: one order provider is voted out and another in; the client follows what is proven and nothing else.
func TestFollowOPs(t *testing.T) {
	c := newTwelve(t)
	s := c.serve()
	before := slices.Sorted(slices.Values(c.at))
	newcomer, in := newKey(t, 61)
	after := append(slices.Clone(c.at[:11]), in)
	c.round(3)
	vote := c.vote(after)
	c.append(c.voter, c.alice, false, []unit.Message{{App: "system_vote_count", Payload: "op_list"}})
	mci := len(c.units) - 1
	c.round(24)
	client := c.dial(s.url, false)
	if ops, err := client.OPs(t.Context()); err != nil || !slices.Equal(slices.Sorted(slices.Values(ops)), before) {
		t.Fatalf("OPs: %v, %v", ops, err)
	}
	vars := func(list []byteball.Address, mci int, emergency int) any {
		return map[string]any{"op_list": []any{map[string]any{"vote_count_mci": mci, "value": list, "is_emergency": emergency}}}
	}
	votes := func(list []byteball.Address, units ...byteball.Hash) any {
		all := []any{}
		for _, u := range units {
			all = append(all, map[string]any{"address": c.alice, "unit": u, "value": list})
		}
		return map[string]any{"votes": map[string]any{"op_list": all}}
	}
	var strangers []byteball.Address
	for i := range byte(12) {
		_, a := newKey(t, 100+i)
		strangers = append(strangers, a)
	}
	for _, test := range []struct {
		name        string
		vars, votes any
		kind        error
		says        string
	}{
		{"no change", vars(c.at, 5, 0), nil, nil, ""},
		{"six of twelve are new", vars(append(slices.Clone(c.at[:6]), strangers[:6]...), mci, 0), nil, byteball.Invalid, "12 order providers of whom 6 are known"},
		{"eleven", vars(after[:11], mci, 0), nil, byteball.Invalid, "names 11 order providers"},
		{"one twice", vars(append(slices.Clone(after[:11]), after[0]), mci, 0), nil, byteball.Invalid, "as an order provider"},
		{"emergency", vars(after, mci, 1), nil, byteball.Invalid, "emergency"},
		{"no count there", vars(after, mci-1, 0), nil, byteball.Invalid, "no unit there does"},
		{"count to come", vars(after, mci+1000, 0), nil, byteball.Transient, "cannot prove main chain index"},
		{"nobody voted", vars(after, mci, 0), votes(after), byteball.Transient, "proves no vote for order provider " + string(in)},
		{"a vote that is none", vars(after, mci, 0), votes(after, c.units[20].Unit), byteball.Transient, "proves no vote"},
		{"no list", map[string]any{"op_list": []any{}}, nil, byteball.Invalid, "no list of order providers"},
	} {
		s.answer("get_system_vars", test.vars)
		s.answer("get_system_var_votes", test.votes)
		change, err := client.FollowOPs(t.Context())
		if !errors.Is(err, test.kind) || err != nil && !strings.Contains(err.Error(), test.says) || change != nil {
			t.Errorf("%s: got %v, %v, want %v with %q", test.name, change, err, test.kind, test.says)
		}
	}
	s.answer("get_system_vars", vars(after, mci, 0))
	s.answer("get_system_var_votes", votes(after, vote.Unit))
	c.ops[11], c.at[11] = newcomer, in
	c.append(newcomer, in, true, nil)
	c.round(24)
	change, err := client.FollowOPs(t.Context())
	if err != nil || change == nil || change.Count.MCI != uint64(mci) || len(change.Votes) != 1 || change.Votes[0].Unit.Unit != vote.Unit {
		t.Fatalf("FollowOPs: %+v, %v", change, err)
	}
	if ops, err := client.OPs(t.Context()); err != nil || !slices.Contains(ops, in) {
		t.Errorf("OPs after the change: %v, %v", ops, err)
	}
	if h, _, err := client.History(t.Context(), []byteball.Address{c.alice}, nil, 0); err != nil || len(h) != 2 {
		t.Errorf("History by the new list: %d units, %v", len(h), err)
	}
}

// TestFollowOPsByItself: a Follower follows a vote that the hub reports.
func TestFollowOPsByItself(t *testing.T) {
	c := newTwelve(t)
	s := c.serve()
	newcomer, in := newKey(t, 61)
	after := append(slices.Clone(c.at[:11]), in)
	client := c.dial(s.url, true)
	r, _ := follow(t, client.Follow(hub.FollowConfig{Addresses: []byteball.Address{c.alice}, Poll: quick}))
	vote := c.vote(after)
	c.append(c.voter, c.alice, false, []unit.Message{{App: "system_vote_count", Payload: "op_list"}})
	mci := len(c.units) - 1
	c.round(24)
	r.reaches(c.proven())
	s.answer("get_system_var_votes", map[string]any{"votes": map[string]any{"op_list": []any{map[string]any{"unit": vote.Unit, "value": after}}}})
	vars := map[string]any{"op_list": []any{map[string]any{"vote_count_mci": mci, "value": after}}}
	s.answer("get_system_vars", vars)
	s.says("system_vars", vars)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(quick) {
		ops, err := client.OPs(t.Context())
		if err == nil && slices.Contains(ops, in) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the vote is not followed")
		}
	}
	c.mu.Lock()
	c.ops[11], c.at[11] = newcomer, in
	c.mu.Unlock()
	c.append(newcomer, in, true, nil)
	c.round(24)
	r.reaches(c.proven())
}
