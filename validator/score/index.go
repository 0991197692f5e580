package score

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// A Run is the readings of one opened, root-proven batch of one seller. Committed (Unix ms) orders commitments: the
// validator must take it from the same source for all sellers (its own receipts), never from the sellers' clocks.
type Run struct {
	Seller    [32]byte
	Wid       [32]byte // of its window
	Seq       uint64
	Committed int64
	Readings  []Reading
}

// Limits bound an Index. Zero values are the defaults.
type Limits struct {
	Horizon   int64 // ms; runs that were committed longer before the newest are dropped. Default 7 days
	PerSeller int   // readings kept of one seller, default 65,536
	Total     int   // readings kept in all, default 4,194,304 (about 60 bytes each)
}

// An Index holds the opened batches of all sellers of one property and finds replayed runs in them, in a time that does not
// depend on how much it holds. It is not safe for concurrent use while Add runs.
type Index struct {
	grid    float64
	limits  Limits
	sellers map[[32]byte]*shelf
	byAge   []*block          // ascending by Committed
	first   map[uint64]spot   // the oldest run of each key
	more    map[uint64][]spot // further ones, few
	size    int
}

// shelf is what an Index keeps of one seller.
type shelf struct {
	blocks []*block // ascending by seq
	size   int
}

// maxSame bounds the runs remembered for one key: the earliest commitments stay.
const maxSame = 16

// NewIndex returns an empty index for a property with this grid. Error: Invalid if the grid is not over 0.
func NewIndex(grid float64, limits Limits) (*Index, error) {
	if !(grid > 0) || !finite(grid) {
		return nil, fmt.Errorf("index: grid %v is not over 0: %w", grid, byteball.Invalid)
	}
	return newIndex(grid, limits), nil
}

func newIndex(grid float64, limits Limits) *Index {
	limits.Horizon = cmp.Or(max(limits.Horizon, 0), 7*24*3600*1000)
	limits.PerSeller = cmp.Or(max(limits.PerSeller, 0), 1<<16)
	limits.Total = cmp.Or(max(limits.Total, 0), 1<<22)
	return &Index{
		grid: grid, limits: limits, sellers: map[[32]byte]*shelf{},
		first: map[uint64]spot{}, more: map[uint64][]spot{},
	}
}

// Len returns the number of readings held.
func (x *Index) Len() int { return x.size }

// Add puts a run in, in any order, and drops what the limits no longer allow, the oldest first. It keeps
// r.Readings: the caller must not change them. A batch that is already there, or that holds nothing, is left out.
// Error: Invalid if a value is no number; Stale if the run is older than the horizon.
func (x *Index) Add(r Run) error {
	for i, v := range r.Readings {
		if !finite(v.V) {
			return fmt.Errorf("index: batch %d: reading %d is no number: %w", r.Seq, i, byteball.Invalid)
		}
	}
	if n := len(x.byAge); n > 0 && minus(x.byAge[n-1].Committed, r.Committed) > x.limits.Horizon {
		return fmt.Errorf("index: batch %d was committed more than %d ms ago: %w", r.Seq, x.limits.Horizon, byteball.Stale)
	}
	s := x.sellers[r.Seller]
	if s == nil {
		s = &shelf{}
	}
	at, known := s.find(r.Seq)
	if known || len(r.Readings) == 0 {
		return nil
	}
	x.sellers[r.Seller] = s
	b := &block{Run: r, keys: make([]uint64, len(r.Readings))}
	s.link(b, at)
	age, _ := slices.BinarySearchFunc(x.byAge, b, older)
	x.byAge = slices.Insert(x.byAge, age, b)
	s.size += len(r.Readings)
	x.size += len(r.Readings)
	x.learn(b)
	x.trim(s)
	return nil
}

// find returns the place of seq on the shelf and whether it is there.
func (s *shelf) find(seq uint64) (int, bool) {
	if s == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(s.blocks, seq, func(b *block, q uint64) int { return cmp.Compare(b.Seq, q) })
}

