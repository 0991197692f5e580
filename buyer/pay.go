package buyer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/price"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
)

// prepay pays the committee of the window that has begun, or lets the fee of a failed one carry.
func (d *purchase) prepay() {
	c := d.c
	w, running := c.cal.WindowAt(c.now)
	late := c.now.Sub(c.cal.WindowStart(w)) > c.par.Window()/2
	if !running || d.unsure || w < d.Match.First || late || !c.stop.IsZero() || d.progress.Dropped != "" || d.progress.Ended != "" || d.progress.Unheard ||
		d.taken(w) || d.full() {
		return
	}
	com, err := c.view.Committee(d.Seller, d.Offer.Prop, d.Offer.Cell, c.cal.EpochOf(w))
	if err != nil {
		if !errors.Is(err, protocol.Transient) {
			c.emit(role.Refused{Err: err})
		}
		return
	}
	add := d.Fee(c.cfg.Rules, com)
	if d.crowded = crowds(d.payer.Payouts, add, d.PayTo); d.crowded {
		return
	}
	old := d.progress
	if d.credit(w) > 0 && d.Shows(d.payer.Payouts, add) {
		add = nil
		d.progress.Carried = last(append(slices.Clone(old.Carried), w), keptWindows)
	} else {
		d.progress.Count++
	}
	d.progress.Prepaid = last(append(slices.Clone(old.Prepaid), w), keptWindows)
	if err := d.promise(add, tag{Window: w, Index: protocol.Prepaid}); err != nil {
		d.progress = old
		if !errors.Is(err, protocol.Transient) {
			c.emit(role.Refused{Err: err})
		}
		return
	}
	d.save()
}

// taken says whether window w is prepaid here or by the elder or the heir, or is the elder's to prepay.
func (d *purchase) taken(w uint64) bool {
	e := d.elder()
	return e != nil && e.serves() || slices.ContainsFunc(d.kin(), func(x *purchase) bool { return slices.Contains(x.progress.Prepaid, w) })
}

// credit is how many fees may serve window w: of the earlier windows of its epoch, those without a stamp less those that an
// earlier fee has served. Deals that succeed one another count together.
func (d *purchase) credit(w uint64) int {
	n, rules := 0, d.c.cfg.Rules
	for _, x := range d.kin() {
		failed := func(p uint64) bool {
			return !slices.Contains(x.progress.Stamped, p) && d.c.now.After(deal.Verdict(rules, p))
		}
		n += deal.Free(rules, w, x.progress.Prepaid, x.progress.Carried, failed)
	}
	return n
}

// overdrawn says whether the newest voucher lets an earlier fee serve its window, and that fee turns out to be earned: its
// stamp came late. The same is supposed when the seller does not agree for two windows.
func (d *purchase) overdrawn() bool {
	t := d.progress.Tag
	return t.Index == protocol.Prepaid && slices.Contains(d.progress.Carried, t.Window) && (d.credit(t.Window) <= 0 || d.silent())
}

// repay pays the fee that was not free.
func (d *purchase) repay() error {
	c, t := d.c, d.progress.Tag
	com, err := c.view.Committee(d.Seller, d.Offer.Prop, d.Offer.Cell, c.cal.EpochOf(t.Window))
	if err != nil {
		return err
	}
	old := d.progress
	d.progress.Carried = slices.DeleteFunc(slices.Clone(old.Carried), func(w uint64) bool { return w == t.Window })
	d.progress.Count++
	if err := d.promise(d.Fee(c.cfg.Rules, com), t); err != nil {
		d.progress = old
		return err
	}
	d.save()
	return nil
}

// feeBound is the most that one window's committee may cost.
func (d *purchase) feeBound() byteball.Bytes {
	return price.Fee(&d.c.par, d.Offer.Price, d.c.par.Members)
}

// accepted takes the seller's word that the newest voucher is on its disk.
func (d *purchase) accepted(env envelope.Envelope, m *protocol.Accepted) {
	d.holds(env, m)
	if d.payer.Newest == nil || m.N != d.payer.Newest.N || !d.progress.Unheard || d.progress.Tag.Index != protocol.Prepaid && d.waiting() {
		return // a batch is answered with its key, a voucher renewed after it with this
	}
	d.progress.Unheard = false
	d.save()
}

