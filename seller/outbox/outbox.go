// Package outbox turns one sensor's readings into the batches and windows that a seller commits to, and keeps them until
// they are delivered, opened or old: store and forward. It is pure: the seller's core saves what Pack returns before
// anything leaves, and restores an Outbox from what it saved. A slot without readings makes no batch, so a gap shows in
// the count of readings and never breaks the chain of headers.
package outbox

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Batch is one closed batch with what its header hides.
type Batch struct {
	_      struct{} `cbor:",toarray"`
	Window uint64
	Header protocol.BatchHeader
	Salt   [16]byte
	Pack   []byte // SenML
}

// Outbox holds the batches of one property of one seller.
type Outbox struct {
	prop    protocol.Property
	cal     params.Calendar
	batch   time.Duration
	secret  []byte
	next    uint64        // seq of the next batch
	prev    protocol.Hash // hash of the last header
	slot    int64         // the slot being filled, in batches since T0
	open    []protocol.Reading
	windows map[uint64][]Batch
	dropped uint64
}

// New starts an empty outbox. secret is the seller's own, from which salts follow.
func New(prop protocol.Property, m *params.Manifest, secret []byte) *Outbox {
	return &Outbox{prop: prop, cal: m.Calendar(), batch: m.Params.Batch, secret: secret, slot: -1, windows: make(map[uint64][]Batch)}
}

// Restore takes back batches that were saved, in any order. Error: Invalid if two of them do not chain.
func (o *Outbox) Restore(batches []Batch) error {
	slices.SortFunc(batches, func(a, b Batch) int { return int(int64(a.Header.Seq) - int64(b.Header.Seq)) })
	for i, b := range batches {
		if i > 0 && b.Header.Prev != batches[i-1].Header.Hash() {
			return fmt.Errorf("outbox: saved batch %d does not follow batch %d: %w", b.Header.Seq, batches[i-1].Header.Seq, protocol.Invalid)
		}
		o.windows[b.Window] = append(o.windows[b.Window], b)
		o.next, o.prev = b.Header.Seq+1, b.Header.Hash()
		o.slot = max(o.slot, o.slotOf(b.Header.T1)+1)
	}
	return nil
}

// Resume sets where the chain goes on when no batch is left to restore it from.
func (o *Outbox) Resume(next uint64, prev protocol.Hash) {
	if next > o.next {
		o.next, o.prev = next, prev
	}
}

// Position is the seq of the next batch and the hash of the last header.
func (o *Outbox) Position() (next uint64, prev protocol.Hash) { return o.next, o.prev }

// Dropped is how many readings came too late or too many for their slot.
func (o *Outbox) Dropped() uint64 { return o.dropped }

func (o *Outbox) slotOf(ms int64) int64 {
	return floorDiv(ms-o.cal.WindowStart(0).UnixMilli(), o.batch.Milliseconds())
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

// Add puts a reading into the slot of its time. It returns the batch that this closes, if any. A reading of a slot that is
// closed, before T0, or beyond protocol.MaxReadings, or one that is no finite number, is dropped and counted.
func (o *Outbox) Add(r protocol.Reading) (closed *Batch, err error) {
	slot := o.slotOf(r.Time)
	if slot < 0 || slot < o.slot || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		o.dropped++
		return nil, nil
	}
	if slot > o.slot {
		if closed, err = o.pack(); err != nil {
			return nil, err
		}
		o.slot = slot
	}
	if len(o.open) >= protocol.MaxReadings || (len(o.open) > 0 && r.Time < o.open[len(o.open)-1].Time) {
		o.dropped++
		return closed, nil
	}
	o.open = append(o.open, r)
	return closed, nil
}

// Pack closes the slot being filled if it ended at or before t, and returns its batch, nil if it was empty.
func (o *Outbox) Pack(t time.Time) (*Batch, error) {
	if o.slot >= o.slotOf(t.UnixMilli()) {
		return nil, nil
	}
	b, err := o.pack()
	o.slot = max(o.slot, o.slotOf(t.UnixMilli()))
	return b, err
}

func (o *Outbox) pack() (*Batch, error) {
	if len(o.open) == 0 {
		return nil, nil
	}
	readings := o.open
	o.open = nil
	pack, err := protocol.EncodePack(o.prop, readings)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	w, _ := o.cal.WindowAt(time.UnixMilli(readings[0].Time))
	b := Batch{Window: w, Salt: deal.Salt(o.secret, o.prop.Slug, o.next), Pack: pack}
	b.Header = protocol.BatchHeader{
		Seq: o.next, N: uint32(len(readings)), T0: readings[0].Time, T1: readings[len(readings)-1].Time,
		Commit: protocol.BatchCommit(b.Salt, pack), Prev: o.prev,
	}
	o.next, o.prev = o.next+1, b.Header.Hash()
	o.windows[w] = append(o.windows[w], b)
	return &b, nil
}

// Window returns the closed batches of a window, in order; the caller must not change them.
func (o *Outbox) Window(w uint64) []Batch { return o.windows[w] }

// Fork lets the chain go on after prev with a number that no other copy of this outbox can have reached by t, nor the one
// before it, and drops all batches. A slot makes one batch at most, so four numbers a slot since T0 are beyond every chain,
// also beyond one that was forked in an earlier slot. It returns the seqs of the dropped batches, for the store to delete.
func (o *Outbox) Fork(t time.Time, prev protocol.Hash) []uint64 {
	gone := o.Forget(math.MaxUint64)
	slot := max(o.slotOf(t.UnixMilli()), 0)
	o.next, o.prev, o.open = max(o.next+2, 4*(uint64(slot)+1)), prev, nil
	return gone
}

// Forget drops the windows before w and returns the seqs of their batches, ascending, for the store to delete.
func (o *Outbox) Forget(w uint64) []uint64 {
	var gone []uint64
	for old, batches := range o.windows {
		if old >= w {
			continue
		}
		for _, b := range batches {
			gone = append(gone, b.Header.Seq)
		}
		delete(o.windows, old)
	}
	slices.Sort(gone)
	return gone
}
