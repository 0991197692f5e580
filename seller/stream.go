package seller

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iotverse/iotverse/market/price"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller/outbox"
)

// stream is one property on offer, with the windows that are being judged and those that were.
type stream struct {
	c       *Core
	product Product
	prop    protocol.Property
	box     *outbox.Outbox
	offer   envelope.Envelope // the newest published; zero before the first
	again   time.Time         // when it is published again
	last    protocol.Hash     // wid of the last window committed
	rounds  map[uint64]*round
}

func newStream(c *Core, p Product) (*stream, error) {
	prop, _ := protocol.PropertyOf(p.Prop)
	if p.Floor == 0 {
		p.Floor = price.Floor(p.Price, reputation.Newcomer.Rep())
	}
	if p.Price < 1 || p.Price > protocol.MaxPrice || p.Floor > p.Price {
		return nil, fmt.Errorf("seller: %s for %d bytes a batch with floor %d: want 1 ≤ floor ≤ price ≤ %d: %w", p.Prop, p.Price, p.Floor, protocol.MaxPrice, protocol.Invalid)
	}
	return &stream{c: c, product: p, prop: prop, box: outbox.New(prop, &c.cfg.Rules.Manifest, c.cfg.Secret), rounds: make(map[uint64]*round)}, nil
}

// key names a row of this stream in the store.
func (s *stream) key(kind string, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(kind+"/"+s.prop.Slug+"/"), n)
}

// position is what Resume needs when no batch is left.
type position struct {
	_    struct{} `cbor:",toarray"`
	Next uint64
	Prev protocol.Hash
	Last protocol.Hash
}

// keep saves a batch that was closed, and where the chain goes on.
func (s *stream) keep(b *outbox.Batch) {
	if b == nil {
		return
	}
	data, err := protocol.Encode(b)
	if err != nil {
		s.c.refuse("seller: %w", err)
		return
	}
	s.c.emit(role.Save{Key: s.key("batch", b.Header.Seq), Value: data})
	s.savePosition()
}

func (s *stream) savePosition() {
	next, prev := s.box.Position()
	data, _ := protocol.Encode(position{Next: next, Prev: prev, Last: s.last})
	s.c.emit(role.Save{Key: []byte("position/" + s.prop.Slug), Value: data})
}

// tick publishes the offer when it is due, closes slots, commits ended windows and watches the rounds' deadlines.
func (s *stream) tick() {
	c := s.c
	b, err := s.box.Pack(c.now.Add(-c.grace()))
	if err != nil {
		c.refuse("seller: %w", err)
	}
	s.keep(b)
	s.publish()
	s.revive()
	for _, w := range slices.Sorted(maps.Keys(s.rounds)) {
		s.advance(s.rounds[w])
	}
}

// publish offers the stream once the bond counts, and again and again for buyers that come late.
func (s *stream) publish() {
	c := s.c
	if !c.stop.IsZero() || c.silent() != nil || c.now.Before(s.again) || !c.view.Seller(c.self(), s.prop.Slug, c.cfg.Cell, c.cal.EpochAt(c.now)) {
		return
	}
	o := &protocol.Offer{
		Binding: c.cfg.Binding, Bond: c.enroll.Bond(), Prop: s.prop.Slug, Title: s.product.Title, Medium: s.product.Medium, Role: s.product.Role,
		Unit: s.prop.Unit, Cell: c.cfg.Cell,
		Period: uint32(s.product.Period.Milliseconds()), Accuracy: s.product.Accuracy,
		Price: s.product.Price, Floor: s.product.Floor, ValidUntil: c.now.Add(c.par.OfferValid).UnixMilli(),
	}
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, o)
	if err != nil {
		c.refuse("seller: %w", err)
		return
	}
	if s.offer.Raw == nil {
		c.note("offering", "property", s.prop.Slug, "price", s.product.Price.String())
	}
	s.offer, s.again = env, c.now.Add(min(c.par.OfferValid/4, offerEvery))
	c.emit(role.Publish{Topic: protocol.OfferTopic(s.prop.Slug, c.cfg.Cell), Env: env})
}

// offerEvery bounds how long a buyer that comes late waits for an offer: gossip brings nothing old.
const offerEvery = 2 * time.Minute

// current says whether an offer is this stream's as it is sold now, however old its envelope.
func (s *stream) current(o *protocol.Offer) bool {
	if s.offer.Raw == nil {
		return false
	}
	now := *s.offer.Body.(*protocol.Offer)
	return o.Prop == now.Prop && o.Title == now.Title && o.Medium == now.Medium && o.Role == now.Role && o.Cell == now.Cell && o.Period == now.Period && o.Accuracy == now.Accuracy &&
		o.Price == now.Price && o.Floor == now.Floor && o.Bond == now.Bond && o.Binding.Identity == now.Binding.Identity
}

func (s *stream) withdraw() {
	if s.offer.Raw == nil {
		return
	}
	env, err := envelope.Seal(s.c.cfg.Signer, s.c.cfg.Rules.Market, &protocol.Withdraw{Offer: s.offer.Hash()})
	if err != nil {
		s.c.refuse("seller: %w", err)
		return
	}
	s.c.emit(role.Publish{Topic: protocol.OfferTopic(s.prop.Slug, s.c.cfg.Cell), Env: env})
}
