package buyer

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// Limits are what a person is ready to put at risk. A deal can never cost more than its deposit and the fee of paying it,
// so all of them bound deposits, in bytes; 0 is no limit. A deal that would exceed one is made smaller, or not at all.
type Limits struct {
	Deal   byteball.Bytes // of one deal
	Seller byteball.Bytes // of all deals with one seller that are not settled
	Day    byteball.Bytes // of all deals agreed in any 24 hours, whatever has come back since
	All    byteball.Bytes // of all deals that are not settled
}

// day is how far back Limits.Day looks.
const day = 24 * time.Hour

// agreement is a deposit that counts for the day's limit.
type agreement struct {
	_      struct{} `cbor:",toarray"`
	Deal   protocol.Hash
	Time   int64 // Unix milliseconds
	Amount byteball.Bytes
}

// exposure is what counts for the day's limit, in the order of agreement. It is on disk before a deposit is paid.
type exposure []agreement

const exposureKey = "exposure"

func restoreExposure(saved map[string][]byte) (e exposure, err error) {
	if data, ok := saved[exposureKey]; ok {
		if err = protocol.Decode(data, &e); err != nil {
			err = fmt.Errorf("buyer: saved %s: %w", exposureKey, err)
		}
	}
	return e, err
}

// since returns what was agreed in the last 24 hours. A clock that was set back forgets nothing.
func (e exposure) since(now time.Time) (sum byteball.Bytes) {
	for _, a := range e {
		if now.UnixMilli()-a.Time < day.Milliseconds() {
			sum += a.Amount
		}
	}
	return sum
}

// with adds a deal, once, and drops what is older than a day.
func (e exposure) with(id protocol.Hash, amount byteball.Bytes, now time.Time) exposure {
	next := slices.DeleteFunc(slices.Clone(e), func(a agreement) bool { return now.UnixMilli()-a.Time >= day.Milliseconds() || a.Deal == id })
	return append(next, agreement{Deal: id, Time: now.UnixMilli(), Amount: amount})
}

func (e exposure) without(id protocol.Hash) exposure {
	return slices.DeleteFunc(slices.Clone(e), func(a agreement) bool { return a.Deal == id })
}

// locked is what one deal locks or may come to lock.
type locked struct {
	seller  protocol.Identity
	amount  byteball.Bytes
	counted bool // for the day already
}

// room is how large a new deposit may be, and the limit that says so.
func (l Limits) room(seller protocol.Identity, open []locked, e exposure, now time.Time) (room byteball.Bytes, limit string) {
	var all, his byteball.Bytes
	today := e.since(now)
	for _, d := range open {
		all += d.amount
		if d.seller == seller {
			his += d.amount
		}
		if !d.counted {
			today += d.amount
		}
	}
	room = byteball.MaxBytes
	for _, c := range []struct {
		limit, used byteball.Bytes
		name        string
	}{
		{l.Deal, 0, "a deal may lock %s (--max-deal)"},
		{l.Seller, his, "deals with one seller may lock %s (--max-seller)"},
		{l.Day, today, "deals of 24 hours may lock %s (--max-day)"},
		{l.All, all, "all deals may lock %s (--spend)"},
	} {
		if left := c.limit - min(c.used, c.limit); c.limit > 0 && left < room {
			room, limit = left, fmt.Sprintf(c.name, c.limit)
			if c.used > 0 {
				limit += fmt.Sprintf(", of which %s are left", left)
			}
		}
	}
	return room, limit
}

// fit makes a demand for a candidate small enough for the limits and returns its deposit. Error: Funds, with the limit that
// leaves no room for a single window.
func (c *Core) fit(demand *protocol.Demand, cand book.Candidate) (byteball.Bytes, error) {
	room, limit := c.cfg.Limits.room(cand.Env.Signer, c.locked(), c.exposure, c.now)
	deposit := func(windows int) (byteball.Bytes, error) {
		return deal.Deposit(c.cfg.Rules, cand.Offer, uint32(windows))
	}
	n := sort.Search(int(demand.Windows), func(i int) bool { d, err := deposit(i + 1); return err != nil || d > room })
	if n == 0 {
		least, err := deposit(1)
		if err == nil {
			err = fmt.Errorf("a window of %s locks %s, but %s: %w", cand.Offer.Prop, least, limit, protocol.Funds)
		}
		return 0, err
	}
	at := stream{cand.Env.Signer, cand.Offer.Prop}
	if uint32(n) < demand.Windows {
		c.tell(at, fmt.Sprintf("%d of %d windows: %s", n, demand.Windows, limit))
	}
	demand.Windows = uint32(n)
	return deposit(n)
}

// stopped notes that a limit is in the way of a deal, and looks at that stream again a window later.
func (c *Core) stopped(cand book.Candidate, err error) {
	at := stream{cand.Env.Signer, cand.Offer.Prop}
	c.cool[at] = c.now.Add(c.par.Window())
	c.tell(at, err.Error())
}

// tell notes the words about a limit when they are new.
func (c *Core) tell(at stream, why string) {
	if c.limited[at] != why {
		c.limited[at] = why
		c.note("a limit of yours is in the way", "seller", at.seller.String(), "property", at.prop, "why", why)
	}
}

// locked lists the deals that are not settled, proposals too: each may still be agreed.
func (c *Core) locked() []locked {
	list := make([]locked, 0, len(c.deals))
	for _, d := range c.deals {
		if !d.over() {
			list = append(list, locked{seller: d.Seller, amount: d.Match.Deposit, counted: d.started})
		}
	}
	return list
}

// expose counts a deal that was just agreed; release takes one back whose deposit could not be paid.
func (c *Core) expose(d *purchase) { c.keepExposure(c.exposure.with(d.ID, d.Match.Deposit, c.now)) }

func (c *Core) release(d *purchase) { c.keepExposure(c.exposure.without(d.ID)) }

func (c *Core) keepExposure(e exposure) {
	data, err := protocol.Encode(e)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	c.exposure = e
	c.emit(role.Save{Key: []byte(exposureKey), Value: data})
}
