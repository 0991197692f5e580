package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol/role"
)

// chain is the ledger as the world sees it: what has become stable, and when its order provider posts next. The units of
// the order provider are told to all nodes, others to those who watch one of their addresses.
type chain struct {
	e       *Engine
	op      byteball.Address // the order provider
	tip     uint64
	units   []unit.Proven
	touches map[byteball.Address][]int // places in units; those by the order provider are told to everybody instead
	open    []bool                     // by place: told to everybody
	wallets map[byteball.Address]*wallet
	next    time.Time // when the order provider posts
}

func newChain(e *Engine) chain {
	return chain{e: e, op: e.cfg.OP, touches: make(map[byteball.Address][]int), wallets: make(map[byteball.Address]*wallet)}
}

// schedule sets the order provider's next unit; the heartbeat goes on from there.
func (c *chain) schedule(at time.Time) {
	c.next = at
	c.e.At(at, func() {
		if !c.next.Equal(at) {
			return // an earlier one came in between
		}
		c.schedule(at.Add(c.e.cfg.Heartbeat))
		c.advance()
	})
}

// hurry lets the order provider post soon after a unit of somebody else.
func (c *chain) hurry() {
	if at := c.e.now.Add(c.e.cfg.Soon); at.Before(c.next) {
		c.schedule(at)
	}
}

// advance takes in what became stable and tells the nodes, each after its own delay.
func (c *chain) advance() {
	tip, stable, err := c.e.cfg.Ledger.Advance(c.e.now)
	if err != nil {
		c.e.fail(fmt.Errorf("ledger: %w", err))
		return
	}
	c.tip = max(c.tip, tip)
	for _, p := range stable {
		c.add(p)
	}
	for _, n := range c.e.nodes {
		if n.Running() {
			c.follow(n)
		}
	}
}

func (c *chain) add(p unit.Proven) {
	at := len(c.units)
	byOP := slices.ContainsFunc(p.Unit.Authors, func(a unit.Author) bool { return a.Address == c.op })
	c.units, c.open = append(c.units, p), append(c.open, byOP)
	touched := addresses(p.Unit)
	if !byOP {
		for _, a := range touched {
			c.touches[a] = append(c.touches[a], at)
		}
	}
	for _, a := range touched {
		if w := c.wallets[a]; w != nil {
			w.apply(p)
		}
	}
}

// addresses are all authors and payees of a unit, each once.
func addresses(u *unit.Unit) []byteball.Address {
	var list []byteball.Address
	for _, a := range u.Authors {
		list = append(list, a.Address)
	}
	for _, m := range u.Messages {
		if pay, ok := m.Payload.(*unit.Payment); ok && pay.Asset == "" {
			for _, o := range pay.Outputs {
				list = append(list, o.Address)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// follow tells a node what is new for it, after a delay.
func (c *chain) follow(n *Node) {
	tip, end, core := c.tip, len(c.units), n.core
	c.e.tell(n, c.e.now.Add(c.e.delay()), func() role.Event {
		if n.core != core {
			return nil // it was started anew and follows from the beginning
		}
		return role.Chain{Tip: tip, Units: n.feed.take(c, end)}
	})
}

// feed is what one node has been told of the ledger since it was started.
type feed struct {
	watched map[byteball.Address]bool
	told    map[int]bool // places of units that are not for everybody
	late    []int        // old units of addresses watched since
	next    int          // place in chain.units
}

func newFeed() feed {
	return feed{watched: make(map[byteball.Address]bool), told: make(map[int]bool)}
}

// watch adds an address; what touched it before comes with the next Chain event.
func (f *feed) watch(c *chain, a byteball.Address) {
	if f.watched[a] {
		return
	}
	f.watched[a] = true
	for _, at := range c.touches[a] {
		if at < f.next && !f.told[at] {
			f.late = append(f.late, at)
		}
	}
}

// take returns the units up to place end that the node has to be told, in the order of the main chain.
func (f *feed) take(c *chain, end int) []unit.Proven {
	places := f.late
	for at := f.next; at < end; at++ {
		if c.open[at] || slices.ContainsFunc(addresses(c.units[at].Unit), func(a byteball.Address) bool { return f.watched[a] }) {
			places = append(places, at)
		}
	}
	f.late, f.next = nil, max(f.next, end)
	slices.Sort(places)
	var units []unit.Proven
	for _, at := range slices.Compact(places) {
		if !c.open[at] {
			f.told[at] = true
		}
		units = append(units, c.units[at])
	}
	return units
}
