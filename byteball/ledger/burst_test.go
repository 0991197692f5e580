package ledger_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// chain makes n payments of p on top of one another.
func (w *world) chain(p person, a unit.Anchor, outputs []unit.Output, n int) (units []*unit.Unit) {
	coins, err := w.Unspent(p.address)
	if err != nil || len(coins) == 0 {
		w.Error("no coins", err)
		return nil
	}
	c := coins[0]
	for range n {
		u := w.sign(p, a, []ledger.Coin{c}, outputs)
		i := slices.IndexFunc(u.Messages, func(m unit.Message) bool { return m.App == "payment" })
		c = ledger.Coin{OutPoint: unit.OutPoint{Unit: u.Unit, MessageIndex: i}}
		for k, o := range u.Messages[i].Payload.(*unit.Payment).Outputs {
			if o.Amount > c.Amount {
				c.OutputIndex, c.Amount = k, o.Amount
			}
		}
		a.Parents = []byteball.Hash{u.Unit}
		units = append(units, u)
	}
	return units
}

// More units become stable at once than one transaction can hold: one unit of the order provider covers 4,800 others.
func TestManyBecomeStableAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 4,800 units")
	}
	var people []person
	for i := range 15 {
		people = append(people, someone(t, byte(i+1)))
	}
	dir := t.TempDir()
	w := newWorld(t, dir, people...)
	w.witness(4)
	a, err := w.Anchor([]byteball.Address{people[0].address}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	a.TPSFee = 300_000
	var outputs []unit.Output
	for i := range 10 {
		outputs = append(outputs, to(someone(t, byte(100+i)), 1000)...)
	}
	var posts sync.WaitGroup
	for _, p := range people {
		posts.Go(func() {
			for _, u := range w.chain(p, a, outputs, 320) {
				if err := w.Post(u, w.now); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	posts.Wait()
	w.witness(6)
	w.witness(6)
	if sums, err := w.Audit(); err != nil || sums.Stable < 15*320 {
		t.Errorf("%d units are stable (%v), want at least %d", sums.Stable, err, 15*320)
	}
	before := w.Dump()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Ledger = open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
	sums, err := w.Audit()
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, sums)
	if after := w.Dump(); len(after) != len(before) {
		t.Errorf("%d records after a restart, %d before", len(after), len(before))
	}
	w.now = w.now.Add(time.Second)
	w.witness(3)
}
