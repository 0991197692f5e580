package wallet

import (
	"context"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

const (
	batch = 100  // addresses in one request
	whole = 1000 // units that a hub is sure to give in one answer, of one moment for all addresses
)

// news is what a hub's answers say of some addresses.
type news struct {
	proven   []unit.Proven
	unstable []*unit.Unit
	next     map[byteball.Address]uint64 // complete up to before this main chain index
}

// sync reads what is new on the ledger into the books. Ended payments are stored before the books that forget them.
func (w *Wallet) sync(ctx context.Context) error {
	n, err := w.read(ctx)
	if err != nil {
		return err
	}
	next := w.books.clone()
	done := next.apply(n.proven)
	changed := len(n.proven) > 0
	for i := range next.Entries {
		e := &next.Entries[i]
		if to, ok := n.next[e.Address]; ok {
			e.Next, e.Used = to, true
		}
		if !e.Used && slices.ContainsFunc(n.unstable, func(u *unit.Unit) bool { return touches(u, e.Address) }) {
			e.Used, changed = true, true
		}
	}
	n.unstable = slices.DeleteFunc(n.unstable, func(u *unit.Unit) bool { return next.wrote(u) && !w.signed(u) })
	changed = next.adopt(n.unstable, w.alone) || changed
	if changed {
		for _, p := range done {
			if err := file(w.cfg.Store, p); err != nil {
				return err
			}
			w.cfg.Log.Info("payment "+p.State.String(), "ref", p.Ref, "unit", p.Unit.Unit, "mci", p.MCI)
		}
		if err := w.save(next); err != nil {
			return err
		}
	}
	w.unstable = n.unstable
	return nil
}

// read asks for the addresses that are in use, from where the books end, and for the others from the beginning.
func (w *Wallet) read(ctx context.Context) (news, error) {
	n := news{next: map[byteball.Address]uint64{}}
	var begun, idle []entry
	for _, e := range w.books.Entries {
		if e.Next > 0 {
			begun = append(begun, e)
		} else {
			idle = append(idle, e)
		}
	}
	for _, list := range [][]entry{begun, idle} {
		for part := range slices.Chunk(list, batch) {
			if err := w.ask(ctx, part, &n); err != nil {
				return news{}, err
			}
		}
	}
	stable := map[byteball.Hash]bool{}
	n.proven = slices.DeleteFunc(n.proven, func(p unit.Proven) bool {
		twice := stable[p.Unit.Unit]
		stable[p.Unit.Unit] = true
		return twice
	})
	n.unstable = slices.DeleteFunc(n.unstable, func(u *unit.Unit) bool {
		twice := stable[u.Unit]
		stable[u.Unit] = true
		return twice
	})
	return n, nil
}

// ask adds to n what is new of some addresses.
func (w *Wallet) ask(ctx context.Context, part []entry, n *news) error {
	from := part[0].Next
	var addresses []byteball.Address
	for _, e := range part {
		from = min(from, e.Next)
		addresses = append(addresses, e.Address)
	}
	proven, unstable, err := w.cfg.Hub.History(ctx, addresses, nil, from)
	if err != nil {
		return err
	}
	var last uint64
	seen := map[byteball.Address]uint64{}
	for _, p := range proven {
		if p.MCI < from {
			return byteball.Errorf(byteball.Invalid, "hub gave a unit of main chain index %d, asked from %d", p.MCI, from)
		}
		last = max(last, p.MCI)
		for _, a := range parties(p.Unit) {
			seen[a] = max(seen[a], p.MCI)
		}
	}
	for _, e := range part {
		mci, touched := seen[e.Address]
		if len(proven) <= whole && (touched || e.Next > 0) {
			mci, touched = last, len(proven) > 0
		}
		if touched {
			n.next[e.Address] = max(e.Next, mci+1)
		}
	}
	n.proven, n.unstable = append(n.proven, proven...), append(n.unstable, unstable...)
	return nil
}

// parties are the authors of u and those it pays bytes to.
func parties(u *unit.Unit) []byteball.Address {
	var list []byteball.Address
	for _, a := range u.Authors {
		list = append(list, a.Address)
	}
	payments(u, func(_ int, p *unit.Payment) {
		for _, o := range p.Outputs {
			list = append(list, o.Address)
		}
	})
	return list
}

// wrote says whether one of the wallet's addresses is an author of u.
func (b *books) wrote(u *unit.Unit) bool {
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return b.own(a.Address) })
}

// signed says whether the wallet's keys signed u wherever its addresses are authors: a hub cannot block coins by inventing
// units.
func (w *Wallet) signed(u *unit.Unit) bool {
	hash, err := u.HashToSign()
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(u.Authors, func(a unit.Author) bool {
		key := w.keys[a.Address]
		return key != nil && !unit.VerifySig(hash, a.Authentifiers["r"], key.PublicKey())
	})
}

// alone says whether the wallet's keys signed u and no others did.
func (w *Wallet) alone(u *unit.Unit) bool {
	foreign := slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return w.keys[a.Address] == nil })
	return !foreign && w.signed(u)
}

// clone copies what apply and adopt change.
func (b books) clone() books {
	b.Entries, b.Coins = slices.Clone(b.Entries), slices.Clone(b.Coins)
	b.Pending, b.Closed = slices.Clone(b.Pending), slices.Clone(b.Closed)
	return b
}

// coins returns what can be spent: proven outputs and own outputs of posted payments, without what is spent already by
// own units, be they of this wallet or of another copy of it. The pending payment except counts as not made.
func (w *Wallet) coins(except string) []Coin {
	coins := slices.Clone(w.books.Coins)
	spent := map[unit.OutPoint]bool{}
	take := func(u *unit.Unit) {
		for _, o := range spends(u) {
			spent[o] = true
		}
	}
	var excepted Payment
	for _, p := range w.books.Pending {
		if p.Ref == except {
			excepted = p
			continue
		}
		if p.State == Posted {
			coins = append(coins, pays(p.Unit, w.books.own)...)
		}
		take(p.Unit)
	}
	for _, u := range w.unstable {
		if w.books.wrote(u) && !excepted.has(u.Unit) {
			take(u)
		}
	}
	return slices.DeleteFunc(coins, func(c Coin) bool { return spent[c.OutPoint] })
}
