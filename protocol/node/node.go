// Package node drives a role's pure core on a real machine: it owns the sockets (protocol/p2p), the ledger client
// (byteball/hub), the wallet, the store and the clock, turns what they bring into events and carries out the effects. It
// knows no rule of the market. The loop is one goroutine. While what some events made is on its way to the disk, further
// events are stepped and gathered for the next write; what they ask to be sent, posted or paid leaves after that write is
// durable, in order. The wallet's and the mailbox's writes share the same syncs.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/p2p"
	"github.com/iotverse/iotverse/protocol/role"
)

// Config is what a loop needs. All fields but the functions and Log are required.
type Config struct {
	Core     role.Core
	Prefix   string // the role's part of the store, e.g. "seller/"
	Store    *Store
	P2P      *p2p.Node
	Hub      *hub.Client
	Follow   *hub.Follower
	Wallet   Payer
	Market   protocol.Hash
	Verifier protocol.Verifier
	Mailbox  Mailbox // for peers that cannot be reached directly; nil is none

	OnNote    func(role.Note)          // progress for people
	OnDeliver func(role.Deliver) error // bought readings; an error ends the loop, since the data are paid
	Log       *slog.Logger             // nil discards
}

// Payer is the wallet as the loop uses it: the same ref never pays twice.
type Payer interface {
	Pay(ctx context.Context, ref string, outputs []unit.Output, msgs []unit.Message) (*unit.Unit, error)
}

// Mailbox carries direct messages when p2p cannot (protocol/mailbox). What Run receives is proven to be from that identity;
// Post is durable when it returns, and fails with NotFound for a peer whose binding was never learned.
type Mailbox interface {
	Run(ctx context.Context, receive func(ctx context.Context, from protocol.Identity, proto string, frame []byte) error) error
	Post(to protocol.Identity, proto string, frame []byte) error
	Learn(protocol.Binding)
}

// Node is one running role.
type Node struct {
	cfg     Config
	log     *slog.Logger
	events  chan role.Event // capacity below: a burst of messages waits, then the peers do
	topics  map[string]func()
	due     time.Time
	refused atomic.Uint64
	done    bool
	begun   bool // the core was told something
	poster  *keeper.Poster
	jobs    sync.WaitGroup
}

const (
	queue     = 256               // events that may wait
	fullGroup = 256               // events stepped for one synced write
	fullWrite = protocol.MaxFrame // bytes that make a group full; the store takes twice as many at once
	horizon   = 24 * time.Hour
)

// direct are the channels whose messages go from node to node.
var direct = []protocol.Channel{protocol.Round, protocol.Deal, protocol.Archive}

// New makes a node; Run starts it.
func New(cfg Config) *Node {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OnNote == nil {
		cfg.OnNote = func(role.Note) {}
	}
	if cfg.OnDeliver == nil {
		cfg.OnDeliver = func(role.Deliver) error { return nil }
	}
	return &Node{cfg: cfg, log: cfg.Log, events: make(chan role.Event, queue), topics: make(map[string]func()), poster: keeper.NewPoster(cfg.Hub)}
}

// Tell hands the core an event from outside: a sensor's reading, a Stop.
func (n *Node) Tell(ctx context.Context, ev role.Event) error {
	select {
	case n.events <- ev:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Refused is how many messages the node has turned away.
func (n *Node) Refused() uint64 { return n.refused.Load() }

// Run works until the core is done after a Stop (nil), ctx ends, or something that cannot go on fails.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, proto := range direct {
		if err := n.cfg.P2P.Handle(string(proto), protocol.MaxFrame, n.receive); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ignoreCancel(n.cfg.Follow.Run(gctx, n.chain(gctx))) })
	if n.cfg.Mailbox != nil {
		g.Go(func() error { return ignoreCancel(n.cfg.Mailbox.Run(gctx, n.mailed)) })
	}
	g.Go(func() error {
		defer cancel()
		return n.loop(gctx)
	})
	err := g.Wait()
	for _, leave := range n.topics {
		leave()
	}
	n.jobs.Wait()
	if n.done {
		return nil
	}
	return err
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// chain passes on what the ledger client has proven, with the end of the main chain as the hub sees it: a sample is drawn
// from a ball that nobody has seen, so the tip must not lag behind (MECHANISM 3.2).
func (n *Node) chain(ctx context.Context) func(uint64, []unit.Proven) error {
	return func(tip uint64, units []unit.Proven) error {
		if last, err := n.cfg.Hub.LastMCI(ctx); err == nil {
			tip = max(tip, last)
		}
		n.learnFrom(units)
		return n.Tell(ctx, role.Chain{Tip: tip, Units: units})
	}
}

