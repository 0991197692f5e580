package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/channel"
)

// TestAChannelIsLeftBeforeItsTimeIsOver: the buyer ends it in order before the seller has to, and buys on in another one.
func TestAChannelIsLeftBeforeItsTimeIsOver(t *testing.T) {
	w := market(t)
	w.bought(w.par.Batches)
	first := w.only()
	w.ledger.mci += first.deal.Terms.Age*6/10 - 2*channel.MaxBehind
	w.until("the channel is closed", 30*time.Second, func() bool { return first.closing != nil })
	if w.dealer.heard("0.6 of the age") || !w.dealer.heard("the buyer asked") {
		w.explain()
		t.Error("the seller closed by itself")
	}
	w.bought(3 * w.par.Batches)
	if len(w.laws.deals) != 2 {
		t.Errorf("%d deals, want 2", len(w.laws.deals))
	}
	// Nothing that was paid for in the first channel stays closed, and none is bought twice.
	places := make([]place, 0, len(w.buyer.got))
	for _, d := range w.buyer.got {
		places = append(places, place{d.Window, d.Index})
	}
	for i, p := range places {
		if slices.Contains(places[:i], p) {
			t.Errorf("batch %d of window %d was bought twice", p.index, p.window)
		}
	}
	if len(first.price) < w.par.Batches || len(first.got) != len(first.price) {
		t.Errorf("%d batches came of %d that the first channel paid for", len(first.got), len(first.price))
	}
	w.settle()
}
