package buyer

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/mmcloughlin/geohash"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/enroll"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// around lists a demand's cell and its eight neighbours at the precision of offer topics.
func around(cell string) []string {
	at := cell[:3]
	return append([]string{at}, geohash.Neighbors(at)...)
}

// match looks for sellers until every want has as many as it asks for, or all of its windows.
func (c *Core) match() {
	for i := range c.cfg.Wants {
		missing := max(1, c.cfg.Wants[i].Sellers)
		for _, d := range c.deals {
			if d.want == i && !d.over() && !d.closing && !d.second() {
				missing--
			}
		}
		for ; missing > 0; missing-- {
			if left := c.left(i, nil); left == 0 || !c.propose(i, left, nil) {
				break
			}
		}
	}
}

// second says whether a deal stands beside the one that it succeeds.
func (d *purchase) second() bool {
	e := d.elder()
	return e != nil && !e.over() && !e.closing
}

// left is how many windows of a want no deal has bought or is to buy; of old, whose successor is to buy the rest, only what it
// has bought counts.
func (c *Core) left(want int, old *purchase) uint32 {
	w := &c.cfg.Wants[want]
	total, used := uint64(w.Demand.Windows)*uint64(max(1, w.Sellers)), uint64(c.bought[want])
	for _, d := range c.deals {
		switch {
		case d.want != want:
		case d == old || d.over() || d.closing || d.progress.Ended != "" || d.progress.Dropped != "" || d.heir() != nil:
			used += uint64(d.progress.Count)
		default:
			used += uint64(max(d.progress.Count, d.Demand.Windows))
		}
	}
	return uint32(min(total-min(used, total), uint64(w.Demand.Windows)))
}

// wanted is how many windows of a want nobody was paid for yet.
func (c *Core) wanted(want int) uint32 {
	w := &c.cfg.Wants[want]
	total, used := uint64(w.Demand.Windows)*uint64(max(1, w.Sellers)), uint64(c.bought[want])
	for _, d := range c.deals {
		if d.want == want {
			used += uint64(d.progress.Count)
		}
	}
	return uint32(min(total-min(used, total), uint64(w.Demand.Windows)))
}

// propose offers a deal for so many windows to the best seller for a want that is free, or to that of the deal which it is to
// succeed, and says whether there was one.
func (c *Core) propose(want int, windows uint32, old *purchase) bool {
	demand := c.cfg.Wants[want].Demand
	demand.Windows = windows
	demand.Buyer = c.self()
	demand.ValidUntil = c.now.Add(c.par.OfferValid).UnixMilli()
	for _, cand := range c.book.Choose(&demand, &c.par, c.now, c.worth, c.pick(want)) {
		at := stream{cand.Env.Signer, cand.Offer.Prop}
		if free := old == nil && !c.busy(at) || old != nil && at == old.stream(); !free || c.now.Before(c.cool[at]) {
			continue
		}
		err := c.offerDeal(want, demand, cand, old)
		if errors.Is(err, protocol.Funds) {
			c.stopped(cand, err)
			continue
		}
		if err != nil {
			c.emit(role.Refused{Err: err})
		}
		return err == nil
	}
	return false
}

// worth is a seller's reputation, and whether it may be bought from: bonded, not dropped.
func (c *Core) worth(o *protocol.Offer) (uint16, bool) {
	id := o.Binding.Identity
	if c.shunned(id, o.Prop) || !c.view.Seller(id, o.Prop, o.Cell, c.cal.EpochAt(c.now)) {
		return 0, false
	}
	if s, ok := c.stamps[stream{id, o.Prop}]; ok {
		return reputation.Of(&s).After(&s).Rep(), true
	}
	return reputation.Newcomer.Rep(), true
}

// shunned says whether a seller was dropped, in this run or an earlier one.
func (c *Core) shunned(id protocol.Identity, prop string) bool {
	_, now := c.dropped[stream{id, prop}]
	sum := id.ID()
	_, before := c.drops[hex.EncodeToString(sum[:])+"/"+prop]
	return now || before
}

func (c *Core) busy(s stream) bool {
	for _, d := range c.deals {
		if d.stream() == s && !d.over() {
			return true
		}
	}
	return false
}

func (d *purchase) stream() stream { return stream{d.Seller, d.Offer.Prop} }

// offerDeal proposes a match with a fresh channel key. The key's number is on disk before the proposal leaves.
func (c *Core) offerDeal(want int, demand protocol.Demand, cand book.Candidate, old *purchase) error {
	deposit, err := c.fit(&demand, cand)
	if err != nil {
		return err
	}
	i := c.next
	key, err := c.cfg.Keys(i)
	if err != nil {
		return err
	}
	pub, err := base64.StdEncoding.DecodeString(key.PublicKey())
	if err != nil {
		return fmt.Errorf("channel key %d: %w", i, protocol.Invalid)
	}
	box, err := deal.BoxKey(c.cfg.Secret, i)
	if err != nil {
		return err
	}
	demandEnv, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, &demand)
	if err != nil {
		return err
	}
	m := &protocol.Match{
		Offer: cand.Env.Raw, Demand: demandEnv.Raw, Relevance: cand.Relevance, Rep: cand.Rep,
		BuyerKey: pub, Change: c.cfg.Change, Age: c.par.RefundAge, Deposit: deposit, Box: [32]byte(box.PublicKey().Bytes()),
		First: c.cal.NextWindow(c.now), Expiry: c.now.Add(c.par.OfferValid).UnixMilli(),
		Further: c.further[stream{cand.Env.Signer, cand.Offer.Prop}],
	}
	if old != nil {
		m.Previous = old.Address
	}
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, m)
	if err != nil {
		return err
	}
	d, err := deal.Open(c.cfg.Rules, m)
	if err != nil {
		return err
	}
	c.next++
	c.emit(role.Save{Key: []byte("next"), Value: binary.BigEndian.AppendUint32(nil, c.next)})
	p := &purchase{Deal: d, c: c, want: want, index: i, byBuyer: env.Raw, proposal: env, asked: c.now, windows: make(map[uint64]*window)}
	c.add(p)
	p.proposed()
	return nil
}

