package validator

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// Bounds of MECHANISM 3.1: how far a window may lie ahead of this clock, how many rounds run at a time.
const (
	ahead     = 5 * time.Second
	maxRounds = 1024
)

// committed takes a seller's commitment to a window.
func (c *Core) committed(env envelope.Envelope, wc *protocol.WindowCommit) {
	wid := wc.ID()
	if r, ok := c.rounds[wid]; ok && env.Signer == wc.Seller {
		if r.receipt.Raw != nil && !r.over {
			c.emit(role.Send{To: wc.Seller, Env: r.receipt})
		}
		return
	}
	r, err := c.admit(env, wc, wid)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	s := r.stream
	if err := c.compare(s, r); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	s.raw, s.wc = env.Raw, wc
	c.rounds[wid] = r
	c.keepStream(s)
}

// admit checks whether a window is this validator's to judge, now. Errors: Invalid, Stale, NotFound, Transient.
func (c *Core) admit(env envelope.Envelope, wc *protocol.WindowCommit, wid protocol.Hash) (*round, error) {
	if env.Signer != wc.Seller {
		return nil, fmt.Errorf("validator: window %s of seller %s is signed by %s: %w", wid, wc.Seller, env.Signer, protocol.Invalid)
	}
	if _, promised := c.promises[wid]; promised || c.stopping {
		return nil, fmt.Errorf("validator: window %s: it was judged before a restart, or this validator stops: %w", wid, protocol.Stale)
	}
	if err := c.timely(wc); err != nil {
		return nil, err
	}
	e := c.cal.EpochOf(wc.Window)
	com, err := c.view.Committee(wc.Seller, wc.Prop, wc.Cell, e)
	if err != nil {
		return nil, err
	}
	seat, member := com.SeatOf(c.self())
	if !member {
		return nil, fmt.Errorf("validator: window %s: no seat in epoch %d: %w", wid, e, protocol.NotFound)
	}
	if !c.view.Seller(wc.Seller, wc.Prop, wc.Cell, e) {
		return nil, fmt.Errorf("validator: window %s: seller %s has no bond for %s in %s in epoch %d: %w", wid, wc.Seller, wc.Prop, wc.Cell, e, protocol.NotFound)
	}
	if len(c.rounds) >= maxRounds {
		return nil, fmt.Errorf("validator: window %s: %d rounds run already: %w", wid, len(c.rounds), protocol.Transient)
	}
	return newRound(c.stream(wc.Seller, wc.Prop, wc.Cell), env, wc, com, seat, c.now), nil
}

// timely refuses a window whose times are not its own, and one that comes too early or too late. That is no fault of the
// seller: clocks differ.
func (c *Core) timely(wc *protocol.WindowCommit) error {
	first, end := c.cal.WindowStart(wc.Window).UnixMilli(), c.cal.WindowStart(wc.Window+1).UnixMilli()
	if wc.T0 < first || wc.T1 >= end || wc.Batches() > c.par.Batches {
		return fmt.Errorf("validator: window %d with %d batches from %d to %d ms: it covers %d to %d with %d: %w",
			wc.Window, wc.Batches(), wc.T0, wc.T1, first, end, c.par.Batches, protocol.Invalid)
	}
	now := c.now.UnixMilli()
	oldest := c.par.Window() + c.par.Receipt + c.par.Commit + c.par.Reveal
	if wc.T1 > now+ahead.Milliseconds() || wc.T1 < now-oldest.Milliseconds() {
		return fmt.Errorf("validator: window %d ends at %d ms, it is %d: %w", wc.Window, wc.T1, now, protocol.Stale)
	}
	return nil
}

