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
	templates       map[byteball.Hash]any    // likewise
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
	switch {
	case err != nil:
	case !signed && !p.condition:
		err = refuse("each branch must have a signature")
	case p.complexity > maxComplexity: // by the oracles of the last operator
		err = refuse("complexity exceeded")
	case p.overspent():
		err = refuse("custom complexity limit %d exceeded", p.env.MaxComplexity)
	case p.env.Spent != nil:
		*p.env.Spent += p.complexity
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
	case "definition template", "seen", "seen definition change", "has definition change", "attested", "in data feed", "in merkle":
		return p.onChain(op, args, at)
	case "formula":
		return nil, false, unsupported(op)
	}
	return nil, false, refuse("unknown op: %s", op)
}

// onChain parses the operators that nobody may use who must not refer to what others did.
func (p *parser) onChain(op string, args any, at place) (c condition, signed bool, err error) {
	if op == "in merkle" && at.negated {
		return nil, false, refuse("in merkle cannot be negated")
	}
	if p.env.NoReferences {
		return nil, false, errReferences
	}
	switch op {
	case "definition template":
		return p.template(args, at)
	case "seen":
		c, err = p.seen(args)
	case "seen definition change", "has definition change":
		c, err = p.change(op, args)
	case "attested":
		c, err = p.attested(args)
	case "in data feed":
		c, err = p.inFeed(args)
	case "in merkle":
		c, err = p.inMerkle(args, at)
	}
	return c, false, err
}

// count adds one operator to what the definition costs.
func (p *parser) count(at place) error {
	p.complexity++
	p.ops++
	switch {
	case p.complexity > maxComplexity:
		return refuse("complexity exceeded at %s", at.path)
	case p.ops > maxOps:
		return refuse("number of ops exceeded at %s", at.path)
	case p.overspent():
		return refuse("custom complexity limit %d exceeded at %s", p.env.MaxComplexity, at.path)
	}
	return nil
}

// overspent says whether the caller's own limit is exceeded.
func (p *parser) overspent() bool {
	spent := p.complexity
	if p.env.Spent != nil {
		spent += *p.env.Spent
	}
	return p.env.MaxComplexity > 0 && spent > p.env.MaxComplexity
}
