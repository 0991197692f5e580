package definition

import (
	"strconv"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Limits of the reference (constants.js).
const (
	maxComplexity = 100  // operators, those of nested definitions included
	maxOps        = 2000 // steps of work; one for each operator here, more for formulas
)

// condition is one parsed operator with its arguments.
type condition interface {
	holds(e *evaluation) (bool, error)
}

// place is where in the tree an operator stands.
type place struct {
	path    string
	negated bool
}

// child is the place of option i.
func (at place) child(i int) place {
	return place{at.path + "." + strconv.Itoa(i), at.negated}
}

// parser turns a tree into conditions. Its counters run over nested definitions too, so a loop of addresses ends.
type parser struct {
	env             Env
	condition       bool                   // of an asset, not of an address
	nested          func(path string) bool // whether the definition of an address at path matters
	complexity, ops int
	known           map[byteball.Address]any // definitions asked for so far; nil where there is none
}

func newParser(env Env) *parser {
	if env.Unit == nil {
		env.Unit = new(unit.Unit)
	}
	if env.Chain == nil {
		env.Chain = emptyChain{}
	}
	return &parser{env: env, nested: func(string) bool { return true }}
}

// root parses a whole definition.
func (p *parser) root(def any) (condition, error) {
	c, signed, err := p.parse(def, place{path: "r"})
	if err == nil && !signed && !p.condition {
		err = refuse("each branch must have a signature")
	}
	return c, err
}

// parse parses one operator; signed says that it cannot be met without a signature.
func (p *parser) parse(tree any, at place) (c condition, signed bool, err error) {
	if err := p.count(at); err != nil {
		return nil, false, err
	}
	pair, _ := tree.([]any)
	if len(pair) != 2 {
		return nil, false, refuse("expression must be 2-element array")
	}
	op, ok := pair[0].(string)
	if !ok {
		return nil, false, refuse("op is not a string")
	}
	return p.operator(op, pair[1], at)
}

func (p *parser) operator(op string, args any, at place) (c condition, signed bool, err error) {
	switch op {
	case "or", "and":
		return p.all(op, args, at)
	case "r of set":
		return p.rOfSet(args, at)
	case "weighted and":
		return p.weighted(args, at)
	case "not":
		return p.not(args, at)
	case "sig":
		return p.sig(args, at)
	case "hash":
		return p.hash(args, at)
	case "cosigned by":
		return p.cosigned(args, at)
	case "address":
		return p.address(args, at)
	case "seen address":
		return p.seenAddress(args)
	case "mci", "age", "timestamp":
		return p.when(op, args)
	case "has", "has one":
		return p.has(op, args)
	case "has equal", "has one equal":
		return p.equal(op, args)
	case "sum":
		return p.sum(args)
	case "in data feed", "in merkle", "attested", "seen", "seen definition change", "has definition change",
		"definition template", "formula":
		return nil, false, unsupported(op)
	}
	return nil, false, refuse("unknown op: %s", op)
}

// count adds one operator to what the definition costs.
func (p *parser) count(at place) error {
	p.complexity++
	p.ops++
	switch limit := p.env.MaxComplexity; {
	case p.complexity > maxComplexity:
		return refuse("complexity exceeded at %s", at.path)
	case p.ops > maxOps:
		return refuse("number of ops exceeded at %s", at.path)
	case limit > 0 && p.complexity > limit:
		return refuse("custom complexity limit %d exceeded at %s", limit, at.path)
	}
	return nil
}

// emptyChain is a ledger on which nothing has happened.
type emptyChain struct{}

func (emptyChain) Definition(a byteball.Address, _ uint64) (any, byteball.Address, error) {
	return nil, a, nil
}
func (emptyChain) Seen(byteball.Address, uint64) (bool, error)      { return false, nil }
func (emptyChain) PrivateAsset(byteball.Hash, uint64) (bool, error) { return false, nil }
