package protocol

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// Stamp is a committee's attestation of one window (MECHANISM 3.5): the body that q members or more sign. Given the same
// set of reveals the body is the same at every member.
type Stamp struct {
	_           struct{} `cbor:",toarray"`
	Wid         Hash
	Seller      Identity
	Prop        string
	Window      uint64
	Seq0, Seq1  uint64
	Root        Hash
	Epoch       uint64
	Ball        byteball.Hash // the sample ball
	Tickets     []Hash        // of the reveals that counted, ascending
	RevealsRoot Hash          // RFC 6962 tree of the counted reveals' envelopes' bodies, by ticket
	I           uint16        // integrity, ‰
	C, T        uint16        // collection and transport trust, ‰
	Class       Class
	Hard        []uint8 // hard codes with valid evidence, ascending
	Reasons     []uint8 // soft codes that a majority gave, ascending
	Disputed    bool    // the middle reveals lie more than 250 apart
	Provisional bool    // fewer than 3 tickets exist
	A, B        uint32  // the seller's reputation before this window, in 1/1000
	Scorer      uint32  // version
	Expiry      int64   // Unix milliseconds
}

func (*Stamp) Kind() Kind { return KindStamp }

// Check bounds every field.
func (s *Stamp) Check() error {
	if err := s.Seller.Check(); err != nil {
		return fmt.Errorf("stamp: %w", err)
	}
	if s.I > 1000 || s.C > 1000 || s.T > 1000 || len(s.Tickets) > MaxSeats || len(s.Hard) > 8 || len(s.Reasons) > 16 {
		return fmt.Errorf("stamp: integrity %d, %d tickets: %w", s.I, len(s.Tickets), Invalid)
	}
	if s.Seq1 < s.Seq0 || s.Seq1-s.Seq0 >= MaxBatches {
		return fmt.Errorf("stamp: batches %d to %d: %w", s.Seq0, s.Seq1, Invalid)
	}
	if err := s.Class.Check(); err != nil {
		return fmt.Errorf("stamp: %w", err)
	}
	if len(s.Hard) > 0 && s.I != 0 {
		return fmt.Errorf("stamp: integrity %d with hard codes %v: %w", s.I, s.Hard, Invalid)
	}
	return nil
}

// Batches is how many batches the window has.
func (s *Stamp) Batches() int { return int(s.Seq1-s.Seq0) + 1 }

// Stamped carries a finished stamp: one body and the signatures of its committee. Anybody may send it.
type Stamped struct {
	_    struct{} `cbor:",toarray"`
	Body []byte   // enc(Stamp)
	Sigs []StampSig
}

// StampSig is one member's signature over the envelope of the body.
type StampSig struct {
	_         struct{} `cbor:",toarray"`
	Signer    Identity
	Signature []byte // 64 bytes
}

func (*Stamped) Kind() Kind { return KindStamped }

// Check bounds the list: signers ascending, each once.
func (s *Stamped) Check() error {
	if err := bounded("stamped: body", len(s.Body), 1, MaxSize(KindStamp)); err != nil {
		return err
	}
	if err := bounded("stamped: signatures", len(s.Sigs), 1, MaxSeats); err != nil {
		return err
	}
	for i, g := range s.Sigs {
		if g.Signer.Check() != nil || len(g.Signature) != 64 || (i > 0 && g.Signer <= s.Sigs[i-1].Signer) {
			return fmt.Errorf("stamped: signature %d has a bad key, length or order: %w", i, Invalid)
		}
	}
	return nil
}
