package p2p

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/x/rate"

	market "github.com/iotverse/iotverse/protocol"
)

// Limits bound what strangers can make a node spend. Zero fields take the default, which fits a machine with 256 MB.
type Limits struct {
	Conns   int           // open connections, default 128, of a relay 1,024
	Memory  int64         // bytes that buffers may reserve (256 kB a stream, mostly unused), default 1 MB a connection
	Streams int           // inbound streams of one peer on one protocol, default 8 (MECHANISM 0)
	Queue   int           // messages waiting for one peer, default 256
	Bytes   int           // bytes waiting for one peer, default 8 MB
	Timeout time.Duration // a whole exchange: dial, frame, handler, answer; default 30 s
	Topics  int           // gossip topics joined at once, default 1,024
}

func (l Limits) withDefaults(relay bool) Limits {
	conns := 128
	if relay {
		conns = 1024
	}
	setDefault(&l.Conns, conns)
	setDefault(&l.Memory, int64(l.Conns)<<20)
	setDefault(&l.Streams, 8)
	setDefault(&l.Queue, 256)
	setDefault(&l.Bytes, 8<<20)
	setDefault(&l.Timeout, 30*time.Second)
	setDefault(&l.Topics, 1024)
	return l
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// check refuses limits under which nothing works.
func (l Limits) check() error {
	if l.Conns < 8 || l.Memory < 8<<20 || l.Streams < 1 || l.Queue < 1 || l.Bytes < MaxFrame || l.Timeout < time.Millisecond || l.Topics < 1 {
		return fmt.Errorf("limits %+v: want at least 8 connections, 8 MB of memory, 1 stream, 1 message and %d bytes waiting, 1 ms, 1 topic: %w",
			l, MaxFrame, market.Invalid)
	}
	return nil
}

// resources makes libp2p's resource manager of l. kad is the protocol of the DHT, which needs more streams than messages do.
func (l Limits) resources(kad protocol.ID) (network.ResourceManager, error) {
	base := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&base)
	conns := l.Conns + l.Conns/4 // the connection manager trims down to Conns; above this they are refused
	base.SystemBaseLimit = rcmgr.BaseLimit{
		Conns: conns, ConnsInbound: conns * 3 / 4, ConnsOutbound: conns, FD: conns,
		Streams: 16 * conns, StreamsInbound: 8 * conns, StreamsOutbound: 16 * conns, Memory: l.Memory,
	}
	base.TransientBaseLimit.Memory = l.Memory / 4
	base.PeerBaseLimit.Memory = l.Memory / 2
	base.ProtocolPeerBaseLimit = rcmgr.BaseLimit{
		StreamsInbound: l.Streams, StreamsOutbound: 64, Streams: 64 + l.Streams, Memory: 16 << 20,
	}
	base.AddProtocolPeerLimit(kad, rcmgr.BaseLimit{StreamsInbound: 32, StreamsOutbound: 64, Streams: 96, Memory: 8 << 20}, rcmgr.BaseLimitIncrease{})

	// The scaling adds nothing: the numbers above hold on every machine.
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(base.Scale(0, 0)),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(perIP, perIP6),
		rcmgr.WithConnRateLimiters(connRates()))
}

// One home, school or farm is one address, and its machines start together after a power cut; libp2p's eight connections
// and one in five seconds are too few for it. Loopback has no limits (libp2p's default for perIP, repeated in connRates).
var (
	perIP  = []rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: 64}}
	perIP6 = []rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: 64}, {PrefixLength: 48, ConnCount: 256}}
)

func connRates() *rate.Limiter {
	one, many := rate.Limit{RPS: 2, Burst: 128}, rate.Limit{RPS: 8, Burst: 512}
	return &rate.Limiter{
		NetworkPrefixLimits: []rate.PrefixLimit{{Prefix: privateNets[0]}, {Prefix: privateNets[1]}},
		SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: one}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: one}, {PrefixLength: 48, Limit: many}},
			GracePeriod:      time.Minute,
		},
	}
}

// privateNets are loopback, and the networks that are one's own house.
var privateNets = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"),
}

// relayResources is what a relay gives to those behind NAT. A relayed connection has no limit of its own: GossipSub uses
// no limited ones, and without gossip a home where hole punching fails would be cut off. Their number is limited.
func relayResources(l Limits) relay.Resources {
	r := relay.DefaultResources()
	r.Limit = nil
	r.MaxReservations = l.Conns / 2
	r.MaxCircuits = 64
	r.MaxReservationsPerIP = 64
	r.MaxReservationsPerASN = l.Conns / 2
	return r
}
