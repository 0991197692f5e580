package hub_test

import (
	"context"
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
	"github.com/iotverse/iotverse/byteball/wallet"
)

// node is the embedded ledger behind a real socket, on disk, so that it can be stopped and started again.
type node struct {
	t    *testing.T
	dir  string
	op   ledger.Operator
	addr string
	url  string
	stop func()
}

func startNode(t *testing.T, outputs ...unit.Output) *node {
	k, _ := newKey(t, 100)
	n := &node{t: t, dir: t.TempDir(), op: ledger.Operator{Signer: k}, addr: "127.0.0.1:0"}
	genesis, err := ledger.MakeGenesis(byteball.Dev, n.op, outputs, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n.start(&genesis)
	t.Cleanup(func() { n.stop() })
	return n
}

func (n *node) start(genesis *unit.Joint) {
	l, err := ledger.Open(ledger.Config{Dir: n.dir, Network: byteball.Dev, Genesis: genesis})
	if err != nil {
		n.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.addr = listener.Addr().String()
	n.url = "ws://" + n.addr
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: n.op, Heartbeat: 100 * time.Millisecond})
	}()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil && !errors.Is(err, context.Canceled) {
			n.t.Error(err)
		}
		if err := l.Close(); err != nil {
			n.t.Error(err)
		}
	})
}

func (n *node) wallet(h wallet.Hub, key byte) *wallet.Wallet {
	k, _ := newKey(n.t, key)
	w, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: h, Store: memory{}, Key: k})
	if err != nil {
		n.t.Fatal(err)
	}
	return w
}

type memory map[string][]byte

func (m memory) Get(key string) ([]byte, error) {
	if v, ok := m[key]; ok {
		return v, nil
	}
	return nil, byteball.NotFound
}

func (m memory) Put(key string, value []byte) error {
	m[key] = slices.Clone(value)
	return nil
}

func (m memory) Delete(key string) error {
	delete(m, key)
	return nil
}

// TestLedger pays over a real socket while followers read, restarts the ledger in between, and wants every unit once.
func TestLedger(t *testing.T) {
	_, alice := newKey(t, 1)
	_, bob := newKey(t, 2)
	n := startNode(t, unit.Output{Address: alice, Amount: 5_000_000})
	client := dial(t, hub.Config{}, n.url)
	ops, err := client.OPs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := client.Follow(hub.FollowConfig{Addresses: []byteball.Address{alice}, Poll: 50 * time.Millisecond})
	r, stop := follow(t, f)
	a := n.wallet(client, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last wallet.Payment
	for i := range 4 {
		ref := fmt.Sprint(i)
		begin := time.Now()
		if _, err := a.Pay(ctx, ref, []unit.Output{{Address: bob, Amount: 20_000}}, nil); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			n.stop()
			n.start(nil)
		}
		if last, err = a.Wait(ctx, ref); err != nil {
			t.Fatal(err)
		}
		t.Logf("payment %d stable after %s", i, time.Since(begin).Round(time.Millisecond))
	}
	b := n.wallet(dial(t, hub.Config{OPs: ops}, n.url), 2)
	if got, err := b.Balance(ctx); err != nil || got.Stable != 80_000 {
		t.Errorf("bob has %+v, %v, want 80000 stable", got, err)
	}
	f.Add(0, bob)
	r.reaches(int(last.MCI) + 1)
	stop()
	proven, _, err := client.History(ctx, append(ops, alice, bob), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, p := range proven {
		if p.MCI <= r.tip {
			want = append(want, name(p.MCI, p.Unit))
		}
	}
	r.expect("over a restart of the ledger", want)
	queries(t, client, last, bob)
}

// queries asks the ledger everything else that the client can ask.
func queries(t *testing.T, c *hub.Client, p wallet.Payment, bob byteball.Address) {
	ctx := t.Context()
	if v, err := c.SystemVars(ctx); err != nil || v.BaseTPSFee <= 0 {
		t.Errorf("SystemVars: %+v, %v", v, err)
	}
	if mci, err := c.LastMCI(ctx); err != nil || mci < p.MCI {
		t.Errorf("LastMCI: %d, %v", mci, err)
	}
	if j, err := c.Joint(ctx, p.Unit.Unit); err != nil || j.Unit.Unit != p.Unit.Unit {
		t.Errorf("Joint: %+v, %v", j, err)
	}
	if _, err := c.Joint(ctx, wrongHash); !errors.Is(err, byteball.NotFound) {
		t.Errorf("Joint of nothing: %v, want NotFound", err)
	}
	if def, err := c.Definition(ctx, p.Unit.Authors[0].Address); err != nil || def == nil {
		t.Errorf("Definition: %v, %v", def, err)
	}
	if _, err := c.Definition(ctx, bob); !errors.Is(err, byteball.NotFound) {
		t.Errorf("Definition of nobody: %v, want NotFound", err)
	}
	if got, err := c.Balances(ctx, bob); err != nil || got[bob].Stable != 80_000 {
		t.Errorf("Balances: %v, %v", got, err)
	}
	if proven, _, err := c.Prove(ctx, p.Unit.Unit); err != nil || len(proven) != 1 || proven[0].MCI != p.MCI {
		t.Errorf("Prove: %v, %v", proven, err)
	}
	if err := c.Post(ctx, p.Unit); err != nil {
		t.Errorf("Post of a known unit: %v", err)
	}
	forged := *p.Unit
	forged.Timestamp++
	if hash, err := forged.Hash(); err == nil {
		forged.Unit = hash
	}
	if err := c.Post(ctx, &forged); !errors.Is(err, byteball.Invalid) {
		t.Errorf("Post of a forged unit: %v, want Invalid", err)
	}
}

// TestLedgerLoad: followers of many addresses at once, one payment after the other without waiting.
func TestLedgerLoad(t *testing.T) {
	_, alice := newKey(t, 1)
	n := startNode(t, unit.Output{Address: alice, Amount: 500_000_000})
	client := dial(t, hub.Config{}, n.url)
	a := n.wallet(client, 1)
	var readers []*reader
	for i := range 5 {
		_, to := newKey(t, byte(10+i))
		r, _ := follow(t, dial(t, hub.Config{}, n.url).Follow(hub.FollowConfig{Addresses: []byteball.Address{to}, Poll: 100 * time.Millisecond}))
		readers = append(readers, r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i := range 20 {
		_, to := newKey(t, byte(10+i%5))
		if _, err := a.Pay(ctx, fmt.Sprint(i), []unit.Output{{Address: to, Amount: 1000}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	p, err := a.Wait(ctx, "19")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range readers {
		r.reaches(int(p.MCI) + 1)
		r.mu.Lock()
		if len(r.got) == 0 {
			t.Errorf("reader %d got nothing", i)
		}
		r.mu.Unlock()
	}
}
