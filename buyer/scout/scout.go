// Package scout listens to a market without taking part: it collects the live offers around a place, whether their sellers'
// bonds count, and the newest stamp of each stream. Core is pure (package protocol/role); it signs nothing, pays nothing and
// has no secrets. Everything is checked against its own view of the ledger, as a buyer does. It leaves out relevance
// (market/rank) and what is kept for later (buyer/catalogue). Called by the command buyer search.
package scout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mmcloughlin/geohash"

	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// Config is what a scout is made of.
type Config struct {
	Rules deal.Rules
	Vars  unit.SystemVars
	Props []string // what is looked for; all of the table if empty
	Cell  string   // around this geohash of 5 characters
	From  uint64   // main chain index from which on the ledger is followed
}

// Sight is one live offer.
type Sight struct {
	Offer  *protocol.Offer
	ID     protocol.Hash // of the offer's envelope
	Bonded bool          // the seller's bond counts now for this stream
	Stamp  *protocol.Stamp
}

// Core is a scout. Make one with New.
type Core struct {
	cfg    Config
	view   *view.View
	book   *book.Book
	offers map[stream]sighted
	stamps map[stream]*protocol.Stamp
	late   map[stream]*protocol.Stamped // stamps that could not be checked yet
	begun  bool
	done   bool
	now    time.Time
}

type stream struct {
	seller     protocol.Identity
	prop, cell string
}

func compare(a, b stream) int {
	return cmp.Or(cmp.Compare(a.seller, b.seller), cmp.Compare(a.prop, b.prop), cmp.Compare(a.cell, b.cell))
}

type sighted struct {
	offer *protocol.Offer
	id    protocol.Hash
}

// New makes a scout; saved has the epochs' balls (view.Found). Error: Invalid for a cell or a property that is none.
func New(cfg Config, saved map[string][]byte) (*Core, error) {
	if err := protocol.CheckCell(cfg.Cell); err != nil {
		return nil, fmt.Errorf("scout: %w", err)
	}
	if len(cfg.Props) == 0 {
		cfg.Props = protocol.Properties()
	}
	for _, p := range cfg.Props {
		if _, ok := protocol.PropertyOf(p); !ok {
			return nil, fmt.Errorf("scout: property %.40q is not in the table: %w", p, protocol.Invalid)
		}
	}
	c := &Core{cfg: cfg, view: view.New(cfg.Rules, cfg.Vars), book: book.New(&cfg.Rules.Manifest.Params), offers: make(map[stream]sighted),
		stamps: make(map[stream]*protocol.Stamp), late: make(map[stream]*protocol.Stamped)}
	c.view.Begin(cfg.From, saved)
	return c, nil
}

// Step takes one event. See role.Core.
func (c *Core) Step(ev role.Event, now time.Time) (out []role.Effect, err error) {
	c.now = now
	if !c.begun {
		c.begun = true
		out = append(out, c.listen()...)
	}
	switch ev := ev.(type) {
	case role.Chain:
		out = append(out, c.view.Apply(ev)...)
		out = append(out, c.retry()...)
	case role.Heard:
		if err := c.heard(ev.Env); err != nil {
			out = append(out, role.Refused{Err: err})
		}
	case role.Stop:
		c.done = true
	}
	if c.book.Expire(now) > 0 {
		maps.DeleteFunc(c.offers, func(_ stream, s sighted) bool { return s.offer.ValidUntil <= now.UnixMilli() })
	}
	if c.done {
		return append(out, role.Done{}), nil
	}
	return append(out, role.Wake{At: now.Add(time.Second)}), nil
}

// listen joins the topics of the offers around the cell, and those of all stamps.
func (c *Core) listen() (out []role.Effect) {
	at := c.cfg.Cell[:3]
	for _, p := range c.cfg.Props {
		for _, cell := range append([]string{at}, geohash.Neighbors(at)...) {
			out = append(out, role.Subscribe{Topic: protocol.OfferTopic(p, cell)})
		}
	}
	for shard := range uint32(1) << min(c.cfg.Rules.Manifest.Params.ShardBits, 6) {
		out = append(out, role.Subscribe{Topic: protocol.StampTopic(shard)})
	}
	return out
}

func (c *Core) heard(env envelope.Envelope) error {
	switch m := env.Body.(type) {
	case *protocol.Offer:
		if err := c.book.Put(env, c.now); err != nil {
			return err
		}
		c.offers[stream{env.Signer, m.Prop, m.Cell}] = sighted{m, env.Hash()}
	case *protocol.Withdraw:
		for k, s := range c.offers {
			if k.seller == env.Signer && s.id == m.Offer {
				delete(c.offers, k)
			}
		}
		return c.book.Withdraw(env, c.now)
	case *protocol.Stamped:
		return c.stamped(m)
	}
	return nil
}

// stamped takes a stamp that the committee of its window made; the newest of a stream is kept.
func (c *Core) stamped(m *protocol.Stamped) error {
	var s protocol.Stamp
	if err := protocol.Decode(m.Body, &s); err != nil {
		return err
	}
	k := stream{s.Seller, s.Prop, s.Class.Cell}
	if old := c.stamps[k]; old != nil && old.Window >= s.Window {
		return nil
	}
	if e := c.cfg.Rules.Manifest.Calendar().EpochOf(s.Window); s.Epoch != e {
		return fmt.Errorf("scout: stamp of window %d for epoch %d, it is %d: %w", s.Window, s.Epoch, e, protocol.Invalid)
	}
	com, err := c.view.Committee(s.Seller, s.Prop, s.Class.Cell, s.Epoch)
	if err != nil {
		if len(c.late) < book.MaxOffers {
			c.late[k] = m // the ledger is not read that far
		}
		return err
	}
	if _, err := round.VerifyStamped(m, c.cfg.Rules.Verifier, c.cfg.Rules.Market, com); err != nil {
		return err
	}
	if len(c.stamps) < book.MaxOffers || c.stamps[k] != nil {
		c.stamps[k] = &s
	}
	return nil
}

// retry checks the stamps that came before the view was ready.
func (c *Core) retry() (out []role.Effect) {
	if !c.view.Ready() || len(c.late) == 0 {
		return nil
	}
	late := c.late
	c.late = make(map[stream]*protocol.Stamped)
	for _, k := range slices.SortedFunc(maps.Keys(late), compare) {
		if err := c.stamped(late[k]); err != nil {
			out = append(out, role.Refused{Err: err})
		}
	}
	return out
}

// Ready says whether the ledger is read so far that bonds and stamps can be judged.
func (c *Core) Ready() bool { return c.view.Ready() }

// Sights are the offers that are live at now, in the order of their ids.
func (c *Core) Sights(now time.Time) []Sight {
	epoch := c.cfg.Rules.Manifest.Calendar().EpochAt(now)
	var list []Sight
	for k, s := range c.offers {
		if s.offer.ValidUntil <= now.UnixMilli() {
			continue
		}
		list = append(list, Sight{Offer: s.offer, ID: s.id, Bonded: c.view.Seller(k.seller, k.prop, s.offer.Cell, epoch), Stamp: c.stamps[k]})
	}
	slices.SortFunc(list, func(a, b Sight) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return list
}
