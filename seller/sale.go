package seller

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/enroll"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// sale is one deal from the seller's side.
type sale struct {
	deal.Deal
	c        *Core
	byBuyer  []byte
	bySeller []byte
	payee    channel.Payee
	progress progress
	resend   time.Time // of the delivery that waits for its voucher
	asking   bool      // the buyer asked for the close, or we stop
}

// progress is what a deal must remember beside its channel.
type progress struct {
	_       struct{}            `cbor:",toarray"`
	Prepaid []uint64            // windows whose committee is paid, ascending; old ones go
	Carried []uint64            // those of them that the fee of an earlier one serves
	Window  uint64              // being delivered
	Next    uint8               // batch to be delivered next in it
	Payees  []protocol.Identity // everybody ever paid, ascending: they get the closing voucher
	Told    bool                // they have got it
	Sealed  byteball.Bytes      // tps fee of the voucher that pays for batch Next but came while the channel closed, whose key waits
	Last    uint64              // window of the newest batch whose key was given
	Sold    uint8               // so many of its batches are paid for
}

// record is a deal as it is saved.
type record struct {
	_        struct{} `cbor:",toarray"`
	ByBuyer  []byte
	BySeller []byte
	Progress progress
}

// maxDeals bounds the open deals of one stream; skew is how far clocks may differ. A deal that is never funded is kept for a
// while after it has ceased to count, so a proposal has to be good for at least this part of OfferValid.
const (
	maxDeals   = 16
	leastValid = 8
	skew       = 5 * time.Second
)

// live says whether a deal may go on: its channel is open, or may still be funded in time.
func (d *sale) live() bool {
	return !d.over() && !d.asking && !d.payee.Restored && (d.payee.Phase == channel.Open || (d.payee.Phase == channel.Opening && !d.late()))
}

// late says whether the buyer has had the time to fund that it asked for.
func (d *sale) late() bool { return d.c.now.UnixMilli() > d.Match.Expiry }

// over says whether nothing is left to do: the channel has come to its end, or there is nothing in it to close with.
func (d *sale) over() bool {
	return d.payee.Phase.Over() || (d.asking && d.payee.Newest == nil)
}

// proposed takes a buyer's Match: everything in it is recomputed before it is signed.
func (c *Core) proposed(env envelope.Envelope, m *protocol.Match) {
	id := m.ID()
	if d, known := c.deals[id]; known {
		c.emit(role.Send{To: d.Buyer, Env: envelope.Envelope{Signer: c.self(), Body: m, Payload: env.Payload, Raw: d.bySeller}})
		return
	}
	d, err := c.consider(env, m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		c.send(env.Signer, &protocol.Refuse{Deal: id, Reason: clip(err.Error()), Further: c.further(d, env.Signer)})
		return
	}
	signed, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	s := &sale{Deal: d, c: c, byBuyer: env.Raw, bySeller: signed.Raw}
	payee, effects, err := channel.NewPayee(d.Terms, c.cfg.Wallet)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	s.payee = payee
	for _, old := range c.sales() {
		if old.supersededBy(d) {
			old.forget()
		}
	}
	c.add(s)
	s.save()
	s.apply(effects)
	c.note("deal agreed", "deal", id.String(), "property", d.Offer.Prop, "buyer", d.Buyer.String(), "relevance", m.Relevance, "deposit", m.Deposit.String())
	c.emit(role.Send{To: d.Buyer, Env: signed})
}

// further says whether another deal pays the committee of the stream of a proposal, by a buyer. The deal that it succeeds is
// no other one.
func (c *Core) further(p deal.Deal, buyer protocol.Identity) bool {
	if p.Offer == nil || c.streams[p.Offer.Prop] == nil {
		return false
	}
	return slices.ContainsFunc(c.sales(), func(d *sale) bool {
		kin := d.Address == p.Terms.Previous && d.Buyer == buyer
		return d.Offer.Prop == p.Offer.Prop && !d.Match.Further && d.live() && !kin && !d.supersededBy(p)
	})
}

// supersededBy says whether a buyer that proposes a deal has forgotten this one: it makes one deal a stream at a time, and
// this one was never funded. A proposal that comes late, after a newer one was agreed, supersedes nothing.
func (d *sale) supersededBy(p deal.Deal) bool {
	return d.Buyer == p.Buyer && d.Offer.Prop == p.Offer.Prop && d.payee.Phase == channel.Opening && d.Match.Expiry < p.Match.Expiry
}

// forget removes a deal that nothing hangs on any more. The address of a funded channel is kept for ever: the ledger has seen
// its definition, or will, and takes no closing of a second channel there.
func (d *sale) forget() {
	d.c.remove(d)
	if d.payee.Phase != channel.Opening {
		d.c.used[d.Address] = true
		d.c.emit(role.Save{Key: []byte("used/" + string(d.Address)), Value: []byte{}})
	}
	d.c.emit(role.Delete{Key: d.key()}, role.Delete{Key: []byte(channel.Key("seller", d.Address))})
}

