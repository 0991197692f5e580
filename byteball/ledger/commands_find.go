package ledger

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// What pickCoins allows for (network.js:3699, inputs.js:14).
const (
	roomForFees = 2000
	inputSize   = 87 // of an ordinary input
	mostPicked  = unit.MaxInputs - 2
)

func getAttestation(p *peer, q params) (any, error) {
	if q.tree == nil {
		return nil, refuse("no params in light/get_attestation")
	}
	if !q.given("attestor_address") || !q.given("field") || !q.given("value") {
		return nil, refuse("missing params in light/get_attestation")
	}
	attestor, ok := addressIn(q.text("attestor_address"))
	field, value := q.text("field"), q.text("value")
	switch {
	case !ok:
		return nil, refuse("invalid attestor_address in light/get_attestation")
	case field == "" || !short(field, maxProfileField):
		return nil, refuse("invalid field in light/get_attestation")
	case value == "" || !short(value, maxProfileValue):
		return nil, refuse("invalid value in light/get_attestation")
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	if h := l.x.get(fieldKey([]byte(attestor), field, value)); h != nil {
		return hashOf(h), nil
	}
	return "", l.fail()
}

func getAttestations(p *peer, q params) (any, error) {
	if q.tree == nil {
		return nil, refuse("no params in light/get_attestations")
	}
	a, ok := addressIn(q.text("address"))
	if !ok {
		return nil, refuse("invalid address in light/get_attestations")
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	answer := []any{}
	l.x.each(key(tAttested, []byte(a)), nil, func(_, value []byte) bool {
		var record attestation
		if l.x.note(unmarshal(value, &record)); l.x.err == nil {
			answer = append(answer, map[string]any{"unit": record.Unit, "attestor_address": record.Attestor, "profile": json.RawMessage(record.Profile)})
		}
		return len(answer) < maxItems
	})
	return answer, l.fail()
}

func getProfileUnits(p *peer, q params) (any, error) {
	addresses, err := shortList(q.tree, "light/get_profiles_units")
	if err != nil {
		return nil, err
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	units := []byteball.Hash{}
	for _, a := range addresses {
		l.x.each(key(tProfile, []byte(a)), nil, func(_, unit []byte) bool {
			units = append(units, hashOf(unit))
			return len(units) < maxItems
		})
	}
	return units, l.fail()
}

// pickCoins proposes inputs (inputs.js:36); commissions are not offered.
func pickCoins(p *peer, q params) (any, error) {
	addresses, last, amount, err := readPick(q)
	if err != nil {
		return nil, err
	}
	spend := q.text("spend_unconfirmed")
	if spend == "" {
		spend = "own"
	}
	if !slices.Contains([]string{"own", "none", "all"}, spend) {
		return nil, refuse("spend_unconfirmed is not valid")
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	var coins []Coin
	for _, a := range addresses {
		for _, c := range l.unspent(a) {
			n := l.node(c.Unit)
			old := n.MCI != none && n.MCI <= int64(last)
			if old || spend == "all" || spend == "own" && slices.ContainsFunc(addresses, n.by) {
				coins = append(coins, c)
			}
		}
	}
	picked, total := pick(coins, byteball.Bytes(amount)+roomForFees)
	inputs := []any{}
	for _, c := range picked {
		inputs = append(inputs, map[string]any{"input": unit.Input{Unit: c.Unit, MessageIndex: c.MessageIndex, OutputIndex: c.OutputIndex}})
	}
	return map[string]any{"inputs_with_proofs": inputs, "total_amount": total}, l.fail()
}

func readPick(q params) (addresses []byteball.Address, last, amount uint64, err error) {
	if q.tree == nil {
		return nil, 0, 0, refuse("no params in light/pick_divisible_coins_for_amount")
	}
	if !q.given("addresses") || !q.given("last_ball_mci") || !q.given("amount") {
		return nil, 0, 0, refuse("missing params in light/pick_divisible_coins_for_amount")
	}
	if q.given("asset") {
		return nil, 0, 0, refuse("asset %s not found", q.text("asset"))
	}
	v, _ := q.field("addresses")
	addresses, isList, valid := addressList(v)
	lastField, _ := q.field("last_ball_mci")
	amountField, _ := q.field("amount")
	last, lastOK := positive(lastField)
	amount, amountOK := positive(amountField)
	switch {
	case !isList:
		err = refuse("addresses must be non-empty array")
	case len(addresses) > unit.MaxAuthors:
		err = refuse("too many addresses")
	case !valid:
		err = refuse("some addresses are not valid")
	case !lastOK:
		err = refuse("last_ball_mci is not valid")
	case !amountOK:
		err = refuse("amount is not valid")
	case byteball.Bytes(amount) > byteball.MaxBytes:
		err = refuse("amount is too large")
	}
	return addresses, last, amount, err
}

// pick takes the smallest coin that is enough, stable ones first, else the largest ones until they are. Both must leave
// something for the change.
func pick(coins []Coin, amount byteball.Bytes) ([]Coin, byteball.Bytes) {
	rank := func(c Coin) int {
		if c.Stable {
			return 0
		}
		return 1
	}
	slices.SortFunc(coins, func(a, b Coin) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Amount, b.Amount)) })
	for _, c := range coins {
		if c.Amount > amount+inputSize {
			return []Coin{c}, c.Amount
		}
	}
	slices.SortStableFunc(coins, func(a, b Coin) int { return cmp.Compare(b.Amount, a.Amount) })
	var total byteball.Bytes
	for i, c := range coins[:min(len(coins), mostPicked)] {
		amount += inputSize
		if total += c.Amount; total > amount {
			return coins[:i+1], total
		}
	}
	return nil, 0
}
