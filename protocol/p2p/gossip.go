package p2p

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/iotverse/iotverse/protocol"
)

// MaxGossip is the largest gossip message, bytes (evidence, MECHANISM 0).
const MaxGossip = 64 << 10

const (
	maxTopic    = 256             // bytes of a topic's name
	seenFor     = 2 * time.Minute // a message with the same bytes on the same topic is one message for this long
	validations = 64              // run at once for one topic; what comes on top is dropped and counted
	backlog     = 256             // messages that wait for deliver; what comes on top is dropped and counted
)

// gossip is the node's part in GossipSub.
type gossip struct {
	mu     sync.Mutex // held while GossipSub is asked things, so its tracer must not take it
	topics map[string]*topic
	counts tracer
}

type topic struct {
	handle *pubsub.Topic
	sub    *pubsub.Subscription // nil while the node only publishes here
}

func (g *gossip) init() { g.topics = make(map[string]*topic) }

// startGossip starts GossipSub: no signatures of its own, since every message is a signed envelope.
func (n *Node) startGossip() error {
	var err error
	n.pubsub, err = pubsub.NewGossipSub(n.ctx, n.host,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(MaxGossip+4096), // the rest is for topic and framing
		pubsub.WithFloodPublish(true),
		pubsub.WithPeerExchange(n.cfg.Relay),
		pubsub.WithPeerScore(scoring()),
		pubsub.WithSeenMessagesTTL(seenFor),
		pubsub.WithValidateThrottle(4*validations),
		pubsub.WithValidateQueueSize(backlog),
		pubsub.WithPeerOutboundQueueSize(backlog),
		pubsub.WithRawTracer(&n.gossip.counts),
	)
	if err != nil {
		return fmt.Errorf("p2p: gossip: %w", err)
	}
	return nil
}

// messageID covers all bytes, and the topic: the same bytes on two topics are two messages.
func messageID(m *pb.Message) string {
	h := sha256.New()
	h.Write([]byte{byte(len(m.GetTopic()) >> 8), byte(len(m.GetTopic()))})
	h.Write([]byte(m.GetTopic()))
	h.Write(m.GetData())
	return string(h.Sum(nil))
}

// join returns the topic, joined if it was not. The caller holds g.mu.
func (n *Node) join(name string) (*topic, error) {
	if t := n.gossip.topics[name]; t != nil {
		return t, nil
	}
	if name == "" || len(name) > maxTopic {
		return nil, fmt.Errorf("topic name of %d bytes, want 1 to %d: %w", len(name), maxTopic, protocol.Invalid)
	}
	if have := len(n.gossip.topics); have >= n.cfg.Limits.Topics && !n.forgetOne() {
		return nil, fmt.Errorf("topic %s: %d topics joined already, the limit of this node: %w", name, have, protocol.Transient)
	}
	handle, err := n.pubsub.Join(name)
	if err != nil {
		return nil, fmt.Errorf("join topic %s: %w", name, err)
	}
	if err := handle.SetScoreParams(topicScoring()); err != nil {
		return nil, errors.Join(fmt.Errorf("topic %s: %w", name, err), handle.Close())
	}
	n.gossip.counts.add(name)
	t := &topic{handle: handle}
	n.gossip.topics[name] = t
	return t, nil
}

// forget leaves a topic without a subscription. The caller holds g.mu.
func (n *Node) forget(name string) {
	if err := n.gossip.topics[name].handle.Close(); err != nil && n.ctx.Err() == nil {
		n.log.Warn("leave topic", "topic", name, "err", err)
	}
	delete(n.gossip.topics, name)
	n.gossip.counts.drop(name)
}

// forgetOne makes room by leaving a topic that the node only publishes on; the next Publish joins it again.
func (n *Node) forgetOne() bool {
	for name, t := range n.gossip.topics {
		if t.sub == nil {
			n.forget(name)
			return true
		}
	}
	return false
}

