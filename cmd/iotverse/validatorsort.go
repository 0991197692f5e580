package main

import (
	"bufio"
	"cmp"
	priority "container/heap"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"slices"
)

// A file of readings is sorted by sensor, but a batch is judged beside what the others sent up to its end. So the rows are
// put in order of time first: in memory while they fit, else by runs in one temporary file that are merged.

// sentRow is one reading. key is its place in time, in ms (series.Places).
type sentRow struct {
	key     int64
	order   int64 // line of the file
	t       int64 // ms
	arrival int64 // ms; 0 if the file does not say
	batch   int64
	value   float64
	sensor  uint32
	last    bool // of its batch
}

const (
	sentRowSize = 53
	runRows     = 400_000 // kept in memory, about 25 MB
)

func (r *sentRow) encode(b []byte) {
	for i, x := range []int64{r.key, r.order, r.t, r.arrival, r.batch, int64(math.Float64bits(r.value))} {
		binary.LittleEndian.PutUint64(b[8*i:], uint64(x))
	}
	binary.LittleEndian.PutUint32(b[48:], r.sensor)
	b[52] = 0
	if r.last {
		b[52] = 1
	}
}

func (r *sentRow) decode(b []byte) {
	for i, x := range []*int64{&r.key, &r.order, &r.t, &r.arrival, &r.batch} {
		*x = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	r.value = math.Float64frombits(binary.LittleEndian.Uint64(b[40:]))
	r.sensor, r.last = binary.LittleEndian.Uint32(b[48:]), b[52] == 1
}

// before is the order of time; within one moment the sensors follow one another, each as it sent.
func (r *sentRow) before(o *sentRow) int {
	return cmp.Or(cmp.Compare(r.key, o.key), cmp.Compare(r.sensor, o.sensor), cmp.Compare(r.order, o.order))
}

// rowSorter takes rows in any order and gives them in order of time.
type rowSorter struct {
	rows  []sentRow
	limit int // rows in memory
	file  *os.File
	gone  bool    // the file has no name any more
	runs  []int64 // where each run in the file ends
}

func (s *rowSorter) add(r sentRow) error {
	s.rows = append(s.rows, r)
	if len(s.rows) >= s.limit {
		return s.spill()
	}
	return nil
}

// spill writes the rows in memory as one more run.
func (s *rowSorter) spill() error {
	if s.file == nil {
		f, err := os.CreateTemp("", "iotverse-rows-*")
		if err != nil {
			return err
		}
		s.file = f
		s.gone = os.Remove(f.Name()) == nil // where a file may be open without a name, a signal leaves nothing behind
	}
	s.order()
	end := int64(0)
	if n := len(s.runs); n > 0 {
		end = s.runs[n-1]
	}
	w := bufio.NewWriterSize(s.file, 1<<18)
	var b [sentRowSize]byte
	for i := range s.rows {
		s.rows[i].encode(b[:])
		if _, err := w.Write(b[:]); err != nil {
			return err
		}
	}
	s.runs = append(s.runs, end+int64(len(s.rows))*sentRowSize)
	s.rows = s.rows[:0]
	return w.Flush()
}

func (s *rowSorter) order() {
	slices.SortFunc(s.rows, func(a, b sentRow) int { return a.before(&b) })
}

// close removes the temporary file, if that is still to be done.
func (s *rowSorter) close() error {
	if s.file == nil {
		return nil
	}
	if s.gone {
		return s.file.Close()
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// each calls take for all rows in order of time.
func (s *rowSorter) each(take func(*sentRow) error) error {
	if s.file == nil {
		s.order()
		for i := range s.rows {
			if err := take(&s.rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.rows) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.rows = nil
	var h runHeap
	start := int64(0)
	for _, end := range s.runs {
		r := &sortedRun{in: bufio.NewReaderSize(io.NewSectionReader(s.file, start, end-start), 1<<15)}
		if err := r.next(); err != nil {
			return err
		}
		h, start = append(h, r), end
	}
	priority.Init(&h)
	for len(h) > 0 {
		if err := take(&h[0].row); err != nil {
			return err
		}
		switch err := h[0].next(); {
		case errors.Is(err, io.EOF):
			priority.Pop(&h)
		case err != nil:
			return err
		default:
			priority.Fix(&h, 0)
		}
	}
	return nil
}

// sortedRun reads one run.
type sortedRun struct {
	in  *bufio.Reader
	row sentRow
}

func (r *sortedRun) next() error {
	var b [sentRowSize]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		return err
	}
	r.row.decode(b[:])
	return nil
}

// runHeap is the runs by their next row.
type runHeap []*sortedRun

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return h[i].row.before(&h[j].row) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*sortedRun)) }
func (h *runHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
