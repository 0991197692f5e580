package seller

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/reputation"
	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
)

// round is one window of a stream on its way to a stamp, as the seller sees it (MECHANISM 3).
type round struct {
	window    uint64
	committee *committee.Committee
	wc        *protocol.WindowCommit // nil until the window has ended
	env       envelope.Envelope
	wid       protocol.Hash
	sent      time.Time // the commitment
	receipts  map[protocol.Identity]envelope.Envelope
	list      *protocol.Receipts // fixed once sent
	tip       uint64
	opened    bool
	votes     map[string]map[protocol.Identity][]byte // body -> signer -> signature
	stamped   *protocol.Stamped
	stamp     *protocol.Stamp
	failed    bool
}

// expect begins the round of a window that a buyer has prepaid.
func (s *stream) expect(w uint64, c *committee.Committee) {
	if s.rounds[w] == nil {
		s.rounds[w] = &round{window: w, committee: c, receipts: make(map[protocol.Identity]envelope.Envelope),
			votes: make(map[string]map[protocol.Identity][]byte)}
	}
}

// revive begins again, after a restart, the rounds of windows that were prepaid and have not ended.
func (s *stream) revive() {
	c := s.c
	for _, d := range c.sales() {
		if d.Offer.Prop != s.prop.Slug || !d.live() {
			continue
		}
		for _, w := range d.progress.Prepaid {
			if s.rounds[w] != nil || c.now.After(deal.Verdict(c.cfg.Rules, w)) {
				continue
			}
			if com, err := c.view.Committee(c.self(), s.prop.Slug, c.cfg.Cell, c.cal.EpochOf(w)); err == nil {
				s.expect(w, com)
			}
		}
	}
}

// advance does what is due in a round.
func (s *stream) advance(r *round) {
	c := s.c
	end := c.cal.WindowStart(r.window + 1)
	switch {
	case r.stamp != nil || r.failed:
	case c.now.After(deal.Verdict(c.cfg.Rules, r.window)):
		r.failed = true
		c.note("window without a stamp", "property", s.prop.Slug, "window", r.window)
	case r.wc == nil && !c.now.Before(end.Add(c.grace())):
		s.commit(r)
	case r.wc != nil && r.list == nil && (len(r.receipts) == len(r.committee.Members) || c.now.Sub(r.sent) >= c.par.Receipt):
		s.handRound(r)
	}
}

// commit closes the window: after it nobody can change what was measured.
func (s *stream) commit(r *round) {
	c := s.c
	batches := s.box.Window(r.window)
	if c.silent() != nil || s.passed(r.window) {
		r.failed = true
		return
	}
	if len(batches) == 0 {
		r.failed = true
		c.note("window without readings", "property", s.prop.Slug, "window", r.window)
		return
	}
	leaves, n := make([][]byte, len(batches)), uint32(0)
	for i, b := range batches {
		leaves[i] = b.Header.Leaf()
		n += b.Header.N
	}
	first, last := batches[0].Header, batches[len(batches)-1].Header
	salt := deal.AuxSalt(c.cfg.Secret, s.prop.Slug, r.window)
	wc := &protocol.WindowCommit{
		Seller: c.self(), Prop: s.prop.Slug, Cell: c.cfg.Cell, Window: r.window, Seq0: first.Seq, Seq1: last.Seq, N: n,
		Prev: s.last, Root: merkle.Root(leaves), T0: first.T0, T1: last.T1, Aux: protocol.AuxCommit(salt, protocol.AuxNormal),
	}
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, wc)
	if err != nil {
		c.refuse("seller: %w", err)
		r.failed = true
		return
	}
	c.emit(role.Save{Key: s.key("wc", r.window), Value: env.Raw})
	s.started(r, wc, env)
	s.last = r.wid
	s.savePosition()
	for _, t := range r.committee.Members {
		c.emit(role.Send{To: t.Binding.Identity, Env: env})
	}
}

// passed says whether a later window is committed already: each commitment follows that of the window before it, so one that
// was paid for late, and is revived by a restart, finds its place taken.
func (s *stream) passed(w uint64) bool {
	for later, r := range s.rounds {
		if later > w && r.wc != nil {
			return true
		}
	}
	return false
}

func (s *stream) started(r *round, wc *protocol.WindowCommit, env envelope.Envelope) {
	r.wc, r.env, r.wid, r.sent = wc, env, wc.ID(), s.c.now
}

// receipt collects a member's receipt.
func (s *stream) receipt(r *round, env envelope.Envelope, m *protocol.Receipt) {
	if r.failed || r.list != nil || r.stamp != nil { // a window that a restart took back has a stamp and no committee
		s.c.refuse("seller: receipt for window %d, whose round is over: %w", r.window, protocol.Stale)
		return
	}
	if _, member := r.committee.SeatOf(env.Signer); !member {
		s.c.refuse("seller: receipt for window %d by %s, who has no seat: %w", r.window, env.Signer, protocol.Invalid)
		return
	}
	r.receipts[env.Signer] = env
}

