package ledger_test

import (
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
)

// TestReopenAgainAndAgain restarts a chain in the middle of its unstable tail, many times: it must go on each time.
func TestReopenAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	alice := someone(t, 1)
	w := newWorld(t, dir, alice)
	w.witness(4)
	for i := range 6 {
		w.post(w.draft(alice, to(alice, 1000)))
		w.witness(i % 3)
		before := w.TipMCI()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w.Ledger = open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
		w.witness(3)
		if got := w.StableMCI(); got < before {
			t.Fatalf("restart %d: stable up to %d, the tip was at %d before", i, got, before)
		}
	}
}
