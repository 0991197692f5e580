package ledger_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// history is a chain with branches and all its units in the order in which they came.
type history struct {
	genesis unit.Joint
	units   []*unit.Unit
	end     time.Time
}

// drawHistory lets people pay from anchors that they took at the same time, so that branches grow beside one another, with units of
// the order provider in between.
func drawHistory(t *testing.T, rt *rapid.T) (history, *ledger.Ledger) {
	people := []person{someone(t, 1), someone(t, 2), someone(t, 3), someone(t, 4), someone(t, 5), someone(t, 6)}
	w := newWorld(t, "", people...)
	h := history{}
	j, err := w.Joint(w.Genesis())
	if err != nil {
		rt.Fatal(err)
	}
	h.genesis = unit.Joint{Unit: clean(j.Unit), Ball: j.Ball}
	witness := func() {
		w.now = w.now.Add(time.Second)
		u, err := w.Witness(w.op, w.now)
		if err != nil {
			rt.Fatal(err)
		}
		h.units = append(h.units, u)
	}
	witness()
	witness()
	for _, p := range people { // show their definitions
		h.units = append(h.units, w.post(w.draft(p, to(p, 1000))))
	}
	for range 5 {
		witness()
	}
	for range rapid.IntRange(2, 6).Draw(rt, "rounds") {
		w.now = w.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "pause")) * time.Second)
		who := rapid.Permutation(people).Draw(rt, "people")[:rapid.IntRange(1, len(people)).Draw(rt, "payers")]
		anchors := make([]unit.Anchor, len(who))
		for i, p := range who {
			if anchors[i], err = w.Anchor([]byteball.Address{p.address}, w.now); err != nil {
				rt.Fatal(err)
			}
			anchors[i].TPSFee += 300
		}
		for i, p := range who {
			if rapid.IntRange(0, 3).Draw(rt, "between") == 0 {
				witness()
			}
			for range rapid.IntRange(1, 3).Draw(rt, "chain") {
				u := w.draftAt(p, anchors[i], to(people[0], 1000))
				if err := w.Post(u, w.now); err != nil {
					if errors.Is(err, byteball.Transient) || errors.Is(err, byteball.Stale) {
						break
					}
					rt.Fatal(err)
				}
				h.units = append(h.units, u)
				anchors[i].Parents = []byteball.Hash{u.Unit}
			}
		}
		for range rapid.IntRange(0, 3).Draw(rt, "witness") {
			witness()
		}
	}
	for range 4 {
		witness()
	}
	h.end = w.now
	return h, w.Ledger
}

// clean is a unit as its author made it.
func clean(u *unit.Unit) *unit.Unit {
	c := *u
	c.MainChainIndex, c.ActualTPSFee = nil, nil
	return &c
}

// replay posts all units in an order that rapid draws, parents before children, to a ledger that, if it is on disk, is
// closed and opened again in between.
func (h history) replay(rt *rapid.T, cfg ledger.Config) *ledger.Ledger {
	l, err := ledger.Open(cfg)
	if err != nil {
		rt.Fatal(err)
	}
	l.SplitAbove(rapid.SampledFrom([]int{0, 3000, 2 << 20}).Draw(rt, "transaction"))
	restart := rapid.IntRange(len(h.units)/2, len(h.units)).Draw(rt, "restart")
	posted := map[byteball.Hash]bool{h.genesis.Unit.Unit: true}
	wait := h.units
	for len(wait) > 0 {
		var ready, rest []*unit.Unit
		for _, u := range wait {
			if free(u, posted) {
				ready = append(ready, u)
			} else {
				rest = append(rest, u)
			}
		}
		k := rapid.IntRange(0, len(ready)-1).Draw(rt, "next")
		if err := l.Post(ready[k], h.end); err != nil {
			rt.Fatalf("unit %s: %v", ready[k].Unit, err)
		}
		if cfg.Dir != "" && len(posted)%restart == 0 {
			l.Close()
			if l, err = ledger.Open(cfg); err != nil {
				rt.Fatal(err)
			}
		}
		posted[ready[k].Unit] = true
		wait = append(rest, append(ready[:k:k], ready[k+1:]...)...)
	}
	return l
}

func free(u *unit.Unit, posted map[byteball.Hash]bool) bool {
	for _, p := range u.ParentUnits {
		if !posted[p] {
			return false
		}
	}
	return true
}

// state is all that a ledger says of a chain.
func (h history) state(l *ledger.Ledger) map[string]string {
	all := l.Dump()
	for _, u := range append([]*unit.Unit{h.genesis.Unit}, h.units...) {
		p, ok := l.Place(u.Unit)
		all["place "+string(u.Unit)] = fmt.Sprint(p, ok)
	}
	all["tip"] = fmt.Sprint(l.TipMCI(), l.StableMCI())
	return all
}

// Law: whatever the order in which the units of a chain come, if each comes after its parents, main chain, balls, fees,
// commissions and coins become the same; closing and opening the ledger changes nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h, l := drawHistory(t, rt)
		cfg := ledger.Config{Network: byteball.Dev, Genesis: &h.genesis, Vars: calm}
		want := h.audited(rt, l)
		var err error
		if rapid.IntRange(0, 3).Draw(rt, "on disk") == 0 {
			if cfg.Dir, err = os.MkdirTemp(t.TempDir(), ""); err != nil {
				rt.Fatal(err)
			}
		}
		if got := h.audited(rt, h.replay(rt, cfg)); !maps.Equal(got, want) {
			rt.Fatalf("state differs: %s", difference(got, want))
		}
	})
}

// audited is the state of a ledger whose books balance; it closes l.
func (h history) audited(rt *rapid.T, l *ledger.Ledger) map[string]string {
	defer l.Close()
	sums, err := l.Audit()
	if err != nil {
		rt.Fatal(err)
	}
	balanced(rt, sums)
	return h.state(l)
}

// balanced checks the law of conservation: coins and all fees, less the commissions that became coins again, are all the
// money there is, beside what the genesis unit paid for counting its vote; all commissions that fell due were earned.
func balanced(t interface{ Fatalf(string, ...any) }, s ledger.Sums) {
	const votes = 1_000_000_000
	if got, want := s.Coins+s.Fees+votes, ledger.TotalBytes+s.Taken; got != want {
		t.Fatalf("coins %d + fees %d + %d = %d, want %d", s.Coins, s.Fees, votes, got, want)
	}
	if s.Earned != s.Due || s.PayloadEarned != s.Payload {
		t.Fatalf("earned %d of %d headers commissions, %d of %d payload commissions", s.Earned, s.Due, s.PayloadEarned, s.Payload)
	}
}

func difference(got, want map[string]string) string {
	for k, v := range want {
		if got[k] != v {
			return fmt.Sprintf("%s is %q, want %q", k, got[k], v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			return fmt.Sprintf("%s is %q, want nothing", k, v)
		}
	}
	return "nothing"
}
