package wallet

import (
	"context"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Balance is money by how sure it is. Stable, Change, Held and Leaving together are what the order providers have proven.
type Balance struct {
	Stable   byteball.Bytes // proven, and spent by no own payment on its way
	Change   byteball.Bytes // own outputs of own payments that a hub has; can be spent
	Held     byteball.Bytes // in own payments that no hub has answered for, and comes back whatever becomes of them; cannot be spent yet
	Leaving  byteball.Bytes // to others and fees, in own payments that are not stable yet
	Arriving byteball.Bytes // from others, not stable yet: the hub's word; cannot be spent
}

// Balance asks the hub what is new and adds up, over all addresses of the wallet or those named.
// Errors: those of the hub and the store.
func (w *Wallet) Balance(ctx context.Context, of ...byteball.Address) (Balance, error) {
	if err := w.lock(ctx); err != nil {
		return Balance{}, err
	}
	defer w.unlock()
	if err := w.sync(ctx); err != nil {
		return Balance{}, err
	}
	return w.balance(func(a byteball.Address) bool { return w.books.own(a) && (len(of) == 0 || slices.Contains(of, a)) })
}

// balance adds up the coins of some own addresses.
func (w *Wallet) balance(counts func(byteball.Address) bool) (b Balance, err error) {
	sum := func(to *byteball.Bytes, coins []Coin) {
		for _, c := range coins {
			if err == nil && counts(c.Address) {
				*to, err = byteball.Add(*to, c.Amount)
			}
		}
	}
	coins := w.coins("")
	i := slices.IndexFunc(coins, func(c Coin) bool { return !c.Stable })
	if i < 0 {
		i = len(coins)
	}
	sum(&b.Stable, coins[:i])
	sum(&b.Change, coins[i:])
	for _, p := range w.books.Pending {
		if p.State == Prepared {
			sum(&b.Held, pays(p.Unit, w.books.own))
		}
	}
	var all byteball.Bytes
	sum(&all, w.books.Coins)
	sum(&b.Held, w.blocked())
	if there := b.Stable + b.Change + b.Held; all > there {
		b.Leaving = all - there
	}
	for _, u := range w.unstable {
		if !w.books.wrote(u) {
			sum(&b.Arriving, pays(u, w.books.own))
		}
	}
	return b, err
}

// blocked are coins that an unstable unit spends which is in no payment of the books: another copy of the wallet is in
// conflict with this one.
func (w *Wallet) blocked() []Coin {
	spent := map[unit.OutPoint]bool{}
	for _, u := range w.unstable {
		if w.books.wrote(u) {
			for _, o := range spends(u) {
				spent[o] = true
			}
		}
	}
	for _, p := range w.books.Pending {
		for _, o := range spends(p.Unit) {
			delete(spent, o)
		}
	}
	all := slices.Clone(w.books.Coins)
	for _, p := range w.books.Pending {
		if p.State == Posted {
			all = append(all, pays(p.Unit, w.books.own)...)
		}
	}
	return slices.DeleteFunc(all, func(c Coin) bool { return !spent[c.OutPoint] })
}
