package wallet

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// apply enters proven units, in any order, and returns the payments that they ended. For each address the batch must hold
// all units since its Next; marks moves Next on afterwards.
func (b *books) apply(proven []unit.Proven) (done []Payment) {
	if len(proven) == 0 {
		return nil
	}
	entries := make(map[byteball.Address]*entry, len(b.Entries))
	for i := range b.Entries {
		entries[b.Entries[i].Address] = &b.Entries[i]
	}
	coins, gone := b.proven(), map[unit.OutPoint]bool{}
	for _, p := range proven {
		if !p.Serial {
			continue
		}
		for _, o := range spends(p.Unit) {
			gone[o] = true
		}
		for _, a := range p.Unit.Authors {
			if e := entries[a.Address]; e != nil && (e.First == nil || p.MCI < *e.First) {
				mci := p.MCI
				e.First = &mci
			}
		}
		fresh := func(a byteball.Address) bool { e := entries[a]; return e != nil && p.MCI >= e.Next }
		for _, c := range pays(p.Unit, fresh) {
			if !coins[c.OutPoint] {
				coins[c.OutPoint] = true
				c.Stable, c.MCI = true, p.MCI
				b.Coins = append(b.Coins, c)
			}
		}
	}
	b.Coins = slices.DeleteFunc(b.Coins, func(c Coin) bool { return gone[c.OutPoint] })
	return append(b.counted(proven), b.bury(proven, gone)...)
}

// counted ends payments that the order providers have proven, by whichever of their units.
func (b *books) counted(proven []unit.Proven) (done []Payment) {
	for _, p := range proven {
		if !p.Serial {
			continue
		}
		for _, list := range []*[]Payment{&b.Pending, &b.Closed} {
			i := slices.IndexFunc(*list, func(q Payment) bool { return q.has(p.Unit.Unit) })
			if i < 0 {
				continue
			}
			q := (*list)[i]
			q.turn(p.Unit)
			q.State, q.MCI = Stable, p.MCI
			done = append(done, q)
			*list = slices.Delete(*list, i, i+1)
		}
	}
	return done
}

// bury ends payments whose unit never counts: it was proven to be a double spend, or it spends what is gone, or the change
// of a payment that never counts.
func (b *books) bury(proven []unit.Proven, gone map[unit.OutPoint]bool) (done []Payment) {
	bad := map[byteball.Hash]bool{}
	var last uint64
	for _, p := range proven {
		bad[p.Unit.Unit] = !p.Serial
		last = max(last, p.MCI)
	}
	hopeful := func(p Payment, there map[unit.OutPoint]bool) bool {
		return !bad[p.Unit.Unit] && !slices.ContainsFunc(spends(p.Unit), func(o unit.OutPoint) bool { return gone[o] || !there[o] })
	}
	there, alive, rest := b.proven(), []Payment(nil), slices.Clone(b.Pending)
	for found := true; found; { // a payment that was composed anew may spend the change of a later one
		found = false
		rest = slices.DeleteFunc(rest, func(p Payment) bool {
			if !hopeful(p, there) {
				return false
			}
			for _, c := range pays(p.Unit, b.own) {
				there[c.OutPoint] = true
			}
			alive, found = append(alive, p), true
			return true
		})
	}
	for i := range rest {
		rest[i].State, rest[i].MCI = DoubleSpent, last
	}
	closed := append(slices.Clip(b.Closed), rest...)
	b.Pending, b.Closed = alive, nil
	for _, p := range closed {
		p.Tried = slices.DeleteFunc(slices.Clone(p.Tried), func(t Try) bool { return bad[t.Unit] })
		if bad[p.Unit.Unit] {
			p.State, p.MCI = DoubleSpent, last
		}
		if len(p.live(there)) > 0 {
			b.Closed = append(b.Closed, p)
		} else {
			done = append(done, p)
		}
	}
	return done
}

// live are the units of p that could still count, given what there is to spend.
func (p *Payment) live(there map[unit.OutPoint]bool) []Try {
	tried := slices.Clone(p.Tried)
	if p.Unit != nil && p.State != DoubleSpent {
		tried = p.tries()
	}
	return slices.DeleteFunc(tried, func(t Try) bool {
		return slices.ContainsFunc(t.Spends, func(o unit.OutPoint) bool { return !there[o] })
	})
}

// adopt learns from what a hub shows of own units that are not stable: it has what was prepared, and another copy of the
// wallet pays too. signed says whether the wallet's keys signed a unit, and wrote it alone.
func (b *books) adopt(unstable []*unit.Unit, signed func(*unit.Unit) bool) (changed bool) {
	for more := true; more; {
		more = false
		for _, u := range unstable {
			if b.known(u) {
				continue
			}
			switch {
			case b.posted(u):
				more = true
			case signed(u) && b.free(u):
				b.foreign(u)
				more = true
			}
		}
		changed = changed || more
	}
	return changed
}

// posted notes that a hub has the unit u of a payment that was Prepared or Refused, if it is one.
func (b *books) posted(u *unit.Unit) bool {
	has := func(p Payment) bool { return p.State != DoubleSpent && p.has(u.Unit) }
	if i := slices.IndexFunc(b.Closed, has); i >= 0 {
		b.Pending = append(b.Pending, b.Closed[i])
		b.Closed = slices.Delete(b.Closed, i, i+1)
	}
	i := slices.IndexFunc(b.Pending, has)
	if i >= 0 {
		b.Pending[i].turn(u)
		b.Pending[i].State = Posted
	}
	return i >= 0
}

// foreign enters a unit that another copy of the wallet made.
func (b *books) foreign(u *unit.Unit) {
	var outputs []unit.Output
	for _, c := range pays(u, func(a byteball.Address) bool { return !b.own(a) }) {
		outputs = append(outputs, unit.Output{Address: c.Address, Amount: c.Amount})
	}
	b.Pending = append(b.Pending, Payment{Ref: elsewhere + string(u.Unit), Unit: u, Outputs: outputs, State: Posted})
}

// known says whether u needs no more attention: a payment that was posted by it, or by another of its units.
func (b *books) known(u *unit.Unit) bool {
	return slices.ContainsFunc(b.Pending, func(p Payment) bool { return p.State == Posted && p.has(u.Unit) })
}

// free says whether u spends only what is there and no pending payment spends.
func (b *books) free(u *unit.Unit) bool {
	there := b.exists()
	for _, p := range b.Pending {
		for _, o := range spends(p.Unit) {
			delete(there, o)
		}
	}
	inputs := spends(u)
	return len(inputs) > 0 && !slices.ContainsFunc(inputs, func(o unit.OutPoint) bool { return !there[o] })
}
