package node_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/p2p"
	"github.com/iotverse/iotverse/protocol/role"
)

var market = protocol.H("market of the tests")

type edKey struct{ ed25519.PrivateKey }

func identity(seed byte) edKey {
	sum := sha256.Sum256([]byte{seed})
	return edKey{ed25519.NewKeyFromSeed(sum[:])}
}

func (k edKey) Identity() protocol.Identity {
	return protocol.Identity(k.Public().(ed25519.PublicKey))
}
func (k edKey) Sign(m []byte) ([]byte, error) { return ed25519.Sign(k.PrivateKey, m), nil }

// echo is a core that writes down what it is told and does what the test says.
type echo struct {
	mu     sync.Mutex
	events []role.Event
	answer func(ev role.Event) []role.Effect
}

func (c *echo) Step(ev role.Event, _ time.Time) ([]role.Effect, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, ev)
	if c.answer == nil {
		return nil, nil
	}
	return c.answer(ev), nil
}

// saw says whether the core was told something.
func (c *echo) saw(what func(role.Event) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.events, what)
}

// purse pays with the same unit for the same ref.
type purse struct{}

func (purse) Pay(_ context.Context, ref string, _ []unit.Output, _ []unit.Message) (*unit.Unit, error) {
	if ref == "poor" {
		return nil, fmt.Errorf("5 kB missing: %w", byteball.Funds)
	}
	return &unit.Unit{Unit: byteball.Hash(ref)}, nil
}

// host is one machine under test.
type host struct {
	*node.Node
	core  *echo
	p2p   *p2p.Node
	store *node.Store
	ended chan error
}

// serveLedger runs an embedded ledger on loopback.
func serveLedger(t *testing.T) *hub.Client {
	t.Helper()
	key, err := unit.NewKey([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	op := ledger.Operator{Signer: key}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis, Vars: unit.DefaultVars(byteball.Dev)})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		l.Serve(ctx, ledger.ServerConfig{Listener: listener, Heartbeat: 100 * time.Millisecond, Operator: op})
	})
	client, err := hub.Dial(t.Context(), hub.Config{URLs: []string{"ws://" + listener.Addr().String()}, Network: byteball.Dev, OPs: []byteball.Address{l.OP()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		cancel()
		run.Wait()
		l.Close()
	})
	return client
}

