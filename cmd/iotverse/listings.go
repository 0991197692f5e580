package main

import (
	"context"
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/iotverse/iotverse/buyer/catalogue"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/rank"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/role"
)

// cataloguePath is where a buyer's node keeps the offers that it hears.
func cataloguePath(dir string) string { return filepath.Join(dir, "offers.db") }

// listingID names a seller's stream: a later offer of it takes the earlier one's place.
func listingID(seller protocol.Identity, prop, cell string) string {
	id := seller.ID()
	return hex.EncodeToString(id[:8]) + "/" + prop + "/" + cell
}

// listingOf is an offer with what is known of its stream: its newest stamp and whether its seller's bond counts, nil for unknown.
func listingOf(o *protocol.Offer, stamp *protocol.Stamp, bonded *bool, now time.Time) catalogue.Listing {
	m := &catalogue.Market{Seller: o.Binding.Identity.String(), Property: o.Prop, Title: o.Title, Price: uint64(o.Price), Floor: uint64(o.Floor), Bonded: bonded}
	var class *protocol.Class
	var age time.Duration
	if stamp != nil {
		integrity := int(stamp.I)
		class, m.Integrity = &stamp.Class, &integrity
		m.Wrong = class.Prop != o.Prop || class.Unit != o.Unit || protocol.RoleOf(class.Role) != protocol.RoleOf(o.Role)
		age = max(time.Second, now.Sub(time.UnixMilli(class.T1)))
	}
	return catalogue.Listing{Offer: rank.OfOffer(listingID(o.Binding.Identity, o.Prop, o.Cell), o, class, age), Until: time.UnixMilli(o.ValidUntil), Market: m}
}

// lister is a buyer's core whose offers go into a catalogue, too, for people who search. What the core refuses is not listed.
type lister struct {
	role.Core
	news chan any // offers, withdrawals and deliveries; capacity: what comes while the file is written. More is dropped: offers come again
}

func newLister(core role.Core) *lister { return &lister{Core: core, news: make(chan any, 1024)} }

// Step lets the core work and passes on what it has taken.
func (l *lister) Step(ev role.Event, now time.Time) ([]role.Effect, error) {
	out, err := l.Core.Step(ev, now)
	if err != nil {
		return out, err
	}
	refused := false
	for _, e := range out {
		switch e := e.(type) {
		case role.Refused:
			refused = true
		case role.Deliver:
			l.tell(e)
		}
	}
	if h, ok := ev.(role.Heard); ok && !refused {
		l.tell(h)
	}
	return out, nil
}

func (l *lister) tell(news any) {
	select {
	case l.news <- news:
	default:
	}
}

// keep writes the catalogue at path until ctx ends. A catalogue that cannot be written is a pity, no reason to stop buying.
func (l *lister) keep(path string, log *slog.Logger) func(context.Context, *node.Node) error {
	return func(ctx context.Context, _ *node.Node) error {
		if err := l.write(ctx, path); err != nil {
			log.Warn("offers are not kept for searches", "err", err)
		}
		return nil
	}
}

func (l *lister) write(ctx context.Context, path string) error {
	c, err := catalogue.Open(context.WithoutCancel(ctx), path)
	if err != nil {
		return err
	}
	defer c.Close()
	k := newScribe(c)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-l.news:
			k.take(n)
		case <-tick.C:
			if err := k.write(context.WithoutCancel(ctx), time.Now()); err != nil {
				return err
			}
		}
	}
}

// scribe gathers what a catalogue is to learn at once.
type scribe struct {
	cat       *catalogue.Catalogue
	names     map[protocol.Hash]string // listing of an offer's envelope
	newest    map[string]protocol.Hash // the other way round
	marks     map[string]int           // integrity last bought at, by listing
	offers    []*protocol.Offer
	withdrawn []string
}

func newScribe(c *catalogue.Catalogue) *scribe {
	return &scribe{cat: c, names: make(map[protocol.Hash]string), newest: make(map[string]protocol.Hash), marks: make(map[string]int)}
}

func (k *scribe) take(news any) {
	switch n := news.(type) {
	case role.Deliver:
		if n.Integrity > 0 && (len(k.marks) < book.MaxOffers || k.marks[listingID(n.Seller, n.Prop, n.Cell)] > 0) {
			k.marks[listingID(n.Seller, n.Prop, n.Cell)] = int(n.Integrity)
		}
	case role.Heard:
		switch m := n.Env.Body.(type) {
		case *protocol.Offer:
			if len(k.names) >= book.MaxOffers {
				clear(k.names)
				clear(k.newest)
			}
			id := listingID(n.Env.Signer, m.Prop, m.Cell)
			k.names[n.Env.Hash()], k.newest[id] = id, n.Env.Hash()
			k.offers = append(k.offers, m)
		case *protocol.Withdraw:
			if id, ok := k.names[m.Offer]; ok && k.newest[id] == m.Offer {
				k.withdrawn = append(k.withdrawn, id)
			}
		}
	}
}

func (k *scribe) write(ctx context.Context, now time.Time) error {
	var list []catalogue.Listing
	for _, o := range k.offers {
		l := listingOf(o, nil, nil, now)
		if mark := k.marks[l.Offer.ID]; mark > 0 {
			l.Market.Integrity = &mark
		}
		list = append(list, l)
	}
	if err := k.cat.Put(ctx, list); err != nil {
		return err
	}
	for _, id := range k.withdrawn {
		_ = k.cat.Withdraw(ctx, id) // it may be over already
	}
	k.offers, k.withdrawn = nil, nil
	_, err := k.cat.Expire(ctx, now)
	return err
}
