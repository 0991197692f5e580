package wallet

import (
	"context"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Gap is how many unused addresses in a row end the search for used ones, on each of the two chains. No more than that
// are ever given out unused, so that the words alone find all money again.
const Gap = 20

// Place is one address of a wallet.
type Place struct {
	Address byteball.Address
	Change  uint32 // chain: 0 for receiving, 1 for change
	Index   uint32 // AddressPath(Change, Index)
	Used    bool   // a unit of the ledger touches it
	Balance Balance
}

// derive makes the entry and remembers the key of an address. A wallet of one key has the address 0, 0 only.
func (w *Wallet) derive(change, index uint32) (entry, error) {
	key := w.cfg.Key
	if w.cfg.Keys != nil {
		var err error
		if key, err = w.cfg.Keys(change, index); err != nil {
			return entry{}, err
		}
	}
	address, err := chash.Of(Definition(key))
	if err != nil {
		return entry{}, err
	}
	w.keys[address] = key
	return entry{Path: [2]uint32{change, index}, Address: address}, nil
}

// owns checks that e, out of the books, is the wallet's.
func (w *Wallet) owns(e entry) error {
	if w.cfg.Keys == nil && e.Path != [2]uint32{} {
		return byteball.Errorf(byteball.Invalid, "books of the wallet hold address %d/%d: open it with all its keys", e.Path[0], e.Path[1])
	}
	got, err := w.derive(e.Path[0], e.Path[1])
	if err == nil && got.Address != e.Address {
		err = byteball.Errorf(byteball.Invalid, "books of the wallet have %s at %d/%d, the key there is of %s", e.Address, e.Path[0], e.Path[1], got.Address)
	}
	return err
}

// chain counts the addresses of a chain, and the unused ones at its end.
func (b *books) chain(change uint32) (length, unused uint32) {
	for _, e := range b.Entries {
		if e.Path[0] != change {
			continue
		}
		length++
		unused++
		if e.Used {
			unused = 0
		}
	}
	return length, unused
}

// extend adds the next n addresses of a chain.
func (w *Wallet) extend(b *books, change, n uint32) error {
	length, _ := b.chain(change)
	for i := range n {
		e, err := w.derive(change, length+i)
		if err != nil {
			return err
		}
		b.Entries = append(b.Entries, e)
	}
	return nil
}

// Receive returns a new address to be paid to. It asks no hub. Errors: Stale if the last Gap addresses given out are
// unused still, since a search by the words would not find a further one: give one of these again; Invalid for a wallet of
// one address; those of the store.
func (w *Wallet) Receive(ctx context.Context) (byteball.Address, error) {
	if err := w.lock(ctx); err != nil {
		return "", err
	}
	defer w.unlock()
	if w.cfg.Keys == nil {
		return "", byteball.Errorf(byteball.Invalid, "this wallet has the one address %s", w.address)
	}
	if _, unused := w.books.chain(0); unused >= Gap {
		return "", byteball.Errorf(byteball.Stale, "%d addresses in a row are unused: be paid at one of them before asking for more", Gap)
	}
	next := w.books.clone()
	if err := w.extend(&next, 0, 1); err != nil {
		return "", err
	}
	return next.Entries[len(next.Entries)-1].Address, w.save(next)
}

// changeTo is where a payment's change goes: back to the first of its payers that the wallet knows, or to an address of
// the change chain that nothing was ever sent to.
func (w *Wallet) changeTo(payers []byteball.Address) (byteball.Address, error) {
	if !w.cfg.FreshChange || w.cfg.Keys == nil {
		i := slices.IndexFunc(w.books.Entries, func(e entry) bool { return slices.Contains(payers, e.Address) })
		return w.books.Entries[i].Address, nil
	}
	taken := map[byteball.Address]bool{}
	for _, p := range slices.Concat(w.books.Pending, w.books.Closed) {
		for _, a := range parties(p.Unit) {
			taken[a] = true
		}
	}
	var spare []entry
	for _, e := range w.books.Entries {
		if e.Path[0] == 1 && !e.Used {
			if !taken[e.Address] {
				return e.Address, nil
			}
			spare = append(spare, e)
		}
	}
	if _, unused := w.books.chain(1); unused >= Gap {
		return spare[0].Address, nil
	}
	next := w.books.clone()
	if err := w.extend(&next, 1, 1); err != nil {
		return "", err
	}
	return next.Entries[len(next.Entries)-1].Address, w.save(next)
}

// Scan searches the ledger for addresses of the wallet's keys that are in use, on both chains, until Gap in a row are not,
// and brings the books up to date. A wallet restored from its words calls it once; so does one whose words are in use
// elsewhere too. It returns how many addresses it found beyond those it knew. Errors: those of the hub and the store.
func (w *Wallet) Scan(ctx context.Context) (found int, err error) {
	if err := w.lock(ctx); err != nil {
		return 0, err
	}
	defer w.unlock()
	if err := w.sync(ctx); err != nil || w.cfg.Keys == nil {
		return 0, err
	}
	for change := range uint32(2) {
		for {
			n, err := w.probe(ctx, change)
			if err != nil {
				return found, fmt.Errorf("search of chain %d: %w", change, err)
			}
			if n == 0 {
				break
			}
			found += n
		}
	}
	if found > 0 {
		err = w.sync(ctx)
	}
	return found, err
}

// probe looks at the addresses after the end of a chain that are within the gap, and adds them up to the last used one.
func (w *Wallet) probe(ctx context.Context, change uint32) (int, error) {
	length, unused := w.books.chain(change)
	if unused >= Gap {
		return 0, nil
	}
	var list []entry
	var addresses []byteball.Address
	for i := range Gap - unused {
		e, err := w.derive(change, length+i)
		if err != nil {
			return 0, err
		}
		list, addresses = append(list, e), append(addresses, e.Address)
	}
	proven, unstable, err := w.cfg.Hub.History(ctx, addresses, nil, 0)
	if err != nil {
		return 0, err
	}
	for _, p := range proven {
		unstable = append(unstable, p.Unit)
	}
	used, last := 0, 0
	for i := range list {
		if slices.ContainsFunc(unstable, func(u *unit.Unit) bool { return touches(u, list[i].Address) }) {
			list[i].Used = true
			used, last = used+1, i+1
		}
	}
	for _, e := range list[last:] {
		delete(w.keys, e.Address)
	}
	if last == 0 {
		return 0, nil
	}
	next := w.books.clone()
	next.Entries = append(next.Entries, list[:last]...)
	return used, w.save(next)
}

// Addresses lists the wallet's addresses with what each holds, in the order they came into use. It asks no hub.
func (w *Wallet) Addresses(ctx context.Context) ([]Place, error) {
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	defer w.unlock()
	var list []Place
	for _, e := range w.books.Entries {
		b, err := w.balance(func(a byteball.Address) bool { return a == e.Address })
		if err != nil {
			return nil, err
		}
		list = append(list, Place{e.Address, e.Path[0], e.Path[1], e.Used, b})
	}
	return list, nil
}
