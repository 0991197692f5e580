package definition

import (
	"math"

	"github.com/iotverse/iotverse/byteball"
)

// Chain answers for the stable part of the ledger up to a main chain index: what stable serial units up to mci did. An
// error ends the check and is returned as it is: it says that the chain could not be read, not that the definition is
// wrong. Trees are not changed. Source: the queries of ocore definition.js.
type Chain interface {
	// Definition returns the definition (a JSON tree) that address is bound to at mci and its hash, which is address
	// itself unless it was changed. The definition is nil where only its hash is known by then (storage.js
	// readDefinitionByAddress).
	Definition(address byteball.Address, mci uint64) (def any, hash byteball.Address, err error)
	// Template returns the payload (a JSON tree) of the definition template in unit, nil if there is none.
	Template(unit byteball.Hash, mci uint64) (any, error)
	// Seen says whether address has authored a unit.
	Seen(address byteball.Address, mci uint64) (bool, error)
	// SeenCoin says whether some public payment had such an input or output.
	SeenCoin(c Coin, mci uint64) (bool, error)
	// Changed says whether the definition of address was changed to one with the given hash; if to is "", to any.
	Changed(address, to byteball.Address, mci uint64) (bool, error)
	// Attested says whether attestor attested address after its last change of definition up to mci: at a higher index
	// than that change, or than 0 if there was none (storage.js filterAttestedAddresses).
	Attested(address, attestor byteball.Address, mci uint64) (bool, error)
	// Feed says whether an oracle posted such a value in a data feed.
	Feed(f Feed, mci uint64) (bool, error)
	// PrivateAsset says whether asset is known as one whose payments are private.
	PrivateAsset(asset byteball.Hash, mci uint64) (bool, error)
}

// Coin selects inputs or outputs of an address. An empty field selects all.
type Coin struct {
	Input    bool             // an input; else an output
	Address  byteball.Address // who owned it; never empty
	Asset    byteball.Hash    // "base" or the asset's unit
	Type     string           // "issue" or "transfer", of an input; it may be a commission where this is empty
	Min, Max byteball.Bytes   // the amount of an output, both included; Max 0 is no limit
}

// Feed selects values that Oracle, one of the authors, posted under Name at a main chain index of at least From.
type Feed struct {
	Oracle   byteball.Address
	Name     string // 1 to 64 UTF-16 code units
	Relation string // of the posted value to Value: = > < >= <=
	Value    any    // float64 or string
	From     uint64
}

// FeedNumber returns the number that a value of a data feed counts as: a float64 is itself, a text the number that it
// writes in decimal digits, perhaps with a sign, a fraction, an exponent; false if it is none, is too large for a
// float64, or is not 0 but too small. A Feed whose Value is a float64 is compared with these. One whose Value is a string
// is compared with all values that were posted as text, numbers or not, in the order of their bytes; for > and <= a line
// feed follows each text (ocore string_utils.js toNumber, data_feeds.js).
func FeedNumber(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	s, _ := v.(string)
	parts := feedNumber.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	f := parseFloat(s)
	if math.IsInf(f, 0) || f == 0 && parseFloat(parts[1]) > 0 && parts[2] != "" && parseFloat(parts[2]) > 0 {
		return 0, false
	}
	return f + 0, true // -0 becomes 0
}

// emptyChain is a ledger on which nothing has happened.
type emptyChain struct{}

func (emptyChain) Definition(a byteball.Address, _ uint64) (any, byteball.Address, error) {
	return nil, a, nil
}
func (emptyChain) Template(byteball.Hash, uint64) (any, error)      { return nil, nil }
func (emptyChain) Seen(byteball.Address, uint64) (bool, error)      { return false, nil }
func (emptyChain) SeenCoin(Coin, uint64) (bool, error)              { return false, nil }
func (emptyChain) Feed(Feed, uint64) (bool, error)                  { return false, nil }
func (emptyChain) PrivateAsset(byteball.Hash, uint64) (bool, error) { return false, nil }
func (emptyChain) Changed(_, _ byteball.Address, _ uint64) (bool, error) {
	return false, nil
}
func (emptyChain) Attested(_, _ byteball.Address, _ uint64) (bool, error) {
	return false, nil
}
