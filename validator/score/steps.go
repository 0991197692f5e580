package score

import "math"

// The rule of code 5 (MECHANISM 3), and the longest run that is looked for: evidence is 64 kB with whole batches in it, so
// a run that shows its distinct differences only later could not be shown to anybody.
const (
	minRun      = 32  // readings
	minDistinct = 12  // different non-zero differences
	maxRun      = 512 // readings
	maxParts    = 40  // batches that a run may touch (protocol.MaxExhibits)
)

// broken is the step between values that no run may cross: no numbers, or further apart than any grid makes sense.
const broken = math.MinInt64

const maxStep = 1 << 40

// step returns the difference b − a in steps of the grid, or broken.
func step(a, b, grid float64) int64 {
	d := math.Round((b - a) / grid)
	if !(math.Abs(d) <= maxStep) {
		return broken
	}
	return int64(d)
}

// block is one opened batch. prev and next are its neighbours in the chain of its seller where they are known.
type block struct {
	Run
	prev, next *block
	keys       []uint64 // of the run that starts at each reading; 0 while it is not known
}

// spot is one reading of a block.
type spot struct {
	b   *block
	off int
}

// strand is a stretch of consecutive readings, flattened out of blocks.
type strand struct {
	spots []spot
	steps []int64 // steps[i] leads from reading i to reading i+1
}

// follow returns the strand of at most n readings that starts at s.
func follow(s spot, n int, grid float64) strand {
	var t strand
	for b, off := s.b, s.off; b != nil && len(t.spots) < n; b, off = b.next, 0 {
		for ; off < len(b.Readings) && len(t.spots) < n; off++ {
			t.push(spot{b, off}, grid)
		}
	}
	return t
}

func (t *strand) push(s spot, grid float64) {
	if n := len(t.spots); n > 0 {
		t.steps = append(t.steps, step(t.value(n-1), s.b.Readings[s.off].V, grid))
	}
	t.spots = append(t.spots, s)
}

func (t *strand) value(i int) float64 { return t.spots[i].b.Readings[t.spots[i].off].V }

// witness is the shortest run that starts at reading from and may prove a replay: readings from..to, inclusive.
type witness struct {
	from, to int
	key      uint64
}

// witnesses calls yield for each reading from which such a run starts. Where a run begins fixes where it ends, by its own
// content alone, so two equal stretches have equal witnesses: one key for each reading finds every replay.
func (t *strand) witnesses(yield func(witness)) {
	hash := t.hashes()
	count := make(map[int64]int, 64)
	distinct, to := 0, 0
	for from := 0; from+minRun <= len(t.spots); from++ {
		for to < len(t.steps) && t.steps[to] != broken && (to-from < minRun-1 || distinct < minDistinct) {
			if s := t.steps[to]; s != 0 {
				if count[s]++; count[s] == 1 {
					distinct++
				}
			}
			to++
		}
		switch {
		case to-from >= minRun-1 && distinct >= minDistinct:
			if to-from < maxRun {
				yield(witness{from, to, hash.of(from, to)})
			}
		case to == len(t.steps):
			return // the same lack for all later ones
		}
		if to == from { // stands before a broken step: jump over it
			to++
			continue
		}
		if s := t.steps[from]; s != 0 {
			if count[s]--; count[s] == 0 {
				distinct--
				delete(count, s)
			}
		}
	}
}

// prefixes are the running hashes of a strand's steps, a polynomial modulo 2^64 over mixed steps.
type prefixes []uint64

const base = 0x9e3779b97f4a7c15

var powers = func() (p [maxRun + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * base
	}
	return p
}()

func (t *strand) hashes() prefixes {
	p := make(prefixes, len(t.steps)+1)
	for i, s := range t.steps {
		p[i+1] = p[i]*base + mix(uint64(s))
	}
	return p
}

// of is the hash of steps from..to−1, never 0.
func (p prefixes) of(from, to int) uint64 {
	return max(p[to]-p[from]*powers[to-from], 1)
}

// mix spreads the bits of x (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
