package protocol

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// Receipt says when a committee member got a window commitment and how long the main chain was then, stable or not: the
// sample is drawn from a ball that nobody had seen (MECHANISM 3.1, 3.2).
type Receipt struct {
	_       struct{} `cbor:",toarray"`
	Wid     Hash
	Arrived int64  // Unix milliseconds
	Tip     uint64 // last main chain index
}

func (*Receipt) Kind() Kind   { return KindReceipt }
func (*Receipt) Check() error { return nil }

// Receipts is the seller's collection for a window: envelopes of Receipt from q members or more. A member keeps the first
// it sees; with it the sample ball is fixed.
type Receipts struct {
	_    struct{} `cbor:",toarray"`
	Wid  Hash
	List [][]byte
}

func (*Receipts) Kind() Kind { return KindReceipts }

// Check bounds the list.
func (r *Receipts) Check() error {
	if err := bounded("receipts", len(r.List), 1, MaxSeats); err != nil {
		return err
	}
	for _, e := range r.List {
		if err := bounded("receipts: envelope", len(e), 1, MaxSize(KindReceipt)); err != nil {
			return err
		}
	}
	return nil
}

// MaxSeats bounds a committee and its spares.
const MaxSeats = 32

// Opened is one batch laid open: the header's salt and the SenML pack it commits to.
type OpenBatch struct {
	_     struct{} `cbor:",toarray"`
	Index uint8    // in the window, 0..63
	Salt  [16]byte
	Pack  []byte
}

// Opening shows a member all headers of a window and the batches that it drew. A member passes common batches on to
// others with an Opening of its own.
type Opening struct {
	_       struct{} `cbor:",toarray"`
	Wid     Hash
	Headers []BatchHeader
	Batches []OpenBatch
}

func (*Opening) Kind() Kind { return KindOpening }

// Check bounds headers and batches.
func (o *Opening) Check() error {
	if err := bounded("opening: headers", len(o.Headers), 1, MaxBatches); err != nil {
		return err
	}
	return checkBatches(o.Batches, len(o.Headers))
}

// MaxPack bounds a batch's SenML pack, in bytes.
const MaxPack = 128 << 10

func checkBatches(batches []OpenBatch, headers int) error {
	if err := bounded("batches", len(batches), 0, headers); err != nil {
		return err
	}
	for i, b := range batches {
		if int(b.Index) >= headers || (i > 0 && b.Index <= batches[i-1].Index) {
			return fmt.Errorf("batch index %d of %d headers, out of range or order: %w", b.Index, headers, Invalid)
		}
		if err := bounded("pack", len(b.Pack), 1, MaxPack); err != nil {
			return err
		}
	}
	return nil
}

// Unserved says which common batches a member lacks at half the commit time. Two such batches of one index: it counts as
// missing; three members unserved of everything: the round is void.
type Unserved struct {
	_       struct{} `cbor:",toarray"`
	Wid     Hash
	Indices []uint8
}

func (*Unserved) Kind() Kind     { return KindUnserved }
func (u *Unserved) Check() error { return bounded("unserved: indices", len(u.Indices), 1, MaxBatches) }

// Commit fixes a member's reveal before it has seen anybody else's.
type Commit struct {
	_    struct{} `cbor:",toarray"`
	Wid  Hash
	Hash Hash // H("iv1/com", wid, ticket, reveal)
}

func (*Commit) Kind() Kind   { return KindCommit }
func (*Commit) Check() error { return nil }

// Class is what a validator says the data are (MECHANISM 3.5), from what it sees and not from what the offer says; numbers
// go by lower median, labels by majority. A Prop other than the window's corrects the seller's label. An empty one refuses
// it: the readings are not what they are sold as, and nothing else in the table; no relevance is left of them.
type Class struct {
	_        struct{} `cbor:",toarray"`
	Prop     string
	Medium   string // empty for none
	Role     string // measured, setpoint …
	Unit     string // SenML unit of the property; a QUDT id (DEG_F) where the readings are in another one
	Cell     string
	T1       int64  // Unix milliseconds of the last reading
	Period   uint32 // milliseconds between readings
	Accuracy string
	Coverage uint16 // ‰ of the expected readings
}

