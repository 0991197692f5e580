package ledger

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// getHistory also makes the client watch what it asks for (network.js:3545).
func getHistory(p *peer, q params) (any, error) {
	if !p.knowsVars {
		p.knowsVars = true
		p.say("system_vars", p.s.l.systemVars())
	}
	query, err := readHistory(q, p.s.l.net.OPs)
	if err != nil {
		return nil, err
	}
	if !p.s.watch(p, query.Addresses, p.s.l.unprovable(query.Units)) {
		p.say("info", "too many addresses are watched")
	}
	h, err := p.s.l.History(query)
	if err != nil {
		return nil, err
	}
	return historyWire(h), nil
}

// unprovable returns those units that a client may wait for: unknown ones, and those that cannot be proven yet.
func (l *Ledger) unprovable(units []byteball.Hash) []byteball.Hash {
	if len(units) == 0 {
		return nil
	}
	l.begin(false)
	defer l.end()
	return slices.DeleteFunc(slices.Clone(units), func(h byteball.Hash) bool {
		n := l.node(h)
		return n != nil && n.Stable && n.MCI <= l.last.LastBallMCI
	})
}

func historyWire(h History) any {
	m := map[string]any{}
	for name, joints := range map[string][]unit.Joint{
		"unstable_mc_joints": h.UnstableMC, "witness_change_and_definition_joints": h.Definitions, "joints": h.Joints} {
		if len(joints) == 0 {
			continue
		}
		list := make([]any, len(joints))
		for i, j := range joints {
			list[i] = wire(j)
		}
		m[name] = list
	}
	if len(h.Balls) > 0 {
		m["proofchain_balls"] = h.Balls
	}
	return m
}

// readHistory reads the params of light/get_history (light.js:28).
func readHistory(q params, ops int) (h HistoryQuery, err error) {
	if q.tree == nil {
		return h, refuse("no history request")
	}
	addresses, asked := q.field("addresses")
	units, named := q.field("requested_joints")
	asked, named = asked && truthy(addresses), named && truthy(units)
	if !asked && !named {
		return h, refuse("neither addresses nor joints requested")
	}
	if asked {
		if h.Addresses, err = limited(addressList, addresses, "no addresses", "too many addresses", "some addresses are not valid"); err != nil {
			return h, err
		}
	}
	if named {
		if h.Units, err = limited(hashList, units, "no requested joints", "too many requested joints", "invalid requested joints"); err != nil {
			return h, err
		}
	}
	witnesses, _ := q.field("witnesses")
	if list, _ := witnesses.([]any); len(list) != ops {
		return h, refuse("wrong number of witnesses")
	}
	if q.given("min_mci") {
		v, _ := q.field("min_mci")
		var ok bool
		if h.MinMCI, ok = whole(v); !ok {
			return h, refuse("min_mci should be non negative integer")
		}
	}
	if q.given("known_stable_units") {
		v, _ := q.field("known_stable_units")
		h.Known, err = limited(hashList, v, "known_stable_units must be non-empty array", "too many known stable units", "invalid known stable units")
	}
	return h, err
}

func limited[T any](read func(any) ([]T, bool, bool), v any, none, many, bad string) ([]T, error) {
	list, isList, valid := read(v)
	items, _ := v.([]any)
	switch {
	case !isList:
		return nil, refuse("%s", none)
	case len(items) > maxAsked:
		return nil, refuse("%s", many)
	case !valid:
		return nil, refuse("%s", bad)
	}
	return list, nil
}

func getLinkProofs(p *peer, q params) (any, error) {
	items, _ := q.tree.([]any)
	if len(items) == 0 {
		return nil, refuse("no units array")
	}
	if len(items) > maxAsked {
		return nil, refuse("too many units")
	}
	units := make([]byteball.Hash, len(items))
	for i, item := range items {
		s, _ := item.(string)
		if s == "" && len(items) > 1 {
			return nil, refuse("units must be non-empty strings")
		}
		units[i] = byteball.Hash(s)
	}
	chain, err := p.s.l.LinkProof(units)
	for i, e := range chain {
		if j, ok := e.(unit.Joint); ok {
			chain[i] = wire(j)
		}
	}
	return chain, err
}

