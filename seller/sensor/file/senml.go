package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

const (
	maxRecord = 1 << 20 // bytes from one SenML record to the next
	relative  = 1 << 28 // seconds: smaller times count from now (RFC 8428 §4.5.3)
)

// senml reads SenML JSON: an array of records, or records one after the other as in SensML.
type senml struct {
	in     *limited
	dec    *json.Decoder
	bare   bool // records without a pack around them
	inside bool // a pack
	record int
	base   record    // b… fields in force
	now    time.Time // zero: relative times are refused
}

// record is a SenML record with the fields that make a numeric reading (RFC 8428 §4).
type record struct {
	BaseName  *string  `json:"bn"`
	BaseTime  *float64 `json:"bt"`
	BaseUnit  *string  `json:"bu"`
	BaseValue *float64 `json:"bv"`
	Version   *float64 `json:"bver"`
	Name      string   `json:"n"`
	Unit      string   `json:"u"`
	Time      float64  `json:"t"`
	Value     *float64 `json:"v"`
}

// limited lets a decoder read only so far ahead, since it keeps what it has not decoded.
type limited struct {
	in   io.Reader
	read int64
	end  int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.read >= l.end {
		return 0, fmt.Errorf("record of more than %d bytes", maxRecord)
	}
	n, err := l.in.Read(p[:min(int64(len(p)), l.end-l.read)])
	l.read += int64(n)
	return n, err
}

func newSenML(in io.Reader, now time.Time) *senml {
	l := &limited{in: in, end: maxRecord}
	return &senml{in: l, dec: json.NewDecoder(l), now: now}
}

func (s *senml) next() (row, error) {
	s.in.end = s.dec.InputOffset() + maxRecord
	if err := s.enter(); err != nil {
		return row{}, err
	}
	var raw json.RawMessage
	if err := s.dec.Decode(&raw); errors.Is(err, io.EOF) && s.bare {
		return row{}, io.EOF
	} else if err != nil {
		return row{}, fmt.Errorf("record %d: %w", s.record+1, unexpected(err))
	}
	s.record++
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return row{line: s.record, err: fmt.Errorf("no SenML record: %w", err)}, nil
	}
	if foreign(raw) {
		return row{line: s.record, err: errors.New("a field that ends in _ must be understood and is not")}, nil
	}
	return s.resolve(r), nil
}

// enter stands the decoder before a record: it goes into a pack, and from the end of one into the next, where the base
// fields start anew. Error: io.EOF after the last pack.
func (s *senml) enter() error {
	for !s.bare {
		if s.inside && s.dec.More() {
			return nil
		}
		t, err := s.dec.Token()
		switch {
		case errors.Is(err, io.EOF) && !s.inside:
			return io.EOF
		case err != nil:
			return fmt.Errorf("after record %d: %w", s.record, unexpected(err))
		case t == json.Delim('['):
			s.inside, s.base = true, record{}
		case t == json.Delim(']'):
			s.inside = false
		default:
			return fmt.Errorf("after record %d: %v where a pack should begin", s.record, t)
		}
	}
	return nil
}

// foreign tells whether a record has a field that nobody may pass over (RFC 8428 §4.4).
func foreign(raw []byte) bool {
	var fields map[string]json.RawMessage
	if !bytes.Contains(raw, []byte(`_"`)) || json.Unmarshal(raw, &fields) != nil {
		return false
	}
	for name := range fields {
		if strings.HasSuffix(name, "_") {
			return true
		}
	}
	return false
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// resolve applies the base fields. They stay in force until the next record that carries one.
func (s *senml) resolve(r record) row {
	s.inherit(r)
	x := row{line: s.record, sensor: r.Name, unit: r.Unit}
	if s.base.BaseName != nil {
		x.sensor = *s.base.BaseName + r.Name
	}
	if x.unit == "" && s.base.BaseUnit != nil {
		x.unit = *s.base.BaseUnit
	}
	var base, seconds float64
	if s.base.BaseValue != nil {
		base = *s.base.BaseValue
	}
	if s.base.BaseTime != nil {
		seconds = *s.base.BaseTime
	}
	if seconds += r.Time; seconds < relative && !s.now.IsZero() {
		seconds += float64(s.now.UnixMilli()) / 1000
	}
	if r.Value != nil {
		base += *r.Value
	}
	ms, err := milliseconds(seconds)
	switch {
	case s.base.Version != nil && *s.base.Version > 10:
		x.err = fmt.Errorf("SenML version %v, known is 10", *s.base.Version)
	case r.Value == nil && s.base.BaseValue == nil:
		x.err = errors.New("no numeric value")
	case err != nil:
		x.err = err
	case seconds < relative:
		x.err = fmt.Errorf("time %v s is relative to now", seconds)
	case math.IsInf(base, 0):
		x.err = errors.New("value is infinite")
	}
	x.reading = protocol.Reading{Time: ms, Value: base}
	return x
}

func (s *senml) inherit(r record) {
	if r.BaseName != nil {
		s.base.BaseName = r.BaseName
	}
	if r.BaseTime != nil {
		s.base.BaseTime = r.BaseTime
	}
	if r.BaseUnit != nil {
		s.base.BaseUnit = r.BaseUnit
	}
	if r.BaseValue != nil {
		s.base.BaseValue = r.BaseValue
	}
	if r.Version != nil {
		s.base.Version = r.Version
	}
}