// proposed sends the proposal, or sends it again.
func (d *purchase) proposed() {
	d.resend = d.c.now.Add(max(2*d.c.par.Batch, 2*time.Second))
	d.c.emit(role.Send{To: d.Seller, Env: d.proposal})
}

// agreed takes the seller's signature; now the deposit may be paid.
func (d *purchase) agreed(env envelope.Envelope) {
	c := d.c
	if d.started {
		return
	}
	key, err := c.cfg.Keys(d.index)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	payer, effects, err := channel.NewPayer(d.Terms, key)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	d.bySeller, d.payer, d.started = env.Raw, payer, true
	c.expose(d)
	d.save()
	d.apply(effects)
	d.listen()
	c.note("deal agreed", "deal", d.ID.String(), "property", d.Offer.Prop, "seller", d.Seller.String(), "relevance", d.Match.Relevance, "deposit", d.Match.Deposit.String(),
		"succeeds", string(d.Terms.Previous))
	d.fresh, d.fundAt = true, d.told()
}

// listen hears the stamps of the deal's shard, also those that the seller would not show.
func (d *purchase) listen() {
	d.c.emit(role.Subscribe{Topic: protocol.StampTopic(committee.Shard(d.Offer.Prop, d.Offer.Cell, d.c.par.ShardBits))})
}

func (d *purchase) fundRef() string { return "fund/" + hex.EncodeToString(d.ID[:]) }

func (d *purchase) fund() {
	d.fresh = false
	d.c.emit(role.Pay{Ref: d.fundRef(), Outputs: []unit.Output{{Address: d.Address, Amount: d.Match.Deposit}}})
}

// refused takes a seller's no. A seller that says what Further must be is asked again so, at once, but once a window: it could
// keep this side proposing.
func (d *purchase) refused(m *protocol.Refuse) {
	c := d.c
	if d.started {
		c.note("the seller refuses", "deal", d.ID.String(), "why", m.Reason)
		if d.payer.Phase <= channel.Open {
			d.end("the seller refused: " + m.Reason)
		}
		return
	}
	s := stream{d.Seller, d.Offer.Prop}
	c.remove(d)
	if m.Further != d.Match.Further {
		c.further[s] = m.Further
		if c.now.Sub(c.turned[s]) >= c.par.Window() {
			c.turned[s] = c.now
			return
		}
	}
	c.note("no deal", "seller", d.Seller.String(), "why", m.Reason)
	c.cool[s] = c.now.Add(2 * c.par.Window())
}

// funded takes the wallet's answer to a deposit.
func (c *Core) funded(ev role.Paid) {
	for _, d := range c.purchases() {
		if d.fundRef() != ev.Ref {
			continue
		}
		switch {
		case ev.Err == nil:
			d.deposited(ev.Unit)
		case ev.Unit != nil || d.unit != "" || !errors.Is(ev.Err, protocol.Funds):
			c.note("the deposit is not taken yet", "deal", d.ID.String(), "why", ev.Err.Error())
			d.retry = c.now.Add(c.par.Window())
		default:
			d.unfunded(ev.Err)
		}
		return
	}
}

// deposited takes note of the unit that pays the deposit: from the wallet, or from the ledger after a restart.
func (d *purchase) deposited(u *unit.Unit) {
	c := d.c
	fees, err := unit.Fees(u)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	c.emit(enroll.Lines(books.Line{Time: c.now.UnixMilli(), Kind: books.Fee, Ref: "fee/" + string(u.Unit), Amount: books.Out(fees)})...)
	d.unit = u.Unit
	d.save()
	c.send(d.Seller, &protocol.Opened{Deal: d.ID, Unit: u.Unit})
}

// unfunded gives a deal up for which there is no money. That alone is final: after any other error the wallet may pay yet, or
// did not even look, and a deal that was forgotten by then would leave its deposit to nobody. So it is asked again, even if the
// deal is not wanted any more; then it closes once it is open.
func (d *purchase) unfunded(err error) {
	c := d.c
	c.note("no deposit", "deal", d.ID.String(), "why", err.Error())
	wait := 6 * c.par.Window()
	if d.elder() != nil {
		wait = c.par.Window() // the elder may be settled by then
	}
	c.cool[d.stream()] = c.now.Add(wait)
	c.release(d)
	d.forget()
}
