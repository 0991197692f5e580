package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// step asks once for all that is new and delivers it.
func (f *Follower) step(ctx context.Context, deliver Deliver) error {
	if !f.synced {
		if err := f.begin(ctx); err != nil {
			return err
		}
	}
	if err := f.catchUp(ctx, deliver); err != nil {
		return err
	}
	if change := f.c.keepOPs(ctx); change != nil {
		f.mu.Lock()
		f.ops = change.To
		f.mu.Unlock()
		f.Add(f.tip+1, change.To...)
	}
	return f.advance(ctx, deliver)
}

// begin finds the tip to start at and puts the order providers among what is to be caught up on.
func (f *Follower) begin(ctx context.Context) error {
	ops, err := f.c.OPs(ctx)
	if err != nil {
		return err
	}
	tip, anchor, err := f.c.newest(ctx, ops)
	if err != nil {
		return err
	}
	if tip+1 < f.from {
		return f.c.behind(fmt.Errorf("hub %s is at main chain index %d, behind the %d seen before (is it another ledger?): %w",
			f.c.Hub(), tip, f.from-1, byteball.Transient))
	}
	f.tip, f.anchor, f.synced = tip, anchor, true
	f.mu.Lock()
	f.ops = ops
	f.mu.Unlock()
	f.Add(f.from, ops...)
	return nil
}

// catchUp delivers what lies at or below the tip of the addresses that came new.
func (f *Follower) catchUp(ctx context.Context, deliver Deliver) error {
	f.mu.Lock()
	known, fresh := maps.Clone(f.known), f.fresh
	f.fresh = map[byteball.Address]uint64{}
	maps.Copy(f.known, fresh)
	f.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	f.c.Watch(slices.Sorted(maps.Keys(fresh))...)
	if len(known) == 0 {
		err := f.c.past(ctx, fresh, f.tip, f.anchor, func(tip uint64, units []unit.Proven) error {
			err := deliver(tip, units)
			for a := range fresh {
				fresh[a] = max(fresh[a], tip+1) // if it breaks off here
			}
			return err
		})
		if err != nil {
			f.putBack(fresh)
		}
		return err
	}
	var units []unit.Proven
	err := f.c.past(ctx, fresh, f.tip, f.anchor, func(_ uint64, part []unit.Proven) error {
		units = append(units, part...)
		return nil
	})
	if err != nil {
		f.putBack(fresh)
		return err
	}
	units = slices.DeleteFunc(units, func(p unit.Proven) bool { return touches(p.Unit, since(known, p.MCI)) })
	return deliver(f.tip, units)
}

// putBack makes addresses fresh again, but for those that were removed meanwhile.
func (f *Follower) putBack(fresh map[byteball.Address]uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for a, from := range fresh {
		if _, ok := f.known[a]; ok {
			delete(f.known, a)
			f.fresh[a] = from
		}
	}
}

// since tells for an address whether its units at mci are wanted.
func since(from map[byteball.Address]uint64, mci uint64) func(byteball.Address) bool {
	return func(a byteball.Address) bool {
		first, ok := from[a]
		return ok && first <= mci
	}
}

// advance asks for what came after the tip. One answer is complete up to its last proven unit; what it leaves out is
// still without proof.
func (f *Follower) advance(ctx context.Context, deliver Deliver) error {
	f.mu.Lock()
	known := maps.Clone(f.known)
	f.mu.Unlock()
	addresses := slices.Sorted(maps.Keys(known))
	if len(addresses) > maxAddresses {
		return f.leap(ctx, known, deliver)
	}
	h, err := f.c.once(ctx, query{Addresses: addresses, MinMCI: f.tip + 1})
	if tooLarge(err) {
		return f.leap(ctx, known, deliver)
	}
	if err != nil || len(h.Proven) == 0 {
		return err
	}
	last := h.Proven[len(h.Proven)-1]
	return f.move(last.MCI, last.Unit.Unit, h.Proven, known, deliver)
}

// leap advances in several requests: it fixes a new tip first and then collects everything up to it.
func (f *Follower) leap(ctx context.Context, known map[byteball.Address]uint64, deliver Deliver) error {
	ops, err := f.c.OPs(ctx)
	if err != nil {
		return err
	}
	tip, anchor, err := f.c.newest(ctx, ops)
	if err != nil || tip <= f.tip {
		return err
	}
	from := make(map[byteball.Address]uint64, len(known))
	for a := range known {
		from[a] = f.tip + 1
	}
	return f.c.past(ctx, from, tip, anchor, func(to uint64, units []unit.Proven) error {
		at := f.anchor
		if to == tip {
			at = anchor
		} else if len(units) > 0 {
			at = units[len(units)-1].Unit.Unit
		}
		return f.move(to, at, units, known, deliver)
	})
}

// move delivers a batch and makes tip the new tip.
func (f *Follower) move(tip uint64, anchor byteball.Hash, units []unit.Proven, known map[byteball.Address]uint64, deliver Deliver) error {
	units = slices.DeleteFunc(units, func(p unit.Proven) bool { return p.MCI <= f.tip || !touches(p.Unit, since(known, p.MCI)) })
	if err := deliver(tip, units); err != nil {
		return err
	}
	f.tip, f.anchor = tip, anchor
	return nil
}
