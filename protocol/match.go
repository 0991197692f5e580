package protocol

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// Match is the deal that both sides sign over one body (MECHANISM 6): the buyer proposes it, the seller answers with its
// own envelope of the same bytes. The price of a batch follows from it and a stamp.
type Match struct {
	_         struct{} `cbor:",toarray"`
	Offer     []byte   // the offer's envelope
	Demand    []byte   // the demand's envelope
	Relevance uint16   // ‰, without the factor of age
	Rep       uint16   // the seller's reputation for the first window, ‰

	// Terms of the channel (package byteball/channel). The seller's key and address are those of the offer's binding.
	BuyerKey []byte           // 33 bytes, fresh for this channel
	Change   byteball.Address // the buyer's address
	Age      uint64           // N, main chain indexes
	Deposit  byteball.Bytes

	Previous byteball.Address // the channel between the same two, of the same stream, that this one succeeds; or none

	Box   [32]byte // the buyer's X25519 key to which batch keys are sealed
	First uint64   // first window that may be prepaid
	// Further is true where another buyer already pays this stream's committee: F then goes 90/10 to merit winner and fund.
	Further bool
	Expiry  int64 // Unix milliseconds: the proposal lapses
}

func (*Match) Kind() Kind { return KindMatch }

// Check tests the bounds of every field, not the envelopes inside.
func (m *Match) Check() error {
	if len(m.Offer) > MaxSize(KindOffer) || len(m.Demand) > MaxSize(KindDemand) {
		return fmt.Errorf("match: offer of %d and demand of %d bytes: %w", len(m.Offer), len(m.Demand), Invalid)
	}
	if len(m.BuyerKey) != 33 || len(m.Change) != 32 {
		return fmt.Errorf("match: channel key of %d bytes, want 33; change address of %d, want 32: %w", len(m.BuyerKey), len(m.Change), Invalid)
	}
	if len(m.Previous) != 0 && len(m.Previous) != 32 {
		return fmt.Errorf("match: previous channel of %d bytes, want 32 or none: %w", len(m.Previous), Invalid)
	}
	if m.Relevance > 1000 || m.Rep > 1000 || m.Deposit < 1 || m.Deposit > byteball.MaxBytes || m.Age < 1 {
		return fmt.Errorf("match: relevance %d, reputation %d, deposit %d, age %d: %w", m.Relevance, m.Rep, m.Deposit, m.Age, Invalid)
	}
	return nil
}

// ID names the deal: it does not depend on the signatures.
func (m *Match) ID() Hash {
	b, _ := Encode(m) // a Match that was decoded or checked encodes
	return H("iv1/deal", b)
}

// Refuse answers a proposal that is not taken, or a message of a deal that cannot go on. Further is what a proposal for
// this stream would have to say now.
type Refuse struct {
	_       struct{} `cbor:",toarray"`
	Deal    Hash
	Reason  string // at most 200 bytes, for people
	Further bool
}

func (*Refuse) Kind() Kind     { return KindRefuse }
func (r *Refuse) Check() error { return bounded("refusal: reason", len(r.Reason), 1, 200) }

// Opened says that the channel's funding unit is posted; the receiver waits until its own ledger view proves it stable.
type Opened struct {
	_    struct{} `cbor:",toarray"`
	Deal Hash
	Unit byteball.Hash
}

func (*Opened) Kind() Kind     { return KindOpened }
func (o *Opened) Check() error { return bounded("opened: unit hash", len(o.Unit), 44, 44) }

// Close asks the seller to settle: the buyer pays for nothing more.
type Close struct {
	_      struct{} `cbor:",toarray"`
	Deal   Hash
	Reason string // at most 200 bytes, for people
	Data   []byte // the final channel voucher
}

func (*Close) Kind() Kind { return KindClose }

// Check bounds the parts.
func (c *Close) Check() error {
	if err := bounded("close: reason", len(c.Reason), 1, 200); err != nil {
		return err
	}
	return bounded("close: voucher", len(c.Data), 1, MaxVoucher)
}
