package engine

import (
	"fmt"
	"maps"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// Setup is what a node is made of.
type Setup struct {
	Name     string
	Identity protocol.Identity
	Key      unit.Signer // of the wallet's one address
	// Make makes the core from what the node has saved; nil at its first start.
	Make func(saved map[string][]byte) (role.Core, error)
	// Keep says which keys the disk takes; nil is all of them. A node that is never started anew needs few.
	Keep func(key string) bool
}

// Node is one simulated machine with one role on it.
type Node struct {
	Setup
	e      *Engine
	core   role.Core // nil while the machine is off
	disk   map[string][]byte
	wallet *wallet
	feed   feed
	due    time.Time // earliest Wake asked for; zero is none
	last   time.Time // when the core stepped last: its time never falls
	done   bool
	listed bool // among those that step side by side

	refused uint64
}

// Add puts a machine into the world and starts it at a time. Error: what its key or the first Make says.
func (e *Engine) Add(s Setup, at time.Time) (*Node, error) {
	w, err := newWallet(s.Key)
	if err != nil {
		return nil, err
	}
	if e.byID[s.Identity] != nil {
		return nil, fmt.Errorf("node %s: its identity is another's, too: %w", s.Name, protocol.Invalid)
	}
	n := &Node{Setup: s, e: e, disk: make(map[string][]byte), wallet: w}
	e.nodes, e.byID[s.Identity] = append(e.nodes, n), n
	e.ledger.wallets[w.address] = w
	e.At(at, n.Start)
	return n, nil
}

// Start switches the machine on: a core is made from the disk.
func (n *Node) Start() {
	var saved map[string][]byte
	if len(n.disk) > 0 {
		saved = maps.Clone(n.disk)
	}
	core, err := n.Make(saved)
	if err != nil {
		n.e.fail(fmt.Errorf("start %s: %w", n.Name, err))
		return
	}
	n.core, n.done, n.due, n.feed = core, false, time.Time{}, newFeed()
	n.Tell(role.Woken{})
	n.e.ledger.follow(n)
}

// Kill switches the machine off. What is on its way to it is lost; what it saved and paid stays.
func (n *Node) Kill() {
	n.core = nil
	for topic, list := range n.e.topics {
		kept := list[:0:0]
		for _, m := range list {
			if m != n {
				kept = append(kept, m)
			}
		}
		n.e.topics[topic] = kept
	}
}

// Running says whether the machine is on and its core not done.
func (n *Node) Running() bool { return n.core != nil && !n.done }

// Done says whether the core has carried out a Stop.
func (n *Node) Done() bool { return n.done }

// Refused is how many messages the node has turned away.
func (n *Node) Refused() uint64 { return n.refused }

// Address is that of the node's wallet.
func (n *Node) Address() byteball.Address { return n.wallet.address }

// Saved is the node's disk; the caller must not change it.
func (n *Node) Saved() map[string][]byte { return n.disk }

// Tell gives the core an event now. A machine that is off hears nothing.
func (n *Node) Tell(ev role.Event) {
	n.e.tell(n, n.e.now, func() role.Event { return ev })
}

// take steps the core with the event of a turn. What it saves is on the disk before anything leaves.
func (n *Node) take(t *turn) {
	if !n.Running() {
		return
	}
	ev := t.event()
	if ev == nil || !n.Running() {
		return
	}
	t.taken = true
	if t.at.After(n.last) {
		n.last = t.at
	}
	t.effects, t.err = n.core.Step(ev, n.last)
	if t.err != nil {
		t.err = fmt.Errorf("step %T of %s: %w", ev, n.Name, t.err)
	}
	for _, effect := range t.effects {
		switch x := effect.(type) {
		case role.Save:
			if n.Keep == nil || n.Keep(string(x.Key)) {
				n.disk[string(x.Key)] = x.Value
			}
		case role.Delete:
			delete(n.disk, string(x.Key))
		case role.Done:
			n.done = true
		}
	}
}

func (n *Node) perform(effect role.Effect) {
	e := n.e
	switch x := effect.(type) {
	case role.Send:
		e.send(n, x)
	case role.Publish:
		e.publish(n, x)
	case role.Subscribe:
		e.subscribe(n, x.Topic)
	case role.Wake:
		n.wake(x.At)
	case role.Watch:
		n.feed.watch(&e.ledger, x.Address)
	case role.Pay:
		e.At(e.now.Add(e.delay()), func() { e.ledger.pay(n, x) })
	case role.Post:
		e.At(e.now.Add(e.delay()), func() { e.ledger.post(n, x.Unit) })
	case role.Refused:
		n.refused++
	}
}

// wake keeps the earliest time asked for. An event for a time that is no longer due does nothing.
func (n *Node) wake(at time.Time) {
	if !at.After(n.e.now) {
		at = n.e.now.Add(time.Millisecond)
	}
	if !n.due.IsZero() && !at.Before(n.due) {
		return
	}
	n.due = at
	n.e.tell(n, at, func() role.Event {
		if !n.due.Equal(at) {
			return nil
		}
		n.due = time.Time{}
		return role.Woken{}
	})
}
