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
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
)

// prepay pays the committee of the window that has begun, or lets the fee of a failed one carry.
func (d *purchase) prepay() {
	c := d.c
	w, running := c.cal.WindowAt(c.now)
	late := c.now.Sub(c.cal.WindowStart(w)) > c.par.Window()/2
	if !running || w < d.Match.First || late || !c.stop.IsZero() || d.progress.Dropped != "" || d.progress.Unheard ||
		d.progress.Count >= d.Demand.Windows || slices.Contains(d.progress.Prepaid, w) || d.spent() {
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
	old := d.progress
	if from, ok := d.credit(w); ok {
		add = nil
		d.progress.Carried = append(slices.Clone(old.Carried), from)
	}
	d.progress.Prepaid = append(slices.Clone(old.Prepaid), w)
	d.progress.Prepaid = d.progress.Prepaid[max(0, len(d.progress.Prepaid)-8):]
	d.progress.Count++
	if err := d.promise(add, tag{Window: w, Index: protocol.Prepaid}); err != nil {
		d.progress = old
		c.emit(role.Refused{Err: err})
		return
	}
	d.save()
}

// credit is the oldest prepaid window that got no stamp and whose fee may serve window w.
func (d *purchase) credit(w uint64) (uint64, bool) {
	for _, p := range d.progress.Prepaid {
		x := d.windows[p]
		failed := (x == nil || x.stamp == nil) && d.c.now.After(deal.Verdict(d.c.cfg.Rules, p))
		if failed && deal.Carried(d.c.cfg.Rules, p, w) && !slices.Contains(d.progress.Carried, p) {
			return p, true
		}
	}
	return 0, false
}

// feeBound is the most that one window's committee may cost.
func (d *purchase) feeBound() byteball.Bytes {
	return price.Fee(&d.c.par, d.Offer.Price, d.c.par.Members)
}

// accepted takes the seller's word that the newest voucher is on its disk.
func (d *purchase) accepted(m *protocol.Accepted) {
	if d.payer.Newest == nil || m.N != d.payer.Newest.N || !d.progress.Unheard || d.progress.Tag.Index != protocol.Prepaid {
		return
	}
	d.progress.Unheard = false
	d.save()
}

// delivered checks an encrypted batch against the stamp and pays for it.
func (d *purchase) delivered(m *protocol.Delivery) {
	c := d.c
	if d.delivery != nil && m.Window == d.delivery.Window && m.Index == d.delivery.Index {
		return // the voucher is on its way; repeat sends it again
	}
	if d.payer.Phase != channel.Open || d.progress.Unheard || d.delivery != nil || d.progress.Dropped != "" {
		return // the seller delivers again
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
	old := d.progress
	d.progress.Window, d.progress.Next, d.delivery = m.Window, m.Index, m
	if err := d.promise(channel.Payouts{d.PayTo: x.price}, tag{Window: m.Window, Index: int16(m.Index)}); err != nil {
		d.progress, d.delivery = old, nil
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
func (d *purchase) key(m *protocol.Key) {
	c := d.c
	if d.delivery == nil || m.Window != d.delivery.Window || m.Index != d.delivery.Index {
		return // a repeat of one that is open already
	}
	readings, err := d.unlock(m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		d.prove(m)
		d.drop("a key that does not open its batch")
		return
	}
	got := d.delivery
	d.delivery = nil
	d.progress.Unheard = false
	d.progress.Window, d.progress.Next = got.Window, got.Index+1
	d.save()
	x := d.windows[got.Window]
	out := role.Deliver{Deal: d.ID, Seller: d.Seller, Prop: d.Offer.Prop, Cell: d.Offer.Cell, Window: got.Window, Index: int(got.Index), Readings: readings}
	if x != nil && x.stamp != nil {
		out.Integrity, out.Price = x.stamp.I, x.price
	}
	out.Relevance = d.Match.Relevance
	c.emit(out)
}

func (d *purchase) unlock(m *protocol.Key) ([]protocol.Reading, error) {
	box, err := deal.BoxKey(d.c.cfg.Secret, d.index)
	if err != nil {
		return nil, err
	}
	key, err := deal.OpenKey(box, m.Sealed)
	if err != nil {
		return nil, err
	}
	if protocol.Hash(sha256.Sum256(key[:])) != d.delivery.HKey {
		return nil, fmt.Errorf("key of batch %d is not the one promised: %w", m.Index, protocol.Invalid)
	}
	salt, pack, err := deal.Decrypt(key, d.delivery.Cipher)
	if err != nil {
		return nil, err
	}
	if protocol.BatchCommit(salt, pack) != d.delivery.Header.Commit {
		return nil, fmt.Errorf("batch %d is not what its header commits to: %w", m.Index, protocol.Invalid)
	}
	prop, ok := protocol.PropertyOf(d.Offer.Prop)
	if !ok {
		return nil, fmt.Errorf("property %q is not in the table: %w", d.Offer.Prop, protocol.Invalid)
	}
	return protocol.DecodePack(prop, pack)
}

// prove keeps what shows the world that the seller sold a wrong key (hard code 7).
func (d *purchase) prove(m *protocol.Key) {
	proof := struct {
		_        struct{} `cbor:",toarray"`
		Delivery *protocol.Delivery
		Key      *protocol.Key
	}{Delivery: d.delivery, Key: m}
	if data, err := protocol.Encode(proof); err == nil {
		d.c.emit(role.Save{Key: append([]byte("proof/"), d.ID[:]...), Value: data})
	}
}
