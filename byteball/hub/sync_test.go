package hub_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// sync reads the whole, breaks off and goes on.
func (l long) sync(t *testing.T) {
	made := l.made
	client := dial(t, hub.Config{}, l.url)
	op := made[0].Authors[0].Address
	broken := errors.New("power cut")
	var got []byteball.Hash
	from, batches, largest := uint64(0), 0, 0
	for cuts := 0; ; {
		err := client.Sync(t.Context(), from, []byteball.Address{op}, func(tip uint64, units []unit.Proven) error {
			if batches++; batches%3 == 2 && cuts < 2 {
				cuts++
				return broken
			}
			for i, p := range units {
				if p.MCI < from || p.MCI > tip || i > 0 && p.MCI < units[i-1].MCI || !p.Serial {
					t.Fatalf("unit of index %d out of order, tip %d", p.MCI, tip)
				}
				got = append(got, p.Unit.Unit)
			}
			largest, from = max(largest, len(units)), tip+1
			return nil
		})
		if err == nil {
			break
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	for i, h := range got {
		if h != made[i].Unit {
			t.Fatalf("unit %d is not that of the ledger", i)
		}
	}
	if len(got) < len(made)-10 || largest > 6000 {
		t.Errorf("%d units of %d, the largest batch has %d", len(got), len(made), largest)
	}
	whole, _, err := client.History(t.Context(), []byteball.Address{op}, []byteball.Hash{made[5].Unit}, 3)
	if err != nil || len(whole) < len(got)-5 || slices.ContainsFunc(whole, func(p unit.Proven) bool { return p.MCI < 3 || p.MCI == 5 }) {
		t.Errorf("History: %d units, %v, want %d without index 5", len(whole), err, len(got)-4)
	}
	r, _ := follow(t, client.Follow(hub.FollowConfig{Poll: quick}))
	r.reaches(len(got) - 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.got) < len(got) {
		t.Errorf("a follower from the start got %d units, want %d", len(r.got), len(got))
	}
}
