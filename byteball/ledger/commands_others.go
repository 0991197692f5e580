package ledger

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// getVotes answers with the only vote that this ledger knows, that of its first unit (network.js:3334).
func getVotes(p *peer, _ params) (any, error) {
	l := p.s.l
	l.begin(false)
	defer l.end()
	votes := map[string]any{"op_list": []any{}, "threshold_size": []any{}, "base_tps_fee": []any{}, "tps_interval": []any{}, "tps_fee_multiplier": []any{}}
	if u := l.unit(l.genesis); u != nil {
		votes["op_list"] = []any{map[string]any{"address": l.op, "unit": l.genesis, "timestamp": u.Timestamp, "value": []byteball.Address{l.op}, "is_stable": 1}}
	}
	b := l.balance(l.op)
	return map[string]any{"votes": votes, "balances": map[byteball.Address]byteball.Bytes{l.op: b.Stable + b.Pending}}, l.fail()
}

// notSubscribed answers what only full nodes ask for.
func notSubscribed(name string) command {
	return func(*peer, params) (any, error) { return nil, refuse("not subscribed, will not serve %s", name) }
}

// always answers the same: this hub has no bots, no rates, no arbiters' stores, and pushes nothing to phones.
func always(body any) command { return func(*peer, params) (any, error) { return body, nil } }

func never(text string) command {
	return func(*peer, params) (any, error) { return nil, refuse("%s", text) }
}

func assetMetadata(_ *peer, q params) (any, error) {
	if s, _ := q.tree.(string); len(s) != unit.HashLength {
		return nil, refuse("bad asset")
	}
	return nil, refuse("no metadata")
}

// strayJoint says what is wrong with a joint that comes unasked, as full nodes send them (network.js:2772): at the least
// that this ledger takes units from those who post them only.
func strayJoint(q params) string {
	joint, _ := q.tree.(map[string]any)
	fields, _ := joint["unit"].(map[string]any)
	h, isText := fields["unit"].(string)
	_, unsigned := joint["unsigned"]
	switch {
	case !truthy(fields["unit"]):
		return "no unit"
	case unsigned:
		return "unsigned unit"
	case !isText || len(h) != unit.HashLength || len(raw(byteball.Hash(h))) != 32:
		return "invalid unit"
	case truthy(joint["ball"]):
		return "only requested joint can contain a ball"
	}
	return "this ledger takes units by post_joint only"
}
