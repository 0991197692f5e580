package hub

import (
	"context"
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
