package node

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
)

// mail hands a message to the mailbox after the direct way has failed: nobody reached, or no answer in time. The peer may
// get it twice then, which cores bear since they repeat messages themselves.
func (n *Node) mail(to protocol.Identity, proto string, frame []byte, failed error) {
	if n.cfg.Mailbox == nil || !errors.Is(failed, protocol.Transient) {
		return
	}
	if err := n.cfg.Mailbox.Post(to, proto, frame); err != nil {
		n.log.Debug("not mailed", "to", to, "err", err)
	}
}

// mailed takes a message that came through the mailbox.
func (n *Node) mailed(ctx context.Context, from protocol.Identity, proto string, frame []byte) error {
	if !slices.Contains(direct, protocol.Channel(proto)) {
		return fmt.Errorf("no messages on %.40q: %w", proto, protocol.Invalid)
	}
	return n.receive(ctx, from, frame)
}

// learn tells the mailbox how a node can be written to.
func (n *Node) learn(b protocol.Binding) {
	if n.cfg.Mailbox != nil {
		n.cfg.Mailbox.Learn(b)
	}
}

// maxBinding is the longest binding in a registration, in bytes.
const maxBinding = 400

// learnFrom finds the bindings in registrations (MECHANISM 1): a member "binding" of data, in base64.
func (n *Node) learnFrom(units []unit.Proven) {
	if n.cfg.Mailbox == nil {
		return
	}
	for _, u := range units {
		for _, m := range u.Unit.Messages {
			data, _ := m.Payload.(map[string]any)
			text, _ := data["binding"].(string)
			if text == "" || len(text) > base64.StdEncoding.EncodedLen(maxBinding) {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(text)
			var b protocol.Binding
			if err == nil && protocol.Decode(raw, &b) == nil {
				n.cfg.Mailbox.Learn(b)
			}
		}
	}
}