// start runs a core on a machine of its own.
func start(t *testing.T, seed byte, client *hub.Client, core *echo, change func(*node.Config)) *host {
	t.Helper()
	net, err := p2p.New(t.Context(), p2p.Config{Key: identity(seed), Market: market, Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{core: core, p2p: net, store: open(t, ""), ended: make(chan error, 1)}
	cfg := node.Config{Core: core, Prefix: "test/", Store: h.store, P2P: net, Hub: client, Follow: client.Follow(hub.FollowConfig{Poll: 100 * time.Millisecond}),
		Wallet: purse{}, Market: market, Verifier: envelope.Keys{}}
	if change != nil {
		change(&cfg)
	}
	h.Node = node.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { h.ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		net.Close()
	})
	return h
}

func (h *host) tell(t *testing.T, ev role.Event) {
	t.Helper()
	if err := h.Tell(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
}

// do is an event of the tests' own: the core answers with these effects.
type do []role.Effect

func obey(ev role.Event) []role.Effect {
	if d, ok := ev.(do); ok {
		return d
	}
	return nil
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("after 20 s still not: %s", what)
}

func sealed(t *testing.T, seed byte, m protocol.Message) envelope.Envelope {
	t.Helper()
	env, err := envelope.Seal(identity(seed), market, m)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func is[T any](ev role.Event) bool { _, ok := ev.(T); return ok }

func TestLoop(t *testing.T) {
	client := serveLedger(t)
	var onDisk []bool
	var b *host
	sender := &echo{answer: obey}
	a := start(t, 1, client, sender, nil)
	b = start(t, 2, client, &echo{answer: obey}, func(c *node.Config) {
		c.OnNote = func(n role.Note) {
			_, err := c.Store.Get([]byte("test/key"))
			onDisk = append(onDisk, err == nil)
		}
	})
	if err := a.p2p.Connect(t.Context(), b.p2p.Addrs()[0]); err != nil {
		t.Fatal(err)
	}

	t.Run("the core is woken and told of the ledger", func(t *testing.T) {
		eventually(t, "woken", func() bool { return sender.saw(is[role.Woken]) })
		eventually(t, "told of proven units", func() bool {
			return sender.saw(func(ev role.Event) bool { c, ok := ev.(role.Chain); return ok && len(c.Units) > 0 && c.Tip > 0 })
		})
	})
	t.Run("effects come after the save", func(t *testing.T) {
		b.tell(t, do{role.Note{Text: "first in the list"}, role.Save{Key: []byte("key"), Value: []byte("value")}})
		b.tell(t, do{role.Wake{At: time.Now().Add(time.Millisecond)}})
		eventually(t, "saved", func() bool { v, err := b.store.Get([]byte("test/key")); return err == nil && string(v) == "value" })
		eventually(t, "woken again", func() bool { return b.core.saw(is[role.Woken]) })
		b.tell(t, do{role.Delete{Key: []byte("key")}})
		eventually(t, "deleted", func() bool { _, err := b.store.Get([]byte("test/key")); return errors.Is(err, protocol.NotFound) })
		if len(onDisk) != 1 || !onDisk[0] {
			t.Errorf("the note found the key on disk: %v", onDisk)
		}
	})
	t.Run("a message travels", func(t *testing.T) {
		a.tell(t, do{role.Send{To: identity(2).Identity(), Env: sealed(t, 1, &protocol.Accepted{N: 7})}})
		eventually(t, "received", func() bool {
			return b.core.saw(func(ev role.Event) bool {
				r, ok := ev.(role.Received)
				return ok && r.From == identity(1).Identity() && r.Env.Signer == r.From && *r.Env.Body.(*protocol.Accepted) == protocol.Accepted{N: 7}
			})
		})
	})
	t.Run("garbage is counted and goes no further", func(t *testing.T) {
		elsewhere, err := envelope.Seal(identity(1), protocol.H("another market"), &protocol.Accepted{N: 8})
		if err != nil {
			t.Fatal(err)
		}
		spoiled := slices.Clone(sealed(t, 1, &protocol.Accepted{N: 9}).Raw)
		spoiled[len(spoiled)-1] ^= 1
		for i, frame := range [][]byte{[]byte("garbage"), {0}, elsewhere.Raw, spoiled} {
			before := b.Refused()
			if err := a.p2p.Send(t.Context(), identity(2).Identity(), string(protocol.Deal), frame); err == nil {
				t.Errorf("frame %d was taken", i)
			}
			eventually(t, "counted", func() bool { return b.Refused() == before+1 })
		}
		if b.core.saw(func(ev role.Event) bool {
			r, ok := ev.(role.Received)
			return ok && r.Env.Kind() == protocol.KindAccepted && r.Env.Body.(*protocol.Accepted).N > 7
		}) {
			t.Error("the core saw garbage")
		}
	})
	t.Run("refusals of the core are counted", func(t *testing.T) {
		before := b.Refused()
		b.tell(t, do{role.Refused{Err: fmt.Errorf("no: %w", protocol.Stale)}})
		eventually(t, "counted", func() bool { return b.Refused() == before+1 })
	})
	t.Run("gossip", func(t *testing.T) { gossip(t, a, b) })
	t.Run("payments and posts are answered", func(t *testing.T) {
		a.tell(t, do{role.Pay{Ref: "rich"}, role.Pay{Ref: "poor"}, role.Post{Unit: &unit.Unit{Unit: "junk"}}})
		eventually(t, "paid", func() bool {
			return sender.saw(func(ev role.Event) bool {
				p, ok := ev.(role.Paid)
				return ok && p.Ref == "rich" && p.Err == nil && p.Unit.Unit == "rich"
			})
		})
		eventually(t, "not paid", func() bool {
			return sender.saw(func(ev role.Event) bool {
				p, ok := ev.(role.Paid)
				return ok && p.Ref == "poor" && errors.Is(p.Err, byteball.Funds)
			})
		})
		eventually(t, "not posted", func() bool {
			return sender.saw(func(ev role.Event) bool { p, ok := ev.(role.Posted); return ok && p.Unit == "junk" && p.Err != nil })
		})
	})
	t.Run("the end", func(t *testing.T) {
		a.tell(t, do{role.Done{}})
		select {
		case err := <-a.ended:
			if err != nil {
				t.Errorf("ends with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("a core that is done goes on")
		}
	})
}

// gossip: what is wrong for ever is rejected and counted, what is over is ignored, the rest is heard.
func gossip(t *testing.T, a, b *host) {
	topic := protocol.OfferTopic("air-temperature", "u33")
	a.tell(t, do{role.Subscribe{Topic: topic}})
	b.tell(t, do{role.Subscribe{Topic: topic}, role.Subscribe{Topic: topic}})
	offer := func(seed byte, until time.Time) *protocol.Offer {
		wallet, err := unit.NewKey([32]byte{9})
		if err != nil {
			t.Fatal(err)
		}
		bound, err := protocol.Bind(identity(seed), wallet)
		if err != nil {
			t.Fatal(err)
		}
		return &protocol.Offer{Binding: bound, Prop: "air-temperature", Unit: "Cel", Cell: "u33db", Period: 100, Accuracy: "0.1", Price: 100, ValidUntil: until.UnixMilli()}
	}
	heard := func() bool {
		return b.core.saw(func(ev role.Event) bool { h, ok := ev.(role.Heard); return ok && h.Env.Kind() == protocol.KindOffer })
	}
	publish := func(m protocol.Message) { a.tell(t, do{role.Publish{Topic: topic, Env: sealed(t, 1, m)}}) }
	publish(offer(1, time.Now().Add(-time.Minute))) // over
	publish(offer(3, time.Now().Add(time.Minute)))  // another's
	publish(&protocol.Accepted{N: 1})               // no gossip
	for i := 0; !heard() && i < 100; i++ {          // until the mesh has formed
		publish(offer(1, time.Now().Add(time.Minute)))
		time.Sleep(100 * time.Millisecond)
	}
	if !heard() {
		t.Error("an offer is not heard")
	}
	b.core.mu.Lock()
	defer b.core.mu.Unlock()
	for _, ev := range b.core.events {
		if h, ok := ev.(role.Heard); ok {
			o, ok := h.Env.Body.(*protocol.Offer)
			if !ok || o.Binding.Identity != identity(1).Identity() || o.ValidUntil < time.Now().UnixMilli() {
				t.Errorf("heard a %s that is none of a valid offer", h.Env.Kind())
			}
		}
	}
}

// TestALoopEndsWithItsCore: a core's error, a sink's error and the end of the context end the loop.
func TestALoopEnds(t *testing.T) {
	client := serveLedger(t)
	full := errors.New("the disk is full")
	for name, tt := range map[string]struct {
		change func(*node.Config)
		answer func(role.Event) []role.Effect
		want   error
	}{
		"a sink that fails": {func(c *node.Config) { c.OnDeliver = func(role.Deliver) error { return full } }, obey, full},
		"a key too long":    {nil, obey, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, 5, client, &echo{answer: tt.answer}, tt.change)
			h.tell(t, do{role.Deliver{}, role.Save{Key: make([]byte, 70_000)}})
			select {
			case err := <-h.ended:
				if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
					t.Errorf("ends with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("goes on")
			}
		})
	}
}

// TestManyLargeSavesAreSplit: a burst of messages whose saves do not fit into one write.
func TestManyLargeSavesAreSplit(t *testing.T) {
	client := serveLedger(t)
	h := start(t, 6, client, &echo{answer: obey}, nil)
	const n, size = 40, 300 << 10
	for i := range n {
		h.tell(t, do{role.Save{Key: fmt.Append(nil, i), Value: make([]byte, size)}})
	}
	eventually(t, "all saved", func() bool { all, err := h.store.All("test/"); return err == nil && len(all) == n })
}
