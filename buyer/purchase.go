package buyer

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/enroll"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// purchase is one deal from the buyer's side.
type purchase struct {
	deal.Deal
	c        *Core
	want     int
	index    uint32 // of the channel key
	byBuyer  []byte
	bySeller []byte
	proposal envelope.Envelope
	started  bool      // the seller has signed
	asked    time.Time // the proposal
	retry    time.Time // of the deposit; zero: it is paid or on its way
	unit     byteball.Hash
	payer    channel.Payer
	progress progress
	closing  bool
	resend   time.Time // of what waits for an answer
	since    time.Time // the newest promise, or the start: how long the seller has been silent
	renewed  time.Time // no voucher is signed anew for its fee before
	crowded  bool      // a closing has no room for the payees of another window
	unsure   bool      // the seller has not said, since the start, what it holds: nothing is signed
	fundAt   time.Time // when the deposit is paid, at first or after a restart, if the ledger has told nothing; zero: it is not
	fresh    bool      // no deposit was asked for yet: what the ledger knows of the address is of another channel
	receipt  []byte    // the seller's newest Accepted, an envelope, and its number
	receiptN uint64

	windows map[uint64]*window
	parcel  *parcel // the newest batch that is paid for, nil before the first
}

// parcel is one batch that is paid for. It stays until the next one, so that a restart hands it out again.
type parcel struct {
	_         struct{} `cbor:",toarray"`
	Signed    []byte   // the delivery's envelope
	Integrity uint16
	Price     byteball.Bytes
	Sealed    []byte // its key, empty until it comes

	delivery *protocol.Delivery // what Signed says
}

// waiting says whether a batch is paid for whose key has not come.
func (d *purchase) waiting() bool { return d.parcel != nil && len(d.parcel.Sealed) == 0 }

// window is one prepaid window as the buyer learns of it.
type window struct {
	wc    *protocol.WindowCommit
	aux   *protocol.Aux
	stamp *protocol.Stamp // checked
	price byteball.Bytes
	sold  bool // may be bought
}

// progress is what a deal must remember beside its channel.
type progress struct {
	_       struct{} `cbor:",toarray"`
	Prepaid []uint64 // windows whose committee is paid, ascending; old ones go
	Carried []uint64 // those of them that the fee of an earlier one serves
	Stamped []uint64 // those of them whose stamp was seen
	Count   uint32   // fees prepaid in all
	Bad     uint8    // windows under the least integrity in a row
	Window  uint64   // being bought
	Next    uint8    // batch expected next in it
	Unheard bool     // the newest voucher has not been answered; it pays for:
	Tag     tag
	Ended   string // why no further window is prepaid
	Dropped string // why nothing more is paid at all
}

// tag says what a voucher pays for.
type tag struct {
	_      struct{} `cbor:",toarray"`
	Window uint64
	Index  int16
}

// keptWindows is how many prepaid windows are remembered: those of more than one epoch.
const keptWindows = 16

// last cuts a list to its newest entries.
func last(list []uint64, n int) []uint64 { return list[max(0, len(list)-n):] }

// record is a deal as it is saved.
type record struct {
	_        struct{} `cbor:",toarray"`
	Want     uint32
	Index    uint32
	ByBuyer  []byte
	BySeller []byte
	Unit     byteball.Hash
	Progress progress
	Parcel   *parcel
	Receipt  []byte // the seller's newest Accepted when this was saved
	ReceiptN uint64
}

func (d *purchase) storeKey() []byte { return append([]byte("deal/"), d.ID[:]...) }

func (d *purchase) save() {
	data, err := protocol.Encode(record{Want: uint32(d.want), Index: d.index, ByBuyer: d.byBuyer, BySeller: d.bySeller, Unit: d.unit,
		Progress: d.progress, Parcel: d.parcel, Receipt: d.receipt, ReceiptN: d.receiptN})
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	d.c.emit(role.Save{Key: d.storeKey(), Value: data})
}

