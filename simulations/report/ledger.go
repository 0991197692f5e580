package report

import (
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/simulations/engine"
)

// account is the ledger read anew from its stable units, by nothing but their inputs and outputs.
type account struct {
	coins    map[unit.OutPoint]unit.Output
	held     map[byteball.Address]byteball.Bytes // unspent now
	given    map[byteball.Address]byteball.Bytes // by the first unit
	received map[byteball.Address]byteball.Bytes // by units of others after it
	bonds    map[byteball.Address]byteball.Address
	fees     books.Amount
	units    int
	beats    int
	orphans  int // inputs that spend what no stable unit made; 0 unless something is wrong
}

// read goes through the units, in the order of the main chain; the first is the ledger's first.
func (c *Collector) read(units []unit.Proven) *account {
	l := &account{coins: make(map[unit.OutPoint]unit.Output), held: make(map[byteball.Address]byteball.Bytes),
		given: make(map[byteball.Address]byteball.Bytes), received: make(map[byteball.Address]byteball.Bytes),
		bonds: make(map[byteball.Address]byteball.Address)}
	for i, p := range units {
		l.pay(p.Unit, i == 0)
		if i == 0 {
			continue
		}
		fees, err := unit.Fees(p.Unit)
		if err != nil {
			l.orphans++
		}
		l.fees += books.In(fees)
		if p.Unit.Authors[0].Address == c.rules.Manifest.OPs[0] {
			l.beats++
			continue
		}
		l.units++
		if t, err := committee.ParseRegistration(p, &c.rules.Manifest, c.rules.Verifier); err == nil {
			l.bonds[t.Payee] = t.Bond
		}
	}
	return l
}

func (l *account) pay(u *unit.Unit, first bool) {
	own := make(map[byteball.Address]bool)
	for _, a := range u.Authors {
		own[a.Address] = true
	}
	for i, m := range u.Messages {
		pay, ok := m.Payload.(*unit.Payment)
		if !ok || pay.Asset != "" {
			continue
		}
		for _, in := range pay.Inputs {
			l.spend(in, first)
		}
		for k, o := range pay.Outputs {
			l.coins[unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}] = o
			l.held[o.Address] += o.Amount
			switch {
			case first:
				l.given[o.Address] += o.Amount
			case !own[o.Address]:
				l.received[o.Address] += o.Amount
			}
		}
	}
}

func (l *account) spend(in unit.Input, first bool) {
	point := unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}
	o, ok := l.coins[point]
	if !ok {
		if !first {
			l.orphans++
		}
		return
	}
	delete(l.coins, point)
	l.held[o.Address] -= o.Amount
}

func (l *account) delta(a byteball.Address) books.Amount {
	return books.In(l.held[a]) - books.In(l.given[a])
}

// change is what has come in for an actor since the first unit, its bond included.
func (l *account) change(m *member) books.Amount {
	sum := l.delta(m.node.Address())
	if bond, ok := l.bonds[m.node.Address()]; ok {
		sum += l.delta(bond)
	}
	return sum
}

// money sorts all changes. An input from nowhere would show in the sum.
func (l *account) money(c *Collector) Money {
	r := Money{Fees: l.fees, Units: l.units, Beats: l.beats}
	for _, m := range c.cast {
		r.Parties += l.change(m)
	}
	r.Fund = l.delta(c.rules.Fund)
	r.Operator = l.delta(c.rules.Manifest.OPs[0])
	for _, a := range committee.Lists(&c.rules.Manifest, 0) {
		r.Lists += l.delta(a)
	}
	var all books.Amount
	for a := range l.held {
		all += l.delta(a)
	}
	r.Locked = all - r.Parties - r.Fund - r.Operator - r.Lists
	r.Sum = all + r.Fees
	return r
}

// book is what a node's own books say has come in since the start.
func book(n *engine.Node) (books.Amount, error) {
	var b books.Book
	for key, value := range n.Saved() {
		if !strings.HasPrefix(key, "line/") {
			continue
		}
		line, err := books.Decode(value)
		if err == nil {
			err = b.Put(line)
		}
		if err != nil {
			return 0, err
		}
	}
	return b.Sum()
}