// Check bounds the texts and the share.
func (c *Class) Check() error {
	if len(c.Prop) > 40 || len(c.Unit) > 24 || len(c.Cell) > 5 || len(c.Accuracy) > 16 || c.Coverage > 1000 {
		return fmt.Errorf("class: property %.40q, unit %.24q, cell %.8q, accuracy %.20q, coverage %d: %w", c.Prop, c.Unit, c.Cell, c.Accuracy, c.Coverage, Invalid)
	}
	return CheckLabels("class", c.Medium, c.Role)
}

// Reveal is a member's judgement of a window (MECHANISM 3.3).
type Reveal struct {
	_        struct{} `cbor:",toarray"`
	Wid      Hash
	Ticket   Hash
	Score    uint16  // x, ‰
	C, T     uint16  // collection and transport trust, ‰
	Hard     []uint8 // hard codes, ascending
	Reasons  []uint8 // soft codes, ascending
	Custody  Hash    // H("iv1/cust", ticket, salt, common sample)
	Neighbor uint64  // mask of the neighbours used
	Class    Class
	Evidence []byte // of a hard code: enc(Evidence), else empty
	Salt     [16]byte
}

func (*Reveal) Kind() Kind { return KindReveal }

// Check bounds scores, codes and evidence.
func (r *Reveal) Check() error {
	if r.Score > 1000 || r.C > 1000 || r.T > 1000 {
		return fmt.Errorf("reveal: score %d, collection %d, transport %d, want ≤ 1000: %w", r.Score, r.C, r.T, Invalid)
	}
	if err := r.Class.Check(); err != nil {
		return fmt.Errorf("reveal: %w", err)
	}
	if len(r.Hard) > 8 || len(r.Reasons) > 16 || !ascending(r.Hard) || !ascending(r.Reasons) {
		return fmt.Errorf("reveal: hard codes %v, reasons %v: %w", r.Hard, r.Reasons, Invalid)
	}
	if len(r.Hard) == 0 && len(r.Evidence) > 0 {
		return fmt.Errorf("reveal: evidence without a hard code: %w", Invalid)
	}
	return bounded("reveal: evidence", len(r.Evidence), 0, 60<<10)
}

// CommitHash is what the member's Commit must hold.
func (r *Reveal) CommitHash() Hash {
	b, _ := Encode(r)
	return H("iv1/com", r.Wid[:], r.Ticket[:], b)
}

func ascending(codes []uint8) bool {
	for i := 1; i < len(codes); i++ {
		if codes[i] <= codes[i-1] {
			return false
		}
	}
	return true
}

// Notice shows a payee that it is paid: the deal, and the newest voucher. Members get it before they work for a window,
// and every payee once more with the closing voucher.
type Notice struct {
	_       struct{} `cbor:",toarray"`
	Match   []byte   // the seller's envelope of the Match
	ByBuyer []byte   // the buyer's envelope of the same body
	Funding byteball.Hash
	Window  uint64 // the window prepaid
	Voucher []byte // channel voucher
}

func (*Notice) Kind() Kind { return KindNotice }

// Check bounds the parts.
func (n *Notice) Check() error {
	if len(n.Match) > MaxSize(KindMatch) || len(n.ByBuyer) > MaxSize(KindMatch) || len(n.Funding) != 44 {
		return fmt.Errorf("notice: match of %d and %d bytes, funding %.50q: %w", len(n.Match), len(n.ByBuyer), n.Funding, Invalid)
	}
	return bounded("notice: voucher", len(n.Voucher), 1, MaxVoucher)
}

// MaxVoucher bounds a voucher's encoding, in bytes: 111 outputs and the rest of a unit.
const MaxVoucher = 20 << 10
