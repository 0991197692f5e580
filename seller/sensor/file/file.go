// Package file reads recordings of sensors and plays them as if they were measured now. A recording is CSV (ts,value or
// ts,sensor,value, or any columns under a header line that names them) or SenML JSON (RFC 8428), gzipped or not; it is
// read as a stream, so its size does not matter. It leaves out conversions of units. The command line opens one for
// --data; tests and simulations read rows with their own times.
package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/iotverse/iotverse/protocol"
)

// Config says what to take from a recording.
type Config struct {
	// Prop is the property that the readings are taken for, a slug of the table. A column of this name (also with _ for -)
	// holds the values where none is called value; SenML records in another unit are left out. Empty: no such help.
	Prop string
	// Sensor is the one to take: a name in column sensor, or a SenML name. Empty takes the first that has a reading.
	Sensor string
	// All takes every sensor of the recording instead; Reader.Sensor then tells whose the last reading was.
	All bool
	// Bad is told of each row that cannot be used, by its line, in SenML its record, from 1 on; the row is skipped. May be nil.
	Bad func(line int, err error)
	// Now is what relative SenML times count from (RFC 8428 §4.5.3). Zero: such records are bad.
	Now time.Time
}

// Reader gives one sensor's readings of a recording, row by row.
type Reader struct {
	rows   rows
	cfg    Config
	close  func() error
	sensor string // the one that is read
	chosen bool
	line   int // of the last reading
	count  int
	first  error // the first bad row
}

// row is one line or record, not yet judged.
type row struct {
	line    int
	sensor  string
	unit    string
	reading protocol.Reading
	err     error // why the row cannot be used
}

// rows is a format. next returns io.EOF at the end, other errors when nothing more can be read.
type rows interface{ next() (row, error) }

// Open opens a recording. Errors: Invalid for an empty, binary or unreadable recording, NotFound without the file.
func Open(path string, cfg Config) (*Reader, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("recording: %w: %w", err, protocol.NotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	r, err := NewReader(f, cfg)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.close = f.Close
	return r, nil
}

// NewReader reads a recording from a stream. Errors as Open.
func NewReader(in io.Reader, cfg Config) (*Reader, error) {
	b := bufio.NewReaderSize(in, maxLine)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("recording: gzip: %w: %w", err, protocol.Invalid)
		}
		b = bufio.NewReaderSize(z, maxLine)
	}
	head, err := b.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("recording: %w: %w", err, protocol.Invalid)
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		b.Discard(3)
		head = head[3:]
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0:
		return nil, fmt.Errorf("recording: empty: %w", protocol.Invalid)
	case bytes.IndexByte(head, 0) >= 0 || !isText(head):
		return nil, fmt.Errorf("recording: not text; want CSV or SenML JSON, gzipped or not: %w", protocol.Invalid)
	case text[0] == '[' || text[0] == '{':
		s := newSenML(b, cfg.Now)
		s.bare = text[0] == '{'
		return &Reader{rows: s, cfg: cfg}, nil
	}
	return &Reader{rows: &lines{in: b, prop: cfg.Prop}, cfg: cfg}, nil
}

// isText tells whether b is UTF-8, but for a character cut off at its end.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 && len(b) >= utf8.UTFMax {
			return false
		}
		b = b[n:]
	}
	return true
}

// Close closes what Open opened.
func (r *Reader) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// Sensor is the name of the sensor that the last reading is of, empty before the first and where the recording names none.
func (r *Reader) Sensor() string { return r.sensor }

// Next returns the next reading with its own time. Errors: io.EOF at the end; Invalid if the recording breaks off or not
// one row could be used.
func (r *Reader) Next() (protocol.Reading, error) {
	for {
		x, err := r.rows.next()
		switch {
		case errors.Is(err, io.EOF) && r.count == 0 && r.first != nil:
			return protocol.Reading{}, fmt.Errorf("recording: no row can be used; the first is wrong so: %w: %w", r.first, protocol.Invalid)
		case errors.Is(err, io.EOF) && r.count == 0:
			return protocol.Reading{}, fmt.Errorf("recording: no reading%s: %w", r.wanted(), protocol.Invalid)
		case errors.Is(err, io.EOF):
			return protocol.Reading{}, io.EOF
		case err != nil:
			return protocol.Reading{}, fmt.Errorf("recording: after %d readings: %w: %w", r.count, err, protocol.Invalid)
		case !r.mine(x):
			continue
		case x.err != nil:
			r.bad(x.line, x.err)
			continue
		}
		r.sensor, r.chosen, r.line = x.sensor, true, x.line
		r.count++
		return x.reading, nil
	}
}

func (r *Reader) wanted() string {
	if r.cfg.Sensor != "" {
		return fmt.Sprintf(" of sensor %.40q", r.cfg.Sensor)
	}
	return ""
}

// mine tells whether a row is of the sensor that is read.
func (r *Reader) mine(x row) bool {
	p, known := protocol.PropertyOf(r.cfg.Prop)
	fits := !known || x.unit == "" || x.unit == p.Unit
	switch {
	case x.err != nil && x.sensor == "": // nobody can say whose it is
		return true
	case r.cfg.Sensor != "" && x.sensor != r.cfg.Sensor, r.chosen && x.sensor != r.sensor && !r.cfg.All:
		return false
	case x.err == nil && !fits && (r.cfg.Sensor != "" || r.chosen):
		r.bad(x.line, fmt.Errorf("unit %.20q, want %s", x.unit, p.Unit))
	}
	return fits || x.err != nil
}

func (r *Reader) bad(line int, err error) {
	if r.first == nil {
		r.first = fmt.Errorf("line %d: %w", line, err)
	}
	if r.cfg.Bad != nil {
		r.cfg.Bad(line, err)
	}
}