// receive opens a frame that a peer sent. Its error goes back to the peer as the reason.
func (n *Node) receive(ctx context.Context, from protocol.Identity, frame []byte) error {
	env, err := envelope.Open(n.cfg.Verifier, n.cfg.Market, frame)
	if err != nil {
		n.refuse(err)
		return err
	}
	if err := n.Tell(ctx, role.Received{From: from, Env: env}); err != nil {
		return fmt.Errorf("busy: %w", protocol.Transient)
	}
	return nil
}

func (n *Node) refuse(err error) {
	n.refused.Add(1)
	n.log.Debug("message refused", "err", err)
}

// gathered is what events made since the last write.
type gathered struct {
	effects      []role.Effect
	events, size int
}

func (g *gathered) full() bool { return g.events >= fullGroup || g.size >= fullWrite }

// loop steps events as they come. One group is at the disk at a time; the next is gathered meanwhile.
func (n *Node) loop(ctx context.Context) error {
	n.due = time.Now() // the core gets a first Woken to begin with
	var next, writing gathered
	var synced chan error // of the group at the disk; nil: there is none
	defer func() {
		if synced != nil {
			<-synced
		}
	}()
	for !n.done {
		if synced == nil && next.events > 0 {
			writing, next = next, gathered{}
			if err := n.deliver(writing.effects); err != nil {
				return err
			}
			synced = n.commit(writing.effects)
		}
		events := n.events
		if next.full() {
			events = nil // the peers wait
		}
		timer := time.NewTimer(time.Until(n.due))
		var err error
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case ev := <-events:
			err = n.step(&next, ev)
		case <-timer.C:
			n.due = time.Now().Add(horizon)
			err = n.step(&next, role.Woken{})
		case err = <-synced:
			synced = nil
			if err == nil {
				err = n.performAll(ctx, writing.effects)
			}
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// step gives the core an event, and what is waiting behind it while the group has room.
func (n *Node) step(g *gathered, ev role.Event) error {
	for {
		effects, err := n.cfg.Core.Step(ev, time.Now())
		if err != nil {
			return fmt.Errorf("step %T: %w", ev, err)
		}
		n.resume(effects)
		g.effects, g.events, g.size = append(g.effects, effects...), g.events+1, g.size+saved(effects)
		if g.full() {
			return nil
		}
		select {
		case ev = <-n.events:
		default:
			return nil
		}
	}
}

// resume looks at what the first step asks for: a unit to post is one of an earlier run, which the ledger may have lost since.
func (n *Node) resume(effects []role.Effect) {
	if n.begun {
		return
	}
	n.begun = true
	for _, e := range effects {
		if p, ok := e.(role.Post); ok {
			n.poster.Resume(p.Unit)
		}
	}
}

// commit writes what must be saved; the answer comes once it is durable.
func (n *Node) commit(effects []role.Effect) chan error {
	synced := make(chan error, 1) // the loop may have gone
	if saved(effects) == 0 && !slices.ContainsFunc(effects, isDelete) {
		synced <- nil
		return synced
	}
	go func() { synced <- n.cfg.Store.commit(n.cfg.Prefix, effects) }()
	return synced
}

func isDelete(e role.Effect) bool { _, ok := e.(role.Delete); return ok }

// saved is how many bytes effects put on disk.
func saved(effects []role.Effect) (size int) {
	for _, e := range effects {
		if s, ok := e.(role.Save); ok {
			size += len(s.Key) + len(s.Value)
		}
	}
	return size
}

// deliver hands out what was bought, before it is noted as handed out.
func (n *Node) deliver(effects []role.Effect) error {
	for _, e := range effects {
		if d, ok := e.(role.Deliver); ok {
			failpoint("Deliver")
			if err := n.cfg.OnDeliver(d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *Node) performAll(ctx context.Context, effects []role.Effect) error {
	for _, e := range effects {
		if err := n.perform(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// post hands a finished unit to the ledger and tells the core what came of it. One that the ledger took and lost is refused as
// Invalid, so that the core signs it anew.
func (n *Node) post(ctx context.Context, u *unit.Unit) {
	n.background(ctx, func() role.Event {
		failpoint("Post")
		err := n.poster.Post(ctx, u)
		failpoint("Posted")
		return role.Posted{Unit: u.Unit, Err: err}
	})
}

func (n *Node) pay(ctx context.Context, p role.Pay) {
	n.background(ctx, func() role.Event {
		failpoint("Pay")
		u, err := n.cfg.Wallet.Pay(ctx, p.Ref, p.Outputs, p.Messages)
		failpoint("Paid")
		return role.Paid{Ref: p.Ref, Unit: u, Err: err}
	})
}

// background runs a job whose outcome is an event.
func (n *Node) background(ctx context.Context, job func() role.Event) {
	n.jobs.Add(1)
	go func() {
		defer n.jobs.Done()
		ev := job()
		if ctx.Err() == nil {
			n.Tell(ctx, ev)
		}
	}()
}

// watchFrom is where a newly watched address begins: the whole of its history.
const watchFrom = 0

func (n *Node) watch(a byteball.Address) { n.cfg.Follow.Add(watchFrom, a) }
