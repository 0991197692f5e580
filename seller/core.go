// Package seller is the role that sells what its sensors measure: it batches readings, commits to windows, opens what a
// committee asks for, and delivers batches for vouchers. Core is pure (package protocol/role); protocol/node drives it on a
// machine, simulations on simulated time. Drivers of sensors are in sensor, what is kept until it is sold in outbox.
//
// One stream is one property at the seller's cell. A window of a stream goes: prepaid by a buyer → committed → receipts →
// sample ball → opened → stamped → delivered batch by batch, each key after its voucher is on disk (MECHANISM 3 and 6).
//
// No channel owes the seller more than its cap (deal.Cap): it closes before that, and a buyer that knows the rule has gone on in
// a successor by then (succeed.go).
//
// A seller whose disk turns out to be a restored copy, by its own signature in a buyer's hands, ends its deals with what the
// buyers hold and is quiet for a while.
//
// When the ledger gets busy the seller asks its buyers to renew vouchers with a larger tps fee, so that it can close at any
// time. It hears of proven units only: a closing that vanished is signed anew by the clock, not because it was missed.
package seller

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/enroll"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// Product is one stream that a seller offers.
type Product struct {
	Prop     string
	Title    string         // what the sensor is called, impersonal (protocol.CheckTitle, classify.Impersonal); may be empty
	Medium   string         // room, supply, water …; empty for none
	Role     string         // measured, setpoint …; empty is measured
	Period   time.Duration  // between readings
	Accuracy string         // standard deviation of a reading, decimal, in the property's unit
	Price    byteball.Bytes // u, of a batch of perfect data
	Floor    byteball.Bytes // least price of a batch at integrity 850; 0 is 0.6 u
}

// Config is what a seller is made of.
type Config struct {
	Rules    deal.Rules
	Vars     unit.SystemVars
	Signer   protocol.Signer
	Binding  protocol.Binding
	Wallet   unit.Signer // key of the wallet's first address: signs channels, owns the bond
	Secret   []byte      // the device's own; salts and batch keys follow from it
	Cell     string      // geohash of 5 characters
	Products []Product
	From     uint64 // main chain index from which on the ledger is followed; 0 is its beginning
}

// Validate names what is missing or wrong. Error: Invalid.
func (c *Config) Validate() error {
	if err := protocol.CheckCell(c.Cell); err != nil {
		return err
	}
	if len(c.Products) == 0 {
		return fmt.Errorf("seller: nothing to sell: %w", protocol.Invalid)
	}
	if len(c.Secret) < 16 {
		return fmt.Errorf("seller: secret of %d bytes, want 16 or more: %w", len(c.Secret), protocol.Invalid)
	}
	for _, p := range c.Products {
		if _, ok := protocol.PropertyOf(p.Prop); !ok {
			return fmt.Errorf("seller: property %q is not in the table: %w", p.Prop, protocol.Invalid)
		}
		if err := errors.Join(protocol.CheckTitle(p.Title), classify.Impersonal(p.Title), protocol.CheckLabels("seller", p.Medium, p.Role)); err != nil {
			return fmt.Errorf("seller: %s: %w", p.Prop, err)
		}
	}
	return nil
}

// Sensed is a reading from a sensor, already impersonal: an event of the seller's own.
type Sensed struct {
	Prop    string
	Reading protocol.Reading
}

// Core is a seller. Make one with New.
type Core struct {
	cfg     Config
	cal     params.Calendar
	par     params.Params
	view    *view.View
	enroll  *enroll.Enrolment
	pay     byteball.Address
	streams map[string]*stream
	deals   map[protocol.Hash]*sale
	line    deal.Line[sale]           // the same
	used    map[byteball.Address]bool // channels that were funded and are forgotten
	asks    map[protocol.Identity]int // for a history, in window askedIn
	askedIn uint64
	stop    time.Time // when a Stop becomes impatient; zero while running
	quiet   uint64    // a seller restored from a backup signs nothing before this epoch
	done    bool
	begun   bool      // the first step is done
	wake    time.Time // when the next tick is due; readings before it need none

	now time.Time     // of the step under way
	out []role.Effect // of the step under way
}

