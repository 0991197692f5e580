package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// FollowConfig says what to follow from where.
type FollowConfig struct {
	From      uint64             // first main chain index that is wanted: 0 for everything, tip+1 to go on after a tip
	Addresses []byteball.Address // beside the order providers, who are always followed: their units carry the chain on
	Poll      time.Duration      // the hub is asked at least so often; 0 means 1 s
}

// Follower delivers the proven units of a changing set of addresses in the order of the main chain.
type Follower struct {
	c    *Client
	from uint64
	poll time.Duration
	wake chan struct{} // capacity 1: a wake is not counted

	mu    sync.Mutex
	fresh map[byteball.Address]uint64 // to be caught up on, with the first index that is wanted
	known map[byteball.Address]uint64 // delivered up to tip
	ops   []byteball.Address          // always among them, once begun

	// of Run's goroutine
	tip    uint64
	anchor byteball.Hash // a proven unit at tip: a hub that cannot prove it is behind
	synced bool
}

// Follow makes a Follower. Nothing happens before Run.
func (c *Client) Follow(cfg FollowConfig) *Follower {
	f := &Follower{c: c, from: cfg.From, poll: cfg.Poll, wake: make(chan struct{}, 1),
		fresh: map[byteball.Address]uint64{}, known: map[byteball.Address]uint64{}}
	if f.poll <= 0 {
		f.poll = time.Second
	}
	for _, a := range cfg.Addresses {
		f.fresh[a] = cfg.From
	}
	return f
}

// Add follows further addresses; their units from main chain index from on are delivered with the next batch, also those
// below its tip. An address that is followed already stays as it is. Add may be called at any time, also by deliver.
func (f *Follower) Add(from uint64, addresses ...byteball.Address) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range addresses {
		if _, ok := f.known[a]; ok {
			continue
		}
		if old, ok := f.fresh[a]; !ok || from < old {
			f.fresh[a] = from
		}
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Remove forgets addresses, but for the order providers. One that is added again later is delivered again.
func (f *Follower) Remove(addresses ...byteball.Address) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range addresses {
		if !slices.Contains(f.ops, a) {
			delete(f.fresh, a)
			delete(f.known, a)
		}
	}
}

// Deliver takes the units of one batch, in the order of the main chain. With it everything up to main chain index tip
// has been delivered of all addresses that were followed when the batch was asked for. Units may be empty.
type Deliver = func(tip uint64, units []unit.Proven) error

// Run follows until ctx is over or deliver fails, and returns that error. Each unit comes exactly once for as long as Run
// runs; a caller that stores tip together with what it made of the units, and begins at tip+1 the next time, sees each
// once for ever. A hub that is away, behind or lying is waited for or replaced; the log says so. Run is called once.
func (f *Follower) Run(ctx context.Context, deliver Deliver) error {
	f.c.mu.Lock()
	f.c.wakes[f.wake] = true
	f.c.mu.Unlock()
	defer func() {
		f.c.mu.Lock()
		delete(f.c.wakes, f.wake)
		f.c.mu.Unlock()
	}()
	var refused error
	guarded := func(tip uint64, units []unit.Proven) error {
		refused = deliver(tip, units)
		return refused
	}
	quiet := false
	for {
		err := f.step(ctx, guarded)
		switch {
		case refused != nil:
			return refused
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !quiet:
			f.c.cfg.Log.Warn("ledger not followed for the moment", "tip", f.tip, "err", err)
		case err == nil && quiet:
			f.c.cfg.Log.Info("ledger followed again", "tip", f.tip)
		}
		quiet = err != nil
		if err := f.pause(ctx, err != nil); err != nil {
			return err
		}
	}
}

// pause waits for news, at most a poll interval and at least a tenth of one; after a failure for the whole interval.
func (f *Follower) pause(ctx context.Context, failed bool) error {
	least, most := time.NewTimer(f.poll/10), time.NewTimer(f.poll)
	defer least.Stop()
	defer most.Stop()
	wake := f.wake
	if failed {
		wake = nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-most.C:
		return nil
	case <-wake:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-least.C:
		return nil
	}
}

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
	return f.advance(ctx, deliver)
}

