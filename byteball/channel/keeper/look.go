package keeper

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// What a light client can know of a unit that is not stable is what a hub says: that it is there, and later that it knows no
// such unit. Nobody proves either. So a channel hurries or waits because of it, and no more: a deposit counts once it is
// proven, a closing ends nothing before that, and the buyer waits for one that he has seen for a quarter of the age at most.

// sight is a unit that a hub has shown.
type sight struct {
	concerns []byteball.Address
	missed   int // how often the hub did not know it since
}

const (
	maxSights = 1 << 12 // what a hub says beyond that is passed over
	lookEvery = 10      // in times of Config.Every
)

// sights takes what the hub shows.
func (w *watch) sights(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u := <-w.Seen:
			if err := w.see(ctx, u); err != nil {
				return err
			}
		}
	}
}

// see tells the channels of a unit that is not proven. What belongs to none of them is not remembered.
func (w *watch) see(ctx context.Context, u *unit.Unit) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) >= maxSights {
		return nil
	}
	var concerns []byteball.Address
	for a := range touched(u) {
		if _, err := w.Keeper.find(ID{Buyer, a}); err != nil {
			if _, err := w.Keeper.find(ID{Seller, a}); err != nil {
				continue
			}
		}
		concerns = append(concerns, a)
	}
	if len(concerns) == 0 {
		return nil
	}
	slices.Sort(concerns)
	w.seen[u.Unit] = &sight{concerns: concerns}
	return w.tellAll(ctx, concerns, channel.UnitSeen{Unit: u})
}

// tellAll gives an event to both sides of channels.
func (w *watch) tellAll(ctx context.Context, addresses []byteball.Address, ev channel.Event) error {
	for _, a := range addresses {
		for _, side := range []Side{Buyer, Seller} {
			if err := w.apply(ctx, ID{side, a}, ev); err != nil {
				return err
			}
		}
	}
	return nil
}

// look asks regularly whether what was seen is still there.
func (w *watch) look(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery * w.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		for _, h := range w.unproven() {
			_, err := w.Hub.Joint(ctx, h)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := w.looked(ctx, h, err); err != nil {
				return err
			}
		}
	}
}

// unproven are the units that were seen.
func (w *watch) unproven() []byteball.Hash {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]byteball.Hash, 0, len(w.seen))
	for h := range w.seen {
		list = append(list, h)
	}
	return list
}

// looked judges a hub's answer to a question for a unit that was seen. Another hub may be a little behind.
func (w *watch) looked(ctx context.Context, h byteball.Hash, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen[h]
	switch {
	case s == nil:
		return nil
	case err == nil:
		s.missed = 0
		return nil
	case !errors.Is(err, byteball.NotFound):
		return nil
	}
	if s.missed++; s.missed < missing {
		return nil
	}
	delete(w.seen, h)
	return w.tellAll(ctx, s.concerns, channel.Vanished{Unit: h})
}
