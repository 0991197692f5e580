// Package sink is where bought data go: JSON lines or CSV in a folder, one file for each seller and property. A batch is
// written once, however often it is delivered and whenever the machine dies. It leaves out checking and paying; the buyer's
// loop hands it each batch that was opened.
//
// How once is kept: a batch is first promised in the journal (file .journal: which batch, which bytes of which file, their
// checksum), then appended to its file, each with fsync. Only the last promise can be unkept after a crash; Open sees that
// by the checksum, takes back the promise and what was written of it, and the next delivery writes the batch again.
package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
)

// Batch is one bought batch with what the buyer knows of it.
type Batch struct {
	Deal      protocol.Hash
	Window    uint64
	Index     int // in the window, 0 to protocol.MaxBatches−1
	Seller    protocol.Identity
	Prop      string // a slug of the table
	Cell      string
	Integrity int            // ‰ by the stamp; under 0: not known
	Relevance int            // ‰ by the match; under 0: not known
	Price     byteball.Bytes // of the whole batch
	Readings  []protocol.Reading
}

// Sink writes batches. It is safe for concurrent use.
type Sink struct {
	dir     string
	form    form
	mu      sync.Mutex
	journal *journal
	broken  error // what made it impossible to go on
}

// Formats lists the names of the formats: "jsonl" for JSON lines, "csv".
func Formats() []string { return []string{jsonl{}.name(), table{}.name()} }

// Open makes the folder if need be, locks it for this process, reads what was written before and repairs what a crash left
// half done. Errors: Invalid for an unknown format, Transient for a folder that another process writes to or that this
// user may not write to, with what to do.
func Open(dir, format string) (*Sink, error) {
	s := &Sink{dir: dir}
	switch format {
	case jsonl{}.name():
		s.form = jsonl{}
	case table{}.name():
		s.form = table{}
	default:
		return nil, fmt.Errorf("sink: format %.20q, want one of %v: %w", format, Formats(), protocol.Invalid)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, hint(err)
	}
	j, err := openJournal(filepath.Join(dir, ".journal"))
	if err != nil {
		return nil, hint(err)
	}
	if err := j.repair(dir); err != nil {
		j.close()
		return nil, hint(err)
	}
	s.journal = j
	return s, nil
}

// Close ends the use of the folder. Nothing waits to be written.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = fmt.Errorf("sink: closed: %w", protocol.Invalid)
	}
	return s.journal.close()
}

// Write writes a batch and returns when it is on disk; one that was written before, by whatever process, it passes over.
// Errors: Invalid for a batch that cannot be right; Transient when the disk does not take it, and then nothing of it
// stands in the files and the same batch may be tried again.
func (s *Sink) Write(b Batch) error {
	if err := b.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.broken != nil:
		return s.broken
	case s.journal.has(b.Deal, b.Window, b.Index):
		return nil
	}
	if err := s.write(b); err != nil {
		return hint(err)
	}
	return nil
}

func (b *Batch) check() error {
	_, known := protocol.PropertyOf(b.Prop)
	switch {
	case !known:
		return fmt.Errorf("sink: property %.40q is not in the table: %w", b.Prop, protocol.Invalid)
	case b.Index < 0 || b.Index >= protocol.MaxBatches:
		return fmt.Errorf("sink: batch %d of window %d, want 0 to %d: %w", b.Index, b.Window, protocol.MaxBatches-1, protocol.Invalid)
	case len(b.Readings) == 0 || len(b.Readings) > protocol.MaxReadings:
		return fmt.Errorf("sink: %d readings, want 1 to %d: %w", len(b.Readings), protocol.MaxReadings, protocol.Invalid)
	}
	for i, r := range b.Readings {
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || r.Time < 0 || r.Time > 1e13 {
			return fmt.Errorf("sink: reading %d is %v at %d ms: %w", i, r.Value, r.Time, protocol.Invalid)
		}
	}
	if err := b.Seller.Check(); err != nil {
		return err
	}
	return protocol.CheckCell(b.Cell)
}

// hint says what to do about an error of the disk.
func hint(err error) error {
	advice := "see to the disk and try again"
	at := new(fs.PathError)
	switch {
	case errors.Is(err, errLocked):
		advice = "choose another folder or stop the other process"
	case full(err):
		advice = "make room on the disk and try again"
	case errors.Is(err, fs.ErrPermission), errors.As(err, &at) && at.Op == "mkdir":
		advice = "choose a folder that this user may write to"
	}
	return fmt.Errorf("sink: %w; %s: %w", err, advice, protocol.Transient)
}
