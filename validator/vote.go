package validator

import (
	"slices"

	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/validator/score"
)

// commit binds this member to its reveal.
func (c *Core) commit(r *round) {
	m := &protocol.Commit{Wid: r.wid, Hash: r.mine.CommitHash()}
	r.commits[r.seat.ID] = m.Hash
	c.send(m, c.others(r)...)
}

// bound takes another member's commit. After this member has disclosed its reveal, or others have after the deadline, it
// would be a copy.
func (c *Core) bound(r *round, env envelope.Envelope, m *protocol.Commit) {
	seat, member := r.committee.SeatOf(env.Signer)
	if !member || env.Signer == c.self() {
		c.refuse("validator: commit to window %s by %s, who has no seat: %w", r.wid, env.Signer, protocol.Invalid)
		return
	}
	old, known := r.commits[seat.ID]
	if known && old == m.Hash {
		return
	}
	if known {
		c.refuse("validator: a second commit to window %s by %s: %w", r.wid, env.Signer, protocol.Invalid)
		return
	}
	disclosed := len(r.reveals) > 1 || len(r.reveals) == 1 && r.mine == nil
	past := !r.drawn.IsZero() && !c.now.Before(r.drawn.Add(c.par.Commit))
	if !r.revealed.IsZero() || past && disclosed {
		c.refuse("validator: commit to window %s by %s comes too late: %w", r.wid, env.Signer, protocol.Stale)
		return
	}
	r.commits[seat.ID] = m.Hash
}

// disclose sends the reveal once all members are bound, or at the deadline a quorum is.
func (c *Core) disclose(r *round) {
	deadline := r.drawn.Add(c.par.Commit)
	if len(r.commits) < len(r.committee.Members) {
		if !c.due(deadline) {
			return
		}
		if len(r.commits) < r.committee.Quorum {
			if c.due(deadline.Add(c.par.Reveal)) {
				c.fail(r, "too few commits")
			}
			return
		}
	}
	r.revealed = c.now
	c.send(r.mine, c.others(r)...)
}

// shown takes another member's reveal, if it is the one committed to.
func (c *Core) shown(r *round, env envelope.Envelope, m *protocol.Reveal) {
	seat, member := r.committee.SeatOf(env.Signer)
	if !member || env.Signer == c.self() || m.Ticket != seat.ID {
		c.refuse("validator: reveal of window %s by %s for ticket %s, which is not its seat: %w", r.wid, env.Signer, m.Ticket, protocol.Invalid)
		return
	}
	if hash, bound := r.commits[seat.ID]; !bound || hash != m.CommitHash() {
		c.refuse("validator: reveal of window %s by %s is not the one committed to: %w", r.wid, env.Signer, protocol.Invalid)
		return
	}
	late := !r.revealed.IsZero() && !c.now.Before(r.revealed.Add(c.par.Reveal))
	if r.signed || late {
		c.refuse("validator: reveal of window %s by %s comes too late: %w", r.wid, env.Signer, protocol.Stale)
		return
	}
	r.reveals[seat.ID] = m
}

// tally counts the reveals, when they are all there or at the deadline, and signs the stamp that follows from them.
func (c *Core) tally(r *round) {
	all := len(r.committee.Members)
	if (len(r.commits) < all || len(r.reveals) < all) && !c.due(r.revealed.Add(c.par.Reveal)) {
		return
	}
	if _, void := r.withheld(); void {
		c.fail(r, "the seller served too few members")
		return
	}
	record, known := c.record(r.stream, r.wc)
	if !known {
		return
	}
	verdict, err := judge.Tally(judge.Ballot{
		Wid: r.wid, Committee: r.committee, Reveals: r.reveals, Packs: r.packs(),
		Proven: func(m *protocol.Reveal) bool { return c.proven(r, m) },
	})
	if err != nil {
		c.fail(r, err.Error())
		return
	}
	body, err := judge.StampBody(&c.cfg.Rules.Manifest, r.wc, r.ball.Hash, verdict, record, score.Version)
	if err != nil {
		c.fail(r, err.Error())
		return
	}
	c.absentees(r, verdict)
	c.sign(r, body)
}

// absentees tells whose reveals did not count.
func (c *Core) absentees(r *round, v *judge.Verdict) {
	for _, t := range r.committee.Members {
		if !slices.ContainsFunc(v.Counted, func(m *protocol.Reveal) bool { return m.Ticket == t.ID }) {
			c.note("a member's reveal does not count", "window", r.wc.Window, "member", t.Binding.Identity, "came", r.reveals[t.ID] != nil)
		}
	}
}
