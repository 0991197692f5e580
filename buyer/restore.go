package buyer

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// restore takes back what was saved: the next key, deals with their channels, who is dropped.
func (c *Core) restore(saved map[string][]byte) error {
	drops := make(map[string]string)
	for key, value := range saved {
		kind, rest, _ := strings.Cut(key, "/")
		var err error
		switch {
		case key == "next" && len(value) == 4:
			c.next = binary.BigEndian.Uint32(value)
		case kind == "drop":
			drops[rest] = string(value)
		case kind == "deal":
			err = c.restoreDeal(value, saved)
		}
		if err != nil {
			return fmt.Errorf("buyer: saved %s: %w", kind, err)
		}
	}
	c.drops = drops
	return nil
}

func (c *Core) restoreDeal(value []byte, saved map[string][]byte) error {
	var rec record
	if err := protocol.Decode(value, &rec); err != nil {
		return err
	}
	d, err := deal.OpenSigned(c.cfg.Rules, rec.ByBuyer, rec.BySeller)
	if err != nil {
		return err
	}
	key, err := c.cfg.Keys(rec.Index)
	if err != nil {
		return err
	}
	p := &purchase{Deal: d, c: c, want: int(rec.Want), index: rec.Index, byBuyer: rec.ByBuyer, bySeller: rec.BySeller,
		unit: rec.Unit, started: true, progress: rec.Progress, parcel: rec.Parcel, receipt: rec.Receipt, receiptN: rec.ReceiptN, windows: make(map[uint64]*window)}
	if p.payer, err = channel.RestorePayer(saved[channel.Key("buyer", d.Address)], key); err != nil {
		return err
	}
	if err := p.reopen(); err != nil {
		return err
	}
	p.closing = p.payer.Phase > channel.Open
	c.add(p)
	return nil
}

// reopen reads the newest batch that was paid for.
func (d *purchase) reopen() error {
	if d.parcel == nil {
		return nil
	}
	env, err := envelope.Open(d.c.cfg.Rules.Verifier, d.c.cfg.Rules.Market, d.parcel.Signed)
	if err != nil {
		return err
	}
	var ok bool
	if d.parcel.delivery, ok = env.Body.(*protocol.Delivery); !ok {
		return fmt.Errorf("a %s where the newest delivery should be: %w", env.Kind(), protocol.Invalid)
	}
	return nil
}

// resume gives out again what a restart interrupted: the deposit, the newest voucher, a refund, the newest batch.
func (d *purchase) resume() {
	if !d.started {
		return
	}
	d.since = d.c.now
	if d.payer.Settled != nil {
		d.account(d.payer.Settled) // a watcher may have seen it while the buyer was off
	}
	d.listen()
	if d.parcel != nil && !d.waiting() {
		if readings, err := d.unlock(d.parcel.Sealed); err == nil {
			d.handOut(readings)
		}
	}
	d.doubt()
	if err := d.move(channel.Restarted{}); err != nil {
		d.c.emit(role.Refused{Err: err})
	}
}

// forget drops what nothing hangs on any more: windows of long ago, deals that are over.
func (c *Core) forget() {
	w, _ := c.cal.WindowAt(c.now)
	for _, d := range c.purchases() {
		for old := range d.windows {
			if old+16 < w {
				delete(d.windows, old)
			}
		}
		last := d.Match.First
		if n := len(d.progress.Prepaid); n > 0 {
			last = d.progress.Prepaid[n-1]
		}
		if d.over() && last+16 < w && !d.awaited() {
			d.forget()
		}
	}
}
