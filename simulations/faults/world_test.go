// Package faults has no code of its own: its tests let the cores of seller and buyer trade over a network that loses, delays
// and repeats messages, on machines that crash between any two effects, with a scripted committee and a hand-made ledger.
package faults_test

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

const (
	t0      = 1_800_000_000
	latency = 20 * time.Millisecond
	cell    = "u33db"
	prop    = "air-temperature"
)

// tb is what tests and properties have in common.
type tb interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// person has the two keys of a node.
type person struct {
	seed    byte
	private ed25519.PrivateKey
	wallet  *unit.Key
	binding protocol.Binding
	address byteball.Address
}

var people sync.Map // seed -> *person: keys cost time

func newPerson(seed byte) *person {
	if p, ok := people.Load(seed); ok {
		return p.(*person)
	}
	p := &person{seed: seed, private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)), wallet: must(unit.NewKey(sha256.Sum256([]byte{seed, 'w'})))}
	p.binding = must(protocol.Bind(p, p.wallet))
	p.address = must(p.binding.Address())
	people.Store(seed, p)
	return p
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // keys and messages made by the test itself
	}
	return v
}

func (p *person) Identity() protocol.Identity {
	return protocol.Identity(p.private.Public().(ed25519.PublicKey))
}
func (p *person) Sign(m []byte) ([]byte, error) { return ed25519.Sign(p.private, m), nil }

var op = newPerson(99).address

// manifest is a market of profile fast, made once; cheap is one where a window's fee is so small that shares are dust at first.
var (
	manifest = sync.OnceValue(func() params.Manifest { return marketOf(params.Fast()) })
	cheap    = sync.OnceValue(func() params.Manifest {
		p := params.Fast()
		p.Price, p.FeeMin, p.MinDeposit = 300, 30, 20_000
		return marketOf(p)
	})
)

func marketOf(p params.Params) params.Manifest {
	m := params.Manifest{Name: "test", Network: "dev", Hubs: []string{"ws://127.0.0.1:6611"}, OPs: []byteball.Address{op}, T0: t0, Profile: "fast", Params: p}
	for i := range m.Arbiters {
		m.Arbiters[i], m.Fund[i] = newPerson(byte(100+i)).wallet.PublicKey(), newPerson(byte(110+i)).wallet.PublicKey()
	}
	if err := m.Validate(); err != nil {
		panic(err)
	}
	return m
}

// world is a clock, a queue of things to come in order of (time, sequence), a ledger, a committee and the nodes.
type world struct {
	tb
	rules   deal.Rules
	vars    unit.SystemVars
	par     params.Params
	cal     params.Calendar
	view    *view.View // of somebody who sees everything
	now     time.Time
	queue   []task
	seq     int
	ledger  ledger
	jury    jury
	nodes   []*node
	dealer  *node // the seller
	buyer   *node
	wire    wire
	truth   map[int64]float64 // what the sensor measured, by time
	sensing bool
	laws    laws
}

type task struct {
	at  time.Time
	seq int
	do  func()
}

func newWorld(t tb) *world { return worldOf(t, manifest()) }

func worldOf(t tb, m params.Manifest) *world {
	w := &world{tb: t, par: m.Params, cal: m.Calendar(), now: time.Unix(t0-20, 0), truth: map[int64]float64{}, sensing: true, vars: unit.DefaultVars(byteball.Dev)}
	w.rules = deal.Rules{Manifest: m, Market: m.Hash(), Network: byteball.Dev, Fund: m.FundAddress(), Verifier: envelope.Keys{}}
	w.view = view.New(w.rules, w.vars)
	w.laws.init(w)
	w.openJury()
	w.at(w.now, w.tick)
	w.at(w.now, w.sense)
	return w
}

func (w *world) at(t time.Time, do func()) {
	w.seq++
	x := task{t, w.seq, do}
	i, _ := slices.BinarySearchFunc(w.queue, x, func(a, b task) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.seq, b.seq)) })
	w.queue = slices.Insert(w.queue, i, x)
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// run lets the world go on for a while.
func (w *world) run(d time.Duration) {
	until := w.now.Add(d)
	for len(w.queue) > 0 && !w.queue[0].at.After(until) {
		x := w.queue[0]
		w.queue = w.queue[1:]
		w.now = x.at
		x.do()
	}
	w.now = until
}

// until lets the world go on until ok, or fails.
func (w *world) until(what string, most time.Duration, ok func() bool) {
	w.Helper()
	for end := w.now.Add(most); !ok(); w.run(100 * time.Millisecond) {
		if w.now.After(end) {
			w.explain()
			w.Fatalf("after %v still not: %s", most, what)
		}
	}
}

func (w *world) explain() {
	w.Helper()
	for _, n := range w.nodes {
		for _, line := range n.notes {
			w.Logf("%s %s", n.name, line)
		}
	}
}

// window is the one that runs now.
func (w *world) window() uint64 {
	n, _ := w.cal.WindowAt(w.now)
	return n
}

// start lets the world go on until a moment in a window.
func (w *world) start(window uint64, offset time.Duration) {
	w.run(w.cal.WindowStart(window).Add(offset).Sub(w.now))
}

func hashOf(parts ...any) byteball.Hash {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return byteball.Hash(base64.StdEncoding.EncodeToString(sum[:]))
}
