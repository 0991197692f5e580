package validator

import (
	"slices"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/score"
)

// Bounds of what is asked for and given. A history is cut into messages of answerSize bytes; a peer gets perWindow bytes in
// a window's time and may ask maxAsks times.
const (
	wantedWindows = 24
	answerSize    = 400 << 10
	perWindow     = 8 << 20
	maxAsks       = 256
)

// served is what a peer has asked and got in this window.
type served struct{ asks, bytes int }

// consult asks, when an epoch begins for a seller's property, those who judged it in the epoch before, those who judge it
// now, and the seller itself.
func (c *Core) consult(a *account, w uint64) {
	s := c.stream(a.Seller, a.Offer.Prop, a.Offer.Cell)
	e := c.cal.EpochOf(w)
	if s.consulted > e {
		return
	}
	s.consulted = e + 1
	peers := []protocol.Identity{a.Seller}
	for _, epoch := range []uint64{e, e - min(e, 1)} {
		com, err := c.view.Committee(a.Seller, s.prop, s.cell, epoch)
		if err != nil {
			continue
		}
		for _, t := range com.Members {
			if id := t.Binding.Identity; id != c.self() && !slices.Contains(peers, id) {
				peers = append(peers, id)
			}
		}
	}
	c.ask(s, w-min(w, uint64(c.par.History)), w, peers)
}

// ask asks peers for the opened batches of a seller's windows from..to that are not held.
func (c *Core) ask(s *stream, from, to uint64, peers []protocol.Identity) {
	m := &protocol.Ask{Seller: s.seller, Prop: s.prop, Wants: []protocol.Want{{From: from}}}
	list := c.archive.streams[s.streamKey]
	for _, w := range list[max(0, len(list)-wantedWindows):] {
		if w.wc.Window >= from && w.wc.Window <= to {
			m.Wants = append(m.Wants, protocol.Want{Wid: w.wid, From: w.wc.Window, Held: w.held()})
		}
	}
	c.send(m, peers...)
}

// asked gives another validator what it lacks of a seller's history.
func (c *Core) asked(peer protocol.Identity, m *protocol.Ask) {
	if len(c.view.Registry.Own(peer, committee.Validator)) == 0 {
		c.refuse("validator: %s asks for a history and is no validator: %w", peer, protocol.NotFound)
		return
	}
	g := c.given[peer]
	if g == nil {
		g = &served{}
		c.given[peer] = g
	}
	if g.asks++; g.asks > maxAsks || g.bytes > perWindow {
		c.refuse("validator: %s has asked for too much: %w", peer, protocol.Transient)
		return
	}
	h, size := &protocol.History{}, 0
	flush := func() {
		if len(h.Items) > 0 {
			c.send(h, peer)
		}
		h, size = &protocol.History{}, 0
	}
	for _, w := range c.archive.streams[streamKey{m.Seller, m.Prop}] {
		wanted, held := wants(m, w)
		for _, x := range w.items {
			if !wanted || held>>x.Batch.Index&1 == 1 || g.bytes > perWindow {
				continue
			}
			n := len(x.WC) + len(x.Batch.Pack) + 34*len(x.Path) + 200
			if size+n > answerSize || len(h.Items) == 2*protocol.MaxBatches {
				flush()
			}
			h.Items = append(h.Items, x)
			size += n
			g.bytes += n
		}
	}
	flush()
}

// wants says whether a window is asked for, and which of its batches the asker holds.
func wants(m *protocol.Ask, w *shelf) (wanted bool, held uint64) {
	for _, want := range m.Wants {
		if want.Wid == w.wid {
			return true, want.Held
		}
		wanted = wanted || want.Wid == (protocol.Hash{}) && w.wc.Window >= want.From
	}
	return wanted, 0
}

// told takes batches of a history. Each carries its own proof, so the giver need not be trusted; only what belongs to a
// stream that is judged here is kept.
func (c *Core) told(peer protocol.Identity, m *protocol.History) {
	now, _ := c.cal.WindowAt(c.now)
	memo := make(map[string]*protocol.WindowCommit)
	touched := make(map[protocol.Hash]bool)
	var order []*shelf
	for i := range m.Items {
		if c.archive.has(&m.Items[i]) {
			continue // many peers give the same
		}
		x, err := c.show(&m.Items[i], memo)
		if err != nil {
			c.refuse("validator: history from %s: %w", peer, err)
			return
		}
		s := c.streams[streamKey{x.wc.Seller, x.wc.Prop}]
		if s == nil || s.consulted == 0 || x.wc.Window > now || x.wc.Window+uint64(c.par.History) < now || c.archive.size > maxArchive {
			c.refuse("validator: history of window %s from %s: nobody asked for it: %w", x.wid, peer, protocol.Stale)
			return
		}
		arrived := c.arrival(x)
		if !c.archived(x, arrived) {
			continue
		}
		if !touched[x.wid] {
			touched[x.wid] = true
			order = append(order, c.archive.windows[x.wid])
		}
	}
	for _, w := range order {
		c.infer(w)
	}
}

// infer derives the numbers of an earlier window that this validator did not judge itself from what it has been given.
func (c *Core) infer(w *shelf) {
	s := c.streams[w.streamKey]
	if s.judged[int64(w.wc.Window)] || c.rounds[w.wid] != nil {
		return
	}
	p, _ := protocol.PropertyOf(w.prop)
	in := score.Input{Profile: c.profile(p, s.period), Seller: w.seller.ID(), Wid: w.wid, Window: int64(w.wc.Window), Committed: w.arrived}
	for _, x := range w.proofs {
		in.Batches = append(in.Batches, score.Batch{Seq: x.Head.Seq, N: int(x.Head.N), T0: x.Head.T0, T1: x.Head.T1, Readings: x.readings})
	}
	if res := score.Window(in); res.Stats.Seen > 0 {
		s.remember(res.Past, false, c.par.History)
		c.keepStream(s)
	}
}
