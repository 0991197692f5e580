package hub_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
)

// TestCrossCheck: a hub that hides a unit cannot be caught by its own proofs, but by another hub's.
func TestCrossCheck(t *testing.T) {
	w := newWorld(t)
	w.liar.on("light/get_history", func(tree any) any {
		m := tree.(map[string]any)
		if joints, ok := m["joints"].([]any); ok {
			m["joints"] = slices.DeleteFunc(joints, func(j any) bool { return at(j, "unit", "unit") == string(w.paid) })
		}
		return m
	})
	c := dial(t, hub.Config{}, w.liar.url, w.n.url)
	ctx := t.Context()
	hidden, _, err := c.History(ctx, []byteball.Address{w.bob}, nil, 0)
	if err != nil || len(hidden) != 0 {
		t.Fatalf("%d units, %v: the lie alone must pass", len(hidden), err)
	}
	views, err := c.CrossCheck(ctx, 0, w.alice, w.bob)
	if err != nil || len(views) != 2 || !slices.Equal(views[0].Missing, []byteball.Hash{w.paid}) || len(views[1].Missing) != 0 || views[1].Proven < 5 {
		t.Fatalf("views %+v, %v", views, err)
	}
	for end := time.Now().Add(20 * time.Second); c.Status()[0].Reason == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
	} // the connection is cut by the goroutine that serves it
	if s := c.Status()[0]; s.Reason == nil || !strings.Contains(s.Reason.Error(), "left out 1 units") || !s.Aside.After(time.Now()) {
		t.Errorf("status of the liar: %+v", s)
	}
	if seen, _, err := c.History(ctx, []byteball.Address{w.bob}, nil, 0); err != nil || len(seen) != 1 || c.Hub() != w.n.url {
		t.Errorf("%d units, %v from %s, want the payment from the honest hub", len(seen), err, c.Hub())
	}
	if _, err := dial(t, hub.Config{}, w.n.url).CrossCheck(ctx, 0, w.bob); !errors.Is(err, byteball.Invalid) {
		t.Errorf("one hub alone: got %v, want Invalid", err)
	}
}

// hidden: where the ledger itself is read, a hub cannot leave a unit out: another is built on it.
func (l long) hidden(t *testing.T) {
	made, liar := l.made, lie(t, l.url)
	liar.on("light/get_history", func(tree any) any {
		m := tree.(map[string]any)
		if joints, ok := m["joints"].([]any); ok {
			m["joints"] = slices.DeleteFunc(joints, func(j any) bool { return at(j, "unit", "unit") == string(made[50].Unit) })
		}
		return m
	})
	c := dial(t, hub.Config{}, liar.url)
	_, _, err := c.History(t.Context(), []byteball.Address{made[0].Authors[0].Address}, nil, 0)
	if err == nil || !strings.Contains(err.Error(), "units that proven ones are built on") {
		t.Errorf("got %v, want an error about a unit that is not shown", err)
	}
}
