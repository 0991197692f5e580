package engine

import (
	"slices"
	"time"

	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// arrival draws when a message arrives: after its delay, and not before an earlier one of the same pair.
func (e *Engine) arrival(from, to *Node) time.Time {
	w := wire{from, to}
	at := e.now.Add(e.delay())
	if last := e.wires[w]; at.Before(last) {
		at = last
	}
	e.wires[w] = at
	return at
}

// open reads a message anew from its bytes, as a receiver does: nodes share no memory through a message.
func (e *Engine) open(env envelope.Envelope) (envelope.Envelope, error) {
	return envelope.Open(e.cfg.Verifier, e.cfg.Market, env.Raw)
}

// send delivers to one peer, if there is one and its machine is on.
func (e *Engine) send(from *Node, s role.Send) {
	to := e.byID[s.To]
	if to == nil {
		return
	}
	e.tell(to, e.arrival(from, to), func() role.Event {
		env, err := e.open(s.Env)
		if err != nil {
			to.refused++
			return nil
		}
		return role.Received{From: from.Identity, Env: env}
	})
}

// publish delivers to all who have joined the topic. The message is opened once: what a gossip layer has validated is the
// same for everybody, and cores do not change messages.
func (e *Engine) publish(from *Node, p role.Publish) {
	env, err := e.open(p.Env)
	for _, to := range e.topics[p.Topic] {
		if to == from {
			continue
		}
		e.tell(to, e.arrival(from, to), func() role.Event {
			if err != nil {
				to.refused++
				return nil
			}
			return role.Heard{Env: env}
		})
	}
}

func (e *Engine) subscribe(n *Node, topic string) {
	if list := e.topics[topic]; !slices.Contains(list, n) {
		e.topics[topic] = append(slices.Clip(list), n)
	}
}
