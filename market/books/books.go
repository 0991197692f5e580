// Package books keeps one party's own account of a run: lines for what it received and paid, summed into the statement that
// is compared with what the ledger proves. It leaves out where lines are stored; a line's key and its bytes are given here.
// The roles write lines, the command line reads them.
package books

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
)

// Kind says what a line is about.
type Kind string

// The kinds of line.
const (
	Opening Kind = "opening" // balance at the start
	Fee     Kind = "fee"     // of a unit that the party signed
	Voucher Kind = "voucher" // newest state of a channel: what it gives or costs the party in all
	Bond    Kind = "bond"    // locked in a bond, or back from it
	Deposit Kind = "deposit" // locked in a channel, or back from it
	Payment Kind = "payment" // any other payment
)

var kinds = []Kind{Opening, Fee, Voucher, Bond, Deposit, Payment}

// Amount is a change of money in bytes: + received, − paid, at most byteball.MaxBytes either way.
type Amount int64

// In is b received; b is at most byteball.MaxBytes.
func In(b byteball.Bytes) Amount { return Amount(min(b, byteball.MaxBytes)) }

// Out is b paid.
func Out(b byteball.Bytes) Amount { return -In(b) }

// Line is one entry. Ref names what it is about (a unit, a channel) and is unique in a book.
type Line struct {
	_      struct{} `cbor:",toarray"`
	Time   int64    `json:"time"` // Unix milliseconds
	Kind   Kind     `json:"kind"`
	Ref    string   `json:"ref"` // 1..200 bytes
	Amount Amount   `json:"amount"`
}

// Check tests kind, reference and amount. Error: Invalid.
func (l Line) Check() error {
	if !slices.Contains(kinds, l.Kind) || len(l.Ref) < 1 || len(l.Ref) > 200 {
		return fmt.Errorf("line %.50q of kind %.20q: unknown kind, or a reference of %d bytes: %w", l.Ref, string(l.Kind), len(l.Ref), protocol.Invalid)
	}
	if l.Amount > Amount(byteball.MaxBytes) || l.Amount < -Amount(byteball.MaxBytes) {
		return fmt.Errorf("line %.50q: amount %d: %w", l.Ref, int64(l.Amount), protocol.Invalid)
	}
	return nil
}

// Key is where a line stands in the store: "line/<ref>".
func (l Line) Key() []byte { return []byte("line/" + l.Ref) }

// Encode writes a line for the store (deterministic CBOR).
func (l Line) Encode() ([]byte, error) { return protocol.Encode(l) }

// Decode reads what Encode wrote. Error: Invalid.
func Decode(b []byte) (Line, error) {
	var l Line
	if len(b) > 400 {
		return l, fmt.Errorf("line of %d bytes: %w", len(b), protocol.Invalid)
	}
	if err := protocol.Decode(b, &l); err != nil {
		return Line{}, err
	}
	return l, l.Check()
}

// Book is one party's lines. The zero Book is empty and ready.
type Book struct{ lines map[string]Line }

// Put enters a line. A voucher line replaces the one of the same Ref: channels are cumulative. Any other line under a known
// Ref must be the same, so that a repeated event counts once. Errors: Invalid, Stale for a voucher line that is older.
func (b *Book) Put(l Line) error {
	if err := l.Check(); err != nil {
		return err
	}
	old, known := b.lines[l.Ref]
	if known && (old.Kind != l.Kind || (l.Kind != Voucher && old.Amount != l.Amount)) {
		return fmt.Errorf("line %s: %s of %d, the book has %s of %d: %w", l.Ref, l.Kind, int64(l.Amount), old.Kind, int64(old.Amount), protocol.Invalid)
	}
	if known && l.Kind != Voucher {
		return nil
	}
	if known && l.Time < old.Time {
		return fmt.Errorf("line %s: of %d ms, the book has %d ms: %w", l.Ref, l.Time, old.Time, protocol.Stale)
	}
	if b.lines == nil {
		b.lines = map[string]Line{}
	}
	b.lines[l.Ref] = l
	return nil
}

// Lines returns all lines in order of time, then reference.
func (b *Book) Lines() []Line {
	list := make([]Line, 0, len(b.lines))
	for _, l := range b.lines {
		list = append(list, l)
	}
	slices.SortFunc(list, func(x, y Line) int { return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Ref, y.Ref)) })
	return list
}

// Sum is the balance that the lines make, the opening balance included. Error: Invalid if it leaves ±byteball.MaxBytes
// at the end, however large it is between.
func (b *Book) Sum() (Amount, error) {
	var in, out uint64
	for _, l := range b.lines {
		side := &in
		if l.Amount < 0 {
			side, l.Amount = &out, -l.Amount
		}
		if *side > math.MaxUint64-uint64(l.Amount) {
			return 0, fmt.Errorf("book: its lines overflow: %w", protocol.Invalid)
		}
		*side += uint64(l.Amount)
	}
	net := in - out
	if out > in {
		net = out - in
	}
	if net > uint64(byteball.MaxBytes) {
		return 0, fmt.Errorf("book: balance of %d bytes either way: %w", net, protocol.Invalid)
	}
	if out > in {
		return -Amount(net), nil
	}
	return Amount(net), nil
}

// MarshalJSON writes the lines in their order.
func (b *Book) MarshalJSON() ([]byte, error) { return json.Marshal(b.Lines()) }