// clip bounds a reason to what a refusal may hold.
func clip(reason string) string { return reason[:min(len(reason), 200)] }

func (c *Core) consider(env envelope.Envelope, m *protocol.Match) (deal.Deal, error) {
	if err := c.silent(); err != nil {
		return deal.Deal{}, err
	}
	if !c.stop.IsZero() {
		return deal.Deal{}, fmt.Errorf("the seller is closing: %w", protocol.Stale)
	}
	d, err := deal.Open(c.cfg.Rules, m)
	if err != nil {
		return d, err
	}
	if d.Buyer != env.Signer {
		return d, fmt.Errorf("the proposal is not signed by the demand's buyer: %w", protocol.Invalid)
	}
	if err := c.succeeds(d); err != nil {
		return d, err
	}
	s, ok := c.streams[d.Offer.Prop]
	switch {
	case !ok || d.Offer.Binding.Identity != c.self() || !s.current(d.Offer):
		return d, fmt.Errorf("the offer is not the current one: %w", protocol.Stale)
	case d.Lapsed(c.now):
		return d, fmt.Errorf("offer, demand or proposal has lapsed: %w", protocol.Stale)
	case m.Age != c.par.RefundAge:
		return d, fmt.Errorf("refund age %d, this market has %d: %w", m.Age, c.par.RefundAge, protocol.Invalid)
	case m.Deposit < c.par.MinDeposit:
		return d, fmt.Errorf("deposit of %s under the least, %s: %w", m.Deposit, c.par.MinDeposit, protocol.Invalid)
	case d.Cap(c.cfg.Rules) < d.Window(c.cfg.Rules):
		return d, fmt.Errorf("with a deposit of %s no more than %s may stay unsettled, and a window costs up to %s: %w", m.Deposit, d.Cap(c.cfg.Rules), d.Window(c.cfg.Rules), protocol.Invalid)
	case m.Expiry > c.now.Add(c.par.OfferValid+skew).UnixMilli():
		return d, fmt.Errorf("the proposal is good for longer than %v: %w", c.par.OfferValid, protocol.Invalid)
	case m.Expiry < c.now.Add(c.par.OfferValid/leastValid).UnixMilli():
		return d, fmt.Errorf("the proposal is good for less than %v: %w", c.par.OfferValid/leastValid, protocol.Stale)
	case m.Further != c.further(d, d.Buyer):
		return d, fmt.Errorf("further is %t, but the committee's payer says otherwise: %w", m.Further, protocol.Stale)
	}
	if c.used[d.Address] {
		return d, fmt.Errorf("the channel %s is that of a deal long over, take a fresh key: %w", d.Address, protocol.Stale)
	}
	open := 0
	for _, other := range c.deals {
		if other.Address == d.Address {
			return d, fmt.Errorf("the channel %s is that of another deal, take a fresh key: %w", d.Address, protocol.Stale)
		}
		if other.Offer.Prop == d.Offer.Prop && other.live() && !other.supersededBy(d) {
			open++
		}
	}
	if open >= maxDeals {
		return d, fmt.Errorf("%d deals are open already: %w", open, protocol.Transient)
	}
	return d, d.Fair(c.cfg.Rules, s.reputation())
}

func (d *sale) key() []byte { return append([]byte("deal/"), d.ID[:]...) }

func (d *sale) save() {
	data, err := protocol.Encode(record{ByBuyer: d.byBuyer, BySeller: d.bySeller, Progress: d.progress})
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	d.c.emit(role.Save{Key: d.key(), Value: data})
}

// apply carries out what the channel asks for.
func (d *sale) apply(effects []channel.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case channel.Save:
			d.c.emit(role.Save{Key: []byte(e.Key), Value: e.Value})
		case channel.Post:
			d.c.emit(role.Post{Unit: e.Unit})
		case channel.Watch:
			d.c.emit(role.Watch{Address: e.Address})
		case channel.Ask:
			d.tell(d.number())
		case channel.Renew:
			d.c.send(d.Buyer, &protocol.Renew{Deal: d.ID, TPSFee: e.TPSFee})
		}
	}
}

// move gives the channel an event.
func (d *sale) move(ev channel.Event) error {
	next, effects, err := d.payee.Apply(ev, d.c.now)
	if err != nil {
		return err
	}
	d.payee = next
	d.apply(effects)
	return nil
}

// opened is the buyer's word that the funding unit is posted; what counts is the watch that began with the deal.
func (d *sale) opened(m *protocol.Opened) {
	if d.payee.Phase == channel.Opening {
		d.c.note("channel funded, not stable yet", "deal", d.ID.String(), "unit", string(m.Unit))
	}
	d.tell(0)
}

