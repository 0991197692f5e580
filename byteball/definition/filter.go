package definition

import (
	"github.com/iotverse/iotverse/byteball"
)

// filter selects inputs or outputs of the unit's public payments. An empty field selects all.
type filter struct {
	what             string // "input" or "output"
	asset            string // "base", "this asset" or a hash
	kind             string // "issue" or "transfer", of inputs
	address          string // "this address", "other address" or an address
	exactly          float64
	atLeast, atMost  float64
	amountRestricted bool
}

const (
	thisAddress  = "this address"
	otherAddress = "other address"
	thisAsset    = "this asset"
)

// filter parses v. The order of the checks is the reference's, so that its texts come out.
func (p *parser) filter(v any) (filter, error) {
	if falsy(v) {
		return filter{}, refuse("no filter")
	}
	m, ok := object(v)
	if !ok {
		return filter{}, refuse("filter must be a non-empty object")
	}
	if extra(m, "what", "asset", "type", "address", "amount", "amount_at_least", "amount_at_most") {
		return filter{}, refuse("unknown fields in filter")
	}
	var f filter
	if f.what, _ = m["what"].(string); f.what != "input" && f.what != "output" {
		return filter{}, refuse("invalid what")
	}
	for _, field := range []func(map[string]any, *filter) error{p.filterAsset, p.filterKind, p.filterAddress, filterAmounts} {
		if err := field(m, &f); err != nil {
			return filter{}, err
		}
	}
	return f, nil
}

func (p *parser) filterAsset(m map[string]any, f *filter) error {
	v, given := m["asset"]
	if !given {
		return nil
	}
	f.asset, _ = v.(string)
	if f.asset != "base" && !isHash(v) && !(p.condition && f.asset == thisAsset) {
		return refuse("invalid asset")
	}
	return nil
}

func (p *parser) filterKind(m map[string]any, f *filter) error {
	v, given := m["type"]
	if !given {
		return nil
	}
	if f.what == "output" {
		return refuse("output canot have type") // sic
	}
	if f.kind, _ = v.(string); f.kind != "issue" && f.kind != "transfer" {
		return refuse("invalid type in filter")
	}
	return nil
}

func (p *parser) filterAddress(m map[string]any, f *filter) error {
	v, given := m["address"]
	if !given {
		return nil
	}
	f.address, _ = v.(string)
	relative := f.address == thisAddress || f.address == otherAddress
	if relative && p.condition {
		return refuse("asset condition cannot reference this/other address")
	}
	if _, ok := address(v); !ok && !relative {
		return refuse("invalid address in filter")
	}
	return nil
}

func filterAmounts(m map[string]any, f *filter) error {
	for _, bound := range []struct {
		name string
		to   *float64
	}{{"amount", &f.exactly}, {"amount_at_least", &f.atLeast}, {"amount_at_most", &f.atMost}} {
		v, given := m[bound.name]
		if !given {
			continue
		}
		n, ok := whole(v, 1)
		if !ok {
			return refuse("%s must be positive int", bound.name)
		}
		*bound.to, f.amountRestricted = n, true
	}
	if f.exactly > 0 && (f.atLeast > 0 || f.atMost > 0) {
		return refuse("can't have amount and amount_at_least/most at the same time")
	}
	return nil
}

// public checks that none of the filters' assets is private: what is private, not all nodes see.
func (p *parser) public(text string, filters ...filter) error {
	for _, f := range filters {
		if f.asset == "" || f.asset == "base" || f.asset == thisAsset {
			continue
		}
		private, err := p.env.Chain.PrivateAsset(byteball.Hash(f.asset), p.env.LastBallMCI)
		if err != nil {
			return err
		}
		if private {
			return refuse("%s", text)
		}
	}
	return nil
}

// needsOwners says whether the filter looks at what only the ledger knows of an input: its address and amount.
func (f filter) needsOwners() bool {
	return f.what == "input" && (f.address != "" || f.amountRestricted)
}

// selects says whether the filter lets c through.
func (f filter) selects(c coin, e *evaluation) bool {
	switch f.address {
	case "":
	case thisAddress:
		if c.address != e.address {
			return false
		}
	case otherAddress:
		if c.address == e.address {
			return false
		}
	default:
		if c.address != byteball.Address(f.address) {
			return false
		}
	}
	asset := f.asset
	if asset == thisAsset {
		asset = string(e.asset)
	}
	return (f.kind == "" || c.kind == f.kind) &&
		(asset == "" || c.asset == asset) &&
		(f.exactly == 0 || c.amount == f.exactly) &&
		(f.atLeast == 0 || c.amount >= f.atLeast) &&
		(f.atMost == 0 || c.amount <= f.atMost)
}
