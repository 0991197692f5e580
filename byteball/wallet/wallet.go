// Package wallet keeps keys and money: the mnemonic and the keys that follow from it, the coins of an address as a verified
// history shows them, and payments that happen at most once, whatever breaks in between.
//
// Left out: assets other than bytes, addresses of several keys, devices. The roles of a market and the command line pay
// with it; channels take keys from it and compose their own units.
package wallet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Hub is what a wallet needs of the ledger; *hub.Client has it.
type Hub interface {
	Anchor(ctx context.Context, from, outputs []byteball.Address) (unit.Anchor, error)
	Post(ctx context.Context, u *unit.Unit) error // an error with a method Refused() string is a definite no
	History(ctx context.Context, addresses []byteball.Address, known []byteball.Hash, minMCI uint64) ([]unit.Proven, []*unit.Unit, error)
}

// Config is what a Wallet is made of; all but Log must be given.
type Config struct {
	Network byteball.Network
	Hub     Hub
	Store   Store
	Key     unit.Signer  // of the one address, usually Seed.Key(AddressPath(0, 0)...)
	Log     *slog.Logger // nil means discard
}

// Wallet holds the money of one address and pays from it. Money that comes in counts once it is proven stable; own
// change may be spent at once. It is safe for concurrent use.
type Wallet struct {
	cfg        Config
	address    byteball.Address
	definition any

	busy chan struct{} // capacity 1: held by whoever uses what follows; a channel, so that a context ends the wait

	books    books
	unstable []*unit.Unit // of the last answer of the hub
}

// New opens the wallet of cfg.Key in cfg.Store. It asks the hub for nothing yet.
// Errors: Invalid for damaged, newer or foreign books; those of the store.
func New(cfg Config) (*Wallet, error) {
	if cfg.Hub == nil || cfg.Store == nil || cfg.Key == nil || cfg.Network.Version == "" {
		return nil, byteball.Errorf(byteball.Invalid, "wallet needs a network, a hub, a store and a key")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	definition := Definition(cfg.Key)
	address, err := chash.Of(definition)
	if err != nil {
		return nil, err
	}
	b, err := load(cfg.Store, address)
	if err != nil {
		return nil, err
	}
	return &Wallet{cfg: cfg, address: address, definition: definition, busy: make(chan struct{}, 1), books: b}, nil
}

// Address is where the wallet is paid, and where its change goes.
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

// Balance is a wallet's money by how sure it is.
type Balance struct {
	Stable   byteball.Bytes // proven, and spent by no own payment on its way
	Change   byteball.Bytes // own change on its way; can be spent
	Arriving byteball.Bytes // from others, not stable yet: the hub's word; cannot be spent
}

// Balance asks the hub what is new and adds up. Errors: those of the hub and the store.
func (w *Wallet) Balance(ctx context.Context) (Balance, error) {
	if err := w.lock(ctx); err != nil {
		return Balance{}, err
	}
	defer w.unlock()
	if err := w.sync(ctx); err != nil {
		return Balance{}, err
	}
	var b Balance
	for _, c := range w.coins("") {
		if c.Stable {
			b.Stable += c.Amount
		} else {
			b.Change += c.Amount
		}
	}
	for _, u := range w.unstable {
		if wrote(u, w.address) {
			continue
		}
		for _, c := range pays(u, w.address, false) {
			sum, err := byteball.Add(b.Arriving, c.Amount)
			if err != nil {
				return Balance{}, err
			}
			b.Arriving = sum
		}
	}
	return b, nil
}

// Payment returns the payment called ref as the books have it; Settle and Pay bring them up to date. Error: NotFound.
func (w *Wallet) Payment(ctx context.Context, ref string) (Payment, error) {
	if err := w.lock(ctx); err != nil {
		return Payment{}, err
	}
	defer w.unlock()
	return w.payment(ref)
}

func (w *Wallet) payment(ref string) (Payment, error) {
	if i := w.pending(ref); i >= 0 {
		return w.books.Pending[i], nil
	}
	return finished(w.cfg.Store, ref)
}

func (w *Wallet) pending(ref string) int {
	return slices.IndexFunc(w.books.Pending, func(p Payment) bool { return p.Ref == ref })
}

// sync reads what is new on the ledger into the books. Finished payments are stored before the books that forget them.
func (w *Wallet) sync(ctx context.Context) error {
	proven, unstable, err := w.cfg.Hub.History(ctx, []byteball.Address{w.address}, nil, w.books.Next)
	if err != nil {
		return err
	}
	w.unstable = slices.DeleteFunc(slices.Clone(unstable), func(u *unit.Unit) bool { return wrote(u, w.address) && !w.signed(u) })
	if len(proven) == 0 {
		return nil
	}
	next := w.books
	next.Coins, next.Pending = slices.Clone(next.Coins), slices.Clone(next.Pending)
	var done []Payment
	for _, p := range proven {
		if p.MCI < w.books.Next {
			return byteball.Errorf(byteball.Invalid, "hub gave a unit of main chain index %d, asked from %d", p.MCI, w.books.Next)
		}
		done = append(done, next.apply(p)...)
	}
	for _, p := range done {
		if err := put(w.cfg.Store, paymentKey+p.Ref, p); err != nil {
			return err
		}
		w.cfg.Log.Info("payment "+p.State.String(), "ref", p.Ref, "unit", p.Unit.Unit, "mci", p.MCI)
	}
	return w.save(next)
}

// signed says whether u carries a signature of the wallet's key: a hub cannot block coins by inventing units.
func (w *Wallet) signed(u *unit.Unit) bool {
	hash, err := u.HashToSign()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool {
		return a.Address == w.address && unit.VerifySig(hash, a.Authentifiers["r"], w.cfg.Key.PublicKey())
	})
}

// save makes b the books, on disk first.
func (w *Wallet) save(b books) error {
	if err := put(w.cfg.Store, booksKey, b); err != nil {
		return err
	}
	w.books = b
	return nil
}

// coins returns what can be spent: proven outputs and the change of posted payments, without what is spent already by
// own units, be they of this wallet or of another copy of it. The pending payment except counts as not made.
func (w *Wallet) coins(except string) []Coin {
	coins := slices.Clone(w.books.Coins)
	spent := map[unit.OutPoint]bool{}
	for _, p := range w.books.Pending {
		if p.Ref == except {
			continue
		}
		if p.State == Posted {
			coins = append(coins, pays(p.Unit, w.address, false)...)
		}
		for _, o := range spends(p.Unit) {
			spent[o] = true
		}
	}
	for _, u := range w.unstable {
		if wrote(u, w.address) {
			for _, o := range spends(u) {
				spent[o] = true
			}
		}
	}
	return slices.DeleteFunc(coins, func(c Coin) bool { return spent[c.OutPoint] })
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

// Wait settles until the payment called ref is final. Errors: Stale if it was double-spent; NotFound; that of ctx, with
// how far the payment is.
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

// over words why a payment will not happen.
func over(p Payment) error {
	if p.State == Refused {
		return byteball.Errorf(byteball.Invalid, "payment %q, unit %s, was refused", p.Ref, p.Unit.Unit)
	}
	return byteball.Errorf(byteball.Stale, "payment %q, unit %s, was double-spent: its coins went elsewhere", p.Ref, p.Unit.Unit)
}
