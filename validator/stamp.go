package validator

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/market/committee"
	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// patience is how long the members wait for the proposer to publish a stamp.
const patience = time.Second

// sign saves the body, for this member never signs another of the window, and hands it to the members and the seller.
func (c *Core) sign(r *round, body *protocol.Stamp) {
	if !c.promise("signed", r.wid, r.wc.Window, body) {
		r.absent = true
		return
	}
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, body)
	if err != nil {
		c.fail(r, err.Error())
		return
	}
	r.signed = true
	for _, peer := range append(c.others(r), r.wc.Seller) {
		c.emit(role.Send{To: peer, Env: env})
	}
	c.count(r, env, body)
}

// voted takes another member's signature of a stamp.
func (c *Core) voted(r *round, env envelope.Envelope, m *protocol.Stamp) {
	if _, member := r.committee.SeatOf(env.Signer); !member || env.Signer == c.self() || m.Seller != r.wc.Seller || m.Window != r.wc.Window {
		c.refuse("validator: stamp of window %s by %s, who has no seat, or of another window: %w", r.wid, env.Signer, protocol.Invalid)
		return
	}
	if body, known := r.ballot[env.Signer]; known {
		if body != string(env.Payload) {
			c.twoBodies(r, env)
		}
		return
	}
	c.count(r, env, m)
}

// twoBodies keeps the proof that a member signed two stamps of one window.
func (c *Core) twoBodies(r *round, env envelope.Envelope) {
	id := env.Signer.ID()
	first := protocol.StampSig{Signer: env.Signer, Signature: r.votes[r.ballot[env.Signer]][env.Signer]}
	key := fmt.Appendf(nil, "conflict/stamp/%s/%s", hex.EncodeToString(id[:8]), hex.EncodeToString(r.wid[:]))
	c.save(key, [][]byte{[]byte(r.ballot[env.Signer]), first.Signature, env.Raw})
	c.refuse("validator: %s signed two stamps of window %s: %w", env.Signer, r.wid, protocol.Invalid)
}

// count adds a signature; the quorum over one body makes the stamp.
func (c *Core) count(r *round, env envelope.Envelope, m *protocol.Stamp) {
	if r.over {
		return
	}
	body := string(env.Payload)
	if r.votes[body] == nil {
		r.votes[body] = make(map[protocol.Identity][]byte)
	}
	r.ballot[env.Signer] = body
	r.votes[body][env.Signer] = env.Signature
	n := 0
	for id := range r.votes[body] {
		n += seats(r.committee, id)
	}
	if n < r.committee.Quorum || r.final != nil {
		return
	}
	final := judge.Assemble(env.Payload, r.votes[body])
	if _, err := judge.VerifyStamped(final, c.cfg.Rules.Verifier, c.cfg.Rules.Market, r.committee); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	r.final = final
	c.close(r, m)
}

// learn takes a finished stamp, of whichever committee. Errors of form and signatures are the sender's.
func (c *Core) learn(m *protocol.Stamped) {
	body := new(protocol.Stamp)
	if err := protocol.Decode(m.Body, body); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	r := c.rounds[body.Wid]
	if r != nil && r.stamp != nil {
		r.heard = true
		return
	}
	if _, known := c.stamped[body.Wid]; known {
		return
	}
	if err := c.checkStamped(m, body, r); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	if r != nil && !r.over {
		r.final, r.heard = m, true
		c.close(r, body)
		return
	}
	c.believe(body)
}

func (c *Core) checkStamped(m *protocol.Stamped, body *protocol.Stamp, r *round) (err error) {
	if body.Epoch != c.cal.EpochOf(body.Window) {
		return fmt.Errorf("validator: stamp of window %d for epoch %d: %w", body.Window, body.Epoch, protocol.Invalid)
	}
	var com *committee.Committee
	if r != nil {
		com = r.committee
	} else if com, err = c.view.Committee(body.Seller, body.Prop, body.Class.Cell, body.Epoch); err != nil {
		return err
	}
	_, err = judge.VerifyStamped(m, c.cfg.Rules.Verifier, c.cfg.Rules.Market, com)
	return err
}

// believe enters a valid stamp into the seller's record.
func (c *Core) believe(body *protocol.Stamp) {
	c.stamped[body.Wid] = body.Window
	s := c.stream(body.Seller, body.Prop, body.Class.Cell)
	if s.last == nil || s.last.Window < body.Window {
		s.last = body
	}
	c.keepStream(s)
}

// close ends the judging: the stamp is whole, what was opened goes into the history.
func (c *Core) close(r *round, body *protocol.Stamp) {
	r.stamp, r.closed = body, c.now
	c.note("stamped", "seller", r.wc.Seller, "property", r.wc.Prop, "window", r.wc.Window, "integrity", body.I, "hard", body.Hard)
	if r.mine != nil && r.result.Stats.Seen > 0 {
		r.stream.remember(r.result.Past, true, c.par.History)
	}
	c.shelve(r)
	c.file(r)
	c.believe(body)
	c.finish(r)
}

// finish publishes the stamp, at once if this member proposes and later if nobody has, and asks the other members for the
// batches that they were shown.
func (c *Core) finish(r *round) {
	proposer := r.committee.Members[0].Binding.Identity == c.self()
	if !r.heard && (proposer || c.due(r.closed.Add(patience))) {
		r.heard = true
		env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, r.final)
		if err != nil {
			c.emit(role.Refused{Err: err})
		} else {
			c.emit(role.Publish{Topic: protocol.StampTopic(committee.Shard(r.wc.Prop, r.wc.Cell, c.par.ShardBits)), Env: env})
		}
	}
	if !r.shared && c.due(r.closed.Add(c.par.Reveal)) {
		r.shared = true
		c.ask(r.stream, r.wc.Window-min(r.wc.Window, 2), r.wc.Window, c.others(r))
	}
	r.over = r.heard && r.shared
}
