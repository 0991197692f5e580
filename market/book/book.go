// Package book keeps offers and finds the best for a demand (MECHANISM 4 and 6): relevance, the conditions of a deal, the
// order of candidates. It leaves out bonds and reputations (the caller asks committee and its stamps) and what happens after
// a match. Called by the buyer; validators and sellers use Relevance to check a match.
package book

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/price"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// Bounds of a book: offers of one seller, and offers in all, which bounds the withdrawals remembered too.
const (
	MaxPerSeller = 64
	MaxOffers    = 20_000
)

// Book is the offers that one node knows. It has one user at a time.
type Book struct {
	valid   time.Duration
	offers  map[stream]entry
	count   map[protocol.Identity]int
	retired map[retired]time.Time // withdrawn offers, so that a late copy does not bring one back
}

type stream struct {
	seller     protocol.Identity
	prop, cell string
}

type entry struct {
	env   envelope.Envelope
	offer *protocol.Offer
	hash  protocol.Hash
	until time.Time
}

type retired struct {
	offer protocol.Hash
	by    protocol.Identity
}

// New makes an empty book for a market.
func New(p *params.Params) *Book {
	return &Book{valid: p.OfferValid, offers: map[stream]entry{}, count: map[protocol.Identity]int{}, retired: map[retired]time.Time{}}
}

// Put takes an offer whose envelope and binding were checked. The newest offer (by ValidUntil) of a seller's property and
// cell replaces the one before; no offer lives longer than Params.OfferValid from now, whatever it says. Errors: Invalid if
// the envelope is no offer, not signed by the seller of its binding, or its title not impersonal; Stale if it is over, withdrawn, known or older than
// the one here; Transient if the book, or the seller's part of it, is full.
func (b *Book) Put(env envelope.Envelope, now time.Time) error {
	o, ok := env.Body.(*protocol.Offer)
	if !ok || env.Signer != o.Binding.Identity {
		return fmt.Errorf("offer: %s signed by %s is no offer of its own: %w", env.Kind(), env.Signer, protocol.Invalid)
	}
	if err := classify.Impersonal(o.Title); err != nil {
		return fmt.Errorf("offer by %s: %w", env.Signer, err)
	}
	e := entry{env: env, offer: o, hash: env.Hash(), until: time.UnixMilli(o.ValidUntil)}
	if end := now.Add(b.valid); e.until.After(end) {
		e.until = end
	}
	if !e.until.After(now) {
		return fmt.Errorf("offer %s: valid until %v, it is %v: %w", e.hash, e.until.UTC(), now.UTC(), protocol.Stale)
	}
	if end, ok := b.retired[retired{e.hash, env.Signer}]; ok && end.After(now) {
		return fmt.Errorf("offer %s: withdrawn: %w", e.hash, protocol.Stale)
	}
	key := stream{env.Signer, o.Prop, o.Cell}
	old, known := b.offers[key]
	if known && !newer(e, old) {
		return fmt.Errorf("offer %s: the book has a newer one or this very one: %w", e.hash, protocol.Stale)
	}
	if !known && (b.count[env.Signer] >= MaxPerSeller || len(b.offers) >= MaxOffers) {
		b.Expire(now)
		if b.count[env.Signer] >= MaxPerSeller || len(b.offers) >= MaxOffers {
			return fmt.Errorf("offer %s: the book is full: %d offers of this seller, %d in all: %w", e.hash, b.count[env.Signer], len(b.offers), protocol.Transient)
		}
	}
	if !known {
		b.count[env.Signer]++
	}
	b.offers[key] = e
	return nil
}

func newer(e, old entry) bool {
	if e.offer.ValidUntil != old.offer.ValidUntil {
		return e.offer.ValidUntil > old.offer.ValidUntil
	}
	return bytes.Compare(e.hash[:], old.hash[:]) > 0 // two offers of one moment: everybody keeps the same
}

// Withdraw takes back the offer that the message names, now and for copies that come later. Errors: Invalid if the envelope
// is no withdrawal; NotFound if the offer is not here: a copy that comes later is refused all the same, unless half of
// MaxOffers such withdrawals are remembered already.
func (b *Book) Withdraw(env envelope.Envelope, now time.Time) error {
	w, ok := env.Body.(*protocol.Withdraw)
	if !ok {
		return fmt.Errorf("withdrawal: %s by %s is none: %w", env.Kind(), env.Signer, protocol.Invalid)
	}
	for key, e := range b.offers {
		if key.seller == env.Signer && e.hash == w.Offer {
			b.remove(key)
			b.remember(retired{w.Offer, env.Signer}, MaxOffers, now)
			return nil
		}
	}
	b.remember(retired{w.Offer, env.Signer}, MaxOffers/2, now)
	return fmt.Errorf("withdrawal of %s by %s: no such offer here: %w", w.Offer, env.Signer, protocol.NotFound)
}

