package deal

import (
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/price"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
)

// Fee is what a buyer prepays for one window, and to whom (MECHANISM 5): the committee of the window's epoch and the fund,
// or for a further buyer the members and the fund.
func (d Deal) Fee(r Rules, c *committee.Committee) channel.Payouts {
	p := &r.Manifest.Params
	fee := price.Fee(p, d.Offer.Price, len(c.Members))
	to := price.Payees{Members: c.Payees(), Aggregator: c.Aggregator.Payee, Fund: r.Fund}
	if d.Match.Further {
		return channel.Payouts(price.SplitFurther(fee, to))
	}
	return channel.Payouts(price.Split(p, fee, to))
}

// Batch is what one batch of a stamped window costs; false where the window may not be sold. The relevance of the Match
// holds while the stamp's class is the offer's; otherwise it is computed again from the class (MECHANISM 4). The
// reputation is the one that the stamp states.
func (d Deal) Batch(r Rules, s *protocol.Stamp) (byteball.Bytes, bool) {
	if d.unmarked(s) {
		return 0, false
	}
	return d.worth(r, s)
}

// worth is what one batch of a window costs who wants it, with or without an event.
func (d Deal) worth(r Rules, s *protocol.Stamp) (byteball.Bytes, bool) {
	rel := d.Match.Relevance
	if class := book.OfClass(&s.Class); class != book.OfOffer(d.Offer) {
		var err error
		if rel, err = book.Relevance(d.Demand, class, 0); err != nil || int(rel) < r.Manifest.Params.RelevanceMin {
			return 0, false
		}
	}
	return price.Stamped(&r.Manifest.Params, d.Offer.Price, s, rel, reputation.Of(s).Rep())
}

// Quiet says whether a window lacks nothing but an event, and the buyer wants those with one only: it is good, and not sold.
// A window that nobody would be sold is not quiet. Buyer and seller know it alike.
func (d Deal) Quiet(r Rules, s *protocol.Stamp) bool {
	_, good := d.worth(r, s)
	return good && d.unmarked(s)
}

// unmarked says whether the buyer wants windows with an event only and the stamp marks none.
func (d Deal) unmarked(s *protocol.Stamp) bool {
	return d.Demand.Events && !slices.Contains(s.Reasons, protocol.CodeEvent)
}

// Window is what the batches of one window cost at most: all of them, at full price.
func (d Deal) Window(r Rules) byteball.Bytes {
	return d.Offer.Price * byteball.Bytes(r.Manifest.Params.Batches) // at most MaxPrice·MaxBatches
}

// Cap is the most that a seller lets one channel owe it, and so the most that it loses there if it dies for good (MECHANISM 6):
// half the deposit, or what Params.Credit windows cost at most if that is less. Buyer and seller know it, so a buyer goes on
// in another channel before the seller has to close this one.
func (d Deal) Cap(r Rules) byteball.Bytes {
	return min(d.Match.Deposit/2, d.Window(r)*byteball.Bytes(r.Manifest.Params.Credit))
}

// Deposit is what a channel for n windows of an offer should hold: every window's fee and every batch at full price, the
// closing's fees and the reserve, at least the market's least deposit. It is no less for one window than for two, so that
// one window at full price stays within Cap.
func Deposit(r Rules, o *protocol.Offer, n uint32) (byteball.Bytes, error) {
	p := &r.Manifest.Params
	fee := price.Fee(p, o.Price, p.Members)
	window, err := byteball.Add(fee, o.Price*byteball.Bytes(p.Batches))
	if err != nil {
		return 0, err
	}
	const closing = 10_000 // headers and payload of a closing with MaxOutputs outputs, and the tps fees
	if window > byteball.MaxBytes/byteball.Bytes(max(n, 2)) {
		return 0, fmt.Errorf("deposit for %d windows of %d bytes: %w", n, window, protocol.Invalid)
	}
	sum, err := byteball.Add(window*byteball.Bytes(max(n, 2)), closing, p.Reserve)
	return max(sum, p.MinDeposit), err
}

// Carried says whether the fee prepaid for window paid, which got no stamp by its Verdict, serves the later window w
// (MECHANISM 5: no stamp, F counts for the next window). It does within one epoch only, since the next one has other
// payees and payouts never fall. The buyer says so with a voucher for w that pays nothing more; each fee carries once.
func Carried(r Rules, paid, w uint64) bool {
	cal := r.Manifest.Calendar()
	return w > paid && cal.EpochOf(w) == cal.EpochOf(paid)
}

// Verdict is the time by which a window has its stamp or never will: its end, the three deadlines, and as long again as
// balls take on a slow ledger.
func Verdict(r Rules, w uint64) time.Time {
	p := &r.Manifest.Params
	return r.Manifest.Calendar().WindowStart(w + 1).Add(2*(p.Receipt+p.Commit+p.Reveal) + p.Batch)
}
