package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/simulations/engine"
)

var start = time.Unix(1_772_323_200, 0)

// person is a key that anybody could forge, and a core that is a script.
type person struct {
	id    protocol.Identity
	key   *unit.Key
	log   []string
	saved map[string][]byte // what the core was made from
	step  func(p *person, ev role.Event, now time.Time) []role.Effect
}

func (p *person) Identity() protocol.Identity { return p.id }

func (p *person) Sign(m []byte) ([]byte, error) {
	h := protocol.H("test", []byte(p.id), m)
	return append(h[:], h[:]...), nil
}

func (p *person) Step(ev role.Event, now time.Time) ([]role.Effect, error) {
	if p.step == nil {
		return nil, nil
	}
	return p.step(p, ev, now), nil
}

type trusting struct{}

func (trusting) Verify(id protocol.Identity, m, sig []byte) bool {
	h := protocol.H("test", []byte(id), m)
	return len(sig) == 64 && protocol.Hash(sig[:32]) == h && protocol.Hash(sig[32:]) == h
}

// number is a message that carries a number, from p.
func (p *person) number(t *testing.T, n uint64) envelope.Envelope {
	t.Helper()
	env, err := envelope.Seal(p, protocol.Hash{}, &protocol.Receipt{Tip: n})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func number(env envelope.Envelope) uint64 { return env.Body.(*protocol.Receipt).Tip }

// newWorld is a world on a ledger whose first unit gives 1 MB to each of n people.
func newWorld(t *testing.T, seed uint64, n int) (*engine.Engine, []*person, []*engine.Node) {
	t.Helper()
	key := func(i int) *unit.Key {
		k, err := unit.NewKey([32]byte{31: byte(i + 1)})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	op := ledger.Operator{Signer: key(100)}
	people := make([]*person, n)
	var outputs []unit.Output
	for i := range people {
		people[i] = &person{id: protocol.Identity(strings.Repeat(string(rune('a'+i)), 32)), key: key(i)}
		outputs = append(outputs, unit.Output{Address: address(t, people[i]), Amount: 1e6})
	}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, outputs, start)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	e := engine.New(engine.Config{Seed: seed, Start: start, Network: byteball.Dev, Verifier: trusting{},
		Ledger: engine.Embed(l, genesis.Unit, op), OP: l.OP()})
	var nodes []*engine.Node
	for i, p := range people {
		node, err := e.Add(engine.Setup{Name: fmt.Sprint("node", i), Identity: p.id, Key: p.key, Make: func(saved map[string][]byte) (role.Core, error) {
			p.saved = saved
			return p, nil
		}}, start)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, node)
	}
	return e, people, nodes
}

