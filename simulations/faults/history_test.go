package faults_test

import (
	"testing"

	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
)

// ask lets somebody ask the seller for its history and returns what it gives.
func (w *world) ask(who *person, wants ...protocol.Want) (items []protocol.Exhibit) {
	env := must(envelope.Seal(who, w.rules.Market, &protocol.Ask{Seller: w.dealer.Identity(), Prop: prop, Wants: wants}))
	effects := must(w.dealer.core.Step(role.Received{From: who.Identity(), Env: env}, w.now))
	for _, e := range effects {
		if s, ok := e.(role.Send); ok && s.To == who.Identity() {
			if h, ok := w.reopen(s.Env).Body.(*protocol.History); ok {
				items = append(items, h.Items...)
			}
		}
	}
	return items
}

// TestTheHistoryIsForValidators: four proven batches of each stamped window, each once, to those who judge; nothing to
// those who would have to pay.
func TestTheHistoryIsForValidators(t *testing.T) {
	w := market(t)
	w.bought(15) // windows 0 to 2
	member := newPerson(1)
	all := w.ask(member, protocol.Want{})
	seen := map[protocol.Hash]bool{}
	held := map[protocol.Hash]uint64{}
	for _, x := range all {
		env, err := envelope.Open(w.rules.Verifier, w.rules.Market, x.WC)
		if err != nil {
			t.Fatal(err)
		}
		wc := env.Body.(*protocol.WindowCommit)
		if !merkle.Verify(wc.Root, x.Head.Leaf(), int(x.Batch.Index), wc.Batches(), x.Path) || x.Head.Commit != protocol.BatchCommit(x.Batch.Salt, x.Batch.Pack) {
			t.Errorf("batch %d of window %d is not proven", x.Batch.Index, wc.Window)
		}
		if seen[x.Head.Commit] {
			t.Errorf("batch %d of window %d is given twice", x.Batch.Index, wc.Window)
		}
		seen[x.Head.Commit] = true
		held[wc.ID()] |= 1 << x.Batch.Index
		if x.Batch.Salt != deal.Salt([]byte("the secret of the seller"), prop, x.Head.Seq) {
			t.Error("another salt than the delivery's")
		}
	}
	if len(all) != 12 || len(held) != 3 {
		t.Errorf("%d batches of %d windows, want 4 of each of 3", len(all), len(held))
	}
	wants := []protocol.Want{{From: 1}}
	for wid, mask := range held {
		wants = append(wants, protocol.Want{Wid: wid, Held: mask})
	}
	if again := w.ask(member, wants...); len(again) > 0 {
		t.Errorf("%d batches are given that the asker holds", len(again))
	}
	if n := len(w.ask(member, protocol.Want{From: 2})); n != 4 {
		t.Errorf("%d batches from window 2 on, want 4", n)
	}
	for _, who := range []*person{w.buyer.person, newPerson(77)} {
		if n := len(w.ask(who, protocol.Want{})); n > 0 {
			t.Errorf("%d batches are given away", n)
		}
	}
	for range 20 {
		all = w.ask(member, protocol.Want{})
	}
	if len(all) > 0 {
		t.Error("a member may ask without end")
	}
}

// TestAMemberVotesOnce: a member that signs body after body fills no memory and makes no stamp.
func TestAMemberVotesOnce(t *testing.T) {
	w := market(t)
	w.start(1, 2500e6)
	for wid, s := range w.jury.rounds {
		body := protocol.Stamp{Wid: wid, Seller: w.dealer.Identity(), Prop: prop, Root: s.wc.Root, Seq1: 4, Tickets: []protocol.Hash{}}
		for i := range uint16(50) {
			body.I = i
			w.dealer.step(role.Received{Env: must(envelope.Seal(newPerson(1), w.rules.Market, &body))})
		}
		if w.dealer.heard("stamped") {
			t.Error("one member made a stamp")
		}
	}
	w.bought(10)
	w.settle()
}