// forget drops a deal that never became one, or that is over.
func (d *purchase) forget() {
	d.c.remove(d)
	if d.started {
		d.c.bought[d.want] += d.progress.Count
		d.c.emit(role.Delete{Key: d.storeKey()}, role.Delete{Key: []byte(channel.Key("buyer", d.Address))})
	}
}

func (d *purchase) over() bool { return d.started && d.payer.Phase.Over() }

// apply carries out what the channel asks for. A voucher goes out with what it pays for.
func (d *purchase) apply(effects []channel.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case channel.Save:
			d.c.emit(role.Save{Key: []byte(e.Key), Value: e.Value})
		case channel.Post:
			d.c.emit(role.Post{Unit: e.Unit})
		case channel.Watch:
			d.c.emit(role.Watch{Address: e.Address})
		case channel.Send:
			d.hand(e.Voucher)
		case channel.Ask:
			d.appeal()
		}
	}
}

// hand sends a voucher, or with the final one the wish to close.
func (d *purchase) hand(v channel.Voucher) {
	c := d.c
	d.resend = c.now.Add(max(2*c.par.Batch, 2*time.Second))
	data, err := v.Encode()
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	if v.Final {
		c.send(d.Seller, &protocol.Close{Deal: d.ID, Reason: clip(d.payer.Reason), Data: data})
		return
	}
	c.send(d.Seller, &protocol.Voucher{Deal: d.ID, Window: d.progress.Tag.Window, Index: d.progress.Tag.Index, Data: data})
}

func clip(reason string) string {
	if reason == "" {
		return "done"
	}
	return reason[:min(len(reason), 200)]
}

func (d *purchase) move(ev channel.Event) error {
	next, effects, err := d.payer.Apply(ev, d.c.now)
	if err != nil {
		return err
	}
	d.payer = next
	d.apply(effects)
	return nil
}

// promise signs the next voucher, for what t says, and enters it in the books.
func (d *purchase) promise(add channel.Payouts, t tag) error { return d.promiseFor(add, t, 0) }

// promiseFor is promise with at least so large a tps fee, up to the reserve.
func (d *purchase) promiseFor(add channel.Payouts, t tag, tpsFee byteball.Bytes) error {
	base, ok := d.c.view.Bases.Newest()
	if !ok {
		return fmt.Errorf("no proven unit to hang a voucher on: %w", protocol.Transient)
	}
	old := d.progress
	d.progress.Tag, d.progress.Unheard = t, true
	if err := d.move(channel.Pay{Add: add, Base: base, TPSFee: tpsFee}); err != nil {
		d.progress = old
		return err
	}
	if t != old.Tag || !old.Unheard {
		d.since = d.c.now // what is signed anew waits on
	}
	d.enter()
	return nil
}

// enter writes what the newest voucher costs: what others get, and the fees of the unit that the buyer signed.
func (d *purchase) enter() {
	if d.payer.Newest == nil {
		return
	}
	d.account(d.payer.Newest.Unit)
}

// account writes the cost of a unit that ends the channel: all but the change.
func (d *purchase) account(u *unit.Unit) {
	var others byteball.Bytes
	for _, m := range u.Messages {
		if pay, ok := m.Payload.(*unit.Payment); ok {
			for _, o := range pay.Outputs {
				if o.Address != d.Terms.ChangeAddress {
					others += o.Amount
				}
			}
		}
	}
	fees, err := unit.Fees(u)
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	id, ms := hex.EncodeToString(d.ID[:]), d.c.now.UnixMilli()
	d.c.emit(enroll.Lines(
		books.Line{Time: ms, Kind: books.Voucher, Ref: "channel/" + id, Amount: books.Out(others)},
		books.Line{Time: ms, Kind: books.Voucher, Ref: "close/" + id, Amount: books.Out(fees)},
	)...)
}

