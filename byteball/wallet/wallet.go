// Package wallet keeps keys and money: the mnemonic and the keys that follow from it, the coins of its addresses as a
// verified history shows them, and payments that happen at most once, whatever breaks in between.
//
// A wallet has one address (Config.Key), or as many as its owner asks for (Config.Keys): receiving addresses
// m/44'/0'/0'/0/i and change addresses m/44'/0'/0'/1/i. Scan finds the used ones again from the words alone. A payment
// spends the coins of one address where that suffices, else of several. All that is known is in books, one record of the
// Store: after a crash they are whole, and a unit is in them before a hub sees it.
//
// A payment has a reference. Under one reference at most one unit ever counts: a unit that is composed anew, since a hub
// refused the one before, always has a coin in common with every earlier one that could still count; only a unit that the
// order providers have proven dead is replaced by one of other coins. Another copy of the wallet, of the same words, may
// spend at the same time: its units are taken into the books as soon as a hub shows them.
//
// A Proposal spends from an address of several keys, signed by its holders one after the other.
//
// Left out: assets other than bytes, devices (package device). The roles of a market and the command line pay with it;
// channels take keys from it and compose their own units.
package wallet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Hub is what a wallet needs of the ledger; *hub.Client has it.
type Hub interface {
	Anchor(ctx context.Context, from, outputs []byteball.Address) (unit.Anchor, error)
	Post(ctx context.Context, u *unit.Unit) error // an error with a method Refused() string is a definite no
	History(ctx context.Context, addresses []byteball.Address, known []byteball.Hash, minMCI uint64) ([]unit.Proven, []*unit.Unit, error)
}

// Config is what a Wallet is made of: a network, a hub, a store, and either Key or Keys.
type Config struct {
	Network     byteball.Network
	Hub         Hub
	Store       Store
	Key         unit.Signer                                     // of the one address, usually Seed.Key(AddressPath(0, 0)...)
	Keys        func(change, index uint32) (unit.Signer, error) // of many addresses, usually Seed.Keys; the same key each time
	FreshChange bool                                            // with Keys: each payment's change goes to a new address, not back to where it came from
	Retry       time.Duration                                   // pause before a refused payment is composed anew, longer each time; 0 means 200 ms
	Log         *slog.Logger                                    // nil means discard
}

// Wallet holds money and pays. Money that comes in counts once it is proven stable; outputs of own payments to own
// addresses may be spent at once. It is safe for concurrent use.
type Wallet struct {
	cfg     Config
	address byteball.Address // the first

	busy chan struct{} // capacity 1: held by whoever uses what follows; a channel, so that a context ends the wait

	books    books
	keys     map[byteball.Address]unit.Signer // of the books' entries
	unstable []*unit.Unit                     // of the last answer of the hub
}

// New opens the wallet of cfg in cfg.Store. It asks the hub for nothing yet.
// Errors: Invalid for damaged, newer or foreign books; those of the keys and the store.
func New(cfg Config) (*Wallet, error) {
	if cfg.Hub == nil || cfg.Store == nil || (cfg.Key == nil) == (cfg.Keys == nil) || cfg.Network.Version == "" {
		return nil, byteball.Errorf(byteball.Invalid, "wallet needs a network, a hub, a store, and a key or a source of keys")
	}
	if cfg.Retry <= 0 {
		cfg.Retry = 200 * time.Millisecond
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	w := &Wallet{cfg: cfg, busy: make(chan struct{}, 1), keys: map[byteball.Address]unit.Signer{}}
	first, err := w.derive(0, 0)
	if err != nil {
		return nil, err
	}
	w.address = first.Address
	if w.books, err = load(cfg.Store, first); err != nil {
		return nil, err
	}
	for _, e := range w.books.Entries {
		if err := w.owns(e); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Address is the wallet's first address, m/44'/0'/0'/0/0 of a wallet with many. It always can be paid to.
func (w *Wallet) Address() byteball.Address { return w.address }

// lock waits for the books.
func (w *Wallet) lock(ctx context.Context) error {
	select {
	case w.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Wallet) unlock() { <-w.busy }

// Payment returns the payment called ref as the books have it; Settle and Pay bring them up to date. Error: NotFound.
func (w *Wallet) Payment(ctx context.Context, ref string) (Payment, error) {
	if err := w.lock(ctx); err != nil {
		return Payment{}, err
	}
	defer w.unlock()
	return w.payment(ref)
}

func (w *Wallet) payment(ref string) (Payment, error) {
	for _, p := range slices.Concat(w.books.Pending, w.books.Closed) {
		if p.Ref == ref {
			return p, nil
		}
	}
	return finished(w.cfg.Store, ref)
}

// Pending returns the payments that the books do not hold for final: Prepared and Posted ones, in the order they were made.
// They are shared with the books: to be read only.
func (w *Wallet) Pending(ctx context.Context) ([]Payment, error) {
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	defer w.unlock()
	return slices.Clone(w.books.Pending), nil
}

func (w *Wallet) pending(ref string) int {
	return slices.IndexFunc(w.books.Pending, func(p Payment) bool { return p.Ref == ref })
}

// save makes b the books, on disk first.
func (w *Wallet) save(b books) error {
	if err := put(w.cfg.Store, booksKey, b); err != nil {
		return err
	}
	w.books = b
	return nil
}

// Settle brings the books up to date once: it reads what is new and hands the hub again what is not stable yet.
// Errors: those of the hub and the store; a payment that the hub refuses is only logged.
func (w *Wallet) Settle(ctx context.Context) error {
	if err := w.lock(ctx); err != nil {
		return err
	}
	defer w.unlock()
	if err := w.sync(ctx); err != nil {
		return err
	}
	for _, p := range slices.Clone(w.books.Pending) {
		if _, err := w.push(ctx, p.Ref); err != nil {
			if errors.Is(err, context.Canceled) {
				return err
			}
			w.cfg.Log.Warn("payment not taken", "ref", p.Ref, "err", err)
		}
	}
	return nil
}

// Run settles every interval until ctx is over.
func (w *Wallet) Run(ctx context.Context, interval time.Duration) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := w.Settle(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("wallet not up to date", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Wait settles until the payment called ref is final. Errors: Stale if it was double-spent; Invalid if hubs refuse it;
// NotFound; that of ctx, with how far the payment is.
func (w *Wallet) Wait(ctx context.Context, ref string) (Payment, error) {
	p := Payment{Ref: ref}
	for {
		now, err := w.Payment(ctx, ref)
		switch {
		case ctx.Err() != nil:
			return p, fmt.Errorf("payment %q is %s, not yet stable: %w", ref, p.State, ctx.Err())
		case err != nil || now.State == Stable:
			return now, err
		case now.State == DoubleSpent || now.State == Refused:
			return now, over(now)
		}
		p = now
		select {
		case <-ctx.Done():
		case <-time.After(150 * time.Millisecond):
			err = w.Settle(ctx)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, byteball.Transient) {
			return p, err
		}
	}
}

// over words why a payment has not happened.
func over(p Payment) error {
	if p.State == Refused {
		return byteball.Errorf(byteball.Invalid, "payment %q, unit %s, was refused", p.Ref, p.Unit.Unit)
	}
	return byteball.Errorf(byteball.Stale, "payment %q, unit %s, was double-spent: its coins went elsewhere; paying again under this reference takes others",
		p.Ref, p.Unit.Unit)
}
