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

// Order says what a payment does.
type Order struct {
	Outputs  []unit.Output
	Messages []unit.Message     // that the unit carries, payments aside, any app
	From     []byteball.Address // whose coins may be spent; empty means all addresses of the wallet
	Change   byteball.Address   // where the rest goes; empty means the wallet's choice (Config.FreshChange)

	exact []unit.OutPoint // spend these and no others
}

// Pay is Send of outputs and messages from whatever addresses of the wallet.
func (w *Wallet) Pay(ctx context.Context, ref string, outputs []unit.Output, msgs []unit.Message) (*unit.Unit, error) {
	return w.Send(ctx, ref, Order{Outputs: outputs, Messages: msgs})
}

// Send pays, and returns the unit once a hub has it. ref names the payment: Send with a ref that was used before makes no
// second payment, whatever o says, but returns the unit of the first and sees that the hub has it, also after a crash, a
// restart or a lost answer. The unit is on disk before it is sent. If a unit comes with an error, whatever its kind, the
// payment is pending and may still happen, by that unit or one composed anew: Settle goes on with it, Send with the same ref
// asks for it. Without a unit it will not, unless a hub lied that found it Invalid. Only a payment that was proven double-spent
// is made anew, from other coins, when it is asked for again.
// It spends the coins of one address where that suffices, else of as few as do, each of which is an author.
// Errors: Funds, saying how much is missing; Transient if the hub is away or fees are too high for the moment; Stale if
// the payment was double-spent, or is in the hub's eyes; Invalid.
func (w *Wallet) Send(ctx context.Context, ref string, o Order) (*unit.Unit, error) {
	if ref == "" || len(ref) > maxRef {
		return nil, byteball.Errorf(byteball.Invalid, "reference of %d characters, 1 to %d", len(ref), maxRef)
	}
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	defer w.unlock()
	for try := 1; ; try++ {
		u, err := w.send(ctx, ref, o)
		// One that no hub had taken and that is dead by now: nobody was told of its unit.
		if p, perr := w.payment(ref); perr != nil || p.State != DoubleSpent || try == tries || !errors.Is(err, errNeverPosted) {
			if err == nil {
				return u, nil
			}
			if i := w.pending(ref); i >= 0 {
				return w.books.Pending[i].Unit, err
			}
			return nil, err
		}
	}
}

// errNeverPosted marks the end of a payment whose unit no hub had taken.
var errNeverPosted = errors.New("coins went elsewhere before it was posted")

func (w *Wallet) send(ctx context.Context, ref string, o Order) (*unit.Unit, error) {
	old, err := w.payment(ref)
	switch {
	case err == nil && (old.State == Prepared || old.State == Posted):
		if err := w.sync(ctx); err != nil {
			return nil, err
		}
		now, err := w.payment(ref)
		if err != nil || old.State == Posted || now.State != DoubleSpent {
			return w.push(ctx, ref)
		}
		old = now // nobody was told of its unit
	case err == nil && old.State == Stable:
		return old.Unit, nil
	case err != nil && !errors.Is(err, byteball.NotFound):
		return nil, err
	}
	u, err := w.compose(ctx, o, old)
	if err != nil {
		return nil, err
	}
	if now, err := w.payment(ref); err == nil {
		if now.State != old.State { // it came to life or to its end meanwhile
			return w.push(ctx, ref)
		}
		old = now
	}
	next := w.books.clone()
	next.Closed = slices.DeleteFunc(next.Closed, func(p Payment) bool { return p.Ref == ref })
	next.Pending = append(next.Pending, Payment{Ref: ref, Unit: u, Outputs: o.Outputs, From: o.From, Change: o.Change,
		All: o.exact != nil, Tried: old.live(w.books.exists())})
	if err := w.save(next); err != nil {
		return nil, err
	}
	return w.push(ctx, ref)
}

