package definition

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The family of operators about what happened to an address: seen, seen definition change, attested; and has definition
// change, about what this unit does to one.

// seenCoin is met once a public payment had an input or output that the filter selects.
type seenCoin struct{ filter filter }

func (c seenCoin) holds(e *evaluation) (bool, error) {
	f := c.filter
	q := Coin{Input: f.what == "input", Address: e.own(f.address), Asset: byteball.Hash(f.asset), Type: f.kind,
		Min: amount(max(f.exactly, f.atLeast)), Max: amount(max(f.exactly, f.atMost))}
	if f.asset == thisAsset {
		q.Asset = e.asset
	}
	return e.env.Chain.SeenCoin(q, e.env.LastBallMCI)
}

// amount makes an amount of what a filter says; there is no larger one than the maximum.
func amount(f float64) byteball.Bytes { return byteball.Bytes(min(f, 1<<63)) }

// own is address, or the one under check where that is meant.
func (e *evaluation) own(address string) byteball.Address {
	if address == thisAddress {
		return e.address
	}
	return byteball.Address(address)
}

func (p *parser) seen(args any) (condition, error) {
	f, err := p.filter(args)
	switch {
	case err != nil:
		return nil, err
	case f.address == "":
		return nil, refuse("seen must specify address")
	case f.address == otherAddress:
		return nil, refuse("seen cannot be other address")
	case f.what == "input" && f.amountRestricted:
		return nil, refuse("amount not allowed in seen input")
	}
	return seenCoin{f}, p.public("asset must be public", f)
}

const anyDefinition = "any"

// change is met if the definition of address was changed to that with hash to. here: by this unit, else by an earlier one.
type change struct {
	address, to string
	here        bool
}

func (c change) holds(e *evaluation) (bool, error) {
	address, to := e.own(c.address), e.own(c.to)
	if c.to == anyDefinition {
		to = ""
	}
	if !c.here {
		return e.env.Chain.Changed(address, to, e.env.LastBallMCI)
	}
	u := e.env.Unit
	return slices.ContainsFunc(u.Messages, func(m unit.Message) bool {
		p, _ := m.Payload.(map[string]any)
		if m.App != "address_definition_change" || p == nil || to != "" && p["definition_chash"] != string(to) {
			return false
		}
		if changed, ok := p["address"].(string); ok && changed != "" {
			return changed == string(address)
		}
		return len(u.Authors) > 0 && u.Authors[0].Address == address
	}), nil
}

func (p *parser) change(op string, args any) (condition, error) {
	pair, _ := args.([]any)
	if len(pair) != 2 {
		return nil, refuse("%s must have 2 args", op)
	}
	if p.condition && (relative(pair[0]) || relative(pair[1])) {
		return nil, refuse("asset condition cannot reference this/other address in %s", op)
	}
	changed, _ := pair[0].(string)
	if _, ok := address(pair[0]); !ok && changed != thisAddress {
		return nil, refuse("invalid changed address")
	}
	to, _ := pair[1].(string)
	if _, ok := address(pair[1]); !ok && to != thisAddress && to != anyDefinition {
		return nil, refuse("invalid new definition chash")
	}
	return change{changed, to, op == "has definition change"}, nil
}

func relative(v any) bool { return v == thisAddress || v == otherAddress }

// attestation is met while address is attested by one of attestors.
type attestation struct {
	address   string
	attestors []byteball.Address
}

func (c attestation) holds(e *evaluation) (bool, error) {
	for _, attestor := range c.attestors {
		ok, err := e.env.Chain.Attested(e.own(c.address), attestor, e.env.LastBallMCI)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (p *parser) attested(args any) (condition, error) {
	pair, _ := args.([]any)
	if len(pair) != 2 {
		return nil, refuse("attested must have 2 args")
	}
	if p.condition && pair[0] == thisAddress {
		return nil, refuse("asset condition cannot reference this address in attested")
	}
	c := attestation{}
	c.address, _ = pair[0].(string)
	if _, ok := address(pair[0]); !ok && c.address != thisAddress {
		return nil, refuse("invalid attested address")
	}
	list, _ := pair[1].([]any)
	if len(list) == 0 {
		return nil, refuse("no attestors")
	}
	for _, v := range list {
		a, ok := address(v)
		if !ok {
			return nil, refuse("invalid attestor address")
		}
		c.attestors = append(c.attestors, a)
	}
	return c, nil
}
