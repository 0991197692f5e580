package ledger

import (
	"encoding/json"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// command answers a request; a nil answer is sent without one, an error as the reference's {error}.
type command func(p *peer, q params) (any, error)

// commands are all that this hub answers. An unknown one gets no answer, as from the reference (network.js:3130).
var commands = map[string]command{
	"heartbeat":                  func(*peer, params) (any, error) { return nil, nil },
	"subscribe":                  subscribe,
	"get_witnesses":              func(p *peer, _ params) (any, error) { return []byteball.Address{p.s.l.op}, nil },
	"get_system_vars":            func(p *peer, _ params) (any, error) { return p.s.l.systemVars(), nil },
	"get_last_mci":               func(p *peer, _ params) (any, error) { return p.s.l.TipMCI(), nil },
	"get_last_stable_unit_props": lastStable,
	"get_peers":                  func(*peer, params) (any, error) { return []string{}, nil },
	"get_joint":                  getJoint,
	"get_system_var_votes":       getVotes,
	"catchup":                    notSubscribed("catchup"),
	"get_hash_tree":              notSubscribed("get_hash_tree"),
	"hub/temp_pubkey":            tempKey,
	"hub/get_temp_pubkey":        getTempKey,
	"hub/deliver":                deliver,

	"light/get_history":                                     getHistory,
	"light/get_link_proofs":                                 getLinkProofs,
	"light/get_definition":                                  getDefinition,
	"light/get_definition_chash":                            getDefinitionHash,
	"light/get_balances":                                    getBalances,
	"light/get_attestation":                                 getAttestation,
	"light/get_attestations":                                getAttestations,
	"light/get_profile_units":                               getProfileUnits,
	"light/get_data_feed":                                   getDataFeed,
	"light/get_aa_balances":                                 getAgentBalances,
	"light/dry_run_aa":                                      agentAt("light/dry_run_aa", unchecked),
	"light/get_aa_state_vars":                               agentAt("light/get_aa_state_vars", checkStateVars),
	"light/execute_getter":                                  executeGetter,
	"light/get_aas_by_base_aas":                             listAgents("light/get_aas_by_base_aas", "base_aa", "base_aa address not valid", checkSearch),
	"light/get_aa_responses":                                listAgents("light/get_aa_responses", "aa", "aa address not valid", checkRange),
	"light/get_aa_response_chain":                           getResponseChain,
	"light/get_definition_for_address":                      getDefinitionForAddress,
	"light/pick_divisible_coins_for_amount":                 pickCoins,
	"light/get_parents_and_last_ball_and_witness_list_unit": getParents,

	"hub/enable_notification":         always("ok"),
	"hub/disable_notification":        always("ok"),
	"hub/get_bots":                    always([]any{}),
	"hub/get_exchange_rates":          always(map[string]any{}),
	"hub/get_asset_metadata":          assetMetadata,
	"hub/get_arbstore_url":            never("arbstores not defined"),
	"hub/get_arbstore_address":        never("arbstores not defined"),
	"hub/get_arbstore_url_by_address": never("arbstore is not known"),
}

// request answers one request, or puts it in line if it posts a unit.
func (p *peer) request(f frame) {
	run := commands[f.Command]
	p.owe(0, costOf(f.Command))
	switch {
	case f.Tag == "":
	case objecthash.StringLength(f.Tag) > maxTag:
		p.answer(f.Tag, f.Command, failure("tag too long"))
	case f.Command == "post_joint":
		p.postJoint(f)
	case run != nil:
		p.serve(f, run)
	}
}

// serve answers a request; expensive ones take turns.
func (p *peer) serve(f frame, run command) {
	if heavy[f.Command] {
		if !p.s.heavy.enter(p.host, p.over) {
			return
		}
		defer p.s.heavy.leave()
	}
	q, err := readParams(f.Params)
	var body any
	if err == nil {
		body, err = run(p, q)
	}
	if err != nil {
		body = failure(err.Error())
	}
	p.answer(f.Tag, f.Command, body)
}

func failure(text string) any { return map[string]string{"error": text} }

func readParams(data json.RawMessage) (params, error) {
	if len(data) == 0 || string(data) == "null" {
		return params{}, nil
	}
	tree, err := objecthash.ParseTree(data)
	return params{tree}, err
}

// subscribe is for full nodes.
func subscribe(p *peer, q params) (any, error) {
	if m, _ := q.tree.(map[string]any); len(m) == 0 {
		return nil, refuse("no params")
	}
	return nil, refuse("this ledger has one node, it sends no joints to others")
}

// systemVars is the reference's form of the variables: the newest vote first, and here there is but one.
func (l *Ledger) systemVars() any {
	value := func(v any) any {
		return []any{map[string]any{"vote_count_mci": -1, "value": v, "is_emergency": 0}}
	}
	return map[string]any{
		"op_list": value([]byteball.Address{l.op}), "threshold_size": value(l.vars.ThresholdSize), "base_tps_fee": value(l.vars.BaseTPSFee),
		"tps_interval": value(l.vars.TPSInterval), "tps_fee_multiplier": value(l.vars.TPSFeeMultiplier),
	}
}

func lastStable(p *peer, _ params) (any, error) {
	l := p.s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string]any{"unit": l.last.Unit, "main_chain_index": l.last.MCI, "timestamp": l.last.Timestamp}, nil
}

func getJoint(p *peer, q params) (any, error) {
	h, _ := q.tree.(string)
	if h == "" {
		return nil, refuse("unit must be a string")
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	n := l.node(byteball.Hash(h))
	if n == nil {
		return map[string]string{"joint_not_found": h}, l.fail()
	}
	j := wire(l.joint(n))
	if n.MCI > l.last.LastBallMCI { // whoever wants to prove it should wait a little
		delete(j, "ball")
		delete(j, "skiplist_units")
	}
	return map[string]any{"joint": j}, l.fail()
}

// wire is a joint as it travels.
func wire(j unit.Joint) map[string]any {
	m := map[string]any{"unit": j.Unit}
	if j.Ball != "" {
		m["ball"] = j.Ball
	}
	if len(j.SkiplistUnits) > 0 {
		m["skiplist_units"] = j.SkiplistUnits
	}
	return m
}
