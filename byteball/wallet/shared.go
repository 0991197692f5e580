package wallet

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// maxSteps bounds the operators of a definition, those of its members included; the ledger allows 100.
const maxSteps = 100

// Shared is an address of several keys.
type Shared struct {
	Definition any                      `json:"definition"`        // JSON tree
	Members    map[byteball.Address]any `json:"members,omitempty"` // definitions of the addresses that Definition names and that are to sign
}

// Slot is a place where an authentifier may stand.
type Slot struct {
	Path   string           `json:"path"`             // e.g. "r.0.1"
	Key    string           `json:"key,omitempty"`    // whose signature: a public key, base64
	Hash   string           `json:"hash,omitempty"`   // or: of what string the preimage, SHA-256 in base64
	Member byteball.Address `json:"member,omitempty"` // the named address that the key belongs to
}

// Address is where s is paid. Error: Invalid for a definition that the ledger would not take, or a member that does not
// hash to its address.
func (s Shared) Address() (byteball.Address, error) {
	for a, def := range s.Members {
		if got, err := chash.Of(def); err != nil || got != a {
			return "", byteball.Errorf(byteball.Invalid, "definition of member %s is that of %s", a, got)
		}
	}
	if err := definition.Validate(s.Definition, definition.Env{}); err != nil {
		return "", fmt.Errorf("shared definition: %w", err)
	}
	return chash.Of(s.Definition)
}

// Slots lists where authentifiers may stand, from left to right. A named address without a member has none.
// Error: Invalid for more than 100 operators, or a definition that has not the form of one.
func (s Shared) Slots() ([]Slot, error) {
	_, slots, err := s.inline()
	return slots, err
}

// inline puts the definitions of members in the places where they are named, and collects the slots. Conditions keep their
// paths, so that authentifiers fit both forms.
func (s Shared) inline() (def any, slots []Slot, err error) {
	w := walk{members: s.Members}
	def, err = w.condition(s.Definition, "r", "")
	return def, w.slots, err
}

// walk goes through a definition. It counts its steps, since members may name each other many times.
type walk struct {
	members map[byteball.Address]any
	slots   []Slot
	steps   int
}

func (w *walk) condition(def any, path string, member byteball.Address) (any, error) {
	pair, _ := def.([]any)
	if w.steps++; len(pair) != 2 || w.steps > maxSteps {
		return nil, byteball.Errorf(byteball.Invalid, "definition at %.60s: want [operator, arguments], at most %d in all", path, maxSteps)
	}
	op, _ := pair[0].(string)
	args, _ := pair[1].(map[string]any)
	switch op {
	case "sig":
		key, _ := args["pubkey"].(string)
		w.slots = append(w.slots, Slot{Path: path, Key: key, Member: member})
	case "hash":
		hash, _ := args["hash"].(string)
		w.slots = append(w.slots, Slot{Path: path, Hash: hash, Member: member})
	case "address":
		name, _ := pair[1].(string)
		if inner, ok := w.members[byteball.Address(name)]; ok {
			return w.condition(inner, path, byteball.Address(name))
		}
	case "and", "or":
		list, _ := pair[1].([]any)
		set, err := w.options(list, path, member)
		return []any{op, set}, err
	case "r of set", "weighted and":
		list, _ := args["set"].([]any)
		set, err := w.options(list, path, member)
		return []any{op, map[string]any{"required": args["required"], "set": set}}, err
	}
	return def, nil
}

// options goes through the options of an operator; those of "weighted and" stand in objects with their weight.
func (w *walk) options(list []any, path string, member byteball.Address) ([]any, error) {
	out := make([]any, len(list))
	for i, option := range list {
		m, weighted := option.(map[string]any)
		if weighted {
			option = m["value"]
		}
		def, err := w.condition(option, fmt.Sprintf("%s.%d", path, i), member)
		if err != nil {
			return nil, err
		}
		if out[i] = def; weighted {
			out[i] = map[string]any{"weight": m["weight"], "value": def}
		}
	}
	return out, nil
}

// evaluate checks u's authentifiers as the ledger will, as far as that can be done without it.
func (s Shared) evaluate(u *unit.Unit, lastBallMCI uint64, coins []Coin) error {
	address, err := s.Address()
	if err != nil {
		return err
	}
	def, _, err := s.inline()
	if err != nil {
		return err
	}
	hash, err := u.HashToSign()
	if err != nil {
		return err
	}
	env := definition.Env{Unit: u, HashToSign: hash, LastBallMCI: lastBallMCI, LastBallTimestamp: u.Timestamp}
	for _, c := range coins {
		env.Inputs = append(env.Inputs, definition.ResolvedInput{OutPoint: c.OutPoint, Address: c.Address, Amount: c.Amount, MCI: c.MCI, Stable: c.Stable})
	}
	ok, err := definition.Evaluate(def, address, u.Authors[0].Authentifiers, env)
	if err == nil && !ok {
		err = byteball.Errorf(byteball.Invalid, "these signatures do not suffice: the definition of %s is not satisfied at main chain index %d", address, lastBallMCI)
	}
	return err
}

// Unspent returns the coins of address that its proven history leaves, and the main chain index of the first unit that
// address wrote, which showed its definition; shown is false if there is none. history must be complete.
func Unspent(history []unit.Proven, address byteball.Address) (coins []Coin, first uint64, shown bool) {
	b := books{Entries: []entry{{Address: address}}}
	b.apply(history)
	if e := b.Entries[0]; e.First != nil {
		first, shown = *e.First, true
	}
	return slices.Clip(b.Coins), first, shown
}
