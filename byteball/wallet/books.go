package wallet

import (
	"encoding/json"
	"errors"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Store keeps a wallet's books. Put returns only when the value is on disk. Get of a missing key is NotFound.
type Store interface {
	Get(key string) ([]byte, error)
	Put(key string, value []byte) error
	Delete(key string) error
}

const (
	booksVersion = 2 // 1 had one address
	booksKey     = "books"
	paymentKey   = "payment/" // then the caller's reference
	unitKey      = "unit/"    // then the hash of a unit that ended: the reference it was made for
	elsewhere    = "unit/"    // then a hash: the reference of a payment that another copy of the wallet made
)

// entry is one address of the wallet. Those of a chain are contiguous from index 0.
type entry struct {
	Path    [2]uint32 // change, index (AddressPath)
	Address byteball.Address
	Next    uint64  // the ledger is read up to before this main chain index; 0 while nothing proven touches the address
	First   *uint64 `json:",omitempty"` // main chain index of its first unit, which showed its definition
	Used    bool    `json:",omitempty"` // some unit touches it, proven or not
}

// books are what a wallet knows for sure. They are one record: after a crash they are whole.
type books struct {
	Version int
	Address byteball.Address // the first
	Entries []entry
	Coins   []Coin    // unspent outputs of proven units, also those that Pending spends
	Pending []Payment // Prepared or Posted, in the order they were made
	Closed  []Payment `json:",omitempty"` // Refused or DoubleSpent, of which some unit could still count
}

// load reads the books of the wallet whose first address is first, or begins them. Error: Invalid.
func load(store Store, first entry) (books, error) {
	fresh := books{Version: booksVersion, Address: first.Address, Entries: []entry{first}}
	data, err := store.Get(booksKey)
	switch {
	case errors.Is(err, byteball.NotFound):
		return fresh, nil
	case err != nil:
		return books{}, err
	}
	var b struct {
		books
		Next  uint64  // version 1
		First *uint64 // version 1
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return books{}, byteball.Errorf(byteball.Invalid, "books of the wallet are damaged: %v", err)
	}
	if b.Version < 1 || b.Version > booksVersion {
		return books{}, byteball.Errorf(byteball.Invalid, "books of the wallet are of version %d, this program writes %d: use the newer program",
			b.Version, booksVersion)
	}
	if b.Address != first.Address {
		return books{}, byteball.Errorf(byteball.Invalid, "books of the wallet are of %s, the key is of %s", b.Address, first.Address)
	}
	if b.Version == 1 {
		first.Next, first.First, first.Used = b.Next, b.First, b.Next > 0
		b.Version, b.Entries = booksVersion, []entry{first}
		for i := range b.Coins {
			b.Coins[i].Address = first.Address
		}
	}
	if len(b.Entries) == 0 || b.Entries[0].Address != first.Address {
		return books{}, byteball.Errorf(byteball.Invalid, "books of the wallet are damaged: %d addresses, the first is not %s", len(b.Entries), first.Address)
	}
	return b.books, nil
}

func put(store Store, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return store.Put(key, data)
}

// finished returns a payment that is no longer in the books. Error: NotFound.
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

// file puts a payment that has ended under its reference, and its unit beside it.
func file(store Store, p Payment) error {
	if err := put(store, paymentKey+p.Ref, p); err != nil {
		return err
	}
	return put(store, unitKey+string(p.Unit.Unit), p.Ref)
}

// own says whether address is the wallet's.
func (b *books) own(address byteball.Address) bool { return b.entry(address) != nil }

func (b *books) entry(address byteball.Address) *entry {
	for i := range b.Entries {
		if b.Entries[i].Address == address {
			return &b.Entries[i]
		}
	}
	return nil
}

// proven lists the coins that the order providers have proven.
func (b *books) proven() map[unit.OutPoint]bool {
	there := make(map[unit.OutPoint]bool, len(b.Coins))
	for _, c := range b.Coins {
		there[c.OutPoint] = true
	}
	return there
}

// exists lists what there is to spend if all of Pending counts: proven coins and the own outputs of pending payments,
// also those that are spent by others of them.
func (b *books) exists() map[unit.OutPoint]bool {
	there := b.proven()
	for _, p := range b.Pending {
		for _, c := range pays(p.Unit, b.own) {
			there[c.OutPoint] = true
		}
	}
	return there
}
