package buyer

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// A channel cannot be filled up, so before one has no room for the windows that are still wanted the buyer proposes its
// successor: a deal with the same seller that names the channel as its Previous (byteball/channel, successor.go). Each has its
// own deposit and counts for the limits by itself. While both are open,
//
//   - the elder takes windows as long as it has room; once the heir has taken one, the elder takes none any more;
//   - a window is prepaid in one of them, and a fee that waits for a stamp in the elder may serve a window of the heir;
//   - of the batches of both one at most is paid for and not open;
//   - the elder closes when nothing prepaid in it is left to be bought. What was dust in it the heir pays.
//
// Who is whose heir follows from the deals themselves, so that nothing more has to be on disk.

// ahead is how long before it is needed a successor is proposed: agreed, paid and stable in that time.
const ahead = 15 * time.Second

// heir is the deal that succeeds this one, proposed or agreed; nil if there is none.
func (d *purchase) heir() *purchase {
	if h := d.c.line.Heir(d.Deal); h != nil && h.payer.Phase != channel.Lost {
		return h
	}
	return nil
}

// elder is the deal that this one succeeds, while it is remembered; nil if there is none.
func (d *purchase) elder() *purchase { return d.c.line.Elder(d.Deal) }

// add enters a deal, proposed or agreed.
func (c *Core) add(d *purchase) {
	c.deals[d.ID] = d
	c.line.Add(d.Deal, d)
}

// remove forgets a deal.
func (c *Core) remove(d *purchase) {
	delete(c.deals, d.ID)
	c.line.Remove(d.Deal, d)
}

// kin are this deal, its elder and its heir.
func (d *purchase) kin() []*purchase {
	list := []*purchase{d}
	for _, x := range []*purchase{d.elder(), d.heir()} {
		if x != nil {
			list = append(list, x)
		}
	}
	return list
}

// relieved says whether the heir has taken a window.
func (d *purchase) relieved() bool {
	h := d.heir()
	return h != nil && len(h.progress.Prepaid) > 0
}

// full says whether this deal takes no further window.
func (d *purchase) full() bool {
	return d.progress.Count >= d.Demand.Windows || d.spent() || d.relieved() || len(d.kin()) > 1 && d.c.wanted(d.want) == 0
}

// serves says whether the next window is this deal's.
func (d *purchase) serves() bool {
	return d.started && d.payer.Phase == channel.Open && !d.closing && d.progress.Ended == "" && d.progress.Dropped == "" && !d.full()
}

// low says whether the channel may have no room for the windows that come while a successor is agreed, paid and stable.
func (d *purchase) low() bool {
	c := d.c
	n := early(&c.par)
	if !d.ends(n) {
		return false
	}
	n = min(n, c.wanted(d.want))
	return n > 0 && d.ends(n)
}

// early is how many windows before it is needed a successor is proposed.
func early(p *params.Params) uint32 { return uint32((ahead+p.Window()-1)/p.Window()) + 1 }

// Need is the most that a demand for so many windows of an offer at that price locks at one time with one seller, in bytes: the
// first channel and, where the cap of that lies below the price of all windows, its successor. Errors: Invalid for a demand
// without bounds.
func Need(r deal.Rules, price byteball.Bytes, windows uint32) (byteball.Bytes, error) {
	o := &protocol.Offer{Price: price}
	first, err := deal.Deposit(r, o, windows)
	if err != nil || windows == 0 {
		return first, err
	}
	p := &r.Manifest.Params
	d := deal.Deal{Match: &protocol.Match{Deposit: first}, Offer: o}
	room := min(uint32(d.Cap(r)/d.Window(r)), uint32(enough(p)))
	if room >= windows {
		return first, nil
	}
	second, err := deal.Deposit(r, o, windows-room+min(room, early(p)+2)) // 2 are prepaid and not bought yet
	if err != nil {
		return 0, err
	}
	return byteball.Add(first, second)
}

// ends says whether the channel has no room for n more windows.
func (d *purchase) ends(n uint32) bool {
	p := &d.c.par
	units := d.c.view.Bases.Within(time.Duration(n) * p.Window())
	return d.progress.Count+n > d.Demand.Windows || d.lacks(int(n), min(units, d.Terms.Age/10)) ||
		len(d.payer.Payouts)+2*(p.Members+2) >= channel.MaxOutputs
}

// succeed proposes a successor in time. At most two channels of a line are not settled.
func (d *purchase) succeed() {
	c := d.c
	if d.unsure || d.closing || !c.stop.IsZero() || d.progress.Ended != "" || d.progress.Dropped != "" || d.heir() != nil {
		return
	}
	if e := d.elder(); e != nil && !e.over() || !d.low() {
		return
	}
	if left := c.left(d.want, d); left > 0 {
		c.propose(d.want, left, d)
	}
}

// inherit takes over what the elder has left behind, once that is settled. After a close that the seller did not expect, since
// it never got the last voucher, the two would not agree on what is whose, and dust is not worth a quarrel: it stays where it is.
func (d *purchase) inherit() {
	e := d.elder()
	if e == nil || e.progress.Ended != "" || d.payer.Inherited || d.payer.Phase > channel.Open || e.payer.Phase != channel.Closed {
		return
	}
	if err := d.move(channel.Inherit{Old: e.payer.State}); err != nil {
		d.c.emit(role.Refused{Err: err})
	}
}

// awaited says whether an heir has still to inherit from this deal.
func (d *purchase) awaited() bool {
	h := d.heir()
	return h != nil && h.started && !h.over() && !h.payer.Inherited && d.payer.Phase == channel.Closed && d.progress.Ended == ""
}

// succeeded signs the final voucher, for the successor's sake.
func (d *purchase) succeeded(h *purchase) error {
	base, ok := d.c.view.Bases.Newest()
	if !ok {
		return fmt.Errorf("no proven unit to hang a voucher on: %w", protocol.Transient)
	}
	if err := d.move(channel.Succeeded{Next: h.Address, Base: base}); err != nil {
		return err
	}
	d.enter()
	return nil
}