// chain looks for the channel's units among the proven ones, and minds the refund.
func (d *purchase) chain(ev role.Chain) {
	if !d.started || d.over() {
		return
	}
	before := d.payer.Phase
	for _, p := range ev.Units {
		if d.fresh && d.concerns(p.Unit) {
			d.reused()
			return
		}
		if _, ok := d.Funding(p); ok && d.unit == "" && p.Unit.Authors[0].Address == d.c.cfg.Change {
			d.deposited(p.Unit)
		}
		if err := d.move(channel.UnitStable{Unit: p.Unit, MCI: p.MCI, Serial: p.Serial}); err != nil {
			d.c.emit(role.Refused{Err: err})
		}
	}
	if base, ok := d.c.view.Bases.Newest(); ok && !d.over() {
		if err := d.move(channel.Tip{MCI: d.c.view.Tip, Base: base, Fee: d.c.view.Load(d.c.now)}); err != nil {
			d.c.emit(role.Refused{Err: err})
		}
	}
	now := d.payer.Phase
	if now == before {
		return
	}
	d.c.note("channel "+now.String(), "deal", d.ID.String(), "why", d.payer.Reason)
	if d.payer.Settled != nil {
		d.account(d.payer.Settled) // the seller may have closed with an older voucher than the newest signed
	}
}

// concerns says whether a unit is the channel's or pays to it.
func (d *purchase) concerns(u *unit.Unit) bool {
	by := func(a unit.Author) bool { return a.Address == d.Address }
	return channel.Paid(u)[d.Address] > 0 || slices.ContainsFunc(u.Authors, by)
}

// posted passes the ledger's answer to a refund on.
func (c *Core) posted(ev role.Posted) {
	for _, d := range c.purchases() {
		if !d.started || d.payer.Own == nil || d.payer.Own.Unit != ev.Unit || ev.Err == nil {
			continue
		}
		if err := d.move(channel.PostRefused{Err: ev.Err}); err != nil {
			c.emit(role.Refused{Err: err})
		}
	}
}

// tick sends again what waits, prepays the window that has begun, and closes what is finished.
func (d *purchase) tick() {
	c := d.c
	switch {
	case !d.started:
		if c.now.Sub(d.asked) > c.par.OfferValid || !c.stop.IsZero() || c.now.Sub(d.asked) > 2*c.par.Window() {
			d.forget()
		} else if c.now.After(d.resend) {
			d.proposed()
		}
		return
	case d.over():
		return
	case d.payer.Phase == channel.Opening:
		d.inherit()
		d.fundAgain()
		d.await()
		return
	case d.payer.Phase != channel.Open:
		d.repeat()
		return
	}
	d.inherit()
	d.repeat()
	d.prepay()
	d.succeed()
	if d.finished() && !d.unsure {
		d.close()
	}
}

// await asks again for a deposit that the wallet could not pay (unfunded).
func (d *purchase) await() {
	if d.retry.IsZero() || !d.c.now.After(d.retry) {
		return // it is paid, on its way, or not due
	}
	d.retry = time.Time{}
	d.fund()
}

// repeat sends the newest voucher again while nobody has answered it: signed anew where it hangs on too old a unit, or
// where it counted on a fee that was not free.
func (d *purchase) repeat() {
	waits := d.progress.Unheard || d.payer.Phase == channel.Closing || d.unsure
	if !waits || d.payer.Seen || d.c.now.Before(d.resend) {
		return
	}
	if d.payer.Newest == nil {
		d.question()
		return
	}
	again := func() error { d.hand(*d.payer.Newest); return nil }
	old := d.c.view.Tip > d.payer.Hung+channel.MaxBehind
	switch {
	case d.unsure:
	case d.payer.Phase == channel.Open && d.overdrawn():
		again = d.repay
	case d.payer.Phase == channel.Open && old:
		again = func() error { return d.promise(nil, d.progress.Tag) }
	case old:
		again = func() error { return d.ask(0) }
	}
	if err := again(); err != nil {
		d.c.emit(role.Refused{Err: err})
	}
}
