package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iotverse/iotverse/validator/detect/series"
)

// maxComplaints bad rows are reported one by one, the others by number.
const maxComplaints = 20

// maxSensors bounds the sensors of a file: each is watched with up to 64 kB.
const maxSensors = 10_000

// rowReader reads a CSV of readings into a sorter. Memory grows with the number of sensors, not of rows.
type rowReader struct {
	sorter  *rowSorter
	stderr  io.Writer
	name    string
	columns [5]int // sensor, batch, ts, value, arrival; −1 if not there
	index   map[string]int
	names   []string
	senders []*sender
	torn    int64 // batches that began after a later one
	good    int64
	bad     int64
}

// read takes the whole file. It is an error if there is no header or no good row; bad rows are reported and left out.
func (r *rowReader) read(file io.Reader) error {
	in := bufio.NewReaderSize(file, 1<<16)
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("%s: %v", r.name, err)
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	head, err := in.Peek(512)
	if len(head) == 0 {
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: %v", r.name, err)
		}
		return fmt.Errorf("%s is empty: want sensor,batch,seq,ts,value", r.name)
	}
	if strings.ContainsRune(string(head), 0) || !utf8.Valid(head[:max(len(head)-3, 0)]) && !utf8.Valid(head) {
		return fmt.Errorf("%s is no text: want CSV with sensor,batch,seq,ts,value", r.name)
	}
	if err := r.rows(in); err != nil {
		return err
	}
	if r.bad > maxComplaints {
		fmt.Fprintf(r.stderr, "iotverse: %s: %d bad rows in all were left out\n", r.name, r.bad)
	}
	if r.good == 0 {
		return fmt.Errorf("%s: no row is a reading", r.name)
	}
	if r.torn > 1 {
		fmt.Fprintf(r.stderr, "iotverse: %s: %d batches in all come after a later one\n", r.name, r.torn)
	}
	return r.end()
}

// rows reads line by line, so that one stray quote or an endless line spoils no more than itself.
func (r *rowReader) rows(in *bufio.Reader) error {
	r.index = map[string]int{}
	cells := make([]string, 0, 8)
	headed := false
	for line := int64(1); ; line++ {
		text, err := rowText(in)
		if len(text) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		switch {
		case errors.Is(err, errLongRow):
			r.complain(line, err)
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("%s: after line %d: %v", r.name, line-1, err)
		case len(strings.TrimSpace(text)) == 0:
			continue
		}
		cells = splitRow(cells[:0], text)
		if !headed {
			if err := r.header(line, cells); err != nil {
				return err
			}
			headed = true
			continue
		}
		row, sensor, err := r.parse(cells)
		if err != nil {
			r.complain(line, err)
			continue
		}
		r.good++
		row.order = line
		if err := r.take(row, sensor); err != nil {
			return err
		}
	}
}

var errLongRow = errors.New("longer than 64 kB")

// rowText returns the next line without its end; the last one comes with io.EOF.
func rowText(in *bufio.Reader) (string, error) {
	b, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return strings.TrimRight(string(b), "\r\n"), err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "", errLongRow
}

// splitRow cuts a line at its commas, but for those in a cell that stands in quotes (RFC 4180). A quote that begins no such
// cell is a character as any other.
func splitRow(cells []string, line string) []string {
	line = strings.TrimPrefix(line, "\ufeff")
	for more := true; more; {
		var cell string
		if end := quoteEnd(line); end > 0 {
			cell = strings.ReplaceAll(line[1:end], `""`, `"`)
			_, line, more = strings.Cut(line[end:], ",")
		} else {
			cell, line, more = strings.Cut(line, ",")
		}
		cells = append(cells, cell)
	}
	return cells
}

// quoteEnd is where the quote stands that ends the cell at the beginning of line, 0 if it is no cell in quotes.
func quoteEnd(line string) int {
	if line == "" || line[0] != '"' {
		return 0
	}
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] != '"':
		case i+1 == len(line) || line[i+1] == ',':
			return i
		case line[i+1] == '"':
			i++
		default:
			return 0
		}
	}
	return 0
}

func (r *rowReader) complain(line int64, err error) {
	if r.bad++; r.bad <= maxComplaints {
		fmt.Fprintf(r.stderr, "iotverse: %s: line %d: %v; left out\n", r.name, line, err)
	}
}

