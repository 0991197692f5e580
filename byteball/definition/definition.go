// Package definition decides who may spend from an address. An address is the hash of its definition, a small boolean
// expression such as ["and",[["sig",{"pubkey":"…"}],["age",[">",600]]]]; an authentifier (a signature, a preimage) stands
// at the path of the operator it satisfies: "r" is the root, "r.0.1" the second option of the first option.
//
// A definition is parsed once into typed conditions, within the reference's limits and with its error texts, and then
// evaluated in time linear in what was parsed. The package is pure: what it must know of the ledger comes in through
// Env. Called by the ledger for each author of a unit, by light clients for the proofs of a history, and by channel and
// bond code that must know whether a unit will be accepted. Rules: ocore definition.js, with all its upgrades active.
//
// Operators: sig, hash, cosigned by; or, and, not, r of set, weighted and; address, definition template; seen address,
// seen, attested, seen definition change, has definition change; in data feed, in merkle; mci, age, timestamp; has, has
// one, has equal, has one equal, sum. Left out: formula, the reference's language of autonomous agents; it is refused by
// name. Limits: 100 operators, those of other addresses and of templates included, where an operator counts as many as it
// names oracles. So an evaluation asks Chain at most 200 questions and one for each attestor in the definitions.
package definition

import (
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Env is what a definition is checked against. The zero Env knows no unit and no chain; that is enough for definitions
// made of keys.
type Env struct {
	Unit              *unit.Unit      // the unit that spends; nil means one without authors and messages
	HashToSign        [32]byte        // of Unit: what its signatures sign
	LastBallMCI       uint64          // main chain index of Unit's last ball; nothing later is seen
	LastBallTimestamp int64           // Unix seconds, of Unit's last ball
	Inputs            []ResolvedInput // the outputs that Unit spends, in any order; one that is missing is unknown
	Chain             Chain           // nil is a chain that knows nothing

	NoReferences  bool // refuse operators that refer to other addresses or payments (signed messages)
	MaxComplexity int  // a limit below the ledger's own; 0 means none
	Spent         *int // of MaxComplexity by definitions before this one; each call adds what its own costs. nil means nothing
}

// ResolvedInput is one output that the unit under check spends, as the ledger knows it.
type ResolvedInput struct {
	unit.OutPoint                  // where the output stands
	Address       byteball.Address // who owns it
	Amount        byteball.Bytes   // at least 1
	MCI           uint64           // main chain index of the unit that made it; means nothing unless Stable
	Stable        bool             // that unit is stable and serial
}

// Validate checks the definition of an address, a JSON tree, as the ledger does when it first sees it.
// Error: byteball.Invalid with the reference's text; for an operator of the reference that this package leaves out also
// errors.ErrUnsupported; or what Chain returned. Source: definition.js validateDefinition.
func Validate(def any, env Env) error {
	_, err := newParser(env).root(def)
	return err
}

// ValidateCondition checks an asset's condition: a definition that needs no signature, must have none, and may name
// "this asset". Errors are those of Validate.
func ValidateCondition(def any, env Env) error {
	p := newParser(env)
	p.condition = true
	_, err := p.root(def)
	return err
}

// EvaluateCondition says whether env.Unit meets def, the condition of asset, which "this asset" in def means. An address
// is nobody there: age is never met. Errors: those of ValidateCondition. Source: definition.js evaluateAssetCondition.
func EvaluateCondition(def any, asset byteball.Hash, env Env) (bool, error) {
	p := newParser(env)
	p.condition = true
	top, err := p.root(def)
	if err != nil {
		return false, err
	}
	return top.holds(&evaluation{env: p.env, asset: asset})
}

// Evaluate says whether auth, authentifiers by path, satisfies def, the definition of address, in env. It validates def
// first, since a definition it refers to may have changed. "this address" in def means address.
// Errors: those of Validate; byteball.Invalid also for a wrong signature or preimage and for an authentifier that no
// operator used, even if the definition is satisfied without it. Source: definition.js validateAuthentifiers.
func Evaluate(def any, address byteball.Address, auth map[string]string, env Env) (bool, error) {
	p := newParser(env)
	p.nested = func(path string) bool { return anyBelow(path, auth) }
	top, err := p.root(def)
	if err != nil {
		return false, err
	}
	e := &evaluation{env: p.env, address: address, auth: auth}
	ok, err := top.holds(e)
	switch {
	case err != nil:
		return false, err
	case e.wrong != nil:
		return false, e.wrong
	case len(e.used) != len(auth):
		return false, unused(ok, e.used, auth)
	}
	return ok, nil
}

// anyBelow says whether an authentifier stands at path or below. Paths are compared character by character, as the
// reference does: "r.10" is taken to be below "r.1".
func anyBelow(path string, auth map[string]string) bool {
	for p := range auth {
		if strings.HasPrefix(p, path) {
			return true
		}
	}
	return false
}
