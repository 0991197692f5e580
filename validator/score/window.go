package score

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// maxDeclared bounds the readings that a batch or a window counts for.
const maxDeclared = 1 << 20

// window is an Input laid out for the statistics.
type window struct {
	batches  []Batch // ascending by seq, each seq once
	pieces   [][]Reading
	starts   []uint64  // seq of each piece's first batch
	seen     []Reading // all opened readings, in order
	values   []float64 // the finite values of seen
	received int
	expected int
	median   float64
	longest  int // longest run of equal readings

	offset float64 // usual one from the neighbours
	rho    float64 // largest correlation that novelty found
	smooth float64 // what invented found
	wrong  *Unit   // what unit found
	fits   float64
	looks  string // what safe found
	alike  int    // readings that look like it

	refused int // batches that were no pack of the property
}

// prepare sorts the batches and joins opened neighbours into pieces, inside of which differences mean something.
func prepare(in Input) *window {
	w := &window{batches: slices.Clone(in.Batches)}
	slices.SortStableFunc(w.batches, func(a, b Batch) int { return cmp.Compare(a.Seq, b.Seq) })
	w.batches = slices.CompactFunc(w.batches, func(a, b Batch) bool { return a.Seq == b.Seq })
	for i, b := range w.batches {
		n := b.N
		if b.Readings != nil {
			n = len(b.Readings)
		}
		if b.Refused {
			w.refused++
		}
		if !b.Missing && !b.Refused {
			w.received += min(max(n, 0), maxDeclared)
		}
		if len(b.Readings) == 0 {
			continue
		}
		joins := i > 0 && len(w.batches[i-1].Readings) > 0 && w.batches[i-1].Seq+1 == b.Seq
		if joins {
			last := len(w.pieces) - 1
			w.pieces[last] = append(w.pieces[last], b.Readings...)
		} else {
			w.pieces, w.starts = append(w.pieces, slices.Clone(b.Readings)), append(w.starts, b.Seq)
		}
	}
	for _, p := range w.pieces {
		w.seen = append(w.seen, p...)
	}
	for _, r := range w.seen {
		if finite(r.V) {
			w.values = append(w.values, r.V)
		}
	}
	w.median = number.Median(slices.Clone(w.values))
	w.longest = longestRun(w.pieces, in.Profile.Grid)
	w.expected = expected(in, w.received)
	return w
}

// expected is how many readings the window should hold: what the caller says, else by the offered period, else what came.
func expected(in Input, received int) int {
	if in.Expected > 0 {
		return in.Expected
	}
	if in.Profile.Period > 0 && in.Profile.Length > 0 {
		return int(min(in.Profile.Length/in.Profile.Period, maxDeclared))
	}
	return received
}

// complete is c of MECHANISM 4.
func (w *window) complete() float64 {
	if w.expected <= 0 {
		return number.Unit(float64(w.received))
	}
	return number.Unit(float64(w.received) / float64(w.expected))
}

// faults returns the caller's hard codes and code 4, ascending.
func (w *window) faults(in Input) []Code {
	var codes []Code
	for _, c := range in.Faults {
		if c.Hard() {
			codes = addCode(codes, c)
		}
	}
	if w.backwards() {
		codes = addCode(codes, CodeBackwards)
	}
	return codes
}

// backwards tells whether time runs backwards: in a header, from one header to the next, or among the opened readings.
// Equal times are fine, since sellers may round them to a second.
func (w *window) backwards() bool {
	for i, b := range w.batches {
		if b.T0 > b.T1 || i > 0 && b.T0 < w.batches[i-1].T1 {
			return true
		}
	}
	return !slices.IsSortedFunc(w.seen, func(a, b Reading) int { return cmp.Compare(a.T, b.T) })
}

// longestRun is the largest number of readings in a row that are equal on the grid.
func longestRun(pieces [][]Reading, grid float64) int {
	longest := 0
	for _, p := range pieces {
		run := 0
		for i, r := range p {
			if i > 0 && step(p[i-1].V, r.V, grid) == 0 {
				run++
			} else {
				run = 1
			}
			longest = max(longest, run)
		}
	}
	return longest
}
