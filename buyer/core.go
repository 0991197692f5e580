// Package buyer is the role that needs data: it matches its demands with offers, opens a channel for each deal, prepays the
// committees, checks every stamp itself, pays batch by batch and keeps what it bought. Core is pure (package
// protocol/role). Where bought readings go is package sink.
//
// It risks one batch at a time: one voucher is on the way, and the next is signed only after the seller has answered it.
// After a start it signs nothing for a deal before its seller has said what it holds, since the disk may be a restored copy.
// A key that does not open its batch is proven to anybody (deal.WrongKey; the proof is kept under "proof/" and the deal).
// It pays for nothing that is not stamped, and drops a seller after a hard code or two windows under the least integrity
// (MECHANISM 3). A demand for events prepays every window and buys the marked ones (Demand.Events); a quiet one counts as good.
//
// A deal has one channel. Before its deposit, the cap of what a seller lets it owe, its time or the outputs of its closing
// would not do for another window, another deal with the same seller succeeds it, so that no window is lost in between
// (succeed.go). Where the limits or the wallet have no room for two deposits, the deal ends in order, and the windows that are
// left are bought by another one. Left out: units that are not stable, since a light client hears of proven ones only: a
// refund that vanished is signed anew by the clock.
package buyer

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// Want is one thing that a buyer needs.
type Want struct {
	Demand  protocol.Demand // Buyer and ValidUntil are filled in; Windows are bought from each of
	Sellers int             // so many sellers at once, 1 or more
	Text    string          // what is wanted in words, beside the fields of Demand; may be empty
}

// Keys gives the channel keys: number i is the wallet's key m/44'/0'/0'/0/i.
type Keys func(i uint32) (unit.Signer, error)

// Config is what a buyer is made of.
type Config struct {
	Rules  deal.Rules
	Vars   unit.SystemVars
	Signer protocol.Signer
	Keys   Keys
	Change byteball.Address // the wallet's address
	Secret []byte           // the device's own; box keys follow from it
	Wants  []Want
	Limits Limits
	From   uint64 // main chain index from which on the ledger is followed; 0 is its beginning
}

