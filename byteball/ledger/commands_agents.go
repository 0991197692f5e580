package ledger

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// There are no autonomous agents on this ledger, since no unit that defines one is accepted: each command about them answers
// what the reference answers about an address that is none (network.js:3851).

// agentAt makes a command about the agent at params.address: it answers what is wrong with the params, or that there is
// no such agent.
func agentAt(name string, check func(params) error) command {
	return func(_ *peer, q params) (any, error) {
		if _, err := addressOf(q, name); err != nil {
			return nil, err
		}
		if err := check(q); err != nil {
			return nil, err
		}
		return nil, refuse("not an AA")
	}
}

func unchecked(params) error { return nil }

// addressOf reads params.address of a command.
func addressOf(q params, name string) (byteball.Address, error) {
	if !truthy(q.tree) {
		return "", refuse("no params in %s", name)
	}
	a, ok := addressIn(q.text("address"))
	if !ok {
		return "", refuse("address not valid")
	}
	return a, nil
}

func checkStateVars(q params) error {
	for _, name := range []string{"var_prefix_from", "var_prefix_to", "var_prefix"} {
		v, given := q.field(name)
		if _, isText := v.(string); given && !isText {
			return refuse("%s must be string", name)
		}
	}
	_, from := q.field("var_prefix_from")
	_, to := q.field("var_prefix_to")
	if _, both := q.field("var_prefix"); both && (from || to) {
		return refuse("var_prefix cannot be used with var_prefix_from or var_prefix_to")
	}
	if v, given := q.field("limit"); given {
		n, ok := positive(v)
		switch {
		case !ok:
			return refuse("limit must be a positive integer")
		case n > maxItems:
			return refuse("limit cannot be greater than %d", maxItems)
		}
	}
	return nil
}

func getAgentBalances(_ *peer, q params) (any, error) {
	if _, err := addressOf(q, "light/get_aa_balances"); err != nil {
		return nil, err
	}
	return map[string]any{"balances": map[string]any{}}, nil
}

func executeGetter(_ *peer, q params) (any, error) {
	a, err := addressOf(q, "light/execute_getter")
	if err != nil {
		return nil, err
	}
	if q.text("getter") == "" {
		return nil, refuse("no getter")
	}
	if v, given := q.field("args"); given {
		args, isList := v.([]any)
		if !isList {
			return nil, refuse("args must be array")
		}
		for len(args) > 0 && args[len(args)-1] == nil {
			args = args[:len(args)-1]
		}
		if slices.Contains(args, nil) {
			return nil, refuse("args cannot include null")
		}
	}
	return nil, refuse("remote AA not found: %s", a)
}

// listAgents makes a command that lists what belongs to up to 20 agents: nothing. one names the param with a single agent,
// the one with several has an s.
func listAgents(name, one, bad string, check func(params) error) command {
	return func(_ *peer, q params) (any, error) {
		if !truthy(q.tree) {
			return nil, refuse("no params in %s", name)
		}
		v, _ := q.field(one + "s")
		if !truthy(v) {
			single, _ := q.field(one)
			v = []any{single}
		}
		items, _ := v.([]any)
		_, _, valid := addressList(v)
		switch {
		case len(items) == 0:
			return nil, refuse("no %ss in %s", one, name)
		case len(items) > 20:
			return nil, refuse("too many %ss in %s, max 20", one, name)
		case !valid:
			return nil, refuse("%s", bad)
		}
		if err := check(q); err != nil {
			return nil, err
		}
		return []any{}, nil
	}
}

func checkSearch(q params) error {
	v, _ := q.field("params")
	wanted, _ := v.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		pair, isList := wanted[name].([]any)
		if _, isObject := wanted[name].(map[string]any); !isList && !isObject && wanted[name] != nil {
			continue
		}
		if len(pair) != 2 {
			return refuse("value of param %s must be a 2-element array", name)
		}
		comparison, isText := pair[0].(string)
		switch {
		case !isText:
			return refuse("bad comparison")
		case !slices.Contains([]string{"=", "!=", ">", ">=", "<", "<="}, comparison):
			return refuse("invalid comparison of param %s: %s", name, comparison)
		}
		switch pair[1].(type) {
		case string, float64, bool:
		default:
			return refuse("invalid type of param %s: object", name)
		}
	}
	return nil
}

func checkRange(q params) error {
	for _, name := range []string{"max_mci", "min_mci"} {
		if v, given := q.field(name); given {
			if _, ok := positive(v); !ok {
				return refuse("%s must be positive integer", name)
			}
		}
	}
	if q.given("order") && q.text("order") != "ASC" && q.text("order") != "DESC" {
		return refuse("bad order")
	}
	return nil
}

func getResponseChain(_ *peer, q params) (any, error) {
	if !truthy(q.tree) {
		return nil, refuse("no params in light/get_aa_response_chain")
	}
	if h := q.text("trigger_unit"); len(h) != unit.HashLength || len(raw(byteball.Hash(h))) != 32 {
		return nil, refuse("invalid trigger unit in light/get_aa_response_chain")
	}
	return nil, refuse("no such trigger unit in light/get_aa_response_chain")
}
