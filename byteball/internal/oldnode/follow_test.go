package oldnode_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TestFollow: a follower delivers each proven unit of the old node once, in the order of the main chain, also those of an
// address that is added late.
func TestFollow(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(500_000), w.person(300_000)
	f := w.hub.Follow(hub.FollowConfig{Addresses: []byteball.Address{alice.address}, Poll: 20 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type batch struct {
		tip   uint64
		units []unit.Proven
	}
	batches, ended := make(chan batch), make(chan error, 1)
	go func() {
		ended <- f.Run(ctx, func(tip uint64, units []unit.Proven) error {
			select {
			case batches <- batch{tip, units}:
			case <-ctx.Done():
			}
			return ctx.Err()
		})
	}()
	var seen []byteball.Hash
	var last uint64
	await := func(h byteball.Hash) {
		t.Helper()
		for !slices.Contains(seen, h) {
			b := <-batches
			for _, p := range b.units {
				if p.MCI > b.tip || slices.Contains(seen, p.Unit.Unit) {
					t.Errorf("unit %s at %d comes twice or before the tip %d", p.Unit.Unit, p.MCI, b.tip)
				}
				seen = append(seen, p.Unit.Unit)
			}
			if b.tip < last {
				t.Errorf("tip %d after %d", b.tip, last)
			}
			last = b.tip
		}
	}
	await(w.Genesis)
	u, err := alice.Pay(t.Context(), "rent", []unit.Output{{Address: bob.address, Amount: 1_000}}, nil)
	w.ok(err)
	w.proven(u.Unit)
	await(u.Unit)
	f.Add(0, bob.address)
	u, err = bob.Pay(t.Context(), "back", []unit.Output{{Address: bob.address, Amount: 1_000}}, nil)
	w.ok(err)
	w.proven(u.Unit)
	await(u.Unit)
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower ended with %v", err)
	}
}
