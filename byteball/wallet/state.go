package wallet

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Store keeps a wallet's books. Put returns only when the value is on disk. Get of a missing key is NotFound.
type Store interface {
	Get(key string) ([]byte, error)
	Put(key string, value []byte) error
	Delete(key string) error
}

// State says how far a payment is.
type State int

// The states of a payment. Only Stable is money that moved.
const (
	Prepared    State = iota // signed and on disk; no hub is known to have it
	Posted                   // a hub has it
	Stable                   // proven by the order providers: final
	DoubleSpent              // its coins went elsewhere, proven: it never happens
	Refused                  // hubs find it wrong; nothing is reserved for it
)

var stateNames = []string{"prepared", "posted", "stable", "double-spent", "refused"}

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

// Payment is one payment that this wallet made.
type Payment struct {
	Ref     string        // given by the caller
	Unit    *unit.Unit    // signed
	Outputs []unit.Output // those of Unit but for the change
	State   State
	MCI     uint64 // main chain index once Stable; of what ended it once DoubleSpent
}

const (
	booksVersion = 1
	booksKey     = "books"
	paymentKey   = "payment/" // then the caller's reference
)

// books are what a wallet knows for sure. They are one record: after a crash they are whole.
type books struct {
	Version int
	Address byteball.Address
	Next    uint64    // the ledger is read up to before this main chain index
	First   *uint64   // main chain index of the first unit by Address, which showed its definition
	Coins   []Coin    // unspent outputs of proven units, also those that Pending spends
	Pending []Payment // Prepared or Posted, in the order they were made
}

func load(store Store, address byteball.Address) (books, error) {
	fresh := books{Version: booksVersion, Address: address}
	data, err := store.Get(booksKey)
	switch {
	case errors.Is(err, byteball.NotFound):
		return fresh, nil
	case err != nil:
		return books{}, err
	}
	var b books
	if err := json.Unmarshal(data, &b); err != nil {
		return books{}, byteball.Errorf(byteball.Invalid, "books of the wallet are damaged: %v", err)
	}
	if b.Version != booksVersion {
		return books{}, byteball.Errorf(byteball.Invalid, "books of the wallet are of version %d, this program writes %d: use the newer program",
			b.Version, booksVersion)
	}
	if b.Address != address {
		return books{}, byteball.Errorf(byteball.Invalid, "books of the wallet are of %s, the key is of %s", b.Address, address)
	}
	return b, nil
}

func put(store Store, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return store.Put(key, data)
}

// finished returns a payment that is no longer pending. Error: NotFound.
func finished(store Store, ref string) (Payment, error) {
	data, err := store.Get(paymentKey + ref)
	if err != nil {
		return Payment{}, err
	}
	var p Payment
	if err := json.Unmarshal(data, &p); err != nil {
		return Payment{}, byteball.Errorf(byteball.Invalid, "payment %q in the store is damaged: %v", ref, err)
	}
	return p, nil
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

// pays returns the outputs of u to address.
func pays(u *unit.Unit, address byteball.Address, stable bool) []Coin {
	var coins []Coin
	payments(u, func(i int, p *unit.Payment) {
		for k, o := range p.Outputs {
			if o.Address == address {
				coins = append(coins, Coin{unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}, o.Amount, stable})
			}
		}
	})
	return coins
}

func wrote(u *unit.Unit, address byteball.Address) bool {
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return a.Address == address })
}

// apply enters a proven unit and returns the payments that it finished. Units must come in the order of the main chain.
func (b *books) apply(p unit.Proven) []Payment {
	var done []Payment
	end := func(i int, s State) {
		b.Pending[i].State, b.Pending[i].MCI = s, p.MCI
		done = append(done, b.Pending[i])
		b.Pending = slices.Delete(b.Pending, i, i+1)
	}
	b.Next = p.MCI + 1
	mine := slices.IndexFunc(b.Pending, func(q Payment) bool { return q.Unit.Unit == p.Unit.Unit })
	if !p.Serial {
		if mine >= 0 {
			end(mine, DoubleSpent)
		}
		return append(done, b.orphans(p.MCI)...)
	}
	if mine >= 0 {
		end(mine, Stable)
	}
	if wrote(p.Unit, b.Address) && b.First == nil {
		mci := p.MCI
		b.First = &mci
	}
	spent := spends(p.Unit)
	b.Coins = slices.DeleteFunc(b.Coins, func(c Coin) bool { return slices.Contains(spent, c.OutPoint) })
	b.Coins = append(b.Coins, pays(p.Unit, b.Address, true)...)
	for i := len(b.Pending) - 1; i >= 0; i-- {
		if slices.ContainsFunc(spends(b.Pending[i].Unit), func(o unit.OutPoint) bool { return slices.Contains(spent, o) }) {
			end(i, DoubleSpent)
		}
	}
	return append(done, b.orphans(p.MCI)...)
}

// orphans ends payments that spend what does not exist: the change of a payment that never happens.
func (b *books) orphans(mci uint64) []Payment {
	var done []Payment
	exists := map[unit.OutPoint]bool{}
	for _, c := range b.Coins {
		exists[c.OutPoint] = true
	}
	b.Pending = slices.DeleteFunc(b.Pending, func(q Payment) bool {
		for _, o := range spends(q.Unit) {
			if !exists[o] {
				q.State, q.MCI = DoubleSpent, mci
				done = append(done, q)
				return true
			}
		}
		for _, c := range pays(q.Unit, b.Address, false) {
			exists[c.OutPoint] = true
		}
		return false
	})
	return done
}