// New makes a seller from its config and what it saved before (nil at first start).
func New(cfg Config, saved map[string][]byte) (*Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	pay, err := cfg.Binding.Address()
	if err != nil {
		return nil, err
	}
	m := &cfg.Rules.Manifest
	c := &Core{cfg: cfg, cal: m.Calendar(), par: m.Params, view: view.New(cfg.Rules, cfg.Vars), pay: pay,
		streams: make(map[string]*stream), deals: make(map[protocol.Hash]*sale), used: make(map[byteball.Address]bool), asks: make(map[protocol.Identity]int)}
	c.view.Begin(cfg.From, saved)
	var streams []committee.Stream
	for _, p := range cfg.Products {
		streams = append(streams, committee.Stream{Prop: p.Prop, Cell: cfg.Cell})
	}
	c.enroll = enroll.Seller(cfg.Rules, cfg.Binding, streams)
	for _, p := range cfg.Products {
		if c.streams[p.Prop], err = newStream(c, p); err != nil {
			return nil, err
		}
	}
	return c, c.restore(saved)
}

// Step takes one event. See role.Core.
func (c *Core) Step(ev role.Event, now time.Time) ([]role.Effect, error) {
	c.now, c.out = now, nil
	if !c.begun {
		c.begun = true
		c.listen()
		c.resume()
	}
	switch ev := ev.(type) {
	case Sensed:
		if err := c.sensed(ev); err != nil || now.Before(c.wake) {
			return c.out, err
		}
	case role.Chain:
		c.chain(ev)
	case role.Received:
		c.received(ev)
	case role.Heard:
		c.heard(ev.Env)
	case role.Paid:
		c.emit(c.enroll.Paid(ev, now)...)
	case role.Posted:
		c.posted(ev)
	case role.Stop:
		c.halt()
	case role.Woken:
	default:
		return nil, fmt.Errorf("seller: event %T is not for a seller: %w", ev, protocol.Invalid)
	}
	c.tick()
	return c.out, nil
}

// listen hears stamps that the committees finish without the seller: while it was away, or when votes are lost.
func (c *Core) listen() {
	for _, s := range c.products() {
		c.emit(role.Subscribe{Topic: protocol.StampTopic(committee.Shard(s.prop.Slug, c.cfg.Cell, c.par.ShardBits))})
	}
}

func (c *Core) emit(effects ...role.Effect) { c.out = append(c.out, effects...) }

// send seals a message and sends it to a peer.
func (c *Core) send(to protocol.Identity, m protocol.Message) {
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	c.emit(role.Send{To: to, Env: env})
}

// refuse counts a message that is not taken.
func (c *Core) refuse(format string, args ...any) {
	c.emit(role.Refused{Err: fmt.Errorf(format, args...)})
}

func (c *Core) note(text string, attrs ...any) { c.emit(role.Note{Text: text, Attrs: attrs}) }

func (c *Core) self() protocol.Identity { return c.cfg.Signer.Identity() }

func (c *Core) sensed(ev Sensed) error {
	s, ok := c.streams[ev.Prop]
	if !ok {
		return fmt.Errorf("seller: a reading of %q, which is not for sale: %w", ev.Prop, protocol.Invalid)
	}
	if ahead := ev.Reading.Time - c.now.UnixMilli(); ahead > skew.Milliseconds() {
		c.refuse("seller: a reading %d ms ahead of the clock would close all slots before it: %w", ahead, protocol.Stale)
		return nil
	}
	b, err := s.box.Add(ev.Reading)
	if err != nil {
		return err
	}
	s.keep(b)
	return nil
}

func (c *Core) chain(ev role.Chain) {
	c.emit(c.view.Apply(ev)...)
	c.emit(c.enroll.Chain(c.view, c.now)...)
	for _, d := range c.sales() {
		d.chain(ev)
	}
	for _, s := range c.products() {
		s.draw()
	}
}

