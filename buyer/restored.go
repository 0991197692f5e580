package buyer

import (
	"encoding/binary"
	"time"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// A disk cannot know that it is an older copy of itself; the other side of a deal can. So after every start a deal is in
// doubt: nothing new is signed for it until its seller has said what it holds. It repeats the newest voucher's number
// (Accepted), or hands the voucher back if it has a newer one. A buyer's voucher is on disk before it leaves, so one that
// is newer than the disk, and signed by the buyer, proves that the disk was restored: then the deal ends, and its channel
// closes with what the seller holds (byteball/channel, Recovered and Held). A seller that hides a newer voucher gains
// nothing: vouchers are cumulative, and one of them closes the channel.
//
// The other way round the buyer keeps the newest Accepted, which a seller signs once the voucher is on its disk. A seller
// that claims to hold less than that is shown its own signature.

// A copy from which no open deal is missing is told by nobody but the ledger. A channel key that the lost disk used with the same
// seller makes the same address once more, and the ledger takes no closing and no refund of an address whose definition it has
// seen. So a deposit is paid only when the ledger has had the time to tell of the channel's address, and has told nothing.

// spareKeys is how many channel keys a restored buyer passes over, which the lost disk may have used.
const spareKeys = 1000

// doubt begins, after a start, to find out whether the disk is up to date.
func (d *purchase) doubt() {
	d.unsure = !d.over() && !d.payer.Restored
	if d.payer.Phase == channel.Opening {
		// The wallet may have been restored too and not know of its payment; the ledger does, and tells by then.
		d.fundAt = d.told()
	}
	if d.payer.Newest == nil {
		d.question()
	}
}

// question makes the seller say what it holds where there is no voucher to show it.
func (d *purchase) question() {
	paid := d.unit
	if d.payer.Phase != channel.Opening {
		paid = d.payer.Funding.Out.Unit
	}
	if paid == "" {
		return // nothing was paid by what the disk knows; the ledger will tell
	}
	d.resend = d.c.now.Add(max(2*d.c.par.Batch, 2*time.Second))
	d.c.send(d.Seller, &protocol.Opened{Deal: d.ID, Unit: paid})
}

// told is when the ledger has told what it knows of an address that is watched from now on.
func (d *purchase) told() time.Time { return d.c.now.Add(max(2*d.c.par.Batch, 2*time.Second)) }

// reused gives up a deal at whose address another channel was, before anything is paid.
func (d *purchase) reused() {
	d.c.note("a channel key was used before this disk was copied: it is passed over with others", "deal", d.ID.String(), "key", d.index)
	d.c.release(d)
	d.forget()
	d.c.pass()
}

// pass leaves out the keys that the lost disk may have used.
func (c *Core) pass() {
	c.passed = true
	c.next += spareKeys
	c.emit(role.Save{Key: []byte("next"), Value: binary.BigEndian.AppendUint32(nil, c.next)})
}

// fundAgain pays the deposit, at first or where a restart interrupted it, if the ledger does not know of it.
func (d *purchase) fundAgain() {
	if d.fresh && !d.c.stop.IsZero() {
		d.c.release(d)
		d.forget()
		return
	}
	if d.fundAt.IsZero() || d.c.now.Before(d.fundAt) || d.c.view.Tip == 0 {
		return
	}
	d.fundAt = time.Time{}
	d.fund()
}

// holds takes the seller's word for the newest voucher on its disk, which ends the doubt, and keeps it. Less than it has
// said before it is reminded of.
func (d *purchase) holds(env envelope.Envelope, m *protocol.Accepted) {
	own := d.number()
	if m.N > own {
		return // it was for a voucher that this disk does not know; the seller hands that back when asked
	}
	d.unsure = false
	if m.N >= d.receiptN {
		d.receipt, d.receiptN = env.Raw, m.N
		return
	}
	if receipt, err := envelope.Open(d.c.cfg.Rules.Verifier, d.c.cfg.Rules.Market, d.receipt); err == nil {
		d.c.emit(role.Send{To: d.Seller, Env: receipt})
		d.hand(*d.payer.Newest)
	}
}

// number is that of the newest voucher on this disk, 0 if there is none.
func (d *purchase) number() uint64 {
	if d.payer.Newest == nil {
		return 0
	}
	return d.payer.Newest.N
}

// shown takes a voucher that the seller hands back. A newer one than the disk has, signed by this buyer, proves that the
// disk was restored.
func (d *purchase) shown(m *protocol.Voucher) {
	c := d.c
	if d.payer.Phase == channel.Opening {
		d.fundAt = time.Time{} // the deposit was paid; the ledger will tell
		return
	}
	v, err := channel.ParseVoucher(m.Data)
	if err == nil && v.N <= d.number() {
		return
	}
	if err == nil {
		_, err = channel.Read(d.Terms, d.payer.Funding, v)
	}
	if err == nil {
		err = d.move(channel.Recovered{})
	}
	if err == nil {
		err = d.move(channel.Held{Voucher: v})
	}
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	d.unsure, d.closing, d.progress.Unheard = false, true, false
	d.parcel = nil
	d.end("restored from a backup")
	d.enter()
	d.save()
	if !c.passed {
		c.pass()
	}
}

// appeal asks the seller to close with what it holds: a close with a voucher that is not final.
func (d *purchase) appeal() {
	if d.payer.Newest == nil {
		return
	}
	data, err := d.payer.Newest.Encode()
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	d.c.send(d.Seller, &protocol.Close{Deal: d.ID, Reason: clip(d.payer.Reason), Data: data})
}
