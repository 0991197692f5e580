package protocol

import "fmt"

// Evidence proves hard code 5 to anybody: two runs of readings out of opened, root-proven batches (MECHANISM 3).
type Evidence struct {
	_       struct{} `cbor:",toarray"`
	Code    uint8
	This    []Exhibit // the run in (or ending in) the window judged
	Earlier []Exhibit // the run it repeats
}

// Exhibit is one batch with the proof that its seller committed to it: the window's envelope, the header and its path.
type Exhibit struct {
	_     struct{} `cbor:",toarray"`
	WC    []byte   // envelope of the WindowCommit
	Head  BatchHeader
	Path  []Hash // RFC 6962 audit path of the header in WC.Root
	Batch OpenBatch
}

// MaxExhibits bounds one run of an evidence.
const MaxExhibits = 40

// Check bounds both runs.
func (e *Evidence) Check() error {
	if len(e.This) > MaxExhibits || len(e.Earlier) > MaxExhibits || len(e.This) == 0 {
		return fmt.Errorf("evidence: %d and %d exhibits: %w", len(e.This), len(e.Earlier), Invalid)
	}
	for _, x := range append(append([]Exhibit{}, e.This...), e.Earlier...) {
		if err := x.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Check bounds one exhibit.
func (x *Exhibit) Check() error {
	if len(x.WC) > MaxSize(KindCommitted) || len(x.Path) > 6 || int(x.Batch.Index) >= MaxBatches || len(x.Batch.Pack) > MaxPack {
		return fmt.Errorf("exhibit: commitment of %d bytes, path of %d, batch %d of %d bytes: %w", len(x.WC), len(x.Path), x.Batch.Index, len(x.Batch.Pack), Invalid)
	}
	return nil
}

// Ask asks a validator, or the seller itself, for a seller's opened batches (MECHANISM 3.6).
type Ask struct {
	_      struct{} `cbor:",toarray"`
	Seller Identity
	Prop   string
	Wants  []Want
}

// Want names one window and which of its batches the asker already holds, as a bit mask by index. From asks for every
// window the keeper has from that number on where Wid is zero.
type Want struct {
	_    struct{} `cbor:",toarray"`
	Wid  Hash
	From uint64
	Held uint64
}

func (*Ask) Kind() Kind     { return KindAsk }
func (a *Ask) Check() error { return bounded("history: windows asked for", len(a.Wants), 1, 48) }

// History gives opened batches of one window, each with what proves it; seller-signed, so the giver need not be trusted.
type History struct {
	_     struct{} `cbor:",toarray"`
	Items []Exhibit
}

func (*History) Kind() Kind { return KindHistory }

// Check bounds the items.
func (h *History) Check() error {
	if err := bounded("history: batches", len(h.Items), 1, 2*MaxBatches); err != nil {
		return err
	}
	for i := range h.Items {
		if err := h.Items[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// WrongKey proves hard code 7 to anybody: a seller signed a batch and gave for it, signed too, a key that does not open it
// (MECHANISM 6). Envelopes, as they came. Package market/deal makes it and checks it.
type WrongKey struct {
	_        struct{} `cbor:",toarray"`
	ByBuyer  []byte   // the Match, signed by each
	BySeller []byte
	Delivery []byte
	Key      []byte
	Box      [32]byte // private half of the Match's Box: it opens keys of this one deal, and those are paid for
}

// Check bounds the envelopes.
func (w *WrongKey) Check() error {
	for _, part := range []struct {
		data []byte
		kind Kind
	}{{w.ByBuyer, KindMatch}, {w.BySeller, KindMatch}, {w.Delivery, KindDelivery}, {w.Key, KindKey}} {
		if err := bounded("wrong key: envelope of a "+string(part.kind), len(part.data), 1, MaxSize(part.kind)); err != nil {
			return err
		}
	}
	return nil
}
