package deal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
)

// town is a ledger on which people pay side by side, so that the order provider's units have several parents.
type town struct {
	*ledger.Ledger
	t      *testing.T
	rng    *rand.Rand
	now    time.Time
	op     ledger.Operator
	people []ledger.Operator
	at     []byteball.Address
	coins  []ledger.Coin
	fed    uint64 // main chain index up to which bases have the order provider's units
}

func (w *town) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func newTown(t *testing.T, people int) *town {
	w := &town{t: t, rng: rand.New(rand.NewPCG(1, 2)), now: time.Unix(1_700_000_000, 0)}
	key := func(n byte) ledger.Operator {
		k, err := unit.NewKey([32]byte{n})
		w.ok(err)
		return ledger.Operator{Signer: k}
	}
	w.op = key(200)
	var outputs []unit.Output
	for i := range people {
		p := key(byte(i + 1))
		a, err := p.Address()
		w.ok(err)
		w.people, w.at = append(w.people, p), append(w.at, a)
		outputs = append(outputs, unit.Output{Address: a, Amount: 1e13})
	}
	genesis, err := ledger.MakeGenesis(byteball.Dev, w.op, outputs, w.now)
	w.ok(err)
	w.Ledger, err = ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	w.ok(err)
	t.Cleanup(func() { w.Close() })
	w.witness(4)
	for i := range w.people {
		coins, err := w.Unspent(w.at[i])
		w.ok(err)
		w.coins = append(w.coins, coins[0])
		w.pay(i, w.anchor(i), w.people[i].Definition())
	}
	w.witness(4)
	return w
}

func (w *town) witness(n int) {
	for range n {
		w.now = w.now.Add(time.Duration(w.rng.IntN(1500)) * time.Millisecond)
		_, err := w.Witness(w.op, w.now)
		w.ok(err)
	}
}

func (w *town) anchor(i int) unit.Anchor {
	a, err := w.Anchor(w.at[i:i+1], w.now)
	w.ok(err)
	return a
}

// pay pays person i's money to himself.
func (w *town) pay(i int, a unit.Anchor, definition any) byteball.Hash {
	author := unit.Author{Address: w.at[i], Definition: definition, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	c := &w.coins[i]
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{author}, []unit.Message{{App: "payment", Payload: &unit.Payment{
		Inputs:  []unit.Input{{Unit: c.Unit, MessageIndex: c.MessageIndex, OutputIndex: c.OutputIndex}},
		Outputs: []unit.Output{{Address: w.at[i]}},
	}}})
	w.ok(err)
	w.ok(u.Balance(c.Amount, w.at[i]))
	w.ok(u.SignWith(w.at[i], "r", w.people[i]))
	w.ok(u.Seal())
	w.ok(w.Post(u, w.now))
	*c = ledger.Coin{OutPoint: unit.OutPoint{Unit: u.Unit}, Amount: u.Messages[0].Payload.(*unit.Payment).Outputs[0].Amount}
	return u.Unit
}

// burst lets people pay side by side, some of them several times in a row.
func (w *town) burst() {
	var anchors []unit.Anchor
	for i := range w.people {
		anchors = append(anchors, w.anchor(i))
	}
	for _, i := range w.rng.Perm(len(w.people))[:1+w.rng.IntN(len(w.people))] {
		a := anchors[i]
		for range 1 + w.rng.IntN(3) {
			a.TPSFee = 1e9
			a.Parents = []byteball.Hash{w.pay(i, a, nil)}
		}
	}
}

// feed gives b what is stable of the order provider's units.
func (w *town) feed(b *deal.Bases) {
	units, err := w.Units(w.OP(), 0, 10_000)
	w.ok(err)
	for _, h := range units {
		j, err := w.Joint(h)
		w.ok(err)
		if j.Ball == "" || j.Unit.MainChainIndex == nil || *j.Unit.MainChainIndex <= w.fed && w.fed > 0 {
			continue
		}
		w.fed = *j.Unit.MainChainIndex
		b.Add(unit.Proven{Unit: j.Unit, MCI: w.fed, Ball: j.Ball, Serial: true})
	}
}

var required = regexp.MustCompile(`less than required (\d+)`)

// asks is the least tps fee that the ledger takes from a stranger whose unit hangs on base: its own words when it is offered nothing.
func (w *town) asks(base channel.Base) byteball.Bytes {
	stranger, err := unit.NewKey([32]byte{99})
	w.ok(err)
	o := ledger.Operator{Signer: stranger}
	from, err := o.Address()
	w.ok(err)
	a := base.Anchor(time.Unix(base.Timestamp, 0))
	a.TPSFee = 0
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{{Address: from, Definition: o.Definition(), Authentifiers: map[string]string{"r": unit.PlaceholderSig}}},
		[]unit.Message{{App: "payment", Payload: &unit.Payment{Inputs: []unit.Input{{Unit: base.Unit}}, Outputs: []unit.Output{{Address: from}}}}})
	w.ok(err)
	w.ok(u.Balance(1_000_000, from))
	w.ok(u.SignWith(from, "r", stranger))
	w.ok(u.Seal())
	err = w.Post(u, w.now)
	m := required.FindStringSubmatch(fmt.Sprint(err))
	if m == nil {
		if err == nil || errors.Is(err, byteball.Transient) {
			w.t.Fatalf("a unit that offers nothing: %v", err)
		}
		return 0
	}
	fee, err := strconv.ParseUint(m[1], 10, 64)
	w.ok(err)
	return byteball.Bytes(fee)
}

// A unit that hangs on a base and offers what the base says is never refused for it: a voucher that offers less could never
// close its channel.
func TestBasesAskWhatTheLedgerAsks(t *testing.T) {
	w := newTown(t, 5)
	b := deal.NewBases([]byteball.Address{w.OP()}, w.Vars())
	tested, last := 0, byteball.Hash("")
	for range 150 {
		if w.rng.IntN(3) > 0 {
			w.burst()
		}
		w.witness(1 + w.rng.IntN(3))
		w.feed(b)
		base, ok := b.Newest()
		if !ok || base.Unit == last {
			continue
		}
		last, tested = base.Unit, tested+1
		j, _ := w.Joint(base.Unit)
		if asks := w.asks(base); base.TPSFee < asks {
			t.Errorf("unit %s at main chain index %d with %d parents: the base says %d, the ledger asks %d (charged %v)", base.Unit, base.MCI, len(j.Unit.ParentUnits), base.TPSFee, asks, *j.Unit.ActualTPSFee)
		}
	}
	if tested < 50 {
		t.Errorf("only %d bases", tested)
	}
}