// handRound shows every member the receipts; with that the sample ball is fixed, and nobody has seen it. The ball comes after
// the furthest main chain among them, so a member that claims one far ahead could keep it from ever coming: beyond the quorum
// a receipt is left out that is ahead of the others and of this node.
func (s *stream) handRound(r *round) {
	c := s.c
	if len(r.receipts) < r.committee.Quorum {
		if c.now.Sub(r.sent) >= 2*c.par.Receipt {
			r.failed = true
			c.note("too few receipts", "property", s.prop.Slug, "window", r.window, "receipts", len(r.receipts), "quorum", r.committee.Quorum)
		}
		return
	}
	tip := func(env envelope.Envelope) uint64 { return env.Body.(*protocol.Receipt).Tip }
	given := slices.SortedFunc(maps.Values(r.receipts), func(a, b envelope.Envelope) int {
		return cmp.Or(cmp.Compare(tip(a), tip(b)), bytes.Compare(a.Raw, b.Raw))
	})
	r.list = &protocol.Receipts{Wid: r.wid}
	for i, env := range given {
		if i >= r.committee.Quorum && tip(env) > max(r.tip, c.view.Tip) {
			break
		}
		r.list.List = append(r.list.List, env.Raw)
		r.tip = tip(env)
	}
	for _, t := range r.committee.Members {
		c.send(t.Binding.Identity, r.list)
	}
}

// draw opens the samples of all rounds whose ball has come.
func (s *stream) draw() {
	for _, w := range slices.Sorted(maps.Keys(s.rounds)) {
		r := s.rounds[w]
		if r.list == nil || r.opened || r.failed {
			continue
		}
		if ball, ok := s.c.view.Chain.SampleBall(r.tip); ok {
			s.open(r, ball)
		}
	}
}

func (s *stream) open(r *round, ball committee.Ball) {
	c := s.c
	r.opened = true
	batches := s.box.Window(r.window)
	headers := make([]protocol.BatchHeader, len(batches))
	for i, b := range batches {
		headers[i] = b.Header
	}
	nCommon, nOwn := judge.Sizes(&c.par, trust(s.lastStamp(r.window)))
	common := judge.CommonSample(ball.Raw, r.wid, nCommon, len(batches))
	for _, t := range r.committee.Members {
		o := &protocol.Opening{Wid: r.wid, Headers: headers}
		sample := slices.Concat(common, judge.OwnSample(ball.Raw, r.wid, t.ID, nOwn, len(batches), common))
		slices.Sort(sample)
		for _, i := range sample {
			o.Batches = append(o.Batches, protocol.OpenBatch{Index: uint8(i), Salt: batches[i].Salt, Pack: batches[i].Pack})
		}
		c.send(t.Binding.Identity, o)
	}
}

// vote collects the members' signatures of the stamp; q over one body make it.
func (s *stream) vote(r *round, env envelope.Envelope, m *protocol.Stamp) {
	if r.failed || r.stamp != nil {
		return // a late vote is no fault
	}
	if _, member := r.committee.SeatOf(env.Signer); !member {
		s.c.refuse("seller: stamp of window %d by %s, who has no seat: %w", r.window, env.Signer, protocol.Invalid)
		return
	}
	for _, votes := range r.votes {
		if _, twice := votes[env.Signer]; twice {
			return // its first word counts
		}
	}
	body := string(env.Payload)
	if r.votes[body] == nil {
		r.votes[body] = make(map[protocol.Identity][]byte)
	}
	r.votes[body][env.Signer] = env.Signature
	if len(r.votes[body]) >= r.committee.Quorum {
		s.finish(r, judge.Assemble(env.Payload, r.votes[body]), m)
	}
}

// stampHeard takes a stamp from gossip, where somebody else has finished it.
func (c *Core) stampHeard(m *protocol.Stamped) {
	var body protocol.Stamp
	if protocol.Decode(m.Body, &body) != nil || body.Seller != c.self() {
		return
	}
	s, ok := c.streams[body.Prop]
	if !ok {
		return
	}
	if r := s.rounds[body.Window]; r != nil && r.stamp == nil && r.wid == body.Wid {
		com, err := c.view.Committee(c.self(), body.Prop, c.cfg.Cell, c.cal.EpochOf(body.Window))
		if err == nil {
			_, err = judge.VerifyStamped(m, c.cfg.Rules.Verifier, c.cfg.Rules.Market, com)
		}
		if err != nil {
			c.emit(role.Refused{Err: err})
			return
		}
		r.failed = false
		s.finish(r, m, &body)
	}
}

// finish keeps the stamp and hands it to every buyer of the window.
func (s *stream) finish(r *round, m *protocol.Stamped, body *protocol.Stamp) {
	c := s.c
	data, err := protocol.Encode(m)
	if err != nil {
		c.refuse("seller: %w", err)
		return
	}
	r.stamped, r.stamp = m, body
	c.emit(role.Save{Key: s.key("stamp", r.window), Value: data})
	c.note("stamped", "property", s.prop.Slug, "window", r.window, "integrity", body.I, "hard", body.Hard)
	if advice := body.Advise(); advice != "" {
		c.note("the stamp has remarks", "property", s.prop.Slug, "window", r.window, "collection", body.C, "transport", body.T, "remarks", advice)
	}
	for _, d := range c.sales() {
		d.stamped(s, r)
	}
}

// lastStamp is the newest stamp of the stream before a window, nil if there is none.
func (s *stream) lastStamp(before uint64) *protocol.Stamp {
	var newest *protocol.Stamp
	for w, r := range s.rounds {
		if w < before && r.stamp != nil && (newest == nil || w > newest.Window) {
			newest = r.stamp
		}
	}
	return newest
}

// reputation is what the newest stamp of the stream makes of the seller.
func (s *stream) reputation() uint16 { return trust(s.lastStamp(^uint64(0))) }

// trust is the reputation after a stamp, ‰; nil is a newcomer's. Members size their samples by the same.
func trust(last *protocol.Stamp) uint16 {
	if last == nil {
		return reputation.Newcomer.Rep()
	}
	return reputation.Of(last).After(last).Rep()
}
