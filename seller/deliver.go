package seller

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller/outbox"
)

// voucher takes a payment: for a window's committee, or for the one batch that was delivered and is not paid.
func (d *sale) voucher(m *protocol.Voucher) {
	v, err := channel.ParseVoucher(m.Data)
	switch {
	case err != nil:
	case d.payee.Restored:
		err = d.accept(v, nil) // the best counts, nothing is given for it
	case v.N < d.number():
		d.tell(v.N) // an old one, or the buyer's disk is an older copy
		return
	default:
		if m.Index == protocol.Prepaid {
			err = d.prepaid(m.Window, v)
		} else {
			err = d.paid(m.Window, uint8(m.Index), v)
		}
	}
	if err == nil {
		if d.payee.Newest != nil && d.payee.Newest.N == v.N {
			d.c.send(d.Buyer, &protocol.Accepted{Deal: d.ID, N: v.N})
		}
		if m.Index == protocol.Prepaid && !d.c.stop.IsZero() {
			d.part()
		}
		return
	}
	d.c.emit(role.Refused{Err: fmt.Errorf("deal %s, window %d, batch %d: %w", d.ID, m.Window, m.Index, err)})
	if errors.Is(err, protocol.Invalid) { // anything else may be right when it is sent again
		d.c.send(d.Buyer, &protocol.Refuse{Deal: d.ID, Reason: clip(err.Error())})
	}
	if v.N > d.number()+1 {
		d.tell(v.N) // those between were never seen, or this disk is an older copy
	}
}

// A voucher that comes while the channel closes is taken, since the closing before it may be too cheap for the ledger. But that
// may become stable all the same, so nothing is given for what the new one pays on top: no round begins, and the key of a
// batch waits until the voucher that pays for it is settled.

// closing says whether the seller has signed a closing.
func (d *sale) closing() bool { return d.payee.Phase == channel.Closing }

// prepaid checks the fee of a window's committee, begins its round and shows the members that they are paid. A fee that comes
// when its window is over is taken all the same: it serves a later window, as that of any window without a stamp.
func (d *sale) prepaid(w uint64, v channel.Voucher) error {
	c, p := d.c, &d.progress
	known := slices.Contains(p.Prepaid, w)
	if known && d.payee.Newest != nil && v.N <= d.payee.Newest.N {
		return nil // a repeat
	}
	closing := d.closing()
	if (known || closing) && d.repeats(v) {
		return d.accept(v, d.payee.Payouts) // renewed: younger, or with a larger tps fee
	}
	if err := d.anew(v); err != nil && !known {
		return err
	}
	if w < d.Match.First || c.cal.WindowStart(w).After(c.now.Add(c.par.Window())) {
		return fmt.Errorf("window %d lies before the first or too far ahead: %w", w, protocol.Stale)
	}
	com, err := c.view.Committee(d.Seller, d.Offer.Prop, d.Offer.Cell, c.cal.EpochOf(w))
	if err != nil {
		return err
	}
	want, fee := d.payee.Payouts, d.Fee(c.cfg.Rules, com)
	free := d.repeats(v) && d.Shows(want, fee)
	if free && !known && d.credit(w) <= 0 {
		d.remind(w)
		return fmt.Errorf("window %d is not paid for, and no earlier fee is free: %w", w, protocol.Stale)
	}
	if !free {
		if want, err = want.Plus(fee); err != nil {
			return err
		}
	}
	if err := d.accept(v, want); err != nil || closing && !known {
		return err
	}
	if free && !known {
		p.Carried = last(append(p.Carried, w))
	}
	if !free {
		p.Carried = slices.DeleteFunc(p.Carried, func(served uint64) bool { return served == w })
	}
	if !known {
		p.Prepaid = last(append(p.Prepaid, w))
		slices.Sort(p.Prepaid)
	}
	d.remember(com)
	d.save()
	if !known {
		d.begin(w, com)
	}
	return nil
}

// part asks the buyer to prepay nothing more.
func (d *sale) part() {
	d.c.send(d.Buyer, &protocol.Refuse{Deal: d.ID, Reason: "the seller stops"})
}

// last cuts a list of windows to its newest: those of more than one epoch.
func last(list []uint64) []uint64 { return list[max(0, len(list)-16):] }

