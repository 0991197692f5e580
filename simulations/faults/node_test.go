package faults_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller"
)

// node is one machine: a core, its disk, its wallet. What does not hang on the disk ends with a crash.
type node struct {
	*person
	w     *world
	name  string
	build func(saved map[string][]byte) (role.Core, error)
	disk  map[string][]byte
	paid  map[string]*unit.Unit // the wallet: the same ref never pays twice
	owing time.Duration         // a deposit that the wallet signs is taken by a hub so much later
	owed  map[string]time.Time  // when those are taken

	core    role.Core // nil while the machine is down
	life    int       // counts starts
	wake    time.Time
	watched map[byteball.Address]bool
	told    map[int]bool
	topics  map[string]bool
	cut     bool   // no network, no ledger
	ahead   uint64 // it hears of so many main chain units more
	done    bool

	trap    string        // the power fails before an effect of this kind; "step": before the disk has it; "": it does not fail
	spared  int           // so many of them are carried out before
	down    time.Duration // it stays away so long
	notes   []string
	refused []error
	got     []role.Deliver
}

func (w *world) add(name string, p *person, build func(saved map[string][]byte) (role.Core, error)) *node {
	n := &node{person: p, w: w, name: name, build: build, disk: map[string][]byte{}, paid: map[string]*unit.Unit{}, owed: map[string]time.Time{}}
	w.nodes = append(w.nodes, n)
	return n
}

// addSeller and addBuyer make machines that are still down.
func (w *world) addSeller(change func(*seller.Config)) *node {
	p := newPerson(20)
	cfg := seller.Config{Rules: w.rules, Vars: w.vars, Signer: p, Binding: p.binding, Wallet: p.wallet, Secret: []byte("the secret of the seller"), Cell: cell,
		Products: []seller.Product{{Prop: prop, Period: 250 * time.Millisecond, Accuracy: "0.1", Price: w.par.Price}}}
	if change != nil {
		change(&cfg)
	}
	return w.add("seller", p, func(saved map[string][]byte) (role.Core, error) { return seller.New(cfg, saved) })
}

func (w *world) addBuyer(seed byte, change func(*buyer.Config)) *node {
	p := newPerson(seed)
	keys := func(i uint32) (unit.Signer, error) { return channelKey(seed, byte(i)), nil }
	cfg := buyer.Config{Rules: w.rules, Vars: w.vars, Signer: p, Keys: keys, Change: p.address, Secret: bytes.Repeat([]byte{seed}, 32), Wants: []buyer.Want{{Demand: protocol.Demand{
		Prop: prop, Unit: "Cel", Cell: cell, Radius: 5000, HalfLife: 3600, Period: 1000, Accuracy: "0.1", Cap: w.par.Price, Windows: 30}}}}
	if change != nil {
		change(&cfg)
	}
	return w.add("buyer", p, func(saved map[string][]byte) (role.Core, error) { return buyer.New(cfg, saved) })
}

// channelKey is number i of a buyer's keys.
func channelKey(seed, i byte) *unit.Key {
	return must(unit.NewKey(sha256.Sum256([]byte{seed, 'c', i})))
}

// boot starts a machine from its disk.
func (n *node) boot() {
	if n.core != nil {
		return
	}
	core, err := n.build(maps.Clone(n.disk))
	if err != nil {
		n.w.Fatalf("%s does not start from its disk: %v", n.name, err)
	}
	n.core, n.life, n.wake = core, n.life+1, time.Time{}
	n.watched, n.told, n.topics = map[byteball.Address]bool{}, map[int]bool{}, map[string]bool{}
	n.note("boot")
	n.step(role.Woken{})
	n.follow()
}

func (n *node) crash() {
	n.core, n.trap = nil, ""
	n.note("crash")
	life := n.life
	n.w.after(n.down, func() {
		if n.life == life {
			n.boot()
		}
	})
}

// fails says whether the power fails now.
func (n *node) fails(what string) bool {
	if n.trap != what {
		return false
	}
	n.spared--
	return n.spared < 0
}

func (n *node) note(text string) {
	n.notes = append(n.notes, fmt.Sprintf("%.3f (window %d): %s", float64(n.w.now.UnixMilli()-t0*1000)/1000, n.w.window(), text))
}

func (n *node) step(ev role.Event) {
	if n.core == nil {
		return
	}
	effects, err := n.core.Step(ev, n.w.now)
	if err != nil {
		n.w.Fatalf("%s: %T: %v", n.name, ev, err)
	}
	if n.fails("step") {
		n.crash()
		return
	}
	books := false
	for _, e := range effects { // on disk, together, before anything else happens
		switch e := e.(type) {
		case role.Save:
			n.disk[string(e.Key)] = e.Value
			books = books || strings.HasPrefix(string(e.Key), "channel/") || strings.HasPrefix(string(e.Key), "line/")
		case role.Delete:
			delete(n.disk, string(e.Key))
		}
	}
	for _, e := range effects {
		switch e.(type) {
		case role.Save, role.Delete:
			continue
		}
		if n.fails(strings.TrimPrefix(fmt.Sprintf("%T", e), "role.")) {
			n.crash()
			break
		}
		n.perform(e)
	}
	n.w.laws.risk(n)
	if books {
		n.w.laws.check(n)
	}
}

