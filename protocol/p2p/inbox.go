package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	lp2p "github.com/libp2p/go-libp2p/core/protocol"

	"github.com/iotverse/iotverse/protocol"
)

// Handler takes one direct message. from is proven by the connection; frame belongs to the handler. What it returns is
// the answer: nil is "accepted"; an error with a kind travels with its text, any other one as a bare Transient.
// ctx ends with the deadline of the exchange or with the node. Handlers run at once for different peers, and for one peer
// up to Limits.Streams, in the order in which a peer that uses Post or Send sent them.
type Handler func(ctx context.Context, from protocol.Identity, frame []byte) error

// inbox counts direct messages, in and out.
type inbox struct {
	mu     sync.Mutex
	counts map[string]*streamCounts
}

func (in *inbox) init() { in.counts = make(map[string]*streamCounts) }

// of returns the counters of a protocol.
func (in *inbox) of(proto string) *streamCounts {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := in.counts[proto]
	if c == nil {
		c = &streamCounts{}
		in.counts[proto] = c
	}
	return c
}

func (in *inbox) stats() map[string]StreamStats {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := make(map[string]StreamStats, len(in.counts))
	for proto, c := range in.counts {
		out[proto] = StreamStats{
			Accepted: c.accepted.Load(), Refused: c.refused.Load(), Malformed: c.malformed.Load(),
			Sent: c.sent.Load(), Failed: c.failed.Load(),
		}
	}
	return out
}

// Handle gives the messages of a protocol ("/iotverse/round/1") to h; frames over maxFrame bytes (1..MaxFrame) are refused
// before they are read. A second call for one protocol replaces the first. Error: Invalid for a bad name or size.
func (n *Node) Handle(proto string, maxFrame int, h Handler) error {
	if proto == "" || len(proto) > maxTopic || maxFrame < 1 || maxFrame > MaxFrame {
		return fmt.Errorf("handler for %q with frames of %d bytes, want a name and 1 to %d: %w", proto, maxFrame, MaxFrame, protocol.Invalid)
	}
	counts := n.in.of(proto)
	n.host.SetStreamHandler(lp2p.ID(proto), func(s network.Stream) {
		if !n.begin() {
			s.Reset()
			return
		}
		defer n.wg.Done()
		if err := n.serve(s, maxFrame, h, counts); err != nil {
			s.Reset()
			n.log.Debug("bad stream", "protocol", proto, "peer", s.Conn().RemotePeer(), "err", err)
		}
	})
	return nil
}

// serve reads one message, has it handled and answers. It closes the stream unless it returns an error.
func (n *Node) serve(s network.Stream, maxFrame int, h Handler, counts *streamCounts) error {
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.Limits.Timeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := s.SetDeadline(deadline); err != nil {
		counts.malformed.Add(1)
		return err
	}
	frame, release, err := n.receive(s, maxFrame)
	defer release()
	from, keyErr := identityOf(s.Conn().RemotePublicKey())
	if err = errors.Join(err, keyErr); err != nil {
		counts.malformed.Add(1)
		var long errTooLong
		if !errors.As(err, &long) {
			return err
		}
		// An honest peer may not know this limit: take its bytes, bounded by MaxFrame, and tell it.
		if _, err := io.CopyN(io.Discard, s, int64(long.length)); err != nil {
			return err
		}
		return answer(s, err)
	}
	err = h(ctx, from, frame)
	if err != nil {
		counts.refused.Add(1)
	} else {
		counts.accepted.Add(1)
	}
	// The handler may have used up the time; the answer gets a little of its own.
	if err := s.SetWriteDeadline(time.Now().Add(n.cfg.Limits.Timeout / 4)); err != nil {
		return err
	}
	return answer(s, err)
}

// receive reads the frame; release gives back the memory that was reserved for it.
func (n *Node) receive(s network.Stream, maxFrame int) (frame []byte, release func(), err error) {
	reserved := 0
	frame, err = readFrame(s, maxFrame, func(size int) error {
		if err := s.Scope().ReserveMemory(size, network.ReservationPriorityAlways); err != nil {
			return err
		}
		reserved = size
		return nil
	})
	return frame, func() { s.Scope().ReleaseMemory(reserved) }, err
}

// answer sends a verdict and closes the stream.
func answer(s network.Stream, verdict error) error {
	if _, err := s.Write(encodeAnswer(verdict)); err != nil {
		return err
	}
	return s.Close()
}