// delivered checks an encrypted batch against the stamp and pays for it.
func (d *purchase) delivered(env envelope.Envelope, m *protocol.Delivery) {
	c := d.c
	waits := slices.ContainsFunc(d.kin(), func(x *purchase) bool { return x.waiting() && !x.over() })
	if d.payer.Phase != channel.Open || d.unsure || d.progress.Unheard || waits || d.progress.Dropped != "" {
		return // the voucher is on its way and repeated; the seller delivers again
	}
	x := d.windows[m.Window]
	if x == nil || !x.sold {
		c.refuse("buyer: a batch of window %d, which is not bought: %w", m.Window, protocol.Stale)
		return
	}
	if m.Window < d.progress.Window || (m.Window == d.progress.Window && m.Index != d.progress.Next) || (m.Window > d.progress.Window && m.Index != 0) {
		c.refuse("buyer: batch %d of window %d is not the next one: %w", m.Index, m.Window, protocol.Stale)
		return
	}
	if err := checkDelivery(m, x.stamp); err != nil {
		c.emit(role.Refused{Err: err})
		d.drop("a delivery that is not what was stamped")
		return
	}
	progress, before := d.progress, d.parcel
	d.progress.Window, d.progress.Next = m.Window, m.Index
	d.parcel = &parcel{Signed: env.Raw, delivery: m, Integrity: x.stamp.I, Price: x.price}
	if err := d.promise(channel.Payouts{d.PayTo: x.price}, tag{Window: m.Window, Index: int16(m.Index)}); err != nil {
		d.progress, d.parcel = progress, before
		c.emit(role.Refused{Err: err})
		return
	}
	d.save()
}

func checkDelivery(m *protocol.Delivery, s *protocol.Stamp) error {
	if m.Header.Seq != s.Seq0+uint64(m.Index) || !merkle.Verify(s.Root, m.Header.Leaf(), int(m.Index), s.Batches(), m.Path) {
		return fmt.Errorf("delivery: batch %d is not in the stamped window: %w", m.Index, protocol.Invalid)
	}
	if protocol.Hash(sha256.Sum256(m.Cipher)) != m.HCipher {
		return fmt.Errorf("delivery: batch %d is not the cipher it names: %w", m.Index, protocol.Invalid)
	}
	return nil
}

// key opens the batch that is paid for.
func (d *purchase) key(env envelope.Envelope, m *protocol.Key) {
	c := d.c
	if !d.waiting() || m.Window != d.parcel.delivery.Window || m.Index != d.parcel.delivery.Index {
		return // a repeat of one that is open already
	}
	readings, err := d.unlock(m.Sealed)
	d.progress.Unheard = false
	if err != nil {
		c.emit(role.Refused{Err: err})
		d.prove(env)
		d.parcel = nil
		d.drop("a key that does not open its batch")
		return
	}
	d.parcel.Sealed = m.Sealed
	d.progress.Window, d.progress.Next = m.Window, m.Index+1
	d.save()
	d.handOut(readings)
}

// handOut gives the readings of the newest batch to the sink, which may have them already.
func (d *purchase) handOut(readings []protocol.Reading) {
	got := d.parcel.delivery
	d.c.emit(role.Deliver{Deal: d.ID, Seller: d.Seller, Prop: d.Offer.Prop, Cell: d.Offer.Cell, Window: got.Window, Index: int(got.Index), Readings: readings,
		Integrity: d.parcel.Integrity, Relevance: d.Match.Relevance, Price: d.parcel.Price})
}

// unlock opens the newest batch with its sealed key.
func (d *purchase) unlock(sealed []byte) ([]protocol.Reading, error) {
	box, err := deal.BoxKey(d.c.cfg.Secret, d.index)
	if err != nil {
		return nil, err
	}
	return d.Unlock(box, d.parcel.delivery, sealed)
}

// prove keeps what shows the world that the seller sold a wrong key (hard code 7): deal.WrongKey checks it.
func (d *purchase) prove(key envelope.Envelope) {
	box, err := deal.BoxKey(d.c.cfg.Secret, d.index)
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	data, err := protocol.Encode(&protocol.WrongKey{ByBuyer: d.byBuyer, BySeller: d.bySeller, Delivery: d.parcel.Signed, Key: key.Raw, Box: [32]byte(box.Bytes())})
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	d.c.emit(role.Save{Key: append([]byte("proof/"), d.ID[:]...), Value: data})
}
