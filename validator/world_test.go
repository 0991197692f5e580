package validator_test

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/validator"
)

const (
	t0      = 1_800_000_000
	latency = 10 * time.Millisecond
	cell    = "u33db"
	prop    = "air-temperature"
)

// person has the two keys of a node.
type person struct {
	private ed25519.PrivateKey
	wallet  *unit.Key
	binding protocol.Binding
}

func newPerson(seed byte) *person {
	wallet, err := unit.NewKey(sha256.Sum256([]byte{seed, 'w'}))
	if err != nil {
		panic(err)
	}
	p := &person{private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)), wallet: wallet}
	if p.binding, err = protocol.Bind(p, wallet); err != nil {
		panic(err)
	}
	return p
}

func (p *person) Identity() protocol.Identity {
	return protocol.Identity(p.private.Public().(ed25519.PublicKey))
}
func (p *person) Sign(m []byte) ([]byte, error) { return ed25519.Sign(p.private, m), nil }

func (p *person) address() byteball.Address {
	a, err := p.binding.Address()
	if err != nil {
		panic(err)
	}
	return a
}

// node is a validator with its disk.
type node struct {
	*person
	cfg     validator.Config
	core    *validator.Core
	disk    map[string][]byte
	wake    time.Time
	lag     time.Duration // of its view of the ledger
	dead    bool
	done    bool
	refused []error
	notes   []string
}

// world is a ledger, a network with a delay, seven validators and a clock; all of it in order of (time, sequence).
type world struct {
	testing.TB
	rules    deal.Rules
	par      *params.Params
	cal      params.Calendar
	view     *view.View
	now      time.Time
	queue    []task
	seq      int
	mci      uint64
	provided uint64        // index of the order provider's last unit
	posted   []unit.Proven // stable with the next order provider's unit
	history  []unit.Proven // all that is stable
	nodes    []*node
	people   map[protocol.Identity]func(role.Received) // the scripted ones
	tamper   func(from *node, to protocol.Identity, env envelope.Envelope) []envelope.Envelope
	delay    func(from *node, env envelope.Envelope) time.Duration
	stamps   map[protocol.Hash]*protocol.Stamp // published
	signers  map[protocol.Hash]int
	votes    map[protocol.Hash]map[protocol.Identity]string // who signed which body
	log      hash.Hash
}

type task struct {
	at  time.Time
	seq int
	do  func()
}

var op = newPerson(99).address()

func newWorld(t testing.TB, p params.Params) *world { return newWorldOf(t, p, 7) }

func newWorldOf(t testing.TB, p params.Params, validators int) *world {
	p.Term = 10 // a short tree of nonces: the tests are over before
	m := params.Manifest{Name: "test", Network: "dev", Hubs: []string{"ws://127.0.0.1:6611"}, OPs: []byteball.Address{op}, T0: t0, Profile: "fast", Params: p}
	for i := range m.Arbiters {
		m.Arbiters[i], m.Fund[i] = newPerson(byte(100+i)).wallet.PublicKey(), newPerson(byte(110+i)).wallet.PublicKey()
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	rules := deal.Rules{Manifest: m, Market: m.Hash(), Network: byteball.Dev, Fund: m.FundAddress(), Verifier: envelope.Keys{}}
	vars := unit.DefaultVars(byteball.Dev)
	w := &world{TB: t, rules: rules, par: &rules.Manifest.Params, cal: m.Calendar(), view: view.New(rules, vars), now: time.Unix(t0-20, 0),
		people: make(map[protocol.Identity]func(role.Received)), stamps: make(map[protocol.Hash]*protocol.Stamp), signers: make(map[protocol.Hash]int),
		votes: make(map[protocol.Hash]map[protocol.Identity]string), log: sha256.New()}
	for i := range validators {
		n := &node{person: newPerson(byte(1 + i)), disk: make(map[string][]byte)}
		n.cfg = validator.Config{Rules: rules, Vars: vars, Signer: n, Binding: n.binding, Secret: bytes.Repeat([]byte{byte(i)}, 32),
			BondKey: newPerson(byte(50 + i)).wallet.PublicKey(), Device: 950}
		w.nodes = append(w.nodes, n)
		w.boot(n)
	}
	w.at(w.now, w.tick)
	return w
}

// boot starts a validator from its disk.
func (w *world) boot(n *node) {
	core, err := validator.New(n.cfg, maps.Clone(n.disk))
	if err != nil {
		w.Fatal(err)
	}
	n.core, n.dead = core, false
	if len(w.history) > 0 {
		w.step(n, role.Chain{Tip: w.mci + 1, Units: w.history})
	}
}

func (w *world) at(t time.Time, do func()) {
	w.seq++
	x := task{t, w.seq, do}
	i, _ := slices.BinarySearchFunc(w.queue, x, func(a, b task) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.seq, b.seq)) })
	w.queue = slices.Insert(w.queue, i, x)
}

