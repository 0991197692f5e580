package wallet

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

const (
	maxRef = 200 // characters of a reference
	tries  = 4   // compositions of one payment in one call, each after a refusal
)

// Pay pays outputs and carries msgs (payments aside, any app), and returns the unit once a hub has it. ref names the
// payment: Pay with a ref that was used before makes no second payment but returns the unit of the first and sees that
// the hub has it, also after a crash, a restart or a lost answer. The unit is on disk before it is sent. After an error
// that is not Funds the payment may still happen: Settle goes on with it, Pay with the same ref asks for it.
// A unit that the hub has refused may be composed anew under its ref, always with a coin in common, so that at most one
// of the two can ever count.
// Errors: Funds, saying how much is missing; Transient if the hub is away or fees are too high for the moment; Stale if
// the payment was double-spent; Invalid.
func (w *Wallet) Pay(ctx context.Context, ref string, outputs []unit.Output, msgs []unit.Message) (*unit.Unit, error) {
	if ref == "" || len(ref) > maxRef {
		return nil, byteball.Errorf(byteball.Invalid, "reference of %d characters, 1 to %d", len(ref), maxRef)
	}
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	defer w.unlock()
	old, err := w.payment(ref)
	switch {
	case err == nil && (old.State == Prepared || old.State == Posted):
		return w.push(ctx, ref)
	case err == nil && old.State == Stable:
		return old.Unit, nil
	case err == nil && old.State == DoubleSpent:
		return old.Unit, over(old)
	case err != nil && !errors.Is(err, byteball.NotFound):
		return nil, err
	}
	u, err := w.compose(ctx, outputs, msgs, old)
	if err != nil {
		return nil, err
	}
	next := w.books
	next.Pending = append(slices.Clone(next.Pending), Payment{Ref: ref, Unit: u, Outputs: outputs})
	if err := w.save(next); err != nil {
		return nil, err
	}
	return w.push(ctx, ref)
}

// push hands the pending payment ref to the hub. One that no hub has taken yet is composed anew where the hub refuses it:
// parents grow old, fees rise, and a unit that does not include the one before it is taken for a double spend.
func (w *Wallet) push(ctx context.Context, ref string) (*unit.Unit, error) {
	for try := 1; ; try++ {
		i := w.pending(ref)
		if i < 0 { // finished meanwhile
			p, err := finished(w.cfg.Store, ref)
			if err == nil && p.State != Stable {
				err = over(p)
			}
			return p.Unit, err
		}
		p := w.books.Pending[i]
		err := w.cfg.Hub.Post(ctx, p.Unit)
		if err == nil {
			return p.Unit, w.posted(i)
		}
		var no interface{ Refused() string }
		if p.State == Posted || !errors.As(err, &no) {
			return nil, err
		}
		wrong := errors.Is(err, byteball.Invalid)
		if wrong && try > 1 {
			return nil, errors.Join(err, w.refuse(i))
		}
		if try == tries {
			return nil, err
		}
		w.cfg.Log.Debug("payment composed anew", "ref", ref, "why", err)
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
		if err := w.renew(ctx, p); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(try) * 200 * time.Millisecond):
		return nil
	}
}

// posted notes that a hub has payment i.
func (w *Wallet) posted(i int) error {
	if w.books.Pending[i].State == Posted {
		return nil
	}
	next := w.books
	next.Pending = slices.Clone(next.Pending)
	next.Pending[i].State = Posted
	return w.save(next)
}

// refuse gives payment i up for the moment and frees its coins.
func (w *Wallet) refuse(i int) error {
	p := w.books.Pending[i]
	p.State = Refused
	if err := put(w.cfg.Store, paymentKey+p.Ref, p); err != nil {
		return err
	}
	next := w.books
	next.Pending = slices.Delete(slices.Clone(next.Pending), i, i+1)
	return w.save(next)
}

// renew composes p anew, unless it has come to its end meanwhile.
func (w *Wallet) renew(ctx context.Context, p Payment) error {
	u, err := w.compose(ctx, p.Outputs, p.Unit.Messages[1:], p)
	if err != nil {
		return err
	}
	i := w.pending(p.Ref)
	if i < 0 {
		return nil
	}
	next := w.books
	next.Pending = slices.Clone(next.Pending)
	next.Pending[i].Unit = u
	return w.save(next)
}

// compose makes and signs a unit. If old has one already, refused, the new one spends what is left of its coins first.
func (w *Wallet) compose(ctx context.Context, outputs []unit.Output, msgs []unit.Message, old Payment) (*unit.Unit, error) {
	to := []byteball.Address{w.address}
	for _, o := range outputs {
		to = append(to, o.Address)
	}
	slices.Sort(to)
	anchor, err := w.cfg.Hub.Anchor(ctx, []byteball.Address{w.address}, slices.Compact(to))
	if err != nil {
		return nil, err
	}
	if err := w.sync(ctx); err != nil {
		return nil, err
	}
	var definition any
	if !w.disclosed(anchor.LastBallMCI) {
		definition = w.definition
		if w.cfg.Network.FirstUnitAlone && w.began(old) {
			return nil, byteball.Errorf(byteball.Transient, "first unit of %s is not stable yet, nothing can follow it before", w.address)
		}
	}
	d := newDraft(w.cfg.Network, anchor, outputs, msgs, w.address, definition, w.address)
	var again []unit.OutPoint
	if old.Unit != nil {
		again = spends(old.Unit)
	}
	coins := w.coins(old.Ref)
	least := sortCoins(coins, func(c Coin) bool { return slices.Contains(again, c.OutPoint) })
	u, err := d.pick(coins, least)
	if err != nil {
		return nil, err
	}
	if err := u.SignWith(w.address, "r", w.cfg.Key); err != nil {
		return nil, err
	}
	return u, u.Seal()
}

// began says whether a hub has a unit of the address, other than that of the payment old.
func (w *Wallet) began(old Payment) bool {
	for _, p := range w.books.Pending {
		if p.State == Posted && p.Ref != old.Ref {
			return true
		}
	}
	return slices.ContainsFunc(w.unstable, func(u *unit.Unit) bool {
		return wrote(u, w.address) && (old.Unit == nil || u.Unit != old.Unit.Unit)
	})
}

// disclosed says whether the ledger knows the definition of the address at main chain index mci. A first unit that is
// stable in the hub's eyes but not proven yet counts by the index the hub gives it.
func (w *Wallet) disclosed(mci uint64) bool {
	if w.books.First != nil {
		return *w.books.First <= mci
	}
	return slices.ContainsFunc(w.unstable, func(u *unit.Unit) bool {
		return wrote(u, w.address) && u.MainChainIndex != nil && *u.MainChainIndex <= mci
	})
}
