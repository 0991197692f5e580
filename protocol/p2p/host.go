package p2p

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	lp2p "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/autorelay"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	quicgo "github.com/quic-go/quic-go"

	"github.com/iotverse/iotverse/protocol"
)

// dialTimeout bounds one attempt to reach one address.
const dialTimeout = 10 * time.Second

// parsePeers reads addresses that name their peer.
func parsePeers(addrs []string) ([]peer.AddrInfo, error) {
	var list []ma.Multiaddr
	for _, a := range addrs {
		m, err := ma.NewMultiaddr(a)
		if err != nil {
			return nil, fmt.Errorf("peer address %q: %v; it should look like /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…: %w", a, err, protocol.Invalid)
		}
		if _, err := peer.AddrInfoFromP2pAddr(m); err != nil {
			return nil, fmt.Errorf("peer address %q does not end in /p2p/<peer id>: %w", a, protocol.Invalid)
		}
		list = append(list, m)
	}
	return peer.AddrInfosFromP2pAddrs(list...)
}

// startHost makes the host and opens its sockets.
func (n *Node) startHost() error {
	key, err := newHostKey(n.cfg.Key)
	if err != nil {
		return fmt.Errorf("p2p: %w", err)
	}
	res, err := n.cfg.Limits.resources(n.kadProtocol())
	if err != nil {
		return fmt.Errorf("p2p: resource limits: %w", err)
	}
	conns, err := connmgr.NewConnManager(n.cfg.Limits.Conns*3/4, n.cfg.Limits.Conns, connmgr.WithGracePeriod(20*time.Second))
	if err != nil {
		return errors.Join(fmt.Errorf("p2p: connection manager: %w", err), res.Close())
	}
	opts := []libp2p.Option{
		libp2p.Identity(key),
		libp2p.NoListenAddrs, // listen below, address by address: libp2p is content if one of them works
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(quic.NewTransport),
		libp2p.QUICReuse(n.newQUIC(key)),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(res),
		libp2p.ConnectionManager(conns),
		libp2p.EnableRelay(),
		libp2p.WithDialTimeout(dialTimeout),
		libp2p.UserAgent("iotverse/1"),
		libp2p.DisableMetrics(),
	}
	n.host, err = libp2p.New(append(opts, n.reachability()...)...)
	if err != nil {
		return errors.Join(fmt.Errorf("p2p: start: %w", err), conns.Close(), res.Close())
	}
	n.peers = slices.DeleteFunc(n.peers, func(p peer.AddrInfo) bool { return p.ID == n.host.ID() }) // one manifest serves all
	for _, p := range n.peers {
		n.host.Peerstore().AddAddrs(p.ID, p.Addrs, peerstore.PermanentAddrTTL)
	}
	return n.listen()
}

// reachability chooses the options by which nodes behind NAT and relays find together.
func (n *Node) reachability() []libp2p.Option {
	if n.cfg.Relay {
		return []libp2p.Option{
			libp2p.ForceReachabilityPublic(),
			libp2p.EnableRelayService(relay.WithResources(relayResources(n.cfg.Limits)), relay.WithReservationAddressFilter(n.announces)),
			libp2p.EnableNATService(),
		}
	}
	var opts []libp2p.Option
	if n.cfg.NAT {
		opts = append(opts, libp2p.ForceReachabilityPrivate())
	}
	if len(n.peers) > 0 {
		opts = append(opts, libp2p.EnableHolePunching(), libp2p.EnableAutoRelayWithStaticRelays(n.peers,
			autorelay.WithBootDelay(0), autorelay.WithBackoff(time.Minute), autorelay.WithMinInterval(5*time.Second)))
	}
	return opts
}

// announces says whether a relay names address a to those who have a slot: private ones only where it has no others.
func (n *Node) announces(a ma.Multiaddr) bool {
	return manet.IsPublicAddr(a) || !slices.ContainsFunc(n.host.Addrs(), manet.IsPublicAddr)
}

// newQUIC gives libp2p its QUIC sockets. libp2p's own constructor derives two keys from the private key's bytes, which it
// cannot have here; they come from a signature that is made for nothing else.
func (n *Node) newQUIC(key *hostKey) func(network.ResourceManager) (*quicreuse.ConnManager, error) {
	return func(res network.ResourceManager) (*quicreuse.ConnManager, error) {
		secret, err := key.signer.Sign([]byte("iotverse/1/quic"))
		if err != nil {
			return nil, fmt.Errorf("p2p: key for QUIC: %w", err)
		}
		reset := sha256.Sum256(append([]byte("reset"), secret...))
		token := sha256.Sum256(append([]byte("token"), secret...))
		m, err := quicreuse.NewConnManager(quicgo.StatelessResetKey(reset), quicgo.TokenGeneratorKey(token),
			quicreuse.ConnContext(admit(res)),
			quicreuse.VerifySourceAddress(func(a net.Addr) bool { return res.VerifySourceAddress(a) }))
		if err == nil {
			n.quic = append(n.quic, m) // only ever called while New runs
		}
		return m, err
	}
}

// admit asks the resource manager before a QUIC handshake costs anything.
func admit(res network.ResourceManager) func(context.Context, *quicgo.ClientInfo) (context.Context, error) {
	return func(ctx context.Context, client *quicgo.ClientInfo) (context.Context, error) {
		addr, err := quicreuse.ToQuicMultiaddr(client.RemoteAddr, quicgo.Version1)
		if err != nil {
			addr = nil // the resource manager decides about the unknown
		}
		scope, err := res.OpenConnection(network.DirInbound, false, addr)
		if err != nil {
			return ctx, err
		}
		ctx = network.WithConnManagementScope(ctx, scope)
		context.AfterFunc(ctx, scope.Done)
		return ctx, nil
	}
}

// listen opens the sockets. Of the defaults one is enough (there may be no IPv6); what the config names must all work.
func (n *Node) listen() error {
	addrs, strict := n.cfg.Listen, true
	if addrs == nil {
		addrs, strict = DefaultListen, false
	}
	var first error
	for _, a := range addrs {
		m, err := ma.NewMultiaddr(a)
		if err != nil {
			return fmt.Errorf("listen address %q: %v; it should look like /ip4/0.0.0.0/tcp/4001: %w", a, err, protocol.Invalid)
		}
		if err := n.host.Network().Listen(m); err != nil {
			first = fmt.Errorf("listen on %s: %w; is the port in use by another node?", a, err)
			if strict {
				return first
			}
		}
	}
	if len(n.host.Network().ListenAddresses()) > 0 {
		return nil
	}
	return first
}

func (n *Node) kadProtocol() lp2p.ID { return lp2p.ID(n.prefix + "/kad/1.0.0") }