// begin begins the round of a window that is prepaid, if it is not over, and tells the payees.
func (d *sale) begin(w uint64, com *committee.Committee) {
	c, s := d.c, d.c.streams[d.Offer.Prop]
	s.expect(w, com)
	if r := s.rounds[w]; r.wc == nil && c.now.After(c.cal.WindowStart(w+1)) {
		r.failed = true
		return
	}
	told := make(map[protocol.Identity]bool)
	for _, t := range append(slices.Clone(com.Members), com.Aggregator) {
		if id := t.Binding.Identity; !told[id] {
			told[id] = true
			d.notice(id, w)
		}
	}
}

// credit is how many fees may serve window w: of the earlier windows of its epoch, those without a stamp less those that an
// earlier fee has served. Deals that succeed one another count together. The buyer counts alike.
func (d *sale) credit(w uint64) int {
	n, rules := 0, d.c.cfg.Rules
	failed := func(p uint64) bool {
		r := d.c.streams[d.Offer.Prop].rounds[p]
		return r == nil || r.failed || r.stamp == nil && d.c.now.After(deal.Verdict(rules, p))
	}
	for _, x := range d.kin() {
		n += deal.Free(rules, w, x.progress.Prepaid, x.progress.Carried, failed)
	}
	return n
}

// remind shows the buyer the stamps of an epoch that it seems to have missed.
func (d *sale) remind(w uint64) {
	for _, x := range d.kin() {
		for _, p := range x.progress.Prepaid {
			if r := d.c.streams[d.Offer.Prop].rounds[p]; r != nil && r.stamp != nil && deal.Carried(d.c.cfg.Rules, p, w) {
				d.show(r)
			}
		}
	}
}

// anew returns nil for a voucher that was not taken before. The channel takes the newest one again at any time, whatever it is
// said to be for, so what it paid for was settled when it came first. Error: Stale.
func (d *sale) anew(v channel.Voucher) error {
	if v.N > d.number() {
		return nil
	}
	return fmt.Errorf("voucher %d paid for something else: %w", v.N, protocol.Stale)
}

// repeats says whether a voucher pays nobody more than the newest one, but for what the previous channel owes.
func (d *sale) repeats(v channel.Voucher) bool {
	pay, err := channel.Read(d.Terms, d.payee.Funding, v)
	if err != nil {
		return false
	}
	claims := maps.Clone(v.Claims)
	maps.DeleteFunc(claims, func(a byteball.Address, n byteball.Bytes) bool { return n <= d.payee.Claimed[a] })
	for a := range claims {
		claims[a] -= d.payee.Claimed[a]
	}
	want, err := d.payee.Payouts.Plus(claims)
	return err == nil && maps.Equal(pay, want.Visible(d.Terms.Dust))
}

// paid checks the price of the batch that is out, and answers with its key and the next batch.
func (d *sale) paid(w uint64, i uint8, v channel.Voucher) error {
	if w == d.progress.Last && i < d.progress.Sold {
		if err := d.accept(v, d.payee.Payouts); err != nil {
			return err
		}
		d.handKey(w, i) // the newest once more, perhaps signed anew: the key may be lost
		return nil
	}
	if d.progress.Sealed > 0 && w == d.progress.Window && i == d.progress.Next {
		return d.accept(v, d.payee.Payouts)
	}
	if slices.Contains(d.progress.Prepaid, w) && d.c.streams[d.Offer.Prop].rounds[w] == nil {
		return fmt.Errorf("window is not kept any more: %w", protocol.Invalid)
	}
	r := d.due()
	if r == nil || r.window != w || i != d.progress.Next {
		return fmt.Errorf("batch is not the one delivered: %w", protocol.Stale)
	}
	if err := d.anew(v); err != nil {
		return err
	}
	price, ok := d.Batch(d.c.cfg.Rules, r.stamp)
	if !ok {
		return fmt.Errorf("window is not for sale: %w", protocol.Invalid)
	}
	want, err := d.payee.Payouts.Plus(channel.Payouts{d.PayTo: price})
	if err != nil {
		return err
	}
	closing := d.closing()
	if err := d.accept(v, want); err != nil {
		return err
	}
	if closing {
		d.progress.Window, d.progress.Next, d.progress.Sealed = w, i, *v.Unit.TPSFee
		d.save()
		return nil
	}
	d.sell(w, i)
	d.deliver(true)
	return nil
}

// unseal hands out the key that waits, if the voucher that pays for it was settled or a newer one. An older one may give the
// seller as much, with the dust of others; but of two closings that the seller has signed the newer offers the larger tps fee.
func (d *sale) unseal() {
	p, u := &d.progress, d.payee.Settled
	if p.Sealed == 0 || u.TPSFee == nil || *u.TPSFee < p.Sealed || channel.Paid(u)[d.PayTo] < d.payee.Payouts[d.PayTo] {
		return
	}
	p.Sealed = 0
	d.sell(p.Window, p.Next)
}