// run lets the world go on until a time.
func (w *world) run(until time.Time) {
	for {
		next, who := until, (*node)(nil)
		for _, n := range w.nodes {
			if !n.dead && !n.wake.IsZero() && n.wake.Before(next) {
				next, who = n.wake, n
			}
		}
		if len(w.queue) > 0 && !w.queue[0].at.After(next) {
			x := w.queue[0]
			w.queue = w.queue[1:]
			w.now = x.at
			x.do()
			continue
		}
		if who == nil {
			w.now = until
			return
		}
		w.now = next
		who.wake = time.Time{}
		w.step(who, role.Woken{})
	}
}

func hashOf(parts ...any) byteball.Hash {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return byteball.Hash(base64.StdEncoding.EncodeToString(sum[:]))
}

// tick makes a unit of the order provider stable, and what was posted before it.
func (w *world) tick() {
	var units []unit.Proven
	for _, p := range w.posted {
		w.mci++
		p.MCI, p.Ball, p.Serial = w.mci, hashOf("ball", w.mci), true
		p.Unit.Timestamp = w.now.Unix()
		units = append(units, p)
	}
	w.posted = nil
	before := w.provided
	w.mci++
	w.provided = w.mci
	units = append(units, unit.Proven{MCI: w.mci, Ball: hashOf("ball", w.mci), Serial: true, Unit: &unit.Unit{
		Unit: hashOf("unit", w.mci), Timestamp: w.now.Unix(), Authors: []unit.Author{{Address: op}},
		ParentUnits: []byteball.Hash{hashOf("unit", before)}, LastBall: hashOf("ball", before), LastBallUnit: hashOf("unit", before),
	}})
	w.history = append(w.history, units...)
	ev := role.Chain{Tip: w.mci + 1, Units: units}
	w.view.Apply(ev)
	for _, n := range w.nodes {
		if n.lag > 0 {
			w.at(w.now.Add(n.lag), func() { w.step(n, ev) })
			continue
		}
		w.step(n, ev)
	}
	w.at(w.now.Add(time.Second), w.tick)
}

// post lets a unit with these messages become stable.
func (w *world) post(author byteball.Address, msgs ...unit.Message) byteball.Hash {
	u := &unit.Unit{Unit: hashOf("posted", len(w.history), len(w.posted), w.now.UnixNano()), Authors: []unit.Author{{Address: author}}, Messages: msgs}
	w.posted = append(w.posted, unit.Proven{Unit: u})
	return u.Unit
}

func payment(outputs ...unit.Output) unit.Message {
	return unit.Message{App: "payment", PayloadLocation: "inline", Payload: &unit.Payment{Outputs: outputs}}
}

func (w *world) step(n *node, ev role.Event) {
	if n.dead {
		return
	}
	effects, err := n.core.Step(ev, w.now)
	if err != nil {
		w.Fatalf("%T: %v", ev, err)
	}
	for _, e := range effects { // Save and Delete are on disk before anything else happens
		switch e := e.(type) {
		case role.Save:
			n.disk[string(e.Key)] = e.Value
			fmt.Fprintf(w.log, "save %s %x\n", e.Key, e.Value)
		case role.Delete:
			delete(n.disk, string(e.Key))
		}
	}
	for _, e := range effects {
		w.do(n, e)
	}
}

