package ledger_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// A light client's checks pass over chains of any length, and skip lists keep the proof of an old unit short.
func TestProofsOfLongChains(t *testing.T) {
	for _, c := range []struct{ length, balls int }{{5, 25}, {200, 40}, {3000, 50}} {
		t.Run(fmt.Sprint(c.length), func(t *testing.T) {
			alice, bob := someone(t, 1), someone(t, 2)
			w := newWorld(t, "", alice)
			w.witness(3)
			old := w.post(w.draft(alice, to(bob, 1000)))
			w.witness(c.length)
			young := w.post(w.draft(bob, to(alice, 100), unit.Message{App: "text", Payload: "hello"}))
			w.witness(20)
			waiting := w.post(w.draft(alice, to(bob, 1)))
			both := []byteball.Address{alice.address, bob.address}
			w.proves(ledger.HistoryQuery{Addresses: both}, c.balls, 4, waiting)
			w.proves(ledger.HistoryQuery{Addresses: both, Known: []byteball.Hash{young.Unit, w.Genesis()}}, c.balls, 2, waiting)
			w.proves(ledger.HistoryQuery{Units: []byteball.Hash{old.Unit}}, c.balls, 1)
			w.proves(ledger.HistoryQuery{Units: []byteball.Hash{w.Genesis()}}, c.balls, 1)
			w.proves(ledger.HistoryQuery{Addresses: []byteball.Address{bob.address}, MinMCI: uint64(c.length)}, c.balls, 2, waiting)
			if c.length > 2000 {
				boundHistory(t, w, alice)
			}
		})
	}
}

// proves asks for a history and checks it as a light client does: so many units, all proven but the last ones.
func (w *world) proves(q ledger.HistoryQuery, mostBalls, units int, unstable ...*unit.Unit) {
	w.Helper()
	h, err := w.History(q)
	if err != nil {
		w.Fatal(err)
	}
	data, err := json.Marshal(h)
	if err != nil {
		w.Fatal(err)
	}
	got, err := hub.Verify(data, []byteball.Address{w.OP()}, 1)
	if err != nil {
		w.Fatal(err)
	}
	if len(got.Proven) != units-len(unstable) || len(got.Unstable) != len(unstable) {
		w.Errorf("%d proven, %d not; want %d, %d", len(got.Proven), len(got.Unstable), units-len(unstable), len(unstable))
	}
	if len(h.Balls) > mostBalls {
		w.Errorf("%d balls, want at most %d", len(h.Balls), mostBalls)
	}
}
