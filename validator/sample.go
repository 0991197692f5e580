package validator

import (
	"slices"

	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// sample draws which batches this member sees: the common ones and its own.
func (c *Core) sample(r *round) {
	common, own := judge.Sizes(&c.par, r.stream.trust())
	n := r.wc.Batches()
	r.common = judge.CommonSample(r.ball.Raw, r.wid, common, n)
	r.own = judge.OwnSample(r.ball.Raw, r.wid, r.seat.ID, own, n, r.common)
	for i := range n {
		if !r.sampled(i) {
			delete(r.batches, i)
		}
	}
}

func (r *round) sampled(i int) bool { return slices.Contains(r.common, i) || slices.Contains(r.own, i) }

// opened takes what the seller lays open, or common batches that another member passes on. It may come before the ball.
func (c *Core) opened(r *round, env envelope.Envelope, m *protocol.Opening) {
	bySeller := env.Signer == r.wc.Seller
	if !bySeller && seats(r.committee, env.Signer) == 0 {
		c.refuse("validator: opening of window %s by %s, who is neither its seller nor a member: %w", r.wid, env.Signer, protocol.Invalid)
		return
	}
	proven, faults, err := judge.CheckOpening(r.wc, m)
	if err != nil {
		c.refuse("validator: %w", err)
		return
	}
	if r.mine != nil {
		return
	}
	if len(proven) < len(m.Batches) {
		c.refuse("validator: window %s: %d of %d batches opened by %s are not those committed to: %w",
			r.wid, len(m.Batches)-len(proven), len(m.Batches), env.Signer, protocol.Invalid)
	}
	r.headers, r.faults = m.Headers, faults
	for _, b := range proven {
		i := int(b.Index)
		wanted := slices.Contains(r.common, i) || bySeller && slices.Contains(r.own, i)
		early := r.drawn.IsZero() && bySeller && len(r.batches) < c.par.Common+c.par.Own
		if _, held := r.batches[i]; !held && (wanted || early) {
			r.batches[i] = b
		}
	}
}

// lacking returns which of the given batches are not held.
func (r *round) lacking(of []int) []int {
	return slices.DeleteFunc(slices.Clone(of), func(i int) bool {
		_, held := r.batches[i]
		return held
	})
}

// collect waits for the samples, complains at half the time, and judges when they are all there; without some of its own
// batches at three quarters of the time, for nobody can pass those on. Without the common ones a member cannot judge.
func (c *Core) collect(r *round) {
	common, own := r.lacking(r.common), r.lacking(r.own)
	if r.headers == nil {
		common = r.common
	}
	if len(common) == 0 && (len(own) == 0 || c.due(r.drawn.Add(c.par.Commit*3/4))) {
		c.judge(r)
		return
	}
	if len(common) > 0 && !r.complained && c.due(r.drawn.Add(c.par.Commit/2)) {
		c.complain(r, common)
	}
	if c.due(r.drawn.Add(c.par.Commit)) {
		r.absent = true
		c.note("not served", "seller", r.wc.Seller, "property", r.wc.Prop, "window", r.wc.Window, "batches", common)
	}
}

// complain tells the other members which common batches did not come.
func (c *Core) complain(r *round, common []int) {
	m := &protocol.Unserved{Wid: r.wid}
	for _, i := range common {
		m.Indices = append(m.Indices, uint8(i))
	}
	r.complained = true
	r.missed[r.seat.ID] = m
	c.send(m, c.others(r)...)
}

// unserved passes common batches on to a member that lacks them, once.
func (c *Core) unserved(r *round, env envelope.Envelope, m *protocol.Unserved) {
	seat, member := r.committee.SeatOf(env.Signer)
	if !member || env.Signer == c.self() {
		c.refuse("validator: %s says it was not served for window %s, and has no seat: %w", env.Signer, r.wid, protocol.Invalid)
		return
	}
	if r.passed[env.Signer] {
		return
	}
	r.missed[seat.ID] = m
	o := &protocol.Opening{Wid: r.wid, Headers: r.headers}
	for _, i := range r.common {
		if b, held := r.batches[i]; held && slices.Contains(m.Indices, uint8(i)) {
			o.Batches = append(o.Batches, b)
		}
	}
	if len(o.Batches) > 0 {
		r.passed[env.Signer] = true
		c.send(o, env.Signer)
	}
}

// withheld says which common batches two or more members still lack, and whether that voids the round. A member that
// committed after its complaint was served in the end.
func (r *round) withheld() (missing []int, void bool) {
	still := make(map[protocol.Hash]*protocol.Unserved)
	tickets := make([]protocol.Hash, len(r.committee.Members))
	for i, t := range r.committee.Members {
		tickets[i] = t.ID
		if _, committed := r.commits[t.ID]; !committed {
			still[t.ID] = r.missed[t.ID]
		}
	}
	return judge.Served(still, tickets, r.common)
}
