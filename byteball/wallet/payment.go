package wallet

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// State says how far money is on its way.
type State int

// The states of a payment, and of what others pay. Only Stable is money that moved.
const (
	Prepared    State = iota // signed and on disk, perhaps sent; no hub has answered that it has it
	Posted                   // a hub has it
	Stable                   // proven by the order providers: final
	DoubleSpent              // its coins went elsewhere, proven: this unit never counts
	Refused                  // hubs find it wrong; nothing is reserved for it
	Arriving                 // from others, not stable yet: the hub's word
)

var stateNames = []string{"prepared", "posted", "stable", "double-spent", "refused", "arriving"}

// String is the state as people read it.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", int(s))
	}
	return stateNames[s]
}

// MarshalText is String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a String. Error: Invalid.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames, string(text))
	if i < 0 {
		return byteball.Errorf(byteball.Invalid, "no state of a payment: %.20q", text)
	}
	*s = State(i)
	return nil
}

// Payment is one payment of this wallet.
type Payment struct {
	Ref     string        // given by the caller; "unit/" and the hash if another copy of the wallet made it
	Unit    *unit.Unit    // signed; the last one composed
	Outputs []unit.Output // those of Unit but for the change
	State   State
	MCI     uint64 // main chain index once Stable; of what ended it once DoubleSpent

	From   []byteball.Address `json:",omitempty"` // whose coins it may spend; empty means all
	Change byteball.Address   `json:",omitempty"` // where the rest goes; empty means back
	All    bool               `json:",omitempty"` // it spends these coins and no others, and Change gets all
	Tried  []Try              `json:",omitempty"` // units composed before Unit under this reference
}

// Try is a unit that was composed for a payment and replaced after a refusal. Should it count after all, the payment has
// been made by it.
type Try struct {
	Unit   byteball.Hash
	Spends []unit.OutPoint
}

// tries are all units of p, the last included.
func (p *Payment) tries() []Try {
	if p.Unit == nil {
		return p.Tried
	}
	return append(slices.Clip(p.Tried), Try{p.Unit.Unit, spends(p.Unit)})
}

// has says whether the unit called hash was composed for p.
func (p *Payment) has(hash byteball.Hash) bool {
	return slices.ContainsFunc(p.tries(), func(t Try) bool { return t.Unit == hash })
}

// turn makes u, one of p's units, its unit.
func (p *Payment) turn(u *unit.Unit) {
	if p.Unit.Unit == u.Unit {
		return
	}
	tried := slices.DeleteFunc(p.tries(), func(t Try) bool { return t.Unit == u.Unit })
	p.Tried, p.Unit = tried, u
}

// payments calls do for each payment of bytes in u.
func payments(u *unit.Unit, do func(message int, p *unit.Payment)) {
	for i := range u.Messages {
		if p, ok := u.Messages[i].Payload.(*unit.Payment); ok && p.Asset == "" {
			do(i, p)
		}
	}
}

// spends returns the outputs that u spends.
func spends(u *unit.Unit) []unit.OutPoint {
	var points []unit.OutPoint
	payments(u, func(_ int, p *unit.Payment) {
		for _, in := range p.Inputs {
			if in.Type == "" {
				points = append(points, unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex})
			}
		}
	})
	return points
}

// pays returns the outputs of u to the addresses that own says yes to.
func pays(u *unit.Unit, own func(byteball.Address) bool) []Coin {
	var coins []Coin
	payments(u, func(i int, p *unit.Payment) {
		for k, o := range p.Outputs {
			if own(o.Address) {
				coins = append(coins, Coin{OutPoint: unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}, Address: o.Address, Amount: o.Amount})
			}
		}
	})
	return coins
}

func wrote(u *unit.Unit, address byteball.Address) bool {
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return a.Address == address })
}

// touches says whether u was written by or pays bytes to address.
func touches(u *unit.Unit, address byteball.Address) bool {
	return wrote(u, address) || len(pays(u, func(a byteball.Address) bool { return a == address })) > 0
}
