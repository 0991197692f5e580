package p2p

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	lp2p "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	mh "github.com/multiformats/go-multihash"
	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/protocol"
)

const (
	keepEvery    = time.Second      // how often a configured peer is looked after
	keepMax      = 30 * time.Second // longest pause between attempts to reach it
	enoughPeers  = 6                // on a topic: GossipSub's mesh is full
	provideEvery = 10 * time.Minute // a topic is announced again, in case the DHT server forgot
	searchMin    = time.Second      // pause between searches for peers on a topic, doubled each time
	searchMax    = 2 * time.Minute
	searchAtOnce = 8 // topics
	reachAtOnce  = 8 // peers of one topic
)

// startDiscovery starts looking for peers: configured ones, on the LAN, in the DHT.
func (n *Node) startDiscovery() error {
	mode := dht.ModeAuto
	if n.cfg.Relay {
		mode = dht.ModeServer
	}
	var err error
	n.dht, err = dht.New(n.host, dht.ProtocolPrefix(lp2p.ID(n.prefix)), dht.Mode(mode), dht.DisableValues(),
		dht.BootstrapPeers(n.peers...))
	if err != nil {
		return fmt.Errorf("p2p: DHT: %w", err)
	}
	for _, p := range n.peers {
		n.host.ConnManager().Protect(p.ID, "configured")
		n.wg.Add(1)
		go n.keep(p)
	}
	n.wg.Add(1)
	go n.searchTopics()
	if n.cfg.MDNS {
		service := mdns.NewMdnsService(n.host, "_iotverse-"+hex.EncodeToString(n.cfg.Market[:4])+"._udp", lanPeers{n})
		if err := service.Start(); err != nil {
			n.log.Warn("no peer discovery on the LAN; name peers in the config instead", "err", err)
			return nil
		}
		n.mdns = service
	}
	return nil
}

// lanPeers connects to what mDNS finds.
type lanPeers struct{ n *Node }

func (l lanPeers) HandlePeerFound(p peer.AddrInfo) {
	if !l.n.begin() {
		return
	}
	defer l.n.wg.Done()
	if err := l.n.connect(p); err != nil {
		l.n.log.Debug("LAN peer", "peer", p.ID, "err", err)
	}
}

// keep holds the connection to one configured peer, with growing pauses while it is away.
func (n *Node) keep(p peer.AddrInfo) {
	defer n.wg.Done()
	pause := keepEvery
	for n.ctx.Err() == nil {
		if n.host.Network().Connectedness(p.ID) == network.Connected {
			pause = keepEvery
		} else if err := n.connect(p); err != nil {
			n.log.Debug("configured peer", "peer", p.ID, "err", err)
			pause = min(2*pause, keepMax)
		} else {
			n.log.Info("connected to configured peer", "peer", p.ID)
			pause = keepEvery
		}
		n.sleep(pause + rand.N(pause/4)) // jitter is no rule of the market: the global source will do
	}
}

// connect dials at once, without libp2p's pause after a failure: its callers make their own.
func (n *Node) connect(p peer.AddrInfo) error {
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(p.ID)
	}
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	return n.host.Connect(ctx, p)
}

func (n *Node) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-n.ctx.Done():
	}
}

// reach makes sure that there is a connection to p: by known addresses, else by those that the DHT knows, else over one of
// the configured peers, if it is a relay at which p has a slot.
func (n *Node) reach(ctx context.Context, p peer.ID) error {
	switch n.host.Network().Connectedness(p) {
	case network.Connected, network.Limited:
		return nil
	}
	ctx = network.WithAllowLimitedConn(ctx, "iotverse")
	err := n.host.Connect(ctx, peer.AddrInfo{ID: p})
	if err == nil {
		return nil
	}
	if info, findErr := n.dht.FindPeer(ctx, p); findErr != nil {
		err = fmt.Errorf("%v; DHT: %v", err, findErr)
	} else if err = n.host.Connect(ctx, info); err == nil {
		return nil
	}
	if slots := n.slots(p); len(slots) > 0 {
		slotErr := n.host.Connect(ctx, peer.AddrInfo{ID: p, Addrs: slots})
		if slotErr == nil {
			return nil
		}
		err = fmt.Errorf("%v; relays: %v", err, slotErr)
	}
	return fmt.Errorf("peer %s cannot be reached: %v: %w", p, err, protocol.Transient)
}

