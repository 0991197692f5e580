package wallet

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// What a unit's parts weigh, in bytes, a little more than they do: a sweep stays below the size at which oversize fees begin.
const (
	sweepBase   = 700
	sweepInput  = 90
	sweepAuthor = 350
	sweepSteps  = 10_000 // units of one sweep at most
)

// Swept is what a sweep did.
type Swept struct {
	Units  []*unit.Unit   // in the order they were posted; only the last pays the target
	Amount byteball.Bytes // that the target gets
	Fees   byteball.Bytes // of all units
}

// Sweep sends all that can be spent, of the addresses from or of the whole wallet, to target, and leaves exactly nothing of
// it: what the target does not get is fees. Many coins take several units: all but the last gather coins on an own
// address, the small ones with the largest, so that each is worth its fees. To an own address as target it tidies up: one
// coin remains. What is held or arriving (Balance) stays. ref names the sweep: the same ref goes on with it after any
// failure and does not begin another.
// Errors: Funds if all coins are not worth their fees; NotFound if there are none; those of Send, of the unit it got to.
func (w *Wallet) Sweep(ctx context.Context, ref string, target byteball.Address, from ...byteball.Address) (Swept, error) {
	var s Swept
	last := ref + "#all"
	for n := 1; n <= sweepSteps; n++ {
		step, o := fmt.Sprintf("%s#%d", ref, n), Order{}
		if !w.alive(ctx, step) {
			var err error
			if w.alive(ctx, last) {
				step = last
			} else if step, o, err = w.next(ctx, step, last, target, from); err != nil {
				return s, err
			}
		}
		u, err := w.Send(ctx, step, o)
		if err != nil {
			return s, fmt.Errorf("sweep, unit %d: %w", n, err)
		}
		fees, err := unit.Fees(u)
		if err != nil {
			return s, err
		}
		s.Units, s.Fees = append(s.Units, u), s.Fees+fees
		if step != last {
			continue
		}
		for _, c := range pays(u, func(a byteball.Address) bool { return a == target }) {
			s.Amount += c.Amount
		}
		return s, nil
	}
	return s, byteball.Errorf(byteball.Invalid, "sweep of more than %d units", sweepSteps)
}

// alive says whether ref is a payment that was or may yet be made.
func (w *Wallet) alive(ctx context.Context, ref string) bool {
	p, err := w.Payment(ctx, ref)
	return err == nil && p.State != DoubleSpent && p.State != Refused
}

// next chooses what the next unit of a sweep spends, and whether it is the last.
func (w *Wallet) next(ctx context.Context, step, last string, target byteball.Address, from []byteball.Address) (string, Order, error) {
	if err := w.lock(ctx); err != nil {
		return "", Order{}, err
	}
	defer w.unlock()
	if err := w.sync(ctx); err != nil {
		return "", Order{}, err
	}
	coins := w.coins("")
	if len(from) > 0 {
		coins = of(coins, from)
	}
	if len(coins) == 0 {
		return "", Order{}, byteball.Errorf(byteball.NotFound, "there is nothing to sweep: no coins that can be spent")
	}
	some := gather(coins)
	o := Order{Change: some[0].Address}
	if len(some) == len(coins) {
		step, o.Change = last, target
	}
	for _, c := range some {
		o.exact = append(o.exact, c.OutPoint)
	}
	return step, o, nil
}

// gather takes the largest coin, and with it of the smallest as many as one unit may spend without an oversize fee, those
// of the same address first. It takes all if they fit.
func gather(coins []Coin) []Coin {
	head := slices.MaxFunc(coins, func(a, b Coin) int {
		return cmp.Or(cmp.Compare(a.Amount, b.Amount), cmp.Compare(b.Unit, a.Unit), cmp.Compare(b.MessageIndex, a.MessageIndex), cmp.Compare(b.OutputIndex, a.OutputIndex))
	})
	near := func(c Coin) int {
		switch {
		case c.OutPoint == head.OutPoint:
			return 0
		case c.Address == head.Address:
			return 1
		}
		return 2
	}
	sorted := slices.Clone(coins)
	slices.SortStableFunc(sorted, func(a, b Coin) int {
		return cmp.Or(cmp.Compare(near(a), near(b)), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Amount, b.Amount))
	})
	size, authors := sweepBase, map[byteball.Address]bool{}
	for i, c := range sorted {
		size += sweepInput
		if !authors[c.Address] {
			authors[c.Address] = true
			size += sweepAuthor
		}
		if size > unit.ThresholdSize || len(authors) > unit.MaxAuthors || i == unit.MaxInputs {
			return sorted[:i]
		}
	}
	return sorted
}
