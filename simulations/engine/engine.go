// Package engine runs role cores on simulated time: one queue of events ordered by time, then by the order in which they
// were asked for. It plays what protocol/node, protocol/p2p, byteball/hub and the wallet are on a machine: a network that
// delivers in order per pair after drawn delays, timers, a disk per node that survives its restart, a ledger whose order
// provider has a heartbeat, payments. The cores are the very same. It knows no rule of the market.
//
// Everything hangs on Config.Seed: the same seed gives the same events in the same order, on however many processors.
// What goes wrong on real wires (loss, duplicates, partitions) is left out so far.
package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// Ledger is the ledger as the engine needs it.
type Ledger interface {
	// Anchor is the place where the next unit by from, which pays to the addresses to, hangs.
	Anchor(from, to []byteball.Address, now time.Time) (unit.Anchor, error)
	// Post takes a unit or says why not.
	Post(u *unit.Unit, now time.Time) error
	// Advance lets the order provider post a unit. It returns the last main chain index and the units that became stable
	// since the last call, the first call from the beginning, in the order of the main chain.
	Advance(now time.Time) (tip uint64, stable []unit.Proven, err error)
}

// Config describes a simulated world. Zero durations take the defaults given.
type Config struct {
	Seed     uint64
	Start    time.Time
	Network  byteball.Network
	Market   protocol.Hash
	Verifier protocol.Verifier
	Ledger   Ledger
	OP       byteball.Address // the ledger's order provider

	MinDelay, MaxDelay time.Duration // of a message, and of a word to or from the ledger: 20 and 200 ms
	Heartbeat          time.Duration // of the order provider: 10 s
	Soon               time.Duration // from a posted unit to the order provider's next: 2 s

	// Observe sees every effect of every node, after the node's disk has it; nil sees nothing.
	Observe func(n *Node, now time.Time, effect role.Effect)
}

// Engine is one simulated world. Make one with New.
type Engine struct {
	cfg   Config
	rand  *rand.Rand
	queue queue
	turns []turn // room for those under way
	now   time.Time
	steps uint64

	nodes  []*Node
	byID   map[protocol.Identity]*Node
	topics map[string][]*Node
	wires  map[wire]time.Time // when the last message of a pair arrives
	ledger chain
	failed error
}

// wire is one direction between two nodes.
type wire struct{ from, to *Node }

// New makes a world without nodes.
func New(cfg Config) *Engine {
	set(&cfg.MinDelay, 20*time.Millisecond)
	set(&cfg.MaxDelay, max(200*time.Millisecond, cfg.MinDelay))
	set(&cfg.Heartbeat, 10*time.Second)
	set(&cfg.Soon, 2*time.Second)
	if cfg.Observe == nil {
		cfg.Observe = func(*Node, time.Time, role.Effect) {}
	}
	e := &Engine{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0x10775e)), now: cfg.Start, byID: make(map[protocol.Identity]*Node),
		topics: make(map[string][]*Node), wires: make(map[wire]time.Time)}
	e.ledger = newChain(e)
	e.ledger.schedule(cfg.Start)
	return e
}

func set(d *time.Duration, to time.Duration) {
	if *d == 0 {
		*d = to
	}
}

// Now is the simulated time.
func (e *Engine) Now() time.Time { return e.now }

// Steps is how many events the cores have taken.
func (e *Engine) Steps() uint64 { return e.steps }

// Nodes are all nodes in the order they were added.
func (e *Engine) Nodes() []*Node { return e.nodes }

// Units are all stable units so far, in the order of the main chain.
func (e *Engine) Units() []unit.Proven { return e.ledger.units }

// At has do called at a time, now at the earliest. do has the world for itself.
func (e *Engine) At(at time.Time, do func()) {
	e.queue.push(item{at: e.later(at), do: do})
}

// tell has an event made and given to a node at a time. event may run beside other nodes' events: it touches nothing that
// is not the node's own, or that changes. It returns nil for none.
func (e *Engine) tell(n *Node, at time.Time, event func() role.Event) {
	e.queue.push(item{at: e.later(at), node: n, event: event})
}

func (e *Engine) later(at time.Time) time.Time {
	if at.Before(e.now) {
		return e.now
	}
	return at
}

// Feed gives a node an event at first and then after every period, before until: a sensor, which goes on while its machine
// is off. event must touch nothing that another node uses.
func (e *Engine) Feed(n *Node, first, until time.Time, period time.Duration, event func(now time.Time) role.Event) {
	if !first.Before(until) {
		return
	}
	e.queue.push(item{at: e.later(first), node: n, light: true, event: func() role.Event { return event(first) },
		next: func() { e.Feed(n, first.Add(period), until, period, event) }})
}

// delay draws how long a message takes.
func (e *Engine) delay() time.Duration {
	spread := int64(e.cfg.MaxDelay - e.cfg.MinDelay)
	return e.cfg.MinDelay + time.Duration(e.rand.Int64N(spread+1))
}

// Run plays all events up to and including until. Errors: that of a core's step or of the ledger, with the node and the
// seed; that of ctx.
func (e *Engine) Run(ctx context.Context, until time.Time) error {
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if e.failed != nil {
			return fmt.Errorf("simulated %s, seed %d: %w", e.now.UTC().Format("2006-01-02 15:04:05.000"), e.cfg.Seed, e.failed)
		}
		first := e.queue.first()
		switch {
		case first == nil || first.at.After(until):
			e.now = until
			return nil
		case first.do != nil:
			x := e.queue.pop()
			e.now = x.at
			x.do()
		default:
			e.together(until)
		}
	}
}

// fail ends the run with its first error.
func (e *Engine) fail(err error) {
	if e.failed == nil {
		e.failed = err
	}
}
