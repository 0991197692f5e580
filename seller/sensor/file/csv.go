package file

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

const maxLine = 64 << 10 // bytes of a line; longer ones are skipped

// lines reads CSV.
type lines struct {
	in     *bufio.Reader
	prop   string
	line   int
	ready  bool
	fields int // of the first row
	ts     int // columns
	sensor int // −1: there is none
	value  int
}

func (l *lines) next() (row, error) {
	for {
		text, err := l.read()
		if err != nil && !errors.Is(err, errLong) {
			return row{}, err
		}
		if err == nil && strings.TrimSpace(text) == "" {
			continue
		}
		f, errSplit := split(text)
		switch {
		case err != nil:
			return row{line: l.line, err: err}, nil
		case errSplit != nil:
			return row{line: l.line, err: errSplit}, nil
		case !l.ready:
			header, err := l.layout(f)
			if err != nil {
				return row{}, err
			}
			if header {
				continue
			}
		}
		return l.parse(f), nil
	}
}

var errLong = fmt.Errorf("line of more than %d bytes", maxLine)

// read returns the next line without its end. Of a line that is too long it returns nothing and errLong.
func (l *lines) read() (string, error) {
	text, err := l.in.ReadSlice('\n')
	l.line++
	if !errors.Is(err, bufio.ErrBufferFull) {
		if errors.Is(err, io.EOF) && len(text) > 0 {
			err = nil
		}
		return strings.TrimRight(string(text), "\r\n"), err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "", errLong
}

func split(text string) ([]string, error) {
	var (
		f   []string
		err error
	)
	if strings.Contains(text, `"`) {
		f, err = csv.NewReader(strings.NewReader(text)).Read()
	} else {
		f = strings.Split(text, ",")
	}
	for i := range f {
		f[i] = strings.TrimSpace(f[i])
	}
	return f, err
}

// layout finds the columns by the first line and tells whether that line is a header.
func (l *lines) layout(f []string) (header bool, err error) {
	l.ready, l.fields = true, len(f)
	l.ts, l.sensor, l.value = 0, -1, len(f)-1
	if len(f) == 3 {
		l.sensor = 1
	}
	if slices.ContainsFunc(f, isData) {
		if len(f) != 2 && len(f) != 3 {
			return false, fmt.Errorf("line %d: %d columns and no header, want ts,value or ts,sensor,value", l.line, len(f))
		}
		return false, nil
	}
	return true, l.header(f)
}

// header finds the columns by their names; in a table of two or three columns the usual order helps where names do not.
func (l *lines) header(f []string) error {
	find := func(names ...string) int {
		return slices.IndexFunc(f, func(s string) bool {
			return slices.Contains(names, strings.ReplaceAll(strings.ToLower(s), "_", "-"))
		})
	}
	ts, value, sensor := find("ts", "time", "timestamp", "datetime", "date"), find("value", l.prop), find("sensor", "id", "name", "device", "station", "seller")
	if len(f) == 2 || len(f) == 3 {
		if ts < 0 {
			ts = 0
		}
		if value < 0 {
			value = len(f) - 1
		}
		if sensor < 0 && len(f) == 3 {
			sensor = 3 - ts - value
		}
	}
	if ts < 0 || value < 0 || ts == value {
		return fmt.Errorf("line %d: no columns for time and value among %.200q; name them ts and value", l.line, strings.Join(f, ","))
	}
	l.ts, l.sensor, l.value = ts, sensor, value
	return nil
}

// isData tells whether a field is a number or a time, as no header's field is.
func isData(s string) bool {
	_, errN := number(s)
	_, errT := moment(s)
	return errN == nil || errT == nil
}

func (l *lines) parse(f []string) row {
	r := row{line: l.line}
	if len(f) != l.fields {
		r.err = fmt.Errorf("%d columns, the first line has %d", len(f), l.fields)
		return r
	}
	if l.sensor >= 0 {
		r.sensor = f[l.sensor]
	}
	ms, err := moment(f[l.ts])
	if err != nil {
		r.err = err
		return r
	}
	v, err := number(f[l.value])
	if err != nil {
		r.err = fmt.Errorf("value %w", err)
		return r
	}
	r.reading = protocol.Reading{Time: ms, Value: v}
	return r
}

// number reads a finite decimal number.
func number(s string) (float64, error) {
	if s == "" {
		return 0, errors.New("is missing")
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, fmt.Errorf("%.40q is no number", s)
	}
	return v, nil
}

// moment reads a time: Unix seconds, RFC 3339, or that without a zone, which is taken as UTC. It returns milliseconds.
func moment(s string) (int64, error) {
	if v, err := number(s); err == nil {
		return milliseconds(v)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return milliseconds(float64(t.UnixMilli()) / 1000)
		}
	}
	return 0, fmt.Errorf("time %.40q is neither Unix seconds nor RFC 3339", s)
}

// milliseconds of a time in seconds between 1970 and 2286.
func milliseconds(seconds float64) (int64, error) {
	if !(seconds >= 0 && seconds <= 1e10) {
		return 0, fmt.Errorf("time %v is not between 1970 and 2286 in seconds; is it in milliseconds?", seconds)
	}
	return int64(math.Round(seconds * 1000)), nil
}