func (b *Book) remember(r retired, most int, now time.Time) {
	if len(b.retired) >= most {
		b.Expire(now)
	}
	if len(b.retired) < most {
		b.retired[r] = now.Add(b.valid)
	}
}

func (b *Book) remove(key stream) {
	delete(b.offers, key)
	if b.count[key.seller]--; b.count[key.seller] <= 0 {
		delete(b.count, key.seller)
	}
}

// Expire drops what is over at now and says how many offers that were.
func (b *Book) Expire(now time.Time) int {
	n := 0
	for key, e := range b.offers {
		if !e.until.After(now) {
			b.remove(key)
			n++
		}
	}
	for r, until := range b.retired {
		if !until.After(now) {
			delete(b.retired, r)
		}
	}
	return n
}

// Len is the number of offers.
func (b *Book) Len() int { return len(b.offers) }

// Candidate is an offer that meets a demand.
type Candidate struct {
	Env       envelope.Envelope
	Offer     *protocol.Offer
	Relevance uint16 // ‰, without age
	Rep       uint16 // ‰
	Pick      uint32 // millionths
}

// Match returns the offers valid at now with which the demand makes a deal (Deal), the best value first: relevance times
// (500+rep/2) over price; equal values by the offer's hash. rep gives a seller's reputation in ‰ and may refuse a seller.
func (b *Book) Match(d *protocol.Demand, p *params.Params, now time.Time, rep func(*protocol.Offer) (uint16, bool)) []Candidate {
	return b.Choose(d, p, now, rep, func(*protocol.Offer) int { return mostPick })
}

const mostPick = 1_000_000

// Choose is Match by a buyer's own taste: pick says how well an offer serves it, 0..1,000,000 (market/rank: the words of a
// demand, roles, novelty), and is a factor of the value. It moves no price: Relevance alone does. What it gives 0 is left
// out. It is asked once for each offer that makes a deal.
func (b *Book) Choose(d *protocol.Demand, p *params.Params, now time.Time, rep func(*protocol.Offer) (uint16, bool), pick func(*protocol.Offer) int) []Candidate {
	var found []Candidate
	for _, e := range b.offers {
		if !e.until.After(now) || e.offer.Price > d.Cap || kinship(d.Prop, e.offer.Prop) == 0 {
			continue
		}
		score, ok := rep(e.offer)
		if !ok {
			continue
		}
		rel, err := Deal(d, e.offer, p, score)
		if err != nil {
			continue
		}
		if liked := pick(e.offer); liked > 0 {
			found = append(found, Candidate{e.env, e.offer, rel, min(score, 1000), uint32(min(liked, mostPick))})
		}
	}
	slices.SortFunc(found, func(a, b Candidate) int {
		if c := compareValue(b, a); c != 0 {
			return c
		}
		x, y := a.Env.Hash(), b.Env.Hash()
		return bytes.Compare(x[:], y[:])
	})
	return found
}

func compareValue(a, b Candidate) int {
	worth := func(c Candidate) uint64 { return uint64(c.Relevance) * (1000 + uint64(c.Rep)) * uint64(c.Pick) }
	ahi, alo := bits.Mul64(worth(a), uint64(b.Offer.Price))
	bhi, blo := bits.Mul64(worth(b), uint64(a.Offer.Price))
	return slices.Compare([]uint64{ahi, alo}, []uint64{bhi, blo})
}

// Deal returns the relevance that a match of demand and offer must state, or says why there is no deal (MECHANISM 4): the
// price is over the cap, the relevance under the market's least, or a batch of integrity 850 under the offer's floor.
// Errors: NotFound, Invalid for malformed parts.
func Deal(d *protocol.Demand, o *protocol.Offer, p *params.Params, rep uint16) (uint16, error) {
	rel, err := Relevance(d, OfOffer(o), 0)
	if err != nil {
		return 0, err
	}
	at := price.Batch(o.Price, price.FloorIntegrity, rel, rep)
	switch {
	case o.Price > d.Cap:
		return rel, fmt.Errorf("no deal: price %d over the cap of %d: %w", uint64(o.Price), uint64(d.Cap), protocol.NotFound)
	case int(rel) < p.RelevanceMin:
		return rel, fmt.Errorf("no deal: relevance %d ‰, at least %d: %w", rel, p.RelevanceMin, protocol.NotFound)
	case at < o.Floor:
		return rel, fmt.Errorf("no deal: a batch of integrity %d would cost %d, the floor is %d: %w", price.FloorIntegrity, uint64(at), uint64(o.Floor), protocol.NotFound)
	}
	return rel, nil
}