func (w *world) do(n *node, e role.Effect) {
	switch e := e.(type) {
	case role.Send:
		fmt.Fprintf(w.log, "%d %x %x\n", w.now.UnixNano(), e.To, e.Env.Raw)
		for _, env := range w.changed(n, e) {
			if m, ok := env.Body.(*protocol.Stamp); ok {
				w.vote(n, m.Wid, string(env.Payload))
			}
			w.deliver(n, e.To, env)
		}
	case role.Publish:
		fmt.Fprintf(w.log, "%d %s %x\n", w.now.UnixNano(), e.Topic, e.Env.Raw)
		w.publish(e.Env)
	case role.Pay:
		u := &unit.Unit{Unit: w.post(n.address(), append(e.Messages, payment(e.Outputs...))...), Authors: []unit.Author{{Address: n.address()}}}
		w.step(n, role.Paid{Ref: e.Ref, Unit: u})
	case role.Watch:
		w.at(w.now.Add(latency), func() { w.look(n, e.Address) })
	case role.Wake:
		n.wake = e.At
		if !n.wake.After(w.now) {
			w.Fatalf("a wake at %v, now is %v", e.At, w.now)
		}
	case role.Refused:
		n.refused = append(n.refused, e.Err)
	case role.Note:
		n.notes = append(n.notes, fmt.Sprint(e.Text, e.Attrs))
	case role.Done:
		n.done = true
	}
}

// look tells a validator what an address it watches has received.
func (w *world) look(n *node, a byteball.Address) {
	var units []unit.Proven
	for _, p := range w.history {
		if time.Unix(p.Unit.Timestamp, 0).Add(n.lag).After(w.now) {
			break
		}
		if slices.ContainsFunc(p.Unit.Messages, func(m unit.Message) bool {
			pay, ok := m.Payload.(*unit.Payment)
			return ok && slices.ContainsFunc(pay.Outputs, func(o unit.Output) bool { return o.Address == a })
		}) {
			units = append(units, p)
		}
	}
	if len(units) > 0 {
		w.step(n, role.Chain{Tip: w.mci + 1, Units: units})
	}
}

func (w *world) changed(n *node, e role.Send) []envelope.Envelope {
	if w.tamper == nil {
		return []envelope.Envelope{e.Env}
	}
	return w.tamper(n, e.To, e.Env)
}

func (w *world) vote(n *node, wid protocol.Hash, body string) {
	if w.votes[wid] == nil {
		w.votes[wid] = make(map[protocol.Identity]string)
	}
	if old, ok := w.votes[wid][n.Identity()]; ok && old != body {
		w.Errorf("a validator signed two stamps of window %s", wid)
	}
	w.votes[wid][n.Identity()] = body
}

// deliver hands an envelope over after the delay.
func (w *world) deliver(from *node, to protocol.Identity, env envelope.Envelope) {
	wait := latency
	if w.delay != nil && from != nil {
		wait += w.delay(from, env)
	}
	w.at(w.now.Add(wait), func() {
		ev := role.Received{From: env.Signer, Env: env}
		if f, ok := w.people[to]; ok {
			f(ev)
			return
		}
		for _, n := range w.nodes {
			if n.Identity() == to {
				w.step(n, ev)
			}
		}
	})
}

func (w *world) publish(env envelope.Envelope) {
	m := env.Body.(*protocol.Stamped)
	body := new(protocol.Stamp)
	if err := protocol.Decode(m.Body, body); err != nil {
		w.Fatal(err)
	}
	w.stamps[body.Wid], w.signers[body.Wid] = body, len(m.Sigs)
	for _, n := range w.nodes {
		w.at(w.now.Add(latency), func() { w.step(n, role.Heard{Env: env}) })
	}
}

func (w *world) seal(p *person, m protocol.Message) envelope.Envelope {
	w.Helper()
	env, err := envelope.Seal(p, w.rules.Market, m)
	if err != nil {
		w.Fatal(err)
	}
	return env
}

// committee is who judges the seller of the tests in a window.
func (w *world) committee(seller *person, window uint64) *committee.Committee {
	w.Helper()
	c, err := w.view.Committee(seller.Identity(), prop, cell, w.cal.EpochOf(window))
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) transcript() string { return fmt.Sprintf("%x", w.log.Sum(nil)) }
