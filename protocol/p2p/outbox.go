package p2p

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	lp2p "github.com/libp2p/go-libp2p/core/protocol"

	"github.com/iotverse/iotverse/protocol"
)

// outbox holds one queue for each peer that messages wait for. A queue has one goroutine while it is not empty, and sends
// the next message when the last one is answered: that is what keeps the order.
type outbox struct {
	mu     sync.Mutex
	queues map[peer.ID]*queue
}

type queue struct {
	waiting []*message
	bytes   int // of waiting and the one on its way
}

type message struct {
	ctx   context.Context // of the caller: only for as long as the message lives
	proto string
	frame []byte
	done  func(error)
}

func (o *outbox) init() { o.queues = make(map[peer.ID]*queue) }

// Send gives one message to a peer and waits for its answer: nil if the peer's handler accepted it. The peer is looked up
// among known addresses, then in the DHT. Messages to one peer arrive in the order of the calls; to keep it over
// goroutines, use Post.
// Errors: the kind and text of the handler's error; Transient if the peer cannot be reached, does not answer in time
// (it may have handled the message), or too much waits for it; Invalid for a bad identity or frame (1..MaxFrame bytes).
func (n *Node) Send(ctx context.Context, to protocol.Identity, proto string, frame []byte) error {
	result := make(chan error, 1) // the queue must not wait for a caller that left
	if err := n.Post(ctx, to, proto, frame, func(err error) { result <- err }); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("send to %s: %v: %w", to, ctx.Err(), protocol.Transient)
	}
}

// Post is Send without the wait: it queues the message and returns. done, if not nil, is called once with Send's result,
// from another goroutine, before the next message to that peer leaves; it must not block. ctx can withdraw the message as
// long as it waits. frame must not be changed until done. The errors it returns itself (Invalid, and Transient for a full
// queue or a closed node) mean that done will not be called.
func (n *Node) Post(ctx context.Context, to protocol.Identity, proto string, frame []byte, done func(error)) error {
	if len(frame) == 0 || len(frame) > MaxFrame || proto == "" {
		return fmt.Errorf("send %d bytes on %q, want 1 to %d: %w", len(frame), proto, MaxFrame, protocol.Invalid)
	}
	p, err := peerID(to)
	if err != nil {
		return err
	}
	if p == n.host.ID() {
		return fmt.Errorf("send on %s: that is this node itself: %w", proto, protocol.Invalid)
	}
	if done == nil {
		done = func(error) {}
	}
	return n.enqueue(p, &message{ctx: ctx, proto: proto, frame: frame, done: done})
}

func (n *Node) enqueue(p peer.ID, m *message) error {
	o := &n.out
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.queues[p]
	if q == nil {
		if !n.begin() {
			return fmt.Errorf("send to %s: the node is closed: %w", p, protocol.Transient)
		}
		q = &queue{}
		o.queues[p] = q
		go n.drain(p, q)
	}
	if len(q.waiting) >= n.cfg.Limits.Queue || q.bytes+len(m.frame) > n.cfg.Limits.Bytes {
		return fmt.Errorf("send to %s: %d messages and %d bytes wait already: %w", p, len(q.waiting), q.bytes, protocol.Transient)
	}
	q.waiting = append(q.waiting, m)
	q.bytes += len(m.frame)
	return nil
}

// drain sends what waits in q, and ends when it is empty.
func (n *Node) drain(p peer.ID, q *queue) {
	defer n.wg.Done()
	for {
		n.out.mu.Lock()
		if len(q.waiting) == 0 {
			delete(n.out.queues, p)
			n.out.mu.Unlock()
			return
		}
		m := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		n.out.mu.Unlock()

		err := n.exchange(p, m)
		counts := n.in.of(m.proto)
		if err == nil {
			counts.sent.Add(1)
		} else {
			counts.failed.Add(1)
		}
		m.done(err)

		n.out.mu.Lock()
		q.bytes -= len(m.frame)
		n.out.mu.Unlock()
	}
}

// exchange sends one message and reads the answer.
func (n *Node) exchange(p peer.ID, m *message) error {
	ctx, cancel := context.WithTimeout(m.ctx, n.cfg.Limits.Timeout)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	if err := n.reach(ctx, p); err != nil {
		return err
	}
	s, err := n.host.NewStream(network.WithAllowLimitedConn(ctx, "iotverse"), p, lp2p.ID(m.proto))
	if err != nil {
		return fmt.Errorf("stream %s to %s: %v: %w", m.proto, p, err, protocol.Transient)
	}
	defer context.AfterFunc(ctx, func() { s.Reset() })() // the deadline of ctx holds for every read and write
	heard, err := talk(s, m.frame)
	if !heard {
		s.Reset()
		return fmt.Errorf("message %s to %s: %w", m.proto, p, errors.Join(err, ctx.Err()))
	}
	s.Close()
	return err
}

// talk writes the frame and reads the answer. The write may fail because the peer has already answered.
func talk(s network.Stream, frame []byte) (heard bool, err error) {
	writeErr := writeFrame(s, frame)
	if writeErr == nil {
		writeErr = s.CloseWrite()
	}
	verdict, heard := readAnswer(s)
	if !heard && writeErr != nil {
		return false, fmt.Errorf("%v: %w", writeErr, protocol.Transient)
	}
	return heard, verdict
}
