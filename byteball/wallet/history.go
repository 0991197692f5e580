package wallet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Movement is one unit that moved, moves or was to move money of the wallet.
type Movement struct {
	Unit  byteball.Hash
	State State
	MCI   uint64         // main chain index, once proven
	Time  int64          // Unix seconds, as the unit says
	Ref   string         // of an own payment, where the books know it
	In    byteball.Bytes // to addresses of the wallet, change included
	Out   byteball.Bytes // from addresses of the wallet, fees included
	Fees  byteball.Bytes // of an own unit
	To    []unit.Output  // to others, of an own unit
}

// History lists all movements: what the order providers have proven, in the order of the main chain, read anew from the
// ledger; then own payments that are under way, refused or dead; then what arrives.
// Errors: those of the hub and the store.
func (w *Wallet) History(ctx context.Context) ([]Movement, error) {
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	defer w.unlock()
	if err := w.sync(ctx); err != nil {
		return nil, err
	}
	proven, err := w.all(ctx)
	if err != nil {
		return nil, err
	}
	worth := map[unit.OutPoint]byteball.Bytes{}
	for _, p := range proven {
		w.value(worth, p.Unit)
	}
	for _, p := range w.books.Pending {
		w.value(worth, p.Unit)
	}
	list, seen := []Movement(nil), map[byteball.Hash]bool{}
	add := func(u *unit.Unit, s State, mci uint64, ref string) {
		if seen[u.Unit] {
			return
		}
		seen[u.Unit] = true
		m := w.movement(u, worth)
		m.State, m.MCI = s, mci
		if !strings.HasPrefix(ref, elsewhere) {
			m.Ref = ref
		}
		list = append(list, m)
	}
	for _, p := range proven {
		state := Stable
		if !p.Serial {
			state = DoubleSpent
		}
		ref, err := w.ref(p.Unit.Unit)
		if err != nil {
			return nil, err
		}
		add(p.Unit, state, p.MCI, ref)
	}
	for _, p := range slices.Concat(w.books.Pending, w.books.Closed) {
		add(p.Unit, p.State, 0, p.Ref)
	}
	for _, u := range w.unstable {
		if !w.books.wrote(u) {
			add(u, Arriving, 0, "")
		}
	}
	return list, nil
}

// ref returns the reference that a unit of an ended payment was made for, empty if there is none.
func (w *Wallet) ref(hash byteball.Hash) (ref string, err error) {
	data, err := w.cfg.Store.Get(unitKey + string(hash))
	if errors.Is(err, byteball.NotFound) {
		return "", nil
	}
	if err == nil && json.Unmarshal(data, &ref) != nil {
		err = byteball.Errorf(byteball.Invalid, "note on unit %s in the store is damaged", hash)
	}
	return ref, err
}

// all reads everything that is proven of the wallet's addresses.
func (w *Wallet) all(ctx context.Context) ([]unit.Proven, error) {
	var all []unit.Proven
	seen := map[byteball.Hash]bool{}
	for part := range slices.Chunk(w.books.Entries, batch) {
		var addresses []byteball.Address
		for _, e := range part {
			addresses = append(addresses, e.Address)
		}
		proven, _, err := w.cfg.Hub.History(ctx, addresses, nil, 0)
		if err != nil {
			return nil, err
		}
		for _, p := range proven {
			if !seen[p.Unit.Unit] {
				seen[p.Unit.Unit] = true
				all = append(all, p)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b unit.Proven) int { return cmp.Compare(a.MCI, b.MCI) })
	return all, nil
}

// value notes what u's outputs to the wallet are worth.
func (w *Wallet) value(worth map[unit.OutPoint]byteball.Bytes, u *unit.Unit) {
	for _, c := range pays(u, w.books.own) {
		worth[c.OutPoint] = c.Amount
	}
}

func (w *Wallet) movement(u *unit.Unit, worth map[unit.OutPoint]byteball.Bytes) Movement {
	m := Movement{Unit: u.Unit, Time: u.Timestamp}
	for _, c := range pays(u, w.books.own) {
		m.In += c.Amount
	}
	for _, o := range spends(u) {
		m.Out += worth[o]
	}
	if !w.books.wrote(u) {
		return m
	}
	if fees, err := unit.Fees(u); err == nil {
		m.Fees = fees
	}
	for _, c := range pays(u, func(a byteball.Address) bool { return !w.books.own(a) }) {
		m.To = append(m.To, unit.Output{Address: c.Address, Amount: c.Amount})
	}
	return m
}