// Validate names what is missing or wrong. Error: Invalid.
func (c *Config) Validate() error {
	if len(c.Secret) < 16 || c.Keys == nil {
		return fmt.Errorf("buyer: no secret or no keys: %w", protocol.Invalid)
	}
	if len(c.Wants) == 0 {
		return fmt.Errorf("buyer: no demand: %w", protocol.Invalid)
	}
	for i := range c.Wants {
		d := c.Wants[i].Demand
		d.Buyer = c.Signer.Identity()
		if err := d.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Core is a buyer. Make one with New.
type Core struct {
	cfg      Config
	cal      params.Calendar
	par      params.Params
	view     *view.View
	book     *book.Book
	tastes   map[int]*taste // by want
	deals    map[protocol.Hash]*purchase
	line     deal.Line[purchase]       // the same
	dropped  map[stream]string         // why nothing more is bought there
	drops    map[string]string         // the same as restored: seller's id in hex, "/", property
	stamps   map[stream]protocol.Stamp // newest seen
	further  map[stream]bool           // another buyer pays the committee there, as its seller says
	turned   map[stream]time.Time      // when it said so last and was asked again
	bought   map[int]uint32            // windows prepaid in deals that are forgotten, by want
	cool     map[stream]time.Time      // no proposal before
	next     uint32                    // channel key that was never used
	passed   bool                      // keys were passed over, since the disk is an older copy
	limited  map[stream]string         // the limit that a person was told of last
	exposure exposure
	stop     time.Time // when a Stop becomes impatient; zero while running
	begun    bool
	done     bool

	now time.Time
	out []role.Effect
}

// stream is one property of one seller.
type stream struct {
	seller protocol.Identity
	prop   string
}

// New makes a buyer from its config and what it saved before (nil at first start).
func New(cfg Config, saved map[string][]byte) (*Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &cfg.Rules.Manifest
	c := &Core{cfg: cfg, cal: m.Calendar(), par: m.Params, view: view.New(cfg.Rules, cfg.Vars),
		deals: make(map[protocol.Hash]*purchase), dropped: make(map[stream]string), stamps: make(map[stream]protocol.Stamp),
		tastes: make(map[int]*taste), further: make(map[stream]bool), turned: make(map[stream]time.Time), cool: make(map[stream]time.Time), bought: make(map[int]uint32), limited: make(map[stream]string), next: 1}
	c.book = book.New(&c.par)
	c.view.Begin(cfg.From, saved)
	var err error
	if c.exposure, err = restoreExposure(saved); err != nil {
		return nil, err
	}
	return c, c.restore(saved)
}

// Step takes one event. See role.Core.
func (c *Core) Step(ev role.Event, now time.Time) ([]role.Effect, error) {
	c.now, c.out = now, nil
	c.begin()
	switch ev := ev.(type) {
	case role.Chain:
		c.emit(c.view.Apply(ev)...)
		for _, d := range c.purchases() {
			d.chain(ev)
		}
	case role.Received:
		c.received(ev.Env)
	case role.Heard:
		c.heard(ev.Env)
	case role.Paid:
		c.funded(ev)
	case role.Posted:
		c.posted(ev)
	case role.Stop:
		if c.stop.IsZero() {
			c.stop = now.Add(3 * c.par.Window())
		}
	case role.Woken:
	default:
		return nil, fmt.Errorf("buyer: event %T is not for a buyer: %w", ev, protocol.Invalid)
	}
	c.tick()
	return c.out, nil
}

// begin gives out again what a restart interrupted, and joins the topics of the demands.
func (c *Core) begin() {
	if c.begun {
		return
	}
	c.begun = true
	for _, w := range c.cfg.Wants {
		for _, cell := range around(w.Demand.Cell) {
			c.emit(role.Subscribe{Topic: protocol.OfferTopic(w.Demand.Prop, cell)})
		}
	}
	for _, d := range c.purchases() {
		d.resume()
	}
}

func (c *Core) emit(effects ...role.Effect) { c.out = append(c.out, effects...) }

func (c *Core) send(to protocol.Identity, m protocol.Message) {
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	c.emit(role.Send{To: to, Env: env})
}

func (c *Core) refuse(format string, args ...any) {
	c.emit(role.Refused{Err: fmt.Errorf(format, args...)})
}

func (c *Core) note(text string, attrs ...any) { c.emit(role.Note{Text: text, Attrs: attrs}) }

func (c *Core) self() protocol.Identity { return c.cfg.Signer.Identity() }

func (c *Core) received(env envelope.Envelope) {
	switch m := env.Body.(type) {
	case *protocol.Match:
		c.withDeal(env, m.ID(), func(d *purchase) { d.agreed(env) })
	case *protocol.Refuse:
		c.withDeal(env, m.Deal, func(d *purchase) { d.refused(m) })
	case *protocol.Accepted:
		c.withDeal(env, m.Deal, func(d *purchase) { d.accepted(env, m) })
	case *protocol.Voucher:
		c.withDeal(env, m.Deal, func(d *purchase) { d.shown(m) })
	case *protocol.Renew:
		c.withDeal(env, m.Deal, func(d *purchase) { d.renew(m) })
	case *protocol.WindowCommit:
		c.committed(env, m)
	case *protocol.Aux:
		c.aux(env.Signer, m)
	case *protocol.Stamped:
		c.stamped(m)
	case *protocol.Delivery:
		c.withDeal(env, m.Deal, func(d *purchase) { d.delivered(env, m) })
	case *protocol.Key:
		c.withDeal(env, m.Deal, func(d *purchase) { d.key(env, m) })
	default:
		c.refuse("buyer: a %s is not for a buyer: %w", env.Kind(), protocol.Invalid)
	}
}

func (c *Core) heard(env envelope.Envelope) {
	var err error
	switch m := env.Body.(type) {
	case *protocol.Offer:
		err = c.book.Put(env, c.now)
	case *protocol.Withdraw:
		err = c.book.Withdraw(env, c.now)
	case *protocol.Stamped:
		c.stamped(m)
	}
	if err != nil {
		c.emit(role.Refused{Err: err})
	}
}

// withDeal calls f with the deal that a seller's message names.
func (c *Core) withDeal(env envelope.Envelope, id protocol.Hash, f func(*purchase)) {
	d, ok := c.deals[id]
	if !ok || d.Seller != env.Signer {
		c.refuse("buyer: %s for deal %s, which is none of the signer's: %w", env.Kind(), id, protocol.NotFound)
		return
	}
	f(d)
}

// purchases are in a fixed order, so that the same events give the same effects.
func (c *Core) purchases() []*purchase {
	keys := slices.SortedFunc(maps.Keys(c.deals), func(a, b protocol.Hash) int { return slices.Compare(a[:], b[:]) })
	list := make([]*purchase, len(keys))
	for i, k := range keys {
		list[i] = c.deals[k]
	}
	return list
}

// tick does what is due and asks to be woken.
func (c *Core) tick() {
	if c.done {
		return
	}
	c.book.Expire(c.now)
	if c.stop.IsZero() {
		c.match()
	}
	open := false
	for _, d := range c.purchases() {
		d.tick()
		open = open || !d.over()
	}
	c.forget()
	if !c.stop.IsZero() && !open {
		c.done = true
		c.emit(role.Done{})
		return
	}
	c.emit(role.Wake{At: c.now.Add(c.par.Batch / 2)})
}