// getParents answers where a new unit hangs (light.js:590).
func getParents(p *peer, q params) (any, error) {
	l := p.s.l
	if q.tree == nil {
		return nil, refuse("no params in get_parents_and_last_ball_and_witness_list_unit")
	}
	if q.given("witnesses") {
		v, _ := q.field("witnesses")
		if list, _ := v.([]any); len(list) != l.net.OPs {
			return nil, refuse("wrong number of witnesses")
		}
		if _, _, valid := addressList(v); !valid {
			return nil, refuse("bad witness addresses")
		}
	}
	if v, ok := q.field("max_aa_responses"); ok && truthy(v) {
		if n, ok := whole(v); !ok || n > 10 {
			return nil, refuse("bad max_aa_responses")
		}
	}
	v, _ := q.field("from_addresses")
	from, _, valid := addressList(v)
	if !valid || len(from) > unit.MaxAuthors {
		return nil, refuse("bad from addresses")
	}
	v, _ = q.field("output_addresses")
	outputs, _, valid := addressList(v)
	if truthy(v) && (!valid || len(outputs) > 200) {
		return nil, refuse("bad output addresses")
	}
	a, err := l.Anchor(from, time.Now())
	if err != nil {
		return nil, err
	}
	if len(outputs) == 0 {
		return nil, refuse("no output addresses")
	}
	return map[string]any{"timestamp": a.Timestamp, "parent_units": a.Parents, "last_stable_mc_ball": a.LastBall,
		"last_stable_mc_ball_unit": a.LastBallUnit, "last_stable_mc_ball_mci": a.LastBallMCI, "tps_fee": a.TPSFee,
		"count_primary_aa_triggers": 0}, nil
}

func getDefinition(p *peer, q params) (any, error) {
	if !truthy(q.tree) {
		return nil, refuse("no params in light/get_definition")
	}
	a, ok := addressIn(q.tree)
	if !ok {
		return nil, refuse("address not valid")
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	var s shown
	if !l.x.load(key(tDef, []byte(a)), &s) {
		return nil, l.fail()
	}
	return json.RawMessage(s.JSON), nil
}

func getDefinitionHash(p *peer, q params) (any, error) {
	a, err := addressOf(q, "light/get_definition_chash")
	if err != nil {
		return nil, err
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	mci := l.last.MCI
	if v, given := q.field("max_mci"); given && truthy(v) {
		n, ok := positive(v)
		if !ok {
			return nil, refuse("max_mci not a positive integer")
		}
		mci = min(mci, int64(n))
	}
	_, hash := l.definition(a, mci)
	return hash, l.fail()
}

// getDefinitionForAddress also sees what is not stable yet (network.js:3716).
func getDefinitionForAddress(p *peer, q params) (any, error) {
	a, err := addressOf(q, "light/get_definition_for_address")
	if err != nil {
		return nil, err
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	if to := l.pendingChange(a); to != "" {
		return map[string]any{"definition_chash": to, "is_stable": false}, nil
	}
	_, hash := l.definition(a, l.last.MCI)
	answer := map[string]any{"definition_chash": hash, "is_stable": true}
	var s shown
	if l.x.load(key(tDef, []byte(hash)), &s) {
		answer["definition"], answer["is_stable"] = json.RawMessage(s.JSON), s.MCI != none
	}
	return answer, l.fail()
}

// pendingChange is the definition that address has changed to in a unit that is not stable.
func (l *Ledger) pendingChange(address byteball.Address) (to byteball.Address) {
	level := int64(-1)
	for _, n := range l.tail {
		for i := range n.u.Messages {
			if a, hash := changeIn(n.u, i); a == address && n.Level > level {
				to, level = hash, n.Level
			}
		}
	}
	return to
}

func getBalances(p *peer, q params) (any, error) {
	addresses, err := shortList(q.tree, "light/get_balances")
	if err != nil {
		return nil, err
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	answer := map[byteball.Address]any{}
	for _, a := range addresses {
		if b := l.balance(a); b.StableCoins+b.PendingCoins > 0 {
			answer[a] = map[string]any{"base": map[string]any{"stable": b.Stable, "pending": b.Pending,
				"stable_outputs_count": b.StableCoins, "pending_outputs_count": b.PendingCoins, "total": b.Stable + b.Pending}}
		}
	}
	return answer, l.fail()
}

// shortList reads up to 100 addresses.
func shortList(v any, name string) ([]byteball.Address, error) {
	if !truthy(v) {
		return nil, refuse("no params in %s", name)
	}
	addresses, isList, valid := addressList(v)
	switch {
	case !isList:
		return nil, refuse("addresses must be non-empty array")
	case !valid:
		return nil, refuse("some addresses are not valid")
	case len(addresses) > 100:
		return nil, refuse("too many addresses")
	}
	return addresses, nil
}