// sell notes that a batch is paid for, and hands out its key.
func (d *sale) sell(w uint64, i uint8) {
	p := &d.progress
	p.Window, p.Next, p.Last, p.Sold = w, i+1, w, i+1
	d.save()
	d.handKey(w, i)
}

// handKey sends the key of a batch that is paid for.
func (d *sale) handKey(w uint64, i uint8) {
	key, err := deal.BatchKey(d.c.cfg.Secret, d.ID, w, i)
	if err == nil {
		var sealed []byte
		if sealed, err = deal.SealKey(d.c.cfg.Secret, d.ID, w, i, d.Match.Box, key); err == nil {
			d.c.send(d.Buyer, &protocol.Key{Deal: d.ID, Window: w, Index: i, Sealed: sealed})
			return
		}
	}
	d.c.emit(role.Refused{Err: err})
}

// due is the oldest stamped window that this deal has paid for in part or not at all and that may be sold to it.
func (d *sale) due() *round {
	s := d.c.streams[d.Offer.Prop]
	for _, w := range d.progress.Prepaid {
		r := s.rounds[w]
		if r == nil || r.stamp == nil || w < d.progress.Window {
			continue
		}
		if w == d.progress.Window && int(d.progress.Next) >= r.stamp.Batches() {
			continue
		}
		if _, ok := d.Batch(d.c.cfg.Rules, r.stamp); ok {
			return r
		}
	}
	return nil
}

// stamped shows the buyer the window's commitment, what aux hides, and the stamp; then the first batch follows.
func (d *sale) stamped(s *stream, r *round) {
	if d.Offer.Prop != s.prop.Slug || !d.live() || !slices.Contains(d.progress.Prepaid, r.window) {
		return
	}
	d.show(r)
	d.deliver(true)
}

// show gives the buyer what it judges a window by.
func (d *sale) show(r *round) {
	c := d.c
	c.emit(role.Send{To: d.Buyer, Env: r.env})
	salt := deal.AuxSalt(c.cfg.Secret, d.Offer.Prop, r.window)
	c.send(d.Buyer, &protocol.Aux{Wid: r.wid, Salt: salt, Text: protocol.AuxNormal})
	c.send(d.Buyer, r.stamped)
}

// deliver sends the next batch that is due: at once when it is new, and again when its voucher does not come.
func (d *sale) deliver(fresh bool) {
	c := d.c
	r := d.due()
	if r == nil || (!fresh && c.now.Before(d.resend)) {
		return
	}
	if price, _ := d.Batch(c.cfg.Rules, r.stamp); d.exceeds(price) {
		d.settle(fmt.Sprintf("%s are unsettled, and %s is the cap", d.payee.Payouts[d.PayTo], d.Cap(c.cfg.Rules)))
		return
	}
	if r.window > d.progress.Window {
		d.progress.Window, d.progress.Next = r.window, 0
	}
	if !fresh {
		d.show(r)
	}
	d.resend = c.now.Add(2 * c.par.Batch)
	batches := c.streams[d.Offer.Prop].box.Window(r.window)
	m, err := d.pack(r, batches, d.progress.Next)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	c.send(d.Buyer, m)
}

// exceeds says whether one more batch would bring what the channel owes over its cap: the ledger has none of it yet.
func (d *sale) exceeds(price byteball.Bytes) bool {
	return d.payee.Payouts[d.PayTo]+price > d.Cap(d.c.cfg.Rules)
}

// pack encrypts one batch for this deal.
func (d *sale) pack(r *round, batches []outbox.Batch, i uint8) (*protocol.Delivery, error) {
	if int(i) >= len(batches) {
		return nil, fmt.Errorf("batch %d of window %d is not kept any more: %w", i, r.window, protocol.NotFound)
	}
	key, err := deal.BatchKey(d.c.cfg.Secret, d.ID, r.window, i)
	if err != nil {
		return nil, err
	}
	b := batches[i]
	cipher, err := deal.Encrypt(key, b.Salt, b.Pack)
	if err != nil {
		return nil, err
	}
	leaves := make([][]byte, len(batches))
	for j := range batches {
		leaves[j] = batches[j].Header.Leaf()
	}
	return &protocol.Delivery{
		Deal: d.ID, Window: r.window, Index: i, Header: b.Header, Path: merkle.Path(leaves, int(i)),
		HCipher: sha256.Sum256(cipher), HKey: sha256.Sum256(key[:]), Cipher: cipher,
	}, nil
}