// slots are the addresses that p has if it keeps a slot at a configured peer. libp2p itself only announces slots at relays
// with public addresses.
func (n *Node) slots(p peer.ID) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, relay := range n.peers {
		if relay.ID == p || n.host.Network().Connectedness(relay.ID) != network.Connected {
			continue
		}
		if a, err := ma.NewMultiaddr("/p2p/" + relay.ID.String() + "/p2p-circuit"); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// Connect opens a connection to an address that ends in /p2p/<peer id>, once; Config.Peers are kept connected.
// Errors: Invalid for what is no such address, Transient if nobody answers there.
func (n *Node) Connect(ctx context.Context, addr string) error {
	list, err := parsePeers([]string{addr})
	if err != nil {
		return err
	}
	if err := n.host.Connect(ctx, list[0]); err != nil {
		return fmt.Errorf("connect to %s: %v: %w", addr, err, protocol.Transient)
	}
	return nil
}

// search is what the node does in the DHT for one topic.
type search struct {
	provided time.Time // when the node was announced on it last
	next     time.Time // of the next search
	pause    time.Duration
}

// searchTopics announces the node on its topics, and finds peers for topics that have too few. GossipSub alone only spreads
// to those who happen to be connected, and a relay passes nothing on. Who comes new searches at once, so the pauses of
// those who were there before do not matter: for that, nodes that only publish on a topic are announced, too.
func (n *Node) searchTopics() {
	defer n.wg.Done()
	state := make(map[string]*search)
	for n.ctx.Err() == nil {
		n.sleep(searchMin / 4)
		if n.dht.RoutingTable().Size() == 0 {
			continue // no DHT server known; on a LAN of few nodes there is none
		}
		needy := n.needy()
		maps.DeleteFunc(state, func(name string, _ *search) bool { _, joined := needy[name]; return !joined })
		var all errgroup.Group // a peer that does not answer holds up its own topic only
		all.SetLimit(searchAtOnce)
		for name, listening := range needy {
			s := state[name]
			if s == nil {
				s = &search{pause: searchMin, next: time.Now().Add(n.cfg.searchLate)}
				state[name] = s
			}
			all.Go(func() error {
				n.searchTopic(name, listening, s)
				return nil
			})
		}
		all.Wait()
	}
}

// needy lists the joined topics; true where the node listens.
func (n *Node) needy() map[string]bool {
	n.gossip.mu.Lock()
	defer n.gossip.mu.Unlock()
	out := make(map[string]bool, len(n.gossip.topics))
	for name, t := range n.gossip.topics {
		out[name] = t.sub != nil
	}
	return out
}

// searchTopic does what is due for one topic.
func (n *Node) searchTopic(name string, listening bool, s *search) {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	listeners, err := topicKey(n.prefix + name)
	if err != nil {
		n.log.Warn("topic key", "topic", name, "err", err)
		return
	}
	publishers, err := topicKey(n.prefix + name + "#publishers")
	if err != nil {
		n.log.Warn("topic key", "topic", name, "err", err)
		return
	}
	own, wanted := publishers, []cid.Cid{listeners}
	if listening {
		own, wanted = listeners, []cid.Cid{publishers, listeners}
	}
	if time.Since(s.provided) > provideEvery {
		if err := n.dht.Provide(ctx, own, true); err != nil {
			n.log.Debug("announce topic", "topic", name, "err", err)
		} else {
			s.provided = time.Now()
		}
	}
	if time.Now().Before(s.next) || len(n.pubsub.ListPeers(name)) >= enoughPeers {
		return
	}
	for _, key := range wanted {
		n.meet(ctx, name, key)
	}
	s.next = time.Now().Add(s.pause)
	s.pause = min(2*s.pause, searchMax)
}

// meet connects to those who are announced under a key, side by side: many of them may have gone for good.
func (n *Node) meet(ctx context.Context, topic string, key cid.Cid) {
	var all errgroup.Group
	all.SetLimit(reachAtOnce)
	for p := range n.dht.FindProvidersAsync(ctx, key, 4*enoughPeers) {
		if p.ID == n.host.ID() || n.host.Network().Connectedness(p.ID) == network.Connected {
			continue
		}
		n.host.Peerstore().AddAddrs(p.ID, p.Addrs, peerstore.TempAddrTTL)
		all.Go(func() error {
			if err := n.reach(ctx, p.ID); err != nil {
				n.log.Debug("peer on topic", "topic", topic, "peer", p.ID, "err", err)
			}
			return nil
		})
	}
	all.Wait()
}

// topicKey is where the DHT keeps who takes part in a topic.
func topicKey(name string) (cid.Cid, error) {
	sum, err := mh.Sum([]byte(name), mh.SHA2_256, -1)
	if err != nil {
		return cid.Undef, err
	}
	return cid.NewCidV1(cid.Raw, sum), nil
}
