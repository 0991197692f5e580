package seller

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// A buyer goes on in another channel before one has no room left: it proposes a deal that names the channel as its Previous
// (byteball/channel, successor.go). The seller keeps both as deals of their own, each with its deadline and its cap; they are
// one buyer's as far as Further is concerned, and a fee that waits for a stamp in the elder may serve a window of the heir.
// When the heir has taken a window and nothing is left to be sold in the elder, that closes, with or without the buyer.

// heir is the deal that succeeds this one, nil if there is none.
func (d *sale) heir() *sale { return d.c.line.Heir(d.Deal) }

// elder is the deal that this one succeeds, while it is remembered; nil if there is none.
func (d *sale) elder() *sale { return d.c.line.Elder(d.Deal) }

// add enters a deal.
func (c *Core) add(d *sale) {
	c.deals[d.ID] = d
	c.line.Add(d.Deal, d)
}

// remove forgets a deal.
func (c *Core) remove(d *sale) {
	delete(c.deals, d.ID)
	c.line.Remove(d.Deal, d)
}

// succeeds says whether a proposal names a channel that it may succeed: of the same buyer, stream and payee, open, with no other
// successor, and the only one of its line that is not settled. Errors: NotFound, Invalid, Stale.
func (c *Core) succeeds(d deal.Deal) error {
	if d.Terms.Previous == "" {
		return nil
	}
	old := c.line.Elder(d)
	switch {
	case old == nil || old.Buyer != d.Buyer:
		return fmt.Errorf("previous channel %s is none of yours here: %w", d.Terms.Previous, protocol.NotFound)
	case old.Offer.Prop != d.Offer.Prop || old.PayTo != d.PayTo:
		return fmt.Errorf("previous channel %s pays %s for %s: %w", d.Terms.Previous, old.PayTo, old.Offer.Prop, protocol.Invalid)
	case old.payee.Phase != channel.Open || !old.live():
		return fmt.Errorf("previous channel %s is %s and goes on no more: %w", d.Terms.Previous, old.payee.Phase, protocol.Stale)
	}
	if h := old.heir(); h != nil && h.ID != d.ID && !h.supersededBy(d) && h.payee.Phase != channel.Lost {
		return fmt.Errorf("previous channel %s is succeeded by %s already: %w", d.Terms.Previous, h.Address, protocol.Stale)
	}
	if e := old.elder(); e != nil && !e.over() {
		return fmt.Errorf("previous channel %s succeeds %s, which is not settled: %w", d.Terms.Previous, e.Address, protocol.Stale)
	}
	return nil
}

// kin are this deal, its elder and its heir.
func (d *sale) kin() []*sale {
	list := []*sale{d}
	for _, x := range []*sale{d.elder(), d.heir()} {
		if x != nil {
			list = append(list, x)
		}
	}
	return list
}

// pass hands over to the heir, once that has taken a window and nothing is left to be sold here, and takes over what the
// elder has left behind, once that is settled.
func (d *sale) pass() {
	if h := d.heir(); h != nil && len(h.progress.Prepaid) > 0 && d.live() && d.payee.Next == "" && d.idle() {
		if err := d.move(channel.Succeeded{Next: h.Address}); err != nil {
			d.c.emit(role.Refused{Err: err})
		}
	}
	e := d.elder()
	if e == nil || d.payee.Inherited || d.payee.Phase > channel.Open || e.payee.Phase != channel.Closed {
		return
	}
	if err := d.move(channel.Inherit{Old: e.payee.State}); err != nil {
		d.c.emit(role.Refused{Err: err})
	}
}

// idle says whether every prepaid window is sold or will never be.
func (d *sale) idle() bool {
	waits := func(w uint64) bool { return d.c.now.Before(deal.Verdict(d.c.cfg.Rules, w)) }
	return d.due() == nil && !slices.ContainsFunc(d.progress.Prepaid, waits)
}

// awaited says whether an heir has still to inherit from this deal.
func (d *sale) awaited() bool {
	h := d.heir()
	return h != nil && !h.over() && !h.payee.Inherited && d.payee.Phase == channel.Closed
}
