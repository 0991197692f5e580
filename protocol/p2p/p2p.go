// Package p2p carries IoTVerse messages between nodes: gossip on topics, direct messages on streams, and finding the peers
// for both. It is the only importer of libp2p, and nothing of libp2p shows in its API: a peer is a protocol.Identity, an
// address is text.
//
// What it leaves out: the meaning of a message. Roles give it validators and handlers; it gives them bytes, and the key
// of the connection they came over. That key says who carried a gossip message, not who wrote it; the envelope says that.
//
// Who calls it: the loops of seller, validator and buyer, cmd/iotverse for relays, and the demo, which runs one Node for
// each party over loopback.
//
// Transports are TCP (Noise, yamux) and QUIC. Peers are found among configured addresses, by mDNS on a LAN, and by a
// Kademlia DHT under a prefix of the market, in which nodes also announce the topics they listen to or publish on. Those behind NAT
// reserve a slot at a relay and punch holes.
package p2p

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"

	"github.com/iotverse/iotverse/protocol"
)

// DefaultListen is what a node listens on when its Config names nothing: every interface, ports chosen by the system.
var DefaultListen = []string{"/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1", "/ip6/::/tcp/0", "/ip6/::/udp/0/quic-v1"}

// Config says how a Node takes part.
type Config struct {
	Key    protocol.Signer // the identity key; it stays where it is
	Market protocol.Hash   // M: nodes of different markets do not find one another
	Listen []string        // multiaddrs; nil is DefaultListen, empty is none; each named one must work
	Peers  []string        // multiaddrs ending in /p2p/<peer id>: kept connected, and asked for relay slots
	MDNS   bool            // find peers on the LAN, and be found
	Relay  bool            // serve as bootstrap peer, DHT server and circuit relay; for machines that can be reached
	NAT    bool            // known to be unreachable: take a relay slot at once instead of finding out
	Limits Limits
	Log    *slog.Logger // nil discards

	searchLate time.Duration // before the first search on a topic; only tests of who finds whom set it
}

// Node is one libp2p host with everything on it. All methods are safe for concurrent use.
type Node struct {
	cfg    Config
	self   protocol.Identity
	peers  []peer.AddrInfo // Config.Peers
	log    *slog.Logger
	host   host.Host
	quic   []*quicreuse.ConnManager
	dht    *dht.IpfsDHT
	mdns   interface{ Close() error }
	pubsub *pubsub.PubSub
	gossip gossip
	out    outbox
	in     inbox
	prefix string

	ctx    context.Context // ends with Close: the life of the node, not of a call
	cancel context.CancelFunc
	mu     sync.Mutex // orders wg.Add before wg.Wait
	closed bool
	wg     sync.WaitGroup // everything that the node started
}

// New starts a node: it listens, and looks for peers in the background. ctx bounds the start only; Close ends the node.
// Errors: Invalid for a config that can never work; otherwise what the system says, e.g. of a busy port.
func New(ctx context.Context, cfg Config) (*Node, error) {
	if cfg.Key == nil {
		return nil, fmt.Errorf("p2p: no key: %w", protocol.Invalid)
	}
	cfg.Limits = cfg.Limits.withDefaults(cfg.Relay)
	if err := cfg.Limits.check(); err != nil {
		return nil, fmt.Errorf("p2p: %w", err)
	}
	peers, err := parsePeers(cfg.Peers)
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, peers: peers, self: cfg.Key.Identity(), log: cfg.Log, prefix: "/iotverse/" + hex.EncodeToString(cfg.Market[:8])}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.gossip.init()
	n.out.init()
	n.in.init()
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// start brings up the layers in order; Close takes down what it reached.
func (n *Node) start(ctx context.Context) error {
	if err := n.startHost(); err != nil {
		return err
	}
	if err := n.startGossip(); err != nil {
		return err
	}
	if err := n.startDiscovery(); err != nil {
		return err
	}
	return ctx.Err()
}

// Close leaves the network and waits for everything that the node started, handlers and callbacks included.
// It must not be called from one of them. A second call does nothing.
func (n *Node) Close() error {
	n.mu.Lock()
	closed := n.closed
	n.closed = true
	n.mu.Unlock()
	if closed {
		return nil
	}
	n.cancel()
	var errs []error // the fields stay: what still runs may look at them
	if n.mdns != nil {
		errs = append(errs, n.mdns.Close())
	}
	if n.dht != nil {
		errs = append(errs, n.dht.Close())
	}
	if n.host != nil {
		errs = append(errs, n.host.Close(), n.host.Network().ResourceManager().Close())
	}
	for _, q := range n.quic {
		errs = append(errs, q.Close())
	}
	n.wg.Wait()
	return errors.Join(errs...)
}

// begin counts one more goroutine of the node, unless the node is closed. Each true needs one wg.Done.
func (n *Node) begin() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.wg.Add(1)
	return true
}

// Identity is the node's own.
func (n *Node) Identity() protocol.Identity { return n.self }

// Addrs returns the addresses under which others reach the node now, each with its /p2p/<peer id>, ready for their Config.Peers.
func (n *Node) Addrs() []string {
	list, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(n.host))
	if err != nil {
		return nil // only for a host without an id, which New does not make
	}
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.String()
	}
	return out
}

// Peers returns the identities of those connected now, in no order.
func (n *Node) Peers() []protocol.Identity {
	var out []protocol.Identity
	for _, p := range n.host.Network().Peers() {
		if id, ok := n.identity(p); ok {
			out = append(out, id)
		}
	}
	return out
}

// identity names a connected peer. It knows none for keys that IoTVerse does not use.
func (n *Node) identity(p peer.ID) (protocol.Identity, bool) {
	id, err := identityOf(n.host.Peerstore().PubKey(p))
	return id, err == nil
}