// Subscribe listens to a topic. validate judges every message before it is passed on, several at once; from is the peer
// that carried it, or the node itself. deliver gets the accepted ones of others, one at a time, and must not change the
// bytes; if it is slower than the network for long, messages are dropped and counted. cancel ends the subscription and
// does not wait.
// Errors: Invalid for a bad name or a second subscription to one topic; Transient above Limits.Topics.
func (n *Node) Subscribe(name string, validate func(from protocol.Identity, data []byte) protocol.Verdict, deliver func(data []byte)) (cancel func(), err error) {
	g := &n.gossip
	g.mu.Lock()
	defer g.mu.Unlock()
	t, err := n.join(name)
	if err != nil {
		return nil, err
	}
	if t.sub != nil {
		return nil, fmt.Errorf("topic %s has a subscription already: %w", name, protocol.Invalid)
	}
	if err := n.pubsub.RegisterTopicValidator(name, n.validator(validate), pubsub.WithValidatorConcurrency(validations)); err != nil {
		return nil, fmt.Errorf("topic %s: %w", name, err)
	}
	if t.sub, err = t.handle.Subscribe(pubsub.WithBufferSize(backlog)); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to %s: %w", name, err), n.pubsub.UnregisterTopicValidator(name))
	}
	sub := t.sub
	if !n.begin() {
		return nil, fmt.Errorf("subscribe to %s: the node is closed: %w", name, protocol.Transient)
	}
	go n.pump(sub, deliver)
	return sync.OnceFunc(func() { n.leave(name, sub) }), nil
}

// pump moves messages from a subscription to deliver until either ends.
func (n *Node) pump(sub *pubsub.Subscription, deliver func(data []byte)) {
	defer n.wg.Done()
	for {
		m, err := sub.Next(n.ctx)
		if err != nil {
			return // cancelled, or the node closes
		}
		if m.ReceivedFrom != n.host.ID() {
			deliver(m.GetData())
		}
	}
}

// leave ends a subscription, and with it the node's part in the topic.
func (n *Node) leave(name string, sub *pubsub.Subscription) {
	n.gossip.mu.Lock()
	defer n.gossip.mu.Unlock()
	sub.Cancel()
	if n.ctx.Err() != nil {
		return
	}
	if err := n.pubsub.UnregisterTopicValidator(name); err != nil {
		n.log.Warn("topic validator", "topic", name, "err", err)
	}
	n.forget(name)
}

// validator turns a role's judgement into GossipSub's.
func (n *Node) validator(validate func(protocol.Identity, []byte) protocol.Verdict) pubsub.ValidatorEx {
	return func(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		id := n.self
		if from != n.host.ID() {
			var ok bool
			if id, ok = n.identity(from); !ok {
				return pubsub.ValidationIgnore
			}
		}
		if size := len(m.GetData()); size == 0 || size > MaxGossip {
			return pubsub.ValidationReject
		}
		switch validate(id, m.GetData()) {
		case protocol.Accept:
			return pubsub.ValidationAccept
		case protocol.Reject:
			return pubsub.ValidationReject
		}
		return pubsub.ValidationIgnore
	}
}

// Publish gives data to everybody on a topic who can be reached now; who comes later does not get it. A node that is
// subscribed judges its own message first. The same bytes within two minutes are sent once: make a repetition differ.
// Errors: Invalid for a bad size or name, or if the node's own validator rejects it; Stale if that ignores it; Transient
// if nobody is known to listen yet (nothing was sent, the same bytes may be tried again) or the node closes.
func (n *Node) Publish(ctx context.Context, name string, data []byte) error {
	if len(data) == 0 || len(data) > MaxGossip {
		return fmt.Errorf("publish %d bytes on %s, want 1 to %d: %w", len(data), name, MaxGossip, protocol.Invalid)
	}
	n.gossip.mu.Lock()
	t, err := n.join(name)
	n.gossip.mu.Unlock()
	if err != nil {
		return err
	}
	if len(t.handle.ListPeers()) == 0 {
		return fmt.Errorf("publish on %s: nobody listens yet: %w", name, protocol.Transient)
	}
	var refused pubsub.ValidationError
	switch err := t.handle.Publish(ctx, data); {
	case errors.As(err, &refused) && refused.Reason == pubsub.RejectValidationFailed:
		return fmt.Errorf("publish on %s: the node's own validator rejects it: %w", name, protocol.Invalid)
	case errors.As(err, &refused):
		return fmt.Errorf("publish on %s: the node's own validator ignores it: %w", name, protocol.Stale)
	case err != nil:
		return fmt.Errorf("publish on %s: %v: %w", name, err, protocol.Transient)
	}
	return nil
}
