package node_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/mailbox"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/p2p"
	"github.com/iotverse/iotverse/protocol/role"
)

// part is a node's own part of its store.
type part struct{ s *node.Store }

func (p part) Get(key string) ([]byte, error)     { return p.s.Get([]byte("mail/" + key)) }
func (p part) Put(key string, value []byte) error { return p.s.Put([]byte("mail/"+key), value) }
func (p part) Delete(key string) error            { return p.s.Delete([]byte("mail/" + key)) }

// walletOf is the wallet key of the node with a seed, and the binding of both keys.
func walletOf(t *testing.T, seed byte) (*unit.Key, protocol.Binding) {
	t.Helper()
	key, err := unit.NewKey([32]byte{7, seed})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := protocol.Bind(identity(seed), key)
	if err != nil {
		t.Fatal(err)
	}
	return key, bound
}

// apart runs a core on a machine that nobody can dial and that knows nobody, with a mailbox at the hub called url.
func apart(t *testing.T, seed byte, url string, core *echo) (*host, *mailbox.Box) {
	t.Helper()
	client, err := hub.Dial(t.Context(), hub.Config{URLs: []string{url}, Network: byteball.Dev})
	if err != nil {
		t.Fatal(err)
	}
	net, err := p2p.New(t.Context(), p2p.Config{Key: identity(seed), Market: market, Listen: []string{}, Limits: p2p.Limits{Timeout: 2 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{core: core, p2p: net, store: open(t, ""), ended: make(chan error, 1)}
	key, bound := walletOf(t, seed)
	box, err := mailbox.New(mailbox.Config{Client: client, Hub: mailbox.HubName(url), Key: key, Binding: bound, Verifier: envelope.Keys{}, Store: part{h.store}})
	if err != nil {
		t.Fatal(err)
	}
	h.Node = node.New(node.Config{Core: core, Prefix: "test/", Store: h.store, P2P: net, Hub: client, Mailbox: box,
		Follow: client.Follow(hub.FollowConfig{Poll: 100 * time.Millisecond}), Wallet: purse{}, Market: market, Verifier: envelope.Keys{}})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { h.ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-h.ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		net.Close()
		client.Close()
	})
	return h, box
}

func (h *host) got(from byte, n uint64) func() bool {
	return func() bool {
		return h.core.saw(func(ev role.Event) bool {
			r, ok := ev.(role.Received)
			if !ok || r.From != identity(from).Identity() || r.Env.Signer != r.From {
				return false
			}
			m, ok := r.Env.Body.(*protocol.Accepted)
			return ok && uint64(m.N) == n
		})
	}
}

// Two nodes that cannot dial one another talk through the hub: the seller is known by its offer, the buyer by its message.
func TestMail(t *testing.T) {
	url := serveLedger(t).Hub()
	seller, _ := apart(t, 1, url, &echo{answer: obey})
	buyer, box := apart(t, 2, url, &echo{answer: obey})
	if _, err := p2pReach(t, buyer, 1); err == nil {
		t.Fatal("the two can reach one another directly")
	}
	_, bound := walletOf(t, 1)
	if err := box.Post(identity(1).Identity(), string(protocol.Deal), []byte("x")); !errors.Is(err, protocol.NotFound) {
		t.Errorf("to an unknown node: %v", err)
	}
	box.Learn(bound)
	buyer.tell(t, do{role.Send{To: identity(1).Identity(), Env: sealed(t, 2, &protocol.Accepted{N: 7})}})
	eventually(t, "a message of the buyer", seller.got(2, 7))
	seller.tell(t, do{role.Send{To: identity(2).Identity(), Env: sealed(t, 1, &protocol.Accepted{N: 8})}})
	eventually(t, "an answer of the seller", buyer.got(1, 8))
	for _, frame := range [][]byte{[]byte("garbage")} {
		before := seller.Refused()
		if err := box.Post(identity(1).Identity(), string(protocol.Deal), frame); err != nil {
			t.Fatal(err)
		}
		eventually(t, "garbage counted", func() bool { return seller.Refused() == before+1 })
	}
}

// p2pReach tries the direct way.
func p2pReach(t *testing.T, h *host, to byte) (bool, error) {
	t.Helper()
	err := h.p2p.Send(t.Context(), identity(to).Identity(), string(protocol.Deal), []byte("x"))
	return err == nil, err
}
