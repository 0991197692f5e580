package ledger_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// tempData is a message with some data that nobody needs after a day.
func tempData(t *testing.T, data any) unit.Message {
	t.Helper()
	h, err := objecthash.JSONHash(data)
	if err != nil {
		t.Fatal(err)
	}
	return unit.Message{App: "temp_data", Payload: map[string]any{
		"data": data, "data_length": float64(objecthash.Length(data, true)), "data_hash": string(h),
	}}
}

func hasData(t *testing.T, l *ledger.Ledger, h byteball.Hash) bool {
	t.Helper()
	j, err := l.Joint(h)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := j.Unit.Hash(); err != nil || got != h {
		t.Errorf("joint of unit %s hashes to %s (%v)", h, got, err)
	}
	if err := unit.CheckForm(j.Unit); err != nil {
		t.Errorf("unit %s: %v", h, err)
	}
	for _, m := range j.Unit.Messages {
		if p, ok := m.Payload.(map[string]any); ok && m.App == "temp_data" {
			_, has := p["data"]
			return has
		}
	}
	t.Fatalf("unit %s has no temp_data", h)
	return false
}

// The data of temp_data goes a day after its unit became stable; the unit is the same, and the ledger knows it after a restart.
func TestTempDataIsDropped(t *testing.T) {
	dir := t.TempDir()
	alice := someone(t, 1)
	w := newWorld(t, dir, alice)
	w.witness(4)
	first := w.post(w.draft(alice, to(alice, 1000), tempData(t, map[string]any{"t": 21.5, "list": []any{"a", "b"}})))
	w.witness(5)
	settled := w.now
	for _, c := range []struct {
		after time.Duration
		units int
		has   bool
	}{{0, 0, true}, {24*time.Hour - 10*time.Second, 0, true}, {24*time.Hour + time.Second, 1, false}, {25 * time.Hour, 0, false}} {
		n, err := w.Tidy(settled.Add(c.after))
		if got := hasData(t, w.Ledger, first.Unit); err != nil || n != c.units || got != c.has {
			t.Errorf("after %v: %d units (%v), data %t, want %d, %t", c.after, n, err, got, c.units, c.has)
		}
	}
	w.now = w.now.Add(25 * time.Hour)
	waits := w.post(w.draft(alice, to(alice, 1000), tempData(t, "not stable yet")))
	if n, err := w.Tidy(w.now.Add(48 * time.Hour)); err != nil || n != 0 || !hasData(t, w.Ledger, waits.Unit) {
		t.Errorf("%d units dropped (%v), want none before it is stable", n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Ledger = open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
	w.witness(5)
	if n, err := w.Tidy(w.now.Add(25 * time.Hour)); err != nil || n != 1 || hasData(t, w.Ledger, waits.Unit) {
		t.Errorf("%d units dropped (%v), want 1", n, err)
	}
}

// A unit that comes without its data is taken when the data would be gone, and not before.
func TestTempDataWithoutData(t *testing.T) {
	alice := someone(t, 1)
	w := newWorld(t, "", alice)
	w.witness(4)
	u := w.draft(alice, to(alice, 1000), tempData(t, "x"))
	data, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := unit.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range bare.Messages {
		if p, ok := m.Payload.(map[string]any); ok {
			delete(p, "data")
		}
	}
	if err := w.Post(bare, w.now); !errors.Is(err, byteball.Transient) {
		t.Errorf("at once: %v, want transient", err)
	}
	w.now = w.now.Add(24*time.Hour + time.Second)
	if err := w.Post(bare, w.now); err != nil {
		t.Errorf("a day later: %v", err)
	}
}