func address(t *testing.T, p *person) byteball.Address {
	t.Helper()
	a, err := chash.Of(wallet.Definition(p.key))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func run(t *testing.T, e *engine.Engine, d time.Duration) {
	t.Helper()
	if err := e.Run(context.Background(), start.Add(d)); err != nil {
		t.Fatal(err)
	}
}

// Messages of a pair arrive in order, in bounded time, and gossip reaches all who joined but the sender.
func TestNetwork(t *testing.T) {
	e, people, nodes := newWorld(t, 1, 3)
	var got []uint64
	var heard int
	for _, p := range people {
		p.step = func(p *person, ev role.Event, now time.Time) []role.Effect {
			switch ev := ev.(type) {
			case role.Woken:
				return []role.Effect{role.Subscribe{Topic: "t"}, role.Subscribe{Topic: "t"}}
			case role.Received:
				got = append(got, number(ev.Env))
				if d := now.Sub(start.Add(time.Second)); d < 20*time.Millisecond || d > 200*time.Millisecond || ev.From != people[0].id {
					t.Errorf("message %d came after %v from %s", number(ev.Env), d, ev.From)
				}
			case role.Heard:
				if heard++; p == people[0] {
					t.Error("the sender heard itself")
				}
			case string:
				effects := []role.Effect{role.Publish{Topic: "t", Env: p.number(t, 0)}, role.Publish{Topic: "nobody", Env: p.number(t, 0)}}
				for n := range uint64(20) {
					effects = append(effects, role.Send{To: people[1].id, Env: p.number(t, n)})
				}
				return append(effects, role.Send{To: "nobody", Env: p.number(t, 0)})
			}
			return nil
		}
	}
	e.At(start.Add(time.Second), func() { nodes[0].Tell("go") })
	run(t, e, 2*time.Second)
	if len(got) != 20 || !slices.IsSorted(got) || heard != 2 {
		t.Errorf("got messages %v, gossip %d times; want 0 to 19 in order, and 2", got, heard)
	}
}

// A forged message is refused before the core sees it.
func TestForgery(t *testing.T) {
	e, people, nodes := newWorld(t, 1, 2)
	forged := people[1].number(t, 1)
	forged.Raw = slices.Clone(forged.Raw)
	forged.Raw[len(forged.Raw)-1] ^= 1
	people[0].step = func(_ *person, ev role.Event, _ time.Time) []role.Effect {
		if _, ok := ev.(role.Woken); ok {
			return []role.Effect{role.Send{To: people[1].id, Env: forged}}
		}
		return nil
	}
	people[1].step = func(_ *person, ev role.Event, _ time.Time) []role.Effect {
		if _, ok := ev.(role.Received); ok {
			t.Error("the forged message arrived")
		}
		return nil
	}
	run(t, e, time.Second)
	if nodes[1].Refused() != 1 {
		t.Errorf("refused %d messages, want 1", nodes[1].Refused())
	}
}

// The earliest Wake counts, once.
func TestWake(t *testing.T) {
	e, people, _ := newWorld(t, 1, 1)
	var woken []time.Duration
	people[0].step = func(_ *person, ev role.Event, now time.Time) []role.Effect {
		if _, ok := ev.(role.Woken); !ok {
			return nil
		}
		if woken = append(woken, now.Sub(start)); len(woken) > 1 {
			return nil
		}
		return []role.Effect{role.Wake{At: start.Add(3 * time.Second)}, role.Wake{At: start.Add(time.Second)}, role.Wake{At: start.Add(2 * time.Second)}}
	}
	run(t, e, 5*time.Second)
	if want := []time.Duration{0, time.Second}; !slices.Equal(woken, want) {
		t.Errorf("woken at %v, want %v", woken, want)
	}
}

// What was saved is there after a kill, with nothing that came in between.
func TestRestart(t *testing.T) {
	e, people, nodes := newWorld(t, 1, 2)
	received := 0
	people[0].step = func(_ *person, ev role.Event, _ time.Time) []role.Effect {
		switch ev.(type) {
		case role.Received:
			received++
			return []role.Effect{role.Save{Key: []byte("a"), Value: []byte{byte(received)}}, role.Save{Key: []byte("b")}, role.Delete{Key: []byte("b")}}
		}
		return nil
	}
	people[1].step = func(p *person, ev role.Event, _ time.Time) []role.Effect {
		if _, ok := ev.(string); ok {
			return []role.Effect{role.Send{To: people[0].id, Env: p.number(t, 0)}}
		}
		return nil
	}
	for i := range 4 {
		e.At(start.Add(time.Duration(i+1)*time.Second), func() { nodes[1].Tell("go") })
	}
	e.At(start.Add(2500*time.Millisecond), nodes[0].Kill)
	e.At(start.Add(3500*time.Millisecond), nodes[0].Start)
	run(t, e, 3*time.Second)
	if nodes[0].Running() {
		t.Error("the killed machine runs")
	}
	run(t, e, 6*time.Second)
	if got := people[0].saved; len(got) != 1 || !slices.Equal(got["a"], []byte{2}) || received != 3 {
		t.Errorf("started again from %v, %d messages in all; want a = 2, and 3", got, received)
	}
}

// One reference pays once; the payee is told by the proven unit, also of what it begins to watch later.
func TestPayAndFollow(t *testing.T) {
	e, people, nodes := newWorld(t, 1, 3)
	payee := address(t, people[1])
	pay := role.Pay{Ref: "once", Outputs: []unit.Output{{Address: payee, Amount: 1000}}}
	var paid []*unit.Unit
	people[0].step = func(_ *person, ev role.Event, now time.Time) []role.Effect {
		switch ev := ev.(type) {
		case string:
			return []role.Effect{pay, pay}
		case role.Paid:
			if ev.Err != nil {
				t.Error(ev.Err)
			}
			paid = append(paid, ev.Unit)
		}
		return nil
	}
	told := make([]int, 3) // units that are not the order provider's
	mci := make([]uint64, 3)
	for i, p := range people[1:] {
		p.step = func(_ *person, ev role.Event, now time.Time) []role.Effect {
			switch ev := ev.(type) {
			case string:
				return []role.Effect{role.Watch{Address: payee}}
			case role.Chain:
				for _, u := range ev.Units {
					if u.MCI < mci[i] || ev.Tip < u.MCI {
						t.Errorf("unit of index %d after %d, tip %d", u.MCI, mci[i], ev.Tip)
					}
					if len(paid) > 0 && u.Unit.Unit == paid[0].Unit {
						told[i]++
					}
				}
			}
			return nil
		}
	}
	e.At(start.Add(5*time.Second), func() { nodes[0].Tell("pay"); nodes[1].Tell("watch") })
	e.At(start.Add(5*time.Minute), func() { nodes[2].Tell("watch") })
	run(t, e, 10*time.Minute)
	if len(paid) != 2 || paid[0] != paid[1] {
		t.Fatalf("paid %v, want the same unit twice", paid)
	}
	if told[0] != 1 || told[1] != 1 {
		t.Errorf("the payment was told %v times, want once to each who watches", told[:2])
	}
}

func TestPoorPayer(t *testing.T) {
	e, people, nodes := newWorld(t, 1, 1)
	var err error
	people[0].step = func(_ *person, ev role.Event, _ time.Time) []role.Effect {
		switch ev := ev.(type) {
		case string:
			return []role.Effect{role.Pay{Ref: "dear", Outputs: []unit.Output{{Address: "YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7", Amount: 1e9}}}}
		case role.Paid:
			err = ev.Err
		}
		return nil
	}
	e.At(start.Add(30*time.Second), func() { nodes[0].Tell("pay") })
	run(t, e, time.Minute)
	if !errors.Is(err, byteball.Funds) {
		t.Errorf("got %v, want Funds", err)
	}
}

// transcript plays a chatter of many nodes and writes down what every one of them sees.
func transcript(t *testing.T, seed uint64) string {
	e, people, _ := newWorld(t, seed, 12)
	for i, p := range people {
		p.step = func(p *person, ev role.Event, now time.Time) []role.Effect {
			p.log = append(p.log, fmt.Sprintf("%d %v %T", i, now.Sub(start), ev))
			switch ev := ev.(type) {
			case role.Woken:
				var effects []role.Effect
				for _, to := range people {
					effects = append(effects, role.Send{To: to.id, Env: p.number(t, 3)})
				}
				return append(effects, role.Wake{At: now.Add(time.Second)})
			case role.Received:
				if n := number(ev.Env); n > 0 {
					return []role.Effect{role.Send{To: people[(i+int(n))%len(people)].id, Env: p.number(t, n-1)}}
				}
			}
			return nil
		}
	}
	run(t, e, 20*time.Second)
	var all []string
	for _, p := range people {
		all = append(all, p.log...)
	}
	return strings.Join(all, "\n")
}

// The same seed gives the same run on any number of processors.
func TestDeterminism(t *testing.T) {
	want := transcript(t, 5)
	if got := transcript(t, 5); got != want {
		t.Error("the second run with seed 5 differs")
	}
	if transcript(t, 6) == want {
		t.Error("seeds 5 and 6 give the same run")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := transcript(t, 5); got != want {
		t.Error("the run with one processor differs")
	}
}

// A core that fails ends the run with its name, the simulated time and the seed.
func TestDriverMistake(t *testing.T) {
	e, _, nodes := newWorld(t, 42, 1)
	nodes[0].Make = func(map[string][]byte) (role.Core, error) { return failing{}, nil }
	err := e.Run(context.Background(), start.Add(time.Second))
	if err == nil || !strings.Contains(err.Error(), "node0") || !strings.Contains(err.Error(), "seed 42") {
		t.Errorf("got %v, want the node and the seed in it", err)
	}
}

type failing struct{}

func (failing) Step(role.Event, time.Time) ([]role.Effect, error) { return nil, errors.New("no") }
