package p2p

import (
	"sync"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	lp2p "github.com/libp2p/go-libp2p/core/protocol"
)

// Stats is what a node has seen since it started.
type Stats struct {
	Conns     int
	Topics    map[string]TopicStats
	Protocols map[string]StreamStats
}

// TopicStats counts the gossip messages of one topic since it was joined.
type TopicStats struct {
	Peers      int    // known to listen
	Accepted   uint64 // own ones included
	Ignored    uint64
	Rejected   uint64
	Duplicates uint64
	Dropped    uint64 // too many at once for validate or deliver
}

// StreamStats counts the direct messages of one protocol.
type StreamStats struct {
	Accepted  uint64 // the handler returned nil
	Refused   uint64 // the handler returned an error
	Malformed uint64 // never reached the handler: garbage, too long, too slow
	Sent      uint64 // the peer accepted
	Failed    uint64 // the peer refused, or could not be reached
}

// counts is the live form of TopicStats.
type counts struct {
	accepted, ignored, rejected, duplicates, dropped atomic.Uint64
}

// streamCounts is the live form of StreamStats.
type streamCounts struct {
	accepted, refused, malformed, sent, failed atomic.Uint64
}

// Stats returns the counters. It is cheap enough for a metrics page.
func (n *Node) Stats() Stats {
	s := Stats{Conns: len(n.host.Network().Conns()), Topics: make(map[string]TopicStats), Protocols: n.in.stats()}
	n.gossip.mu.Lock()
	defer n.gossip.mu.Unlock()
	for name, t := range n.gossip.topics {
		c := n.gossip.counts.of(name)
		s.Topics[name] = TopicStats{
			Peers: len(t.handle.ListPeers()), Accepted: c.accepted.Load(), Ignored: c.ignored.Load(),
			Rejected: c.rejected.Load(), Duplicates: c.duplicates.Load(), Dropped: c.dropped.Load(),
		}
	}
	return s
}

// tracer counts what GossipSub does with messages, for joined topics only: their number is bounded. It takes no lock that
// is held while GossipSub is called.
type tracer struct {
	topics sync.Map // name to *counts
	other  counts   // a topic that is not joined; never shown
}

func (t *tracer) add(name string) { t.topics.LoadOrStore(name, &counts{}) }

func (t *tracer) drop(name string) { t.topics.Delete(name) }

func (t *tracer) of(name string) *counts {
	if c, ok := t.topics.Load(name); ok {
		return c.(*counts)
	}
	return &t.other
}

func (t *tracer) DeliverMessage(m *pubsub.Message)       { t.of(m.GetTopic()).accepted.Add(1) }
func (t *tracer) DuplicateMessage(m *pubsub.Message)     { t.of(m.GetTopic()).duplicates.Add(1) }
func (t *tracer) UndeliverableMessage(m *pubsub.Message) { t.of(m.GetTopic()).dropped.Add(1) }
func (t *tracer) RejectMessage(m *pubsub.Message, reason string) {
	c := t.of(m.GetTopic())
	switch reason {
	case pubsub.RejectValidationIgnored:
		c.ignored.Add(1)
	case pubsub.RejectValidationThrottled, pubsub.RejectValidationQueueFull:
		c.dropped.Add(1)
	default:
		c.rejected.Add(1)
	}
}

// The rest of pubsub.RawTracer is not counted.
func (*tracer) OnNewOutboundStream(peer.ID, lp2p.ID)                 {}
func (*tracer) OnClosedOutboundStream(peer.ID)                       {}
func (*tracer) Join(string)                                          {}
func (*tracer) Leave(string)                                         {}
func (*tracer) Graft(peer.ID, string)                                {}
func (*tracer) Prune(peer.ID, string)                                {}
func (*tracer) ValidateMessage(*pubsub.Message)                      {}
func (*tracer) ThrottlePeer(peer.ID)                                 {}
func (*tracer) RecvRPC(*pubsub.RPC)                                  {}
func (*tracer) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (*tracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (*tracer) DropRPC(*pubsub.RPC, peer.ID)                         {}
