package node

import (
	"context"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// perform carries out one effect. Deliveries are handed out, saves and deletes are on disk already.
func (n *Node) perform(ctx context.Context, effect role.Effect) error {
	switch e := effect.(type) {
	case role.Send:
		n.send(ctx, e)
	case role.Publish:
		failpoint("Publish")
		if err := n.cfg.P2P.Publish(ctx, e.Topic, e.Env.Raw); err != nil {
			n.log.Debug("not published", "topic", e.Topic, "err", err)
		}
	case role.Subscribe:
		return n.subscribe(ctx, e.Topic)
	case role.Wake:
		if e.At.Before(n.due) {
			n.due = e.At
		}
	case role.Watch:
		n.watch(e.Address)
	case role.Pay:
		n.pay(ctx, e)
	case role.Post:
		n.post(ctx, e.Unit)
	case role.Note:
		n.log.Info(e.Text, e.Attrs...)
		n.cfg.OnNote(e)
	case role.Refused:
		n.refuse(e.Err)
	case role.Done:
		n.done = true
	}
	return nil
}

func (n *Node) send(ctx context.Context, e role.Send) {
	proto := string(protocol.ChannelOf(e.Env.Kind()))
	if proto == string(protocol.Gossip) {
		proto = string(protocol.Deal) // a finished stamp handed to the buyer directly
	}
	failpoint("Send")
	report := func(err error) {
		if err == nil {
			failpoint("Sent")
		} else {
			n.log.Debug("not sent", "kind", e.Env.Kind(), "to", e.To, "err", err)
			n.mail(e.To, proto, e.Env.Raw, err)
		}
	}
	if err := n.cfg.P2P.Post(ctx, e.To, proto, e.Env.Raw, report); err != nil {
		report(err)
	}
}

func (n *Node) subscribe(ctx context.Context, topic string) error {
	if _, ok := n.topics[topic]; ok {
		return nil
	}
	leave, err := n.cfg.P2P.Subscribe(topic,
		func(_ protocol.Identity, data []byte) protocol.Verdict { return n.judge(data) },
		func(data []byte) { n.hear(ctx, data) })
	if err != nil {
		return err
	}
	n.topics[topic] = leave
	return nil
}

// judge is the topic validator: it rejects what is wrong for everybody for ever (form, signature, binding) and ignores
// what a clock says is over.
func (n *Node) judge(data []byte) protocol.Verdict {
	env, err := envelope.Open(n.cfg.Verifier, n.cfg.Market, data)
	if err != nil {
		n.refuse(err)
		return protocol.Reject
	}
	switch m := env.Body.(type) {
	case *protocol.Offer:
		if m.Binding.Identity != env.Signer || m.Binding.Check(n.cfg.Verifier) != nil {
			return protocol.Reject
		}
		n.learn(m.Binding)
		if m.ValidUntil < time.Now().UnixMilli() {
			return protocol.Ignore
		}
	case *protocol.Withdraw:
	case *protocol.Stamped:
		for _, s := range m.Sigs {
			if !envelope.VerifyDetached(n.cfg.Verifier, n.cfg.Market, s.Signer, protocol.KindStamp, m.Body, s.Signature) {
				return protocol.Reject
			}
		}
	default:
		return protocol.Reject
	}
	return protocol.Accept
}

// hear passes a validated gossip message on; when the core is behind, gossip is what is dropped.
func (n *Node) hear(ctx context.Context, data []byte) {
	env, err := envelope.Open(n.cfg.Verifier, n.cfg.Market, data)
	if err != nil {
		return
	}
	select {
	case n.events <- role.Heard{Env: env}:
	case <-ctx.Done():
	default:
		n.log.Debug("gossip dropped, the core is busy", "kind", env.Kind())
	}
}
