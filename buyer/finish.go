package buyer

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// end prepays no further window; what is prepaid is still bought.
func (d *purchase) end(why string) {
	c := d.c
	if d.progress.Ended != "" || d.progress.Dropped != "" {
		return
	}
	d.progress.Ended = why
	d.save()
	c.cool[stream{d.Seller, d.Offer.Prop}] = c.now.Add(6 * c.par.Window())
	c.note("deal ends", "deal", d.ID.String(), "why", why)
}

// drop pays this seller nothing more; a restart does not forget it.
func (d *purchase) drop(why string) {
	c := d.c
	if d.progress.Dropped != "" {
		return
	}
	for _, x := range d.kin() {
		if x.started && x.progress.Dropped == "" {
			x.progress.Dropped = why
			x.save()
		}
	}
	c.dropped[stream{d.Seller, d.Offer.Prop}] = why
	c.emit(role.Save{Key: dropKey(d.Seller, d.Offer.Prop), Value: []byte(why)})
	c.note("seller dropped", "seller", d.Seller.String(), "property", d.Offer.Prop, "why", why)
}

func dropKey(seller protocol.Identity, prop string) []byte {
	id := seller.ID()
	return []byte("drop/" + hex.EncodeToString(id[:]) + "/" + prop)
}

// finished says whether nothing more is wanted of this deal and nothing is on its way. A seller that does not answer is
// waited for two windows long.
func (d *purchase) finished() bool {
	c, p := d.c, &d.progress
	patient := c.stop.IsZero() || c.now.Before(c.stop)
	if p.Dropped == "" && p.Ended == "" && c.stop.IsZero() && !d.full() {
		return false
	}
	if (p.Unheard || d.waiting()) && patient && !d.silent() {
		return false
	}
	return p.Dropped != "" || !patient || !slices.ContainsFunc(p.Prepaid, d.open)
}

// silent says whether the newest promise has been without an answer for two windows.
func (d *purchase) silent() bool { return d.c.now.Sub(d.since) > 2*d.c.par.Window() }

// open says whether a prepaid window may still bring batches. After a restart the seller shows a stamped window again.
func (d *purchase) open(w uint64) bool {
	x, p := d.windows[w], &d.progress
	switch {
	case w < p.Window:
		return false
	case x != nil && x.stamp != nil:
		return x.sold && (w > p.Window || int(p.Next) < x.stamp.Batches())
	case slices.Contains(p.Stamped, w):
		return !d.silent()
	}
	return d.c.now.Before(deal.Verdict(d.c.cfg.Rules, w))
}

// spent says whether the channel has no room for another window beside those that are prepaid and not bought yet.
func (d *purchase) spent() bool { return d.crowded || d.lacks(1, 0) }

// lacks says whether the channel has no room for so many more windows, at full price, taken over so many more main chain
// units: in the deposit; under the cap at which the seller closes; in the number of windows; in the time until the seller
// closes by itself; or in the outputs of a closing.
func (d *purchase) lacks(windows int, units uint64) bool {
	p, rules := &d.c.par, d.c.cfg.Rules
	waiting := 0
	for _, w := range d.progress.Prepaid {
		if d.open(w) {
			waiting++
		}
	}
	goods := d.Window(rules) * byteball.Bytes(windows+waiting)
	settling := p.Window() + deal.Verdict(rules, 0).Sub(d.c.cal.WindowStart(0))
	units += min(d.c.view.Bases.Within(settling), d.Terms.Age/5) // to buy what is prepaid
	units += min(2*channel.MaxBehind, d.Terms.Age/10)            // to close
	return d.payer.Payouts[d.PayTo]+goods > d.Cap(rules) || int(d.progress.Count)+windows > enough(p) ||
		d.payer.Low(goods+d.feeBound()*byteball.Bytes(windows), 2*p.Members+2, units)
}

// enough is how many windows one channel is for: of those that validators wait for, a quarter is its successor's.
func enough(p *params.Params) int { return (3*p.Credit + 3) / 4 }

// crowds says whether a closing that pays add beside what is promised may have too many outputs; seller and change need one
// each.
func crowds(promised, add channel.Payouts, seller byteball.Address) bool {
	all := maps.Clone(promised)
	if all == nil {
		all = make(channel.Payouts)
	}
	maps.Copy(all, add)
	all[seller] = 0
	return len(all) >= channel.MaxOutputs
}

func (d *purchase) close() {
	d.closing = true
	if d.progress.Unheard && d.progress.Ended == "" {
		d.progress.Ended = "the seller does not answer"
	}
	end := func() error { return d.ask(0) }
	if h := d.heir(); h != nil && h.started && h.payer.Phase == channel.Open {
		end = func() error { return d.succeeded(h) }
	}
	if err := end(); err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	d.progress.Unheard = false
	d.save()
}

// ask signs the final voucher, with at least so large a tps fee up to the reserve, and asks the seller to close with it.
func (d *purchase) ask(tpsFee byteball.Bytes) error {
	base, ok := d.c.view.Bases.Newest()
	if !ok {
		return fmt.Errorf("no proven unit to hang a voucher on: %w", protocol.Transient)
	}
	why := cmp.Or(d.progress.Dropped, d.progress.Ended, "done")
	if err := d.move(channel.CloseNow{Reason: why, Base: base, TPSFee: tpsFee}); err != nil {
		return err
	}
	d.enter()
	return nil
}
