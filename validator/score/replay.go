package score

import (
	"fmt"
	"math"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// A Part is a stretch of one opened batch: its readings From, From+1, … out of Of.
type Part struct {
	Run
	From, Of int
}

// A Replay is the evidence of code 5: two runs of readings, each through batches that follow one another, equal step by
// step. This contains at least one reading of the window Wid. Whoever gets it from others first checks the signatures,
// roots and times of commitment of its parts, then VerifyReplay.
type Replay struct {
	Wid           [32]byte
	This, Earlier []Part
}

// VerifyReplay tells whether r proves hard code 5 for the window r.Wid under the grid of p. Error: Invalid with the reason.
func VerifyReplay(r Replay, p Profile) error {
	if !(p.Grid > 0) {
		return fmt.Errorf("replay: property %q has no grid: %w", p.Property, byteball.Invalid)
	}
	this, err := join(r.This)
	if err != nil {
		return fmt.Errorf("replay: this run: %w", err)
	}
	earlier, err := join(r.Earlier)
	if err != nil {
		return fmt.Errorf("replay: earlier run: %w", err)
	}
	if !slices.ContainsFunc(r.This, func(p Part) bool { return p.Wid == r.Wid }) {
		return fmt.Errorf("replay: no reading of the window judged: %w", byteball.Invalid)
	}
	if len(this) != len(earlier) || len(this) < minRun {
		return fmt.Errorf("replay: runs of %d and %d readings, want the same number over %d: %w", len(this), len(earlier), minRun-1, byteball.Invalid)
	}
	if !precedes(earlier, this) {
		return fmt.Errorf("replay: the second run is not the earlier one: %w", byteball.Invalid)
	}
	return equal(this, earlier, p.Grid)
}

// told is a reading with where it stands.
type told struct {
	part  *Part
	value float64
}

// join flattens the parts of a run. Error: Invalid unless they are consecutive stretches of one seller's chain.
func join(parts []Part) ([]told, error) {
	if len(parts) == 0 || len(parts) > maxParts {
		return nil, fmt.Errorf("%d batches, want 1..%d: %w", len(parts), maxParts, byteball.Invalid)
	}
	var all []told
	for i := range parts {
		p := &parts[i]
		n := len(p.Readings)
		if n == 0 || p.From < 0 || p.Of < n || p.From > p.Of-n {
			return nil, fmt.Errorf("batch %d: %d readings from %d on out of %d: %w", p.Seq, n, p.From, p.Of, byteball.Invalid)
		}
		if i > 0 {
			q := &parts[i-1]
			if q.Seller != p.Seller || q.Seq == math.MaxUint64 || q.Seq+1 != p.Seq || q.From+len(q.Readings) != q.Of || p.From != 0 {
				return nil, fmt.Errorf("batch %d does not continue batch %d: %w", p.Seq, q.Seq, byteball.Invalid)
			}
		}
		if len(all)+n > maxRun {
			return nil, fmt.Errorf("more than %d readings: %w", maxRun, byteball.Invalid)
		}
		for _, r := range p.Readings {
			if !finite(r.V) {
				return nil, fmt.Errorf("batch %d: a value is no number: %w", p.Seq, byteball.Invalid)
			}
			all = append(all, told{p, r.V})
		}
	}
	return all, nil
}

// precedes tells whether run a is earlier than run b: of the same seller in batches that all come before those of b, of
// another seller reading by reading under an earlier commitment. So the victim of a plagiarist is never blamed.
func precedes(a, b []told) bool {
	if a[0].part.Seller == b[0].part.Seller {
		return a[len(a)-1].part.Seq < b[0].part.Seq
	}
	for i := range a {
		if a[i].part.Committed >= b[i].part.Committed {
			return false
		}
	}
	return true
}

// equal tells whether two runs of one length are the same up to one constant on the grid, with enough different steps.
func equal(this, earlier []told, grid float64) error {
	different := map[int64]bool{}
	for i := 1; i < len(this); i++ {
		s := step(this[i-1].value, this[i].value, grid)
		if s == broken || s != step(earlier[i-1].value, earlier[i].value, grid) {
			return fmt.Errorf("replay: the runs differ at reading %d: %w", i, byteball.Invalid)
		}
		drift := drift(this[0].value, earlier[0].value, this[i].value, earlier[i].value)
		if !(math.Abs(drift) <= grid/2) {
			return fmt.Errorf("replay: the runs drift apart by %v at reading %d: %w", drift, i, byteball.Invalid)
		}
		if s != 0 {
			different[s] = true
		}
	}
	if len(different) < minDistinct {
		return fmt.Errorf("replay: %d different steps, want %d: %w", len(different), minDistinct, byteball.Invalid)
	}
	return nil
}

// drift is by how much two runs that began with the values a and b have moved apart, or together, when they are at x and y.
func drift(a, b, x, y float64) float64 { return (x - y) - (a - b) }

// findReplay looks for a run through the window's opened batches (and the seller's batches before them) that repeats an
// earlier one, in the index and in the window itself. It returns the first one with its earliest original. A witness that
// ends before the window is tried, too, drawn out to the window's first reading.
func findReplay(in Input, w *window) *Replay {
	grid := in.Profile.Grid
	if !(grid > 0) || !finite(grid) {
		return nil
	}
	own := newIndex(grid, Limits{Horizon: math.MaxInt64, PerSeller: math.MaxInt}) // of the window and what leads to it: the original, too, may reach into the window
	sources := []*Index{own}
	if past := in.past(); past != nil {
		sources = []*Index{past, own}
	}
	for _, chain := range w.chains(in) {
		var t strand
		first := 0
		for _, b := range append(in.lead(chain[0].Seq), chain...) {
			if own.Add(b.Run) != nil {
				return nil // not possible: chains leaves out what Add refuses
			}
			if b == chain[0] {
				first = len(t.spots)
			}
			for off := range b.Readings {
				t.push(spot{b, off}, grid)
			}
		}
		var found *Replay
		t.witnesses(func(v witness) {
			for _, x := range sources {
				x.candidates(v.key, func(s spot) bool {
					if end := max(v.to, first); found == nil && end-v.from < maxRun {
						found = t.compare(v.from, end, s, in)
					}
					return found == nil
				})
			}
		})
		if found != nil {
			return found
		}
	}
	return nil
}

// past returns the index if it is one for this grid.
func (in Input) past() *Index {
	if in.Index == nil || in.Index.grid != in.Profile.Grid {
		return nil
	}
	return in.Index
}

// chains returns the window's opened batches, grouped where they follow one another. Batches with values that are no
// numbers are left out.
func (w *window) chains(in Input) [][]*block {
	var all [][]*block
	for _, b := range w.batches {
		if len(b.Readings) == 0 || slices.ContainsFunc(b.Readings, func(r Reading) bool { return !finite(r.V) }) {
			continue
		}
		n := &block{Run: Run{in.Seller, in.Wid, b.Seq, in.Committed, b.Readings}}
		if last := len(all) - 1; last >= 0 && all[last][len(all[last])-1].Seq+1 == b.Seq {
			all[last] = append(all[last], n)
		} else {
			all = append(all, []*block{n})
		}
	}
	return all
}

// lead returns the seller's batches right before batch seq, as many as hold maxRun readings, ascending.
func (in Input) lead(seq uint64) []*block {
	var before []*block
	for n := 0; seq > 0 && n < maxRun && in.past() != nil; seq-- {
		shelf := in.past().sellers[in.Seller]
		at, ok := shelf.find(seq - 1)
		if !ok {
			break
		}
		before = append(before, shelf.blocks[at])
		n += len(shelf.blocks[at].Readings)
	}
	slices.Reverse(before)
	return before
}

// alike tells whether the run that starts at s keeps to t's readings from..to. It says nothing that VerifyReplay does not say
// again, but it makes no evidence first: who sends a thousand runs that are equal step by step and drift apart by less than
// half a step would have a member compare for minutes.
func (t *strand) alike(from, to int, s spot, grid float64) bool {
	first := s.b.Readings[s.off].V
	for i, before := from+1, first; i <= to; i++ {
		if s.off++; s.off == len(s.b.Readings) {
			if s.b, s.off = s.b.next, 0; s.b == nil {
				return false
			}
		}
		v := s.b.Readings[s.off].V
		if !(math.Abs(drift(t.value(from), first, t.value(i), v)) <= grid/2) || step(before, v, grid) != t.steps[i-1] {
			return false
		}
		before = v
	}
	return true
}

// compare returns the evidence if the run that starts at s is an earlier equal of t's readings from..to.
func (t *strand) compare(from, to int, s spot, in Input) *Replay {
	if s.b.Seller == in.Seller && s.b.Seq >= t.spots[from].b.Seq {
		return nil // itself, or later
	}
	if !t.alike(from, to, s, in.Profile.Grid) {
		return nil
	}
	old := follow(s, to-from+1, in.Profile.Grid)
	if len(old.spots) <= to-from {
		return nil
	}
	r := &Replay{Wid: in.Wid, This: parts(t.spots[from : to+1]), Earlier: parts(old.spots)}
	if VerifyReplay(*r, in.Profile) != nil {
		return nil
	}
	return r
}

// parts cuts consecutive spots into stretches of batches.
func parts(spots []spot) []Part {
	var out []Part
	for _, s := range spots {
		last := len(out) - 1
		if last < 0 || out[last].Seq != s.b.Seq {
			out = append(out, Part{Run: s.b.Run, From: s.off, Of: len(s.b.Readings)})
			last++
			out[last].Readings = nil
		}
		out[last].Readings = append(out[last].Readings, s.b.Readings[s.off])
	}
	return out
}