// push hands the pending payment ref to the hub. One that no hub has taken yet is composed anew where the hub refuses it:
// parents grow old, fees rise, and a unit that does not include the one before it is taken for a double spend.
func (w *Wallet) push(ctx context.Context, ref string) (*unit.Unit, error) {
	before := Posted
	for try := 1; ; try++ {
		i := w.pending(ref)
		if i < 0 { // ended meanwhile
			p, err := w.payment(ref)
			if err == nil && p.State != Stable {
				err = over(p)
				if before == Prepared {
					err = errors.Join(err, errNeverPosted)
				}
			}
			return p.Unit, err
		}
		p := w.books.Pending[i]
		before = p.State
		err := w.cfg.Hub.Post(ctx, p.Unit)
		if err == nil {
			return p.Unit, w.posted(i)
		}
		var no interface{ Refused() string }
		if p.State == Posted || !errors.As(err, &no) {
			return nil, err
		}
		if errors.Is(err, byteball.Invalid) && try > 1 {
			return nil, errors.Join(err, w.refuse(i))
		}
		if try == tries {
			return nil, err
		}
		w.cfg.Log.Debug("payment composed anew", "ref", ref, "why", err)
		if err := pause(ctx, time.Duration(try)*w.cfg.Retry); err != nil {
			return nil, err
		}
		if err := w.renew(ctx, p); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// posted notes that a hub has payment i.
func (w *Wallet) posted(i int) error {
	if w.books.Pending[i].State == Posted {
		return nil
	}
	next := w.books.clone()
	next.Pending[i].State = Posted
	return w.save(next)
}

// refuse gives payment i up for the moment and frees its coins. Should the hub have lied, the books still know its units.
func (w *Wallet) refuse(i int) error {
	next := w.books.clone()
	p := next.Pending[i]
	p.State = Refused
	next.Pending = slices.Delete(next.Pending, i, i+1)
	next.Closed = append(next.Closed, p)
	return w.save(next)
}

// renew composes p anew, unless it has come to its end meanwhile or a hub turns out to have it.
func (w *Wallet) renew(ctx context.Context, p Payment) error {
	o := Order{Outputs: p.Outputs, Messages: p.Unit.Messages[1:], From: p.From, Change: p.Change}
	if p.All {
		o.exact = spends(p.Unit)
	}
	u, err := w.compose(ctx, o, p)
	i := w.pending(p.Ref)
	if i < 0 || w.books.Pending[i].State == Posted {
		return nil
	}
	if err != nil {
		return err
	}
	next := w.books.clone()
	q := &next.Pending[i]
	q.Tried, q.Unit = q.live(w.books.exists()), u
	return w.save(next)
}

// compose makes and signs a unit. Of the units that old has already and that could still count it spends a coin each.
func (w *Wallet) compose(ctx context.Context, o Order, old Payment) (*unit.Unit, error) {
	if err := w.sync(ctx); err != nil {
		return nil, err
	}
	var want byteball.Bytes
	for _, out := range o.Outputs {
		var err error
		if want, err = byteball.Add(want, out.Amount); err != nil {
			return nil, err
		}
	}
	coins, must, err := w.choice(o, old)
	if err != nil {
		return nil, err
	}
	sets := plans(coins, must, want)
	if len(sets) == 0 {
		payer := w.address
		if len(o.From) > 0 {
			payer = o.From[0]
		}
		if !w.books.own(payer) {
			return nil, byteball.Errorf(byteball.Invalid, "%s is no address of this wallet", payer)
		}
		sets = [][]byteball.Address{{payer}}
	}
	for i, payers := range sets {
		u, err := w.draw(ctx, o, old, payers)
		if i+1 < len(sets) && errors.Is(err, byteball.Funds) {
			continue
		}
		return u, err
	}
	return nil, nil // not reached: there is a set
}

// choice lists the coins that o may spend, and those it has to.
func (w *Wallet) choice(o Order, old Payment) (coins []Coin, must []unit.OutPoint, err error) {
	all := w.coins(old.Ref)
	for _, t := range old.live(w.books.exists()) {
		in := func(c Coin) bool { return slices.Contains(t.Spends, c.OutPoint) }
		if slices.ContainsFunc(all, func(c Coin) bool { return in(c) && slices.Contains(must, c.OutPoint) }) {
			continue
		}
		i := slices.IndexFunc(all, in)
		if i < 0 {
			return nil, nil, byteball.Errorf(byteball.Transient, "payment %q: unit %s was refused but could still count, and other payments use its coins: wait until they are stable",
				old.Ref, t.Unit)
		}
		must = append(must, all[i].OutPoint)
	}
	for _, c := range all {
		switch {
		case slices.Contains(must, c.OutPoint):
		case o.exact != nil && !slices.Contains(o.exact, c.OutPoint):
			continue
		case len(o.From) > 0 && !slices.Contains(o.From, c.Address):
			continue
		}
		coins = append(coins, c)
	}
	if o.exact != nil {
		must = nil
		for _, c := range coins {
			must = append(must, c.OutPoint)
		}
	}
	return coins, must, nil
}

// draw composes a unit of payers, with the change and signatures it needs.
func (w *Wallet) draw(ctx context.Context, o Order, old Payment, payers []byteball.Address) (*unit.Unit, error) {
	change := o.Change
	if change == "" {
		var err error
		if change, err = w.changeTo(payers); err != nil {
			return nil, err
		}
	}
	payers = slices.Sorted(slices.Values(payers))
	to := []byteball.Address{change}
	for _, out := range o.Outputs {
		to = append(to, out.Address)
	}
	slices.Sort(to)
	anchor, err := w.cfg.Hub.Anchor(ctx, payers, slices.Compact(to))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(payers, func(a byteball.Address) bool { return w.books.entry(a).First == nil }) {
		// Its first unit may have become stable between the answers; the definition is shown once.
		if err := w.sync(ctx); err != nil {
			return nil, err
		}
	}
	coins, must, err := w.choice(o, old)
	if err != nil {
		return nil, err
	}
	d := &draft{net: w.cfg.Network, anchor: anchor, outputs: o.Outputs, msgs: o.Messages, change: change}
	for _, a := range payers {
		var definition any
		if !w.disclosed(a, anchor.LastBallMCI) {
			definition = Definition(w.keys[a])
			if w.cfg.Network.FirstUnitAlone && w.began(a, old) {
				return nil, byteball.Errorf(byteball.Transient, "first unit of %s lies not before the last ball yet, nothing can follow it on network %s", a, w.cfg.Network.Name)
			}
		}
		d.authors = append(d.authors, keyAuthor(a, definition))
	}
	u, err := d.pick(order(of(coins, payers), must))
	if err != nil {
		return nil, err
	}
	for _, a := range payers {
		if err := u.SignWith(a, "r", w.keys[a]); err != nil {
			return nil, err
		}
	}
	return u, u.Seal()
}

// began says whether an own address that the ledger does not know yet has written a unit, other than those of old.
func (w *Wallet) began(address byteball.Address, old Payment) bool {
	by := func(u *unit.Unit) bool { return wrote(u, address) && !old.has(u.Unit) }
	return w.books.entry(address).First != nil || slices.ContainsFunc(w.unstable, by) ||
		slices.ContainsFunc(w.books.Pending, func(p Payment) bool { return p.State == Posted && by(p.Unit) })
}

// disclosed says whether the ledger knows the definition of an own address at main chain index mci. A first unit that is
// stable in the hub's eyes but not proven yet counts by the index the hub gives it.
func (w *Wallet) disclosed(address byteball.Address, mci uint64) bool {
	if first := w.books.entry(address).First; first != nil {
		return *first <= mci
	}
	return slices.ContainsFunc(w.unstable, func(u *unit.Unit) bool {
		return wrote(u, address) && u.MainChainIndex != nil && *u.MainChainIndex <= mci
	})
}