func (c *Core) received(ev role.Received) {
	switch m := ev.Env.Body.(type) {
	case *protocol.Match:
		c.proposed(ev.Env, m)
	case *protocol.Opened:
		c.withDeal(ev.Env, m.Deal, func(d *sale) { d.opened(m) })
	case *protocol.Voucher:
		c.withDeal(ev.Env, m.Deal, func(d *sale) { d.voucher(m) })
	case *protocol.Close:
		c.withDeal(ev.Env, m.Deal, func(d *sale) { d.asked(m) })
	case *protocol.Accepted:
		if ev.Env.Signer == c.self() {
			c.reminded(m)
			return
		}
		c.refuse("seller: an accepted is not for a seller: %w", protocol.Invalid)
	case *protocol.Receipt:
		c.withRound(m.Wid, func(s *stream, r *round) { s.receipt(r, ev.Env, m) })
	case *protocol.Stamp:
		c.withRound(m.Wid, func(s *stream, r *round) { s.vote(r, ev.Env, m) })
	case *protocol.Ask:
		c.asked(ev.Env.Signer, m)
	default:
		c.refuse("seller: a %s is not for a seller: %w", ev.Env.Kind(), protocol.Invalid)
	}
}

func (c *Core) heard(env envelope.Envelope) {
	if m, ok := env.Body.(*protocol.Stamped); ok {
		c.stampHeard(m)
	}
}

// withDeal calls f with the deal that a buyer's message names.
func (c *Core) withDeal(env envelope.Envelope, id protocol.Hash, f func(*sale)) {
	d, ok := c.deals[id]
	if !ok || d.Buyer != env.Signer {
		c.refuse("seller: %s for deal %s, which is none of the signer's: %w", env.Kind(), id, protocol.NotFound)
		return
	}
	f(d)
}

func (c *Core) withRound(wid protocol.Hash, f func(*stream, *round)) {
	for _, s := range c.products() {
		for _, w := range slices.Sorted(maps.Keys(s.rounds)) {
			if r := s.rounds[w]; r.wc != nil && r.wid == wid {
				f(s, r)
				return
			}
		}
	}
	c.refuse("seller: window %s is none of ours or long over: %w", wid, protocol.NotFound)
}

// products and sales are in a fixed order, so that the same events give the same effects.
func (c *Core) products() []*stream {
	list := make([]*stream, 0, len(c.streams))
	for _, k := range slices.Sorted(maps.Keys(c.streams)) {
		list = append(list, c.streams[k])
	}
	return list
}

func (c *Core) sales() []*sale {
	keys := slices.SortedFunc(maps.Keys(c.deals), func(a, b protocol.Hash) int { return slices.Compare(a[:], b[:]) })
	list := make([]*sale, len(keys))
	for i, k := range keys {
		list[i] = c.deals[k]
	}
	return list
}

// halt begins to settle: offers are withdrawn, buyers get three windows to close, then the seller does.
func (c *Core) halt() {
	if !c.stop.IsZero() {
		return
	}
	c.stop = c.now.Add(3 * c.par.Window())
	for _, s := range c.products() {
		s.withdraw()
	}
	for _, d := range c.sales() {
		if d.live() {
			d.part()
		}
	}
}

// tick does what is due, and asks to be woken for what comes next.
func (c *Core) tick() {
	for _, s := range c.products() {
		s.tick()
	}
	for _, d := range c.sales() {
		d.tick()
	}
	c.forget()
	c.wake = c.next()
	if c.stop.IsZero() || c.done || slices.ContainsFunc(c.sales(), func(d *sale) bool { return !d.over() }) {
		c.emit(role.Wake{At: c.wake})
		return
	}
	c.done = true
	c.emit(role.Done{})
}

// next is when the slot being filled may be closed, or an earlier deadline of a round.
func (c *Core) next() time.Time {
	first := c.cal.WindowStart(0).Add(c.grace())
	next := c.now.Add(c.par.Batch)
	if slots := c.now.Sub(first) / c.par.Batch; !c.now.Before(first) {
		next = first.Add((slots + 1) * c.par.Batch)
	}
	for _, s := range c.streams {
		for _, r := range s.rounds {
			if due := r.sent.Add(c.par.Receipt); r.wc != nil && r.list == nil && due.After(c.now) && due.Before(next) {
				next = due
			}
		}
	}
	return next
}

// grace is how long after a slot's end a late reading still finds it open.
func (c *Core) grace() time.Duration { return min(c.par.Batch/2, time.Second) }
