package faults_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol/role"
)

// ledger is what everybody will agree on: a unit of the order provider a second, what was posted stable with the next.
type ledger struct {
	mci     uint64
	posted  []*unit.Unit
	history []unit.Proven
	spent   map[unit.OutPoint]byteball.Hash
	outputs map[unit.OutPoint]byteball.Bytes
	closed  bool           // posts fail
	fee     byteball.Bytes // least tps fee that is taken for the moment
	money   byteball.Bytes // a payment above it fails; 0 is no limit
	down    bool           // nothing becomes stable, nothing is taken

	held   func(*unit.Unit) bool // units that do not become stable; nil: none
	doomed func(*unit.Unit) bool // units that lose a double spend; nil: none
}

// tick makes a unit of the order provider stable, and what was posted before it.
func (w *world) tick() {
	l := &w.ledger
	if l.down {
		w.after(time.Second, w.tick)
		return
	}
	posted := l.posted
	l.posted = nil
	for _, u := range posted {
		if l.held != nil && l.held(u) {
			l.posted = append(l.posted, u)
			continue
		}
		l.mci++
		if u.Timestamp == 0 {
			u.Timestamp = w.now.Unix()
		}
		l.history = append(l.history, unit.Proven{Unit: u, MCI: l.mci, Ball: hashOf("ball", l.mci), Serial: l.doomed == nil || !l.doomed(u)})
	}
	before := l.mci
	l.mci++
	l.history = append(l.history, unit.Proven{MCI: l.mci, Ball: hashOf("ball", l.mci), Serial: true, Unit: &unit.Unit{
		Unit: hashOf("unit", l.mci), Timestamp: w.now.Unix(), Authors: []unit.Author{{Address: op}},
		ParentUnits: []byteball.Hash{hashOf("unit", before)}, LastBall: hashOf("ball", before), LastBallUnit: hashOf("unit", before),
	}})
	w.view.Apply(role.Chain{Tip: l.mci + 1, Units: l.history[w.laws.seen:]})
	w.laws.seen = len(l.history)
	for _, n := range w.nodes {
		n.follow()
	}
	w.after(time.Second, w.tick)
}

// pay lets a payment by an address become stable, with fees as a wallet pays them.
func (w *world) pay(from byteball.Address, outputs []unit.Output, msgs ...unit.Message) *unit.Unit {
	tps := byteball.Bytes(20)
	pay := unit.Message{App: "payment", PayloadLocation: "inline", Payload: &unit.Payment{Outputs: outputs}}
	u := &unit.Unit{Unit: hashOf("paid", w.seq, from, w.now.UnixNano()), Authors: []unit.Author{{Address: from}}, Messages: append(msgs, pay),
		HeadersCommission: 344, PayloadCommission: 197, TPSFee: &tps}
	w.seq++
	for i, o := range outputs {
		w.output(unit.OutPoint{Unit: u.Unit, MessageIndex: len(msgs), OutputIndex: i}, o.Amount)
	}
	w.ledger.posted = append(w.ledger.posted, u)
	return u
}

func (w *world) output(o unit.OutPoint, b byteball.Bytes) {
	if w.ledger.outputs == nil {
		w.ledger.outputs, w.ledger.spent = map[unit.OutPoint]byteball.Bytes{}, map[unit.OutPoint]byteball.Hash{}
	}
	w.ledger.outputs[o] = b
}

// post takes the closing or refund of a channel: formed and signed as the ledger wants it, its sums exact, spending what
// nobody has spent.
func (w *world) post(u *unit.Unit) error {
	l := &w.ledger
	if l.closed || l.down {
		return fmt.Errorf("the hub is away: %w", byteball.Transient)
	}
	if err := unit.CheckForm(u); err != nil {
		w.Errorf("a unit without form was posted: %v", err)
		return err
	}
	if u.TPSFee == nil || *u.TPSFee < l.fee {
		return fmt.Errorf("tps fee must be at least %d: %w", l.fee, byteball.Transient)
	}
	in := u.Messages[0].Payload.(*unit.Payment).Inputs[0]
	coin := unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}
	if by, ok := l.spent[coin]; ok {
		if by == u.Unit {
			return nil
		}
		return fmt.Errorf("spent by %s: %w", by, byteball.Stale)
	}
	out, _ := channel.Paid(u).Total()
	fees, _ := unit.Fees(u)
	if l.outputs[coin] != out+fees {
		w.Errorf("unit %s spends %d bytes of %d", u.Unit, out+fees, l.outputs[coin])
	}
	l.spent[coin] = u.Unit
	l.posted = append(l.posted, u)
	return nil
}

// follow tells a node what is new for it: all units of the order provider, others that touch an address it watches, also
// old ones where it watches the address only now.
func (n *node) follow() {
	if n.core == nil || n.cut {
		return
	}
	l := &n.w.ledger
	var units []unit.Proven
	for i, p := range l.history {
		if !n.told[i] && (p.Unit.Authors[0].Address == op || n.concerns(p.Unit)) {
			n.told[i] = true
			units = append(units, p)
		}
	}
	n.w.laws.settle(n, units)
	n.step(role.Chain{Tip: l.mci + 1 + n.ahead, Units: units})
}

func (n *node) concerns(u *unit.Unit) bool {
	if slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return n.watched[a.Address] }) {
		return true
	}
	for a := range channel.Paid(u) {
		if n.watched[a] {
			return true
		}
	}
	return false
}