func (r *rowReader) header(line int64, cells []string) error {
	for i, want := range [...]string{"sensor", "batch", "ts", "value", "arrival"} {
		r.columns[i] = -1
		for k, c := range cells {
			if strings.TrimSpace(c) == want {
				r.columns[i] = k
			}
		}
		if r.columns[i] < 0 && want != "arrival" {
			return fmt.Errorf("%s: line %d: no column %s: want sensor,batch,seq,ts,value", r.name, line, want)
		}
	}
	return nil
}

// parse reads one row.
func (r *rowReader) parse(cells []string) (row sentRow, sensor string, err error) {
	if most := slices.Max(r.columns[:4]); most >= len(cells) {
		return row, "", fmt.Errorf("%d cells, want at least %d", len(cells), most+1)
	}
	sensor = cells[r.columns[0]]
	if sensor == "" || len(sensor) > 200 {
		return row, "", fmt.Errorf("sensor name of %d bytes, want 1..200", len(sensor))
	}
	if row.batch, err = strconv.ParseInt(strings.TrimSpace(cells[r.columns[1]]), 10, 64); err != nil {
		return row, "", fmt.Errorf("batch %.40q is no whole number", cells[r.columns[1]])
	}
	if row.t, err = millis(cells[r.columns[2]]); err != nil {
		return row, "", err
	}
	if row.value, err = strconv.ParseFloat(strings.TrimSpace(cells[r.columns[3]]), 64); err != nil || math.Abs(row.value) > 1e15 || math.IsNaN(row.value) {
		return row, "", fmt.Errorf("value %.40q is no number that a sensor gives", cells[r.columns[3]])
	}
	if k := r.columns[4]; k >= 0 && k < len(cells) && strings.TrimSpace(cells[k]) != "" {
		row.arrival, err = millis(cells[k])
	}
	return row, sensor, err
}

// millis reads seconds since 1970.
func millis(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > -1e11 && n < 1e11 {
		return n * 1000, nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(math.Abs(x) < 1e11) {
		return 0, fmt.Errorf("time %.40q is no number of seconds since 1970", s)
	}
	return int64(math.Round(x * 1000)), nil
}

// take puts a row behind those of its sensor, and passes one of these on if enough are known that came after it.
func (r *rowReader) take(row sentRow, sensor string) error {
	i, ok := r.index[sensor]
	if !ok {
		if len(r.names) == maxSensors {
			return fmt.Errorf("%s: line %d: over %d sensors: is every row one, or are they many files?", r.name, row.order, maxSensors)
		}
		sensor = strings.Clone(sensor)
		i = len(r.names)
		r.index[sensor] = i
		r.names = append(r.names, sensor)
		r.senders = append(r.senders, &sender{places: series.NewPlaces(), top: row.batch})
	}
	row.sensor = uint32(i)
	s := r.senders[i]
	if len(s.rows) > 0 && row.batch != s.rows[len(s.rows)-1].batch && row.batch < s.top {
		if r.torn++; r.torn == 1 {
			fmt.Fprintf(r.stderr, "iotverse: %s: line %d: batch %d of %q comes after batch %d: want rows as the sensor sent them; a batch in pieces gets a score for each\n",
				r.name, row.order, row.batch, sensor, s.top)
		}
	}
	s.top = max(s.top, row.batch)
	if !s.push(row) {
		return nil
	}
	return r.sorter.add(s.pop())
}

func (r *rowReader) end() error {
	for _, s := range r.senders {
		s.rows[len(s.rows)-1].last = true
		for len(s.rows) > 0 {
			if err := r.sorter.add(s.pop()); err != nil {
				return err
			}
		}
	}
	return nil
}

// sender is the rows of one sensor that have no place in time yet.
type sender struct {
	rows   []sentRow
	places *series.Places
	top    int64 // highest batch so far
}

// push takes a row and says whether the oldest is to be popped now.
func (s *sender) push(row sentRow) bool {
	if n := len(s.rows); n > 0 {
		s.rows[n-1].last = s.rows[n-1].batch != row.batch
	}
	s.rows = append(s.rows, row)
	return s.places.Push(row.t)
}

func (s *sender) pop() sentRow {
	row := s.rows[0]
	s.rows = s.rows[1:]
	row.key = s.places.Pop()
	return row
}