// chain looks for the channel's units among the proven ones, and minds the deadlines.
func (d *sale) chain(ev role.Chain) {
	before := d.payee.Phase
	for _, p := range ev.Units {
		if d.over() {
			break
		}
		if err := d.move(channel.UnitStable{Unit: p.Unit, MCI: p.MCI, Serial: p.Serial}); err != nil {
			d.c.emit(role.Refused{Err: err})
		}
	}
	if base, ok := d.c.view.Bases.Newest(); ok {
		if err := d.move(channel.Tip{MCI: d.c.view.Tip, Base: base, Fee: d.c.view.Load(d.c.now)}); err != nil {
			d.c.emit(role.Refused{Err: err})
		}
	}
	now := d.payee.Phase
	if now == before {
		return
	}
	d.c.note("channel "+now.String(), "deal", d.ID.String(), "why", d.payee.Reason)
	if d.payee.Settled != nil {
		d.enter(channel.Paid(d.payee.Settled)[d.PayTo]) // nothing, if the buyer took a refund
		d.unseal()
	}
}

// posted passes the ledger's answer on to the channel that posted.
func (c *Core) posted(ev role.Posted) {
	for _, d := range c.sales() {
		if d.payee.Own == nil || d.payee.Own.Unit != ev.Unit || ev.Err == nil {
			continue
		}
		if err := d.move(channel.PostRefused{Err: ev.Err}); err != nil {
			c.emit(role.Refused{Err: err})
		}
		c.note("close refused by the ledger", "deal", d.ID.String(), "why", ev.Err.Error())
	}
}

// asked takes the buyer's wish to close, with its final voucher; or with any other, if it was restored from a backup and
// signs nothing new.
func (d *sale) asked(m *protocol.Close) {
	v, err := channel.ParseVoucher(m.Data)
	switch {
	case err != nil:
	case !v.Final && v.N < d.number():
		d.tell(v.N) // the buyer's disk is an older copy, and it has not seen the newest voucher
		return
	case !v.Final && v.N == d.number():
	default:
		err = d.accept(v, nil)
	}
	if err != nil {
		d.c.emit(role.Refused{Err: fmt.Errorf("deal %s: final voucher: %w", d.ID, err)})
		if d.payee.Phase <= channel.Open && !errors.Is(err, protocol.Invalid) {
			d.tell(v.N)
			return // the buyer asks again, with a younger one if need be
		}
	}
	d.asking = true
	d.settle("the buyer asked: " + m.Reason)
}

// settle closes the channel with the newest voucher and shows it to everybody who is paid by it.
func (d *sale) settle(why string) {
	d.asking = true
	if d.payee.Phase == channel.Open {
		if err := d.move(channel.CloseNow{Reason: why}); err != nil && !errors.Is(err, protocol.NotFound) {
			d.c.emit(role.Refused{Err: err})
		}
	}
	if d.payee.Newest == nil || d.progress.Told {
		return
	}
	d.progress.Told = true
	d.save()
	for _, id := range d.progress.Payees {
		d.notice(id, d.progress.Window)
	}
}

// notice shows a payee the newest voucher of this deal.
func (d *sale) notice(to protocol.Identity, w uint64) {
	data, err := d.payee.Newest.Encode()
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	d.c.send(to, &protocol.Notice{Match: d.bySeller, ByBuyer: d.byBuyer, Funding: d.payee.Funding.Out.Unit, Window: w, Voucher: data})
}

// accept checks a voucher against what is due and enters it in the books. want nil takes what it pays, if nothing falls.
func (d *sale) accept(v channel.Voucher, want channel.Payouts) error {
	if v.Unit == nil || len(v.Unit.ParentUnits) != 1 {
		return fmt.Errorf("voucher with %d parents: %w", len(v.Unit.ParentUnits), protocol.Invalid)
	}
	base, ok := d.c.view.Bases.Of(v.Unit.ParentUnits[0])
	if !ok {
		return fmt.Errorf("the voucher's parent %s is not proven here yet: %w", v.Unit.ParentUnits[0], protocol.Transient)
	}
	if err := d.move(channel.Accept{Voucher: v, Base: base, Tip: d.c.view.Tip, Want: want}); err != nil {
		return err
	}
	d.enter(channel.Paid(d.payee.Newest.Unit)[d.PayTo]) // the voucher was checked
	return nil
}

// enter writes what the channel gives the seller in all.
func (d *sale) enter(income byteball.Bytes) {
	ref := "channel/" + hex.EncodeToString(d.ID[:])
	d.c.emit(enroll.Lines(books.Line{Time: d.c.now.UnixMilli(), Kind: books.Voucher, Ref: ref, Amount: books.In(income)})...)
}

// remember adds the payees of a committee to those who get the closing voucher.
func (d *sale) remember(c *committee.Committee) {
	for _, t := range append(slices.Clone(c.Members), c.Aggregator) {
		id := t.Binding.Identity
		if i, found := slices.BinarySearch(d.progress.Payees, id); !found {
			d.progress.Payees = slices.Insert(d.progress.Payees, i, id)
		}
	}
}

// tick repeats what waits for an answer and closes what nobody else will.
func (d *sale) tick() {
	c := d.c
	if d.over() {
		return
	}
	if !c.stop.IsZero() && c.now.After(c.stop) && !d.asking {
		d.settle("the seller stops")
	}
	d.pass()
	if d.live() {
		d.deliver(false)
	}
}