func (n *node) perform(e role.Effect) {
	w, life := n.w, n.life
	answer := func(ev role.Event) {
		w.after(latency, func() {
			if n.life == life {
				n.step(ev)
			}
		})
	}
	switch e := e.(type) {
	case role.Send:
		w.laws.sent(n, e)
		w.send(n, e.To, e.Env)
	case role.Publish:
		for _, other := range w.nodes {
			if other != n && other.topics[e.Topic] {
				w.wire.carry(w, n, other, role.Heard{Env: w.reopen(e.Env)})
			}
		}
	case role.Subscribe:
		n.topics[e.Topic] = true
	case role.Wake:
		n.alarm(e.At)
	case role.Watch:
		n.watched[e.Address] = true
	case role.Pay:
		n.pay(e, answer)
	case role.Post:
		answer(role.Posted{Unit: e.Unit.Unit, Err: w.post(e.Unit)})
	case role.Deliver:
		w.laws.delivered(n, e)
		n.got = append(n.got, e)
	case role.Note:
		n.note(fmt.Sprint(e.Text, " ", e.Attrs))
	case role.Refused:
		n.refused = append(n.refused, e.Err)
		n.note("refused: " + e.Err.Error())
	case role.Done:
		n.done = true
		n.note("done")
	}
}

func (n *node) alarm(at time.Time) {
	if !at.After(n.w.now) {
		n.w.Fatalf("%s asks to be woken at %v, it is %v", n.name, at, n.w.now)
	}
	if !n.wake.IsZero() && !at.Before(n.wake) {
		return
	}
	n.wake = at
	life := n.life
	n.w.at(at, func() {
		if n.life == life && n.wake.Equal(at) {
			n.wake = time.Time{}
			n.step(role.Woken{})
		}
	})
}

func (n *node) pay(e role.Pay, answer func(role.Event)) {
	u, known := n.paid[e.Ref]
	if !known {
		var sum byteball.Bytes
		for _, o := range e.Outputs {
			sum += o.Amount
		}
		if most := n.w.ledger.money; most > 0 && sum > most {
			answer(role.Paid{Ref: e.Ref, Err: fmt.Errorf("%s missing: %w", sum-most, byteball.Funds)})
			return
		}
		u = n.w.pay(n.address, e.Outputs, e.Messages...)
		n.paid[e.Ref] = u
		if l := &n.w.ledger; n.owing > 0 && strings.HasPrefix(e.Ref, "fund/") {
			l.posted = l.posted[:len(l.posted)-1]
			n.owed[e.Ref] = n.w.now.Add(n.owing)
			n.w.after(n.owing, func() { l.posted = append(l.posted, u) })
		}
	}
	if n.w.now.Before(n.owed[e.Ref]) {
		answer(role.Paid{Ref: e.Ref, Unit: u, Err: fmt.Errorf("the hub is away: %w", protocol.Transient)})
		return
	}
	if n.w.ledger.down { // the wallet goes on with it when the hub is back
		answer(role.Paid{Ref: e.Ref, Err: fmt.Errorf("the hub is away: %w", byteball.Transient)})
		return
	}
	answer(role.Paid{Ref: e.Ref, Unit: u})
}

// wire is the network between the two cores: what happens to the next messages on it.
type wire struct {
	lose  int
	twice int
	slow  int                                                         // messages
	by    time.Duration                                               // for how long
	tap   func(from *node, env envelope.Envelope) []envelope.Envelope // what becomes of a message; nil changes nothing
}

// send hands an envelope to a core over the wire, or to a scripted member.
func (w *world) send(from *node, to protocol.Identity, env envelope.Envelope) {
	env = w.reopen(env)
	for _, n := range w.nodes {
		if n.Identity() == to {
			w.wire.carry(w, from, n, role.Received{From: from.Identity(), Env: env})
			return
		}
	}
	if from == w.dealer {
		w.after(latency, func() { w.jury.received(w, to, env) })
	}
}

// reopen does what the receiving node does with the bytes.
func (w *world) reopen(env envelope.Envelope) envelope.Envelope {
	w.Helper()
	got, err := envelope.Open(w.rules.Verifier, w.rules.Market, env.Raw)
	if err != nil {
		w.Fatalf("a %s that nobody can open: %v", env.Kind(), err)
	}
	return got
}

func (x *wire) carry(w *world, from, to *node, ev role.Event) {
	if from.cut || to.cut {
		return
	}
	if env, ok := ev.(role.Received); ok && x.tap != nil {
		for _, changed := range x.tap(from, env.Env) {
			x.pass(w, to, role.Received{From: env.From, Env: changed})
		}
		return
	}
	x.pass(w, to, ev)
}

func (x *wire) pass(w *world, to *node, ev role.Event) {
	if x.lose > 0 {
		x.lose--
		return
	}
	wait := latency
	if x.slow > 0 {
		x.slow--
		wait += x.by
	}
	arrive := func() {
		if !to.cut {
			to.step(ev)
		}
	}
	w.after(wait, arrive)
	if x.twice > 0 {
		x.twice--
		w.after(wait+2*latency, arrive)
	}
}

// sense gives the seller four readings a second.
func (w *world) sense() {
	rng := rand.New(rand.NewPCG(uint64(w.now.UnixMilli()), 1))
	r := protocol.Reading{Time: w.now.UnixMilli(), Value: float64(int(1500+20*rng.NormFloat64())) / 100}
	if w.sensing && w.dealer != nil && w.dealer.core != nil {
		w.truth[r.Time] = r.Value
		w.dealer.step(seller.Sensed{Prop: prop, Reading: r})
	}
	w.after(250*time.Millisecond, w.sense)
}

// String keeps reports of failed properties short.
func (n *node) String() string { return n.name }

// GoString is String.
func (n *node) GoString() string { return n.name }