func (s *shelf) link(b *block, at int) {
	s.blocks = slices.Insert(s.blocks, at, b)
	if at > 0 && s.blocks[at-1].Seq+1 == b.Seq {
		b.prev = s.blocks[at-1]
		b.prev.next = b
	}
	if at+1 < len(s.blocks) && b.Seq+1 == s.blocks[at+1].Seq {
		b.next = s.blocks[at+1]
		b.next.prev = b
	}
}

// older orders by commitment, then by seller and seq, so that the outcome does not hang on the order of arrival.
func older(a, b *block) int {
	return cmp.Or(
		cmp.Compare(a.Committed, b.Committed),
		slices.Compare(a.Seller[:], b.Seller[:]),
		cmp.Compare(a.Seq, b.Seq),
	)
}

// learn gives keys to the readings of b and to those before it whose runs only now are long enough.
func (x *Index) learn(b *block) {
	start, back := spot{b, 0}, 0
	for back < maxRun {
		p := start
		if p.off--; p.off < 0 {
			if p.b = p.b.prev; p.b == nil {
				break
			}
			p.off = len(p.b.Readings) - 1
		}
		if p.b.keys[p.off] != 0 {
			break
		}
		start = p
		back++
	}
	t := follow(start, back+len(b.Readings)+maxRun, x.grid)
	t.witnesses(func(w witness) {
		s := t.spots[w.from]
		if w.from < back+len(b.Readings) && s.b.keys[s.off] == 0 {
			s.b.keys[s.off] = w.key
			x.put(w.key, s)
		}
	})
}

func (x *Index) put(key uint64, s spot) {
	head, taken := x.first[key]
	if !taken {
		x.first[key] = s
		return
	}
	all := append([]spot{head}, x.more[key]...)
	at, _ := slices.BinarySearchFunc(all, s, earlierSpot)
	all = slices.Insert(all, at, s)
	all = all[:min(len(all), maxSame)]
	x.first[key] = all[0]
	x.more[key] = all[1:]
}

func earlierSpot(a, b spot) int { return cmp.Or(older(a.b, b.b), cmp.Compare(a.off, b.off)) }

// candidates calls yield with the runs of a key, the earliest first, until it returns false.
func (x *Index) candidates(key uint64, yield func(spot) bool) {
	s, ok := x.first[key]
	if !ok || !yield(s) {
		return
	}
	for _, s := range x.more[key] {
		if !yield(s) {
			return
		}
	}
}

// trim drops blocks until the limits hold.
func (x *Index) trim(s *shelf) {
	for s.size > x.limits.PerSeller && len(s.blocks) > 1 {
		x.drop(s.blocks[0])
	}
	for len(x.byAge) > 1 {
		oldest, newest := x.byAge[0], x.byAge[len(x.byAge)-1]
		if x.size <= x.limits.Total && minus(newest.Committed, oldest.Committed) <= x.limits.Horizon {
			return
		}
		x.drop(oldest)
	}
}

func (x *Index) drop(b *block) {
	for off, key := range b.keys {
		if key != 0 {
			x.forget(key, spot{b, off})
		}
	}
	if b.prev != nil {
		b.prev.next = nil
	}
	if b.next != nil {
		b.next.prev = nil
	}
	s := x.sellers[b.Seller]
	at, _ := s.find(b.Seq)
	s.blocks = slices.Delete(s.blocks, at, at+1)
	s.size -= len(b.Readings)
	if len(s.blocks) == 0 {
		delete(x.sellers, b.Seller)
	}
	if x.byAge[0] == b { // the usual case, and cheap
		x.byAge[0] = nil
		x.byAge = x.byAge[1:]
	} else {
		age, _ := slices.BinarySearchFunc(x.byAge, b, older)
		x.byAge = slices.Delete(x.byAge, age, age+1)
	}
	x.size -= len(b.Readings)
}

func (x *Index) forget(key uint64, s spot) {
	rest := x.more[key]
	if x.first[key] == s {
		if len(rest) == 0 {
			delete(x.first, key)
			return
		}
		x.first[key] = rest[0]
		rest = rest[1:]
	} else if at := slices.Index(rest, s); at >= 0 {
		rest = slices.Delete(rest, at, at+1)
	}
	if len(rest) == 0 {
		delete(x.more, key)
	} else {
		x.more[key] = rest
	}
}
