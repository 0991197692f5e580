package faults_test

import (
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer/scout"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// addScout puts a listener beside a running market.
func (w *world) addScout(props ...string) *node {
	n := w.add("scout", newPerson(60), func(saved map[string][]byte) (role.Core, error) {
		return scout.New(scout.Config{Rules: w.rules, Vars: w.vars, Props: props, Cell: cell}, saved)
	})
	n.boot()
	return n
}

// TestAScoutSeesTheMarket: who only listens sees the live offer, that its bond counts, and its newest stamp; nothing of
// another property, and nothing any more when the offer is over.
func TestAScoutSeesTheMarket(t *testing.T) {
	w := market(t)
	w.jury.gossips = true
	all, other := w.addScout(), w.addScout("pm10")
	w.bought(2)
	w.run(10 * time.Second)
	core := all.core.(*scout.Core)
	if !core.Ready() {
		t.Error("the ledger is not read")
	}
	list := core.Sights(w.now)
	if len(list) != 1 {
		t.Fatalf("%d offers, want 1: %v", len(list), all.refused)
	}
	s := list[0]
	if s.Offer.Prop != prop || s.Offer.Binding.Identity != w.dealer.Identity() || !s.Bonded || s.ID == (protocol.Hash{}) {
		t.Errorf("%+v", s)
	}
	if s.Stamp == nil || s.Stamp.I != w.jury.integrity(s.Stamp.Window) || s.Stamp.Window+3 < w.window() {
		t.Errorf("in window %d the newest stamp is %+v: %v", w.window(), s.Stamp, all.refused)
	}
	if n := len(other.core.(*scout.Core).Sights(w.now)); n != 0 {
		t.Errorf("%d offers of pm10", n)
	}
	if n := len(core.Sights(w.now.Add(w.par.OfferValid))); n != 0 {
		t.Errorf("%d offers when all are over", n)
	}
	all.step(role.Stop{})
	if !all.done {
		t.Error("a scout does not stop")
	}
	w.settle()
}