// compare looks for another commitment that the new one contradicts. Of one window the first counts and gets the fault; of
// a later one the later has it. Error: Stale for a commitment that is not taken.
func (c *Core) compare(s *stream, r *round) error {
	recent := c.par.EpochWindows * 2
	if s.wc == nil || s.wc.Window+uint64(recent) < r.wc.Window || s.wc.ID() == r.wid {
		return nil // also after a restart: the seller shows the same once more
	}
	contradict := excludes(s.wc, r.wc)
	if contradict {
		c.conflict(s, r)
	}
	if r.wc.Window > s.wc.Window {
		if contradict {
			r.rival = s.raw
		}
		return nil
	}
	if first := c.rounds[s.wc.ID()]; first != nil && contradict {
		first.rival = r.env.Raw
	}
	return fmt.Errorf("validator: window %d of seller %s after its window %d: %w", r.wc.Window, s.seller, s.wc.Window, protocol.Stale)
}

// conflict keeps two commitments of which one is a lie.
func (c *Core) conflict(s *stream, r *round) {
	id := s.seller.ID()
	key := fmt.Appendf(nil, "conflict/wc/%s/%s/%d", hex.EncodeToString(id[:8]), s.prop, r.wc.Window)
	c.save(key, [][]byte{s.raw, r.env.Raw})
	c.note("a seller contradicts itself", "seller", s.seller, "property", s.prop, "window", r.wc.Window, "before", s.wc.Window)
}

// giveReceipt tells the seller when its commitment came, once somebody pays for the window.
func (c *Core) giveReceipt(r *round) {
	a := c.payer(r.wc)
	if a == nil {
		if c.due(r.arrived.Add(c.par.Receipt)) {
			r.over = true
			c.refuse("validator: window %s of seller %s: no voucher pays for it: %w", r.wid, r.wc.Seller, protocol.Funds)
		}
		return
	}
	r.offer, r.stream.period = a.Offer, a.Offer.Period
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, &protocol.Receipt{Wid: r.wid, Arrived: r.arrived.UnixMilli(), Tip: c.view.Tip})
	if err != nil {
		r.over = true
		c.emit(role.Refused{Err: err})
		return
	}
	r.receipt = env
	c.emit(role.Send{To: r.wc.Seller, Env: env})
}

// listed takes the receipts that fix the sample ball: the first list with a quorum of seats counts.
func (c *Core) listed(r *round, env envelope.Envelope, m *protocol.Receipts) {
	if r.listed {
		return
	}
	tip, err := c.readReceipts(r, env, m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	r.listed, r.tip = true, tip
}

func (c *Core) readReceipts(r *round, env envelope.Envelope, m *protocol.Receipts) (tip uint64, err error) {
	if env.Signer != r.wc.Seller {
		return 0, fmt.Errorf("validator: receipts of window %s by %s, who is not its seller: %w", r.wid, env.Signer, protocol.Invalid)
	}
	gave := map[protocol.Identity]bool{}
	for _, raw := range m.List {
		e, err := envelope.Open(c.cfg.Rules.Verifier, c.cfg.Rules.Market, raw)
		if err != nil {
			return 0, err
		}
		body, ok := e.Body.(*protocol.Receipt)
		if !ok || body.Wid != r.wid || seats(r.committee, e.Signer) == 0 || gave[e.Signer] {
			return 0, fmt.Errorf("validator: receipts of window %s: a %s by %s does not belong there: %w", r.wid, e.Kind(), e.Signer, protocol.Invalid)
		}
		gave[e.Signer] = true
		tip = max(tip, body.Tip)
	}
	n := 0
	for id := range gave {
		n += seats(r.committee, id)
	}
	if n < r.committee.Quorum {
		return 0, fmt.Errorf("validator: receipts of window %s by %d seats, the quorum is %d: %w", r.wid, n, r.committee.Quorum, protocol.Invalid)
	}
	return tip, nil
}

// seats counts the seats of an identity.
func seats(com *committee.Committee, id protocol.Identity) (n int) {
	for _, t := range com.Members {
		if t.Binding.Identity == id {
			n++
		}
	}
	return n
}
