package buyer

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// committed takes the commitment of a window that is prepaid.
func (c *Core) committed(env envelope.Envelope, m *protocol.WindowCommit) {
	if m.Seller != env.Signer {
		c.refuse("buyer: a window committed by another than its seller: %w", protocol.Invalid)
		return
	}
	for _, d := range c.purchases() {
		if d.Seller == m.Seller && d.Offer.Prop == m.Prop && d.Offer.Cell == m.Cell && slices.Contains(d.progress.Prepaid, m.Window) {
			d.window(m.Window).wc = m
		}
	}
}

func (d *purchase) window(w uint64) *window {
	if d.windows[w] == nil {
		d.windows[w] = &window{}
	}
	return d.windows[w]
}

// aux takes what a window's aux hides; only "normal" windows may be sold.
func (c *Core) aux(from protocol.Identity, m *protocol.Aux) {
	for _, d := range c.purchases() {
		for _, w := range d.progress.Prepaid {
			if x := d.windows[w]; d.Seller == from && x != nil && x.wc != nil && x.wc.ID() == m.Wid {
				x.aux = m
			}
		}
	}
}

// stamped takes a finished stamp, from the seller or from gossip.
func (c *Core) stamped(m *protocol.Stamped) {
	var body protocol.Stamp
	if err := protocol.Decode(m.Body, &body); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	for _, d := range c.purchases() {
		if d.Seller != body.Seller || d.Offer.Prop != body.Prop || !slices.Contains(d.progress.Prepaid, body.Window) {
			continue
		}
		x := d.window(body.Window)
		bad := len(body.Hard) > 0 || int(body.I) < c.par.IntegrityMin
		if x.stamp != nil || (!bad && (x.wc == nil || x.aux == nil)) {
			continue // judged already, or the seller has still to show the window; it may not want to show a bad one
		}
		err := d.check(m, &body)
		if err == nil && !bad {
			err = x.check(&body)
		}
		if err != nil {
			c.emit(role.Refused{Err: err})
			continue
		}
		d.judge(x, &body)
		c.keepStamp(m, &body)
	}
}

// keepStamp saves a stamp for the dispute time, so that its committee can be held to it: a row for each window that can be
// disputed, written over by a later one (iotverse verify reads them).
func (c *Core) keepStamp(m *protocol.Stamped, s *protocol.Stamp) {
	data, err := protocol.Encode(m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	id, windows := s.Seller.ID(), uint64(c.par.Dispute)*uint64(c.par.EpochWindows)
	c.emit(role.Save{Key: fmt.Appendf(nil, "stamp/%s/%s/%04d", hex.EncodeToString(id[:8]), s.Prop, s.Window%windows), Value: data})
}

// check verifies a stamp with the buyer's own view of the ledger: the seller's bond, the committee as drawn, its quorum
// (MECHANISM 3, "the buyer checks first").
func (d *purchase) check(m *protocol.Stamped, s *protocol.Stamp) error {
	c := d.c
	epoch := c.cal.EpochOf(s.Window)
	com, err := c.view.Committee(d.Seller, d.Offer.Prop, d.Offer.Cell, epoch)
	if err != nil {
		return err
	}
	if !c.view.Seller(d.Seller, d.Offer.Prop, d.Offer.Cell, epoch) || s.Epoch != epoch {
		return fmt.Errorf("stamp of window %d in epoch %d: the seller's bond does not count there: %w", s.Window, s.Epoch, protocol.Invalid)
	}
	_, err = round.VerifyStamped(m, c.cfg.Rules.Verifier, c.cfg.Rules.Market, com)
	return err
}

// check says whether a stamp is of the window as committed, and that window a normal one.
func (x *window) check(s *protocol.Stamp) error {
	if s.Wid != x.wc.ID() || s.Root != x.wc.Root || s.Seq0 != x.wc.Seq0 || s.Seq1 != x.wc.Seq1 || s.Window != x.wc.Window {
		return fmt.Errorf("stamp of window %d is not of the window committed: %w", s.Window, protocol.Invalid)
	}
	if x.aux.Text != protocol.AuxNormal || protocol.AuxCommit(x.aux.Salt, x.aux.Text) != x.wc.Aux {
		return fmt.Errorf("window %d is not a normal one: %w", s.Window, protocol.Invalid)
	}
	return nil
}

// judge decides what a stamp means for this deal.
func (d *purchase) judge(x *window, s *protocol.Stamp) {
	c := d.c
	x.stamp = s
	x.price, x.sold = d.Batch(c.cfg.Rules, s)
	if old, ok := c.stamps[stream{d.Seller, d.Offer.Prop}]; !ok || s.Window > old.Window {
		c.stamps[stream{d.Seller, d.Offer.Prop}] = *s
	}
	if slices.Contains(d.progress.Stamped, s.Window) {
		return // judged before a restart
	}
	d.progress.Stamped = last(append(slices.Clone(d.progress.Stamped), s.Window), keptWindows)
	if e := d.elder(); e != nil && len(d.progress.Stamped) == 1 {
		d.progress.Bad = e.progress.Bad // the row goes on
	}
	defer d.save()
	c.note("stamp", "property", s.Prop, "seller", d.Seller.String(), "window", s.Window, "integrity", s.I, "hard", s.Hard, "reasons", s.Reasons, "price", x.price.String(), "bought", x.sold)
	if len(s.Hard) > 0 {
		d.drop(fmt.Sprintf("stamped with hard code %d", s.Hard[0]))
		return
	}
	if x.sold || d.Quiet(c.cfg.Rules, s) { // a quiet one is good, and not what is wanted
		d.progress.Bad = 0
		return
	}
	why := "two windows in a row under the least integrity"
	if int(s.I) >= c.par.IntegrityMin {
		why = fmt.Sprintf("two windows in a row that are not what was offered: %q, medium %q, %s in %s every %d ms ± %s", s.Class.Prop, s.Class.Medium, s.Class.Role,
			s.Class.Unit, s.Class.Period, s.Class.Accuracy)
	}
	if d.progress.Bad++; d.progress.Bad >= 2 {
		d.drop(why)
	}
}
