package buyer

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// renew answers a seller for whom the newest voucher is too cheap: when tps fees have risen the ledger would not take it. The
// answer pays nobody more. What the seller asks for is granted up to the reserve, which is there for that; each renewal has to
// raise the fee, and the next one waits a while, so that a seller cannot keep this side signing.
func (d *purchase) renew(m *protocol.Renew) {
	c := d.c
	if d.payer.Newest == nil || d.unsure || d.payer.Restored || d.payer.Seen || c.now.Before(d.renewed) {
		return
	}
	d.renewed = c.now.Add(max(c.par.Batch, time.Second))
	answer := func() error { d.hand(*d.payer.Newest); return nil }
	has := d.offers()
	dearer := has < m.TPSFee && has < d.Terms.Reserve
	switch {
	case d.payer.Phase != channel.Open && d.payer.Phase != channel.Closing:
		return
	case d.payer.Phase == channel.Open && dearer:
		answer = func() error { return d.promiseFor(nil, d.progress.Tag, m.TPSFee) }
	case dearer:
		answer = func() error { return d.ask(m.TPSFee) }
	}
	if err := answer(); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	d.save()
}

// offers is the tps fee of the newest voucher.
func (d *purchase) offers() byteball.Bytes {
	if fee := d.payer.Newest.Unit.TPSFee; fee != nil {
		return *fee
	}
	return 0
}