// begin finds the tip to start at and puts the order providers among what is to be caught up on.
func (f *Follower) begin(ctx context.Context) error {
	ops, err := f.c.OPs(ctx)
	if err != nil {
		return err
	}
	tip, anchor, err := f.newest(ctx, ops)
	if err != nil {
		return err
	}
	if tip+1 < f.from {
		return fmt.Errorf("hub %s is at main chain index %d, behind the %d seen before (is it another ledger?): %w",
			f.c.Hub(), tip, f.from-1, byteball.Transient)
	}
	f.tip, f.anchor, f.synced = tip, anchor, true
	f.mu.Lock()
	f.ops = ops
	f.mu.Unlock()
	f.Add(f.from, ops...)
	return nil
}

// newest returns the highest main chain index that the hub can prove, and a unit there.
func (f *Follower) newest(ctx context.Context, ops []byteball.Address) (uint64, byteball.Hash, error) {
	last, err := f.c.LastMCI(ctx)
	if err != nil {
		return 0, "", err
	}
	for span := uint64(16); ; span *= 2 {
		low := last - min(span, last)
		h, err := f.c.once(ctx, query{Addresses: ops, MinMCI: low})
		if err != nil {
			return 0, "", err
		}
		if n := len(h.Proven); n > 0 {
			return h.Proven[n-1].MCI, h.Proven[n-1].Unit.Unit, nil
		}
		if low == 0 {
			return 0, "", fmt.Errorf("hub %s can prove no unit yet: %w", f.c.Hub(), byteball.Transient)
		}
	}
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
	f.c.watch(slices.Sorted(maps.Keys(fresh)))
	units, err := f.past(ctx, fresh, f.tip, f.anchor)
	if err != nil {
		f.putBack(fresh)
		return err
	}
	units = slices.DeleteFunc(units, func(p unit.Proven) bool {
		return touches(p.Unit, since(known, p.MCI)) || !touches(p.Unit, since(fresh, p.MCI))
	})
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

// past returns all proven units of addresses from their first index up to tip, from a hub that can prove anchor, a unit
// there.
func (f *Follower) past(ctx context.Context, from map[byteball.Address]uint64, tip uint64, anchor byteball.Hash) ([]unit.Proven, error) {
	groups := map[uint64][]byteball.Address{}
	for a, first := range from {
		if first <= tip {
			groups[first] = append(groups[first], a)
		}
	}
	var all History
	for _, first := range slices.Sorted(maps.Keys(groups)) {
		addresses := groups[first]
		slices.Sort(addresses)
		h, err := f.c.collect(ctx, query{Addresses: addresses, Units: []byteball.Hash{anchor}, MinMCI: first})
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(h.Proven, func(p unit.Proven) bool { return p.Unit.Unit == anchor }) {
			return nil, fmt.Errorf("hub %s cannot prove unit %s, seen before at main chain index %d; it is behind: %w",
				f.c.Hub(), anchor, tip, byteball.Transient)
		}
		all = merge(all, h)
	}
	return slices.DeleteFunc(all.Proven, func(p unit.Proven) bool { return p.MCI > tip }), nil
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
	tip, anchor, err := f.newest(ctx, ops)
	if err != nil || tip <= f.tip {
		return err
	}
	from := make(map[byteball.Address]uint64, len(known))
	for a := range known {
		from[a] = f.tip + 1
	}
	units, err := f.past(ctx, from, tip, anchor)
	if err != nil {
		return err
	}
	return f.move(tip, anchor, units, known, deliver)
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

// watch tells the hub to report news of addresses. A hub that is away is told by the next history request.
func (c *Client) watch(addresses []byteball.Address) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return
	}
	for _, a := range addresses {
		body, err := json.Marshal(a)
		if err == nil {
			err = conn.send(Frame{Type: "justsaying", Subject: "light/new_address_to_watch", Body: body})
		}
		if err != nil && !errors.Is(err, byteball.Invalid) {
			conn.cut(err)
			return
		}
	}
}
