package oldnode_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/internal/oldnode"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// world is an old node and a client of it, for one test.
type world struct {
	*testing.T
	*oldnode.Node
	hub *hub.Client
}

// skip skips the test where Node or the packages are missing; every other error fails it.
func skip(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, byteball.NotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()                                                                // the nodes wait for their disks
	node, err := oldnode.Start(context.WithoutCancel(t.Context()), t.TempDir()) // Close ends it, after the client
	skip(t, err)
	w := &world{T: t, Node: node}
	w.hub, err = hub.Dial(t.Context(), hub.Config{URLs: []string{node.URL}, Network: byteball.Old, OPs: []byteball.Address{node.Witness}})
	w.ok(err)
	t.Cleanup(func() {
		w.ok(w.hub.Close())
		w.ok(node.Close())
	})
	w.post(5)
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// post lets the witness post.
func (w *world) post(count int) byteball.Hash {
	w.Helper()
	h, err := w.Post(count)
	w.ok(err)
	return h
}

// someone is a person with one key, a wallet and a store of it.
type someone struct {
	key     *unit.Key
	address byteball.Address
	*wallet.Wallet
}

func newKey(w *world) *unit.Key {
	w.Helper()
	var secret [32]byte
	rand.Read(secret[:])
	k, err := unit.NewKey(secret)
	w.ok(err)
	return k
}

func addressOf(w *world, k *unit.Key) byteball.Address {
	w.Helper()
	a, err := chash.Of(wallet.Definition(k))
	w.ok(err)
	return a
}

// person makes someone with that much money, stable.
func (w *world) person(amount byteball.Bytes) someone {
	w.Helper()
	p := someone{key: newKey(w)}
	p.address = addressOf(w, p.key)
	p.Wallet = w.copyOf(p)
	if amount > 0 {
		_, err := w.Fund(p.address, amount)
		w.ok(err)
		w.until("the money is there", func() bool { return w.balance(p.Wallet).Stable == amount })
	}
	return p
}

// copyOf is a wallet of p with books of its own, as on another machine.
func (w *world) copyOf(p someone) *wallet.Wallet {
	w.Helper()
	x, err := wallet.New(wallet.Config{Network: byteball.Old, Hub: w.hub, Store: &store{values: map[string][]byte{}}, Key: p.key})
	w.ok(err)
	return x
}

func (w *world) balance(x *wallet.Wallet) wallet.Balance {
	w.Helper()
	b, err := x.Balance(w.Context())
	w.ok(err)
	return b
}

// until lets the witness post until something is so.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	for range 20 {
		if so() {
			return
		}
		w.post(1)
	}
	w.Fatalf("after 20 units of the witness still not so: %s", what)
}

// settled lets the witness post until a payment is final, and returns it.
func (w *world) settled(x *wallet.Wallet, ref string) wallet.Payment {
	w.Helper()
	var p wallet.Payment
	w.until(fmt.Sprintf("payment %q is final", ref), func() bool {
		w.ok(x.Settle(w.Context()))
		var err error
		p, err = x.Payment(w.Context(), ref)
		w.ok(err)
		return p.State >= wallet.Stable
	})
	return p
}

// proven lets the witness post until u is stable, and returns its proof.
func (w *world) proven(u byteball.Hash) (p unit.Proven) {
	w.Helper()
	w.until(fmt.Sprintf("unit %s is stable", u), func() bool {
		proven, _, err := w.hub.Prove(w.Context(), u)
		w.ok(err)
		if len(proven) == 1 {
			p = proven[0]
		}
		return len(proven) == 1
	})
	return p
}

// store is a wallet's store in memory.
type store struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (s *store) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[key]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("no %s: %w", key, byteball.NotFound)
}

func (s *store) Put(key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = maps.Clone(s.values)
	s.values[key] = value
	return nil
}

func (s *store) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
	return nil
}
