// Package deal is a Match seen from all sides: what the two signatures oblige buyer and seller to, the channel's terms, who
// is paid how much and when, the keys of the exchange. Buyer, seller and validators compute the same from the same bytes,
// so a voucher is a pure function of match, committee and stamp (MECHANISM 4 to 6). It holds no state of a deal: the role
// cores do, with byteball/channel for the money.
package deal

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// Rules is what a market lays down for every deal in it.
type Rules struct {
	Manifest params.Manifest
	Market   protocol.Hash // Manifest.Hash()
	Network  byteball.Network
	Fund     byteball.Address
	Verifier protocol.Verifier
}

// Deal is one Match with everything that follows from it.
type Deal struct {
	ID      protocol.Hash
	Match   *protocol.Match
	Offer   *protocol.Offer
	OfferID protocol.Hash // the offer's envelope hash, as Withdraw names it
	Demand  *protocol.Demand
	Seller  protocol.Identity
	Buyer   protocol.Identity
	PayTo   byteball.Address // the seller's address
	Terms   channel.Terms
	Address byteball.Address // the channel's
}

// TPSMargin is paid beyond the least tps fee of a voucher, in bytes; a few hundred are lost at the close (BYTEBALL C 3).
const TPSMargin byteball.Bytes = 300

// Open reads a Match: both envelopes inside, the binding, the terms. It asks nothing of clock or ledger.
// Errors: Invalid.
func Open(r Rules, m *protocol.Match) (Deal, error) {
	if err := m.Check(); err != nil {
		return Deal{}, err
	}
	offerEnv, err := envelope.Open(r.Verifier, r.Market, m.Offer)
	if err != nil {
		return Deal{}, fmt.Errorf("match: offer: %w", err)
	}
	demandEnv, err := envelope.Open(r.Verifier, r.Market, m.Demand)
	if err != nil {
		return Deal{}, fmt.Errorf("match: demand: %w", err)
	}
	offer, ok := offerEnv.Body.(*protocol.Offer)
	demand, ok2 := demandEnv.Body.(*protocol.Demand)
	if !ok || !ok2 || offer.Binding.Identity != offerEnv.Signer || demand.Buyer != demandEnv.Signer {
		return Deal{}, fmt.Errorf("match: the envelopes inside are not an offer and a demand by their own signers: %w", protocol.Invalid)
	}
	if offerEnv.Signer == demandEnv.Signer {
		return Deal{}, fmt.Errorf("match: a node does not buy from itself: %w", protocol.Invalid)
	}
	if err := offer.Binding.Check(r.Verifier); err != nil {
		return Deal{}, fmt.Errorf("match: %w", err)
	}
	payTo, err := offer.Binding.Address()
	if err != nil {
		return Deal{}, err
	}
	d := Deal{ID: m.ID(), Match: m, Offer: offer, OfferID: offerEnv.Hash(), Demand: demand,
		Seller: offerEnv.Signer, Buyer: demandEnv.Signer, PayTo: payTo}
	d.Terms = channel.Terms{
		Network: r.Network, Age: m.Age, Deposit: m.Deposit,
		Buyer:  base64.StdEncoding.EncodeToString(m.BuyerKey),
		Seller: base64.StdEncoding.EncodeToString(offer.Binding.WalletKey),

		SellerAddress: payTo, ChangeAddress: m.Change,
		Reserve: r.Manifest.Params.Reserve, Dust: r.Manifest.Params.Dust, TPSMargin: TPSMargin,
		Previous: m.Previous,
	}
	if d.Address, err = d.Terms.Address(); err != nil {
		return Deal{}, fmt.Errorf("match: %w", err)
	}
	return d, nil
}

// OpenSigned reads the two envelopes of one Match, the buyer's and the seller's, as validators get them.
// Errors: Invalid, also if the bodies differ or a signature is not of its party.
func OpenSigned(r Rules, byBuyer, bySeller []byte) (Deal, error) {
	b, err := envelope.Open(r.Verifier, r.Market, byBuyer)
	if err != nil {
		return Deal{}, err
	}
	s, err := envelope.Open(r.Verifier, r.Market, bySeller)
	if err != nil {
		return Deal{}, err
	}
	m, ok := b.Body.(*protocol.Match)
	if !ok || s.Kind() != protocol.KindMatch || string(b.Payload) != string(s.Payload) {
		return Deal{}, fmt.Errorf("match: buyer and seller did not sign the same: %w", protocol.Invalid)
	}
	d, err := Open(r, m)
	if err != nil {
		return Deal{}, err
	}
	if b.Signer != d.Buyer || s.Signer != d.Seller {
		return Deal{}, fmt.Errorf("match: signed by others than its parties: %w", protocol.Invalid)
	}
	return d, nil
}

// Funding returns the output of a proven unit that funds the deal's channel: exactly the deposit, at its address.
func (d Deal) Funding(p unit.Proven) (channel.Funded, bool) {
	if !p.Serial || p.Unit == nil {
		return channel.Funded{}, false
	}
	for i, m := range p.Unit.Messages {
		pay, ok := m.Payload.(*unit.Payment)
		if !ok || pay.Asset != "" {
			continue
		}
		for j, o := range pay.Outputs {
			if o.Address == d.Address && o.Amount == d.Match.Deposit {
				out := unit.OutPoint{Unit: p.Unit.Unit, MessageIndex: i, OutputIndex: j}
				return channel.Funded{Out: out, Amount: o.Amount, MCI: p.MCI, Stable: true}, true
			}
		}
	}
	return channel.Funded{}, false
}

// Lapsed says whether a proposal may no longer be signed at now.
func (d Deal) Lapsed(now time.Time) bool {
	ms := now.UnixMilli()
	return d.Match.Expiry < ms || d.Offer.ValidUntil < ms || d.Demand.ValidUntil < ms
}

// Fair says whether the match keeps the rules of the market: relevance as computed, price within the cap and over the
// floor (MECHANISM 4). Error: Invalid, with the rule that is broken.
func (d Deal) Fair(r Rules, rep uint16) error {
	rel, err := book.Deal(d.Demand, d.Offer, &r.Manifest.Params, rep)
	if err != nil {
		return err
	}
	if rel != d.Match.Relevance {
		return fmt.Errorf("match: relevance %d, it is %d: %w", d.Match.Relevance, rel, protocol.Invalid)
	}
	return nil
}
