package definition

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
)

// The family of operators about other addresses: address, seen address.

// address parses a reference to the definition of another address. Its conditions take its place: same path, and
// "this address" still means the outer one. Where no authentifier stands below the path, the other definition need not
// be known; it cannot be met.
func (p *parser) address(args any, at place) (condition, bool, error) {
	switch {
	case p.env.NoReferences:
		return nil, false, errReferences
	case at.negated:
		return nil, false, refuse("address cannot be negated")
	case p.condition:
		return nil, false, refuse("asset condition cannot have address")
	}
	other, ok := address(args)
	if !ok {
		return nil, false, refuse("invalid address")
	}
	if !p.nested(at.path) {
		return never{}, true, nil
	}
	def, err := p.definition(other)
	if err != nil {
		return nil, false, err
	}
	if def == nil {
		return never{}, true, nil
	}
	return p.parse(def, at)
}

var errReferences = refuse("no references allowed in address definition")

// definition returns what address is bound to before the last ball or, if that is disclosed by the unit itself, what the
// unit says; nil if neither. Each address is asked for once.
func (p *parser) definition(address byteball.Address) (any, error) {
	if def, ok := p.known[address]; ok {
		return def, nil
	}
	def, hash, err := p.env.Chain.Definition(address, p.env.LastBallMCI)
	if err == nil && def == nil {
		def, err = p.disclosed(address, hash)
	}
	if err != nil {
		return nil, err
	}
	if p.known == nil {
		p.known = make(map[byteball.Address]any)
	}
	p.known[address] = def
	return def, nil
}

// disclosed returns the definition that the unit's author address gives, if it has the right hash.
func (p *parser) disclosed(address, hash byteball.Address) (any, error) {
	for _, a := range p.env.Unit.Authors {
		if a.Address != address || falsy(a.Definition) {
			continue
		}
		got, err := chash.Of(a.Definition)
		if err != nil {
			return nil, refuse("failed to calc definition hash of co-author %s: %v", address, err)
		}
		if got == hash {
			return a.Definition, nil
		}
	}
	return nil, nil
}

// seen is met once address has authored a stable unit.
type seen struct{ address byteball.Address }

func (s seen) holds(e *evaluation) (bool, error) {
	return e.env.Chain.Seen(s.address, e.env.LastBallMCI)
}

func (p *parser) seenAddress(args any) (condition, bool, error) {
	if p.env.NoReferences {
		return nil, false, errReferences
	}
	a, ok := address(args)
	if !ok {
		return nil, false, refuse("invalid seen address")
	}
	return seen{a}, false, nil
}
