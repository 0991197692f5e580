package protocol

import "fmt"

// BatchHeader is the leaf of a window's tree (MECHANISM 3.1). Commit hides the readings behind a salt until the batch is
// opened; prev chains the headers of one seller and property.
type BatchHeader struct {
	_      struct{} `cbor:",toarray"`
	Seq    uint64
	N      uint32 // readings
	T0, T1 int64  // Unix milliseconds of the first and last reading
	Commit Hash   // BatchCommit(salt, pack)
	Prev   Hash   // hash of the header before
}

// BatchCommit is H("iv1/batch", salt, pack).
func BatchCommit(salt [16]byte, pack []byte) Hash { return H("iv1/batch", salt[:], pack) }

// Hash is the hash of a header, as the next one names it.
func (h BatchHeader) Hash() Hash {
	return H("iv1/header", h.Seq, h.N, h.T0, h.T1, h.Commit[:], h.Prev[:])
}

// Leaf is what the window's Merkle tree hashes for this header.
func (h BatchHeader) Leaf() []byte {
	b, _ := Encode(h) // plain values always encode
	return b
}

// WindowCommit binds a seller to one window of batches before anybody knows which of them will be opened.
type WindowCommit struct {
	_      struct{} `cbor:",toarray"`
	Seller Identity
	Prop   string
	Cell   string
	Window uint64
	Seq0   uint64 // first batch
	Seq1   uint64 // last batch
	N      uint32 // readings in all
	Prev   Hash   // wid of the window before, zero for the first
	Root   Hash   // RFC 6962 tree of the headers
	T0, T1 int64  // Unix milliseconds of the first and last reading
	Aux    Hash   // AuxCommit of "normal" or of a licensed defect
}

func (*WindowCommit) Kind() Kind { return KindCommitted }

// Check tests ranges; whether the window is due is the receiver's clock's matter.
func (w *WindowCommit) Check() error {
	if err := w.Seller.Check(); err != nil {
		return fmt.Errorf("window: %w", err)
	}
	if _, ok := PropertyOf(w.Prop); !ok {
		return fmt.Errorf("window: property %.40q is not in the table: %w", w.Prop, Invalid)
	}
	if err := CheckCell(w.Cell); err != nil {
		return fmt.Errorf("window: %w", err)
	}
	if w.Seq1 < w.Seq0 || w.Seq1-w.Seq0 >= MaxBatches || w.T1 < w.T0 || w.N < 1 {
		return fmt.Errorf("window %d: batches %d to %d, %d readings, times %d to %d: %w", w.Window, w.Seq0, w.Seq1, w.N, w.T0, w.T1, Invalid)
	}
	return nil
}

// Batches is how many batches the window has, 1..MaxBatches.
func (w *WindowCommit) Batches() int { return int(w.Seq1-w.Seq0) + 1 }

// ID is wid, the hash that names the window everywhere else.
func (w *WindowCommit) ID() Hash {
	b, _ := Encode(w)
	return H("iv1/wid", b)
}

// MaxBatches bounds the batches of a window; MaxReadings those of a batch.
const (
	MaxBatches  = 64
	MaxReadings = 4096
)

// Aux opens WindowCommit.Aux to the buyer: Text is "normal" or names a licensed defect (MECHANISM 5, canaries).
type Aux struct {
	_    struct{} `cbor:",toarray"`
	Wid  Hash
	Salt [16]byte
	Text string
}

func (*Aux) Kind() Kind     { return KindAux }
func (a *Aux) Check() error { return bounded("aux: text", len(a.Text), 1, 200) }

// AuxNormal is the text of a window that may be sold.
const AuxNormal = "normal"

// AuxCommit is H("iv1/aux", salt, text).
func AuxCommit(salt [16]byte, text string) Hash { return H("iv1/aux", salt[:], text) }
