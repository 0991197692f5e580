package event

import "math"

// fewest patterns, or distances, before one more can be called unusual.
const fewest = 20

// scale looks at a stream in blocks of size rows.
type scale struct {
	size, step, lag int     // rows of a block; rows between two looks; looks between two blocks that touch
	rows            int     // of the step that is being summed
	sum             float64 // of them
	sums            []float64
	means           []float64 // of the newest blocks, one a look: a ring, written twice so that every stretch of it is in one piece
	looks           int       // means so far
	hint            int       // the look of the nearest pattern at the last
	parts           []spread  // of each number of a pattern
	tail            tail
	pattern, scales []float64 // scratch
}

func newScale(size int, c *constants) scale {
	k := scale{size: size, step: max(1, size/4)}
	k.lag = size / k.step
	k.sums = make([]float64, k.lag)
	k.means = make([]float64, 2*(c.Keep+2*c.Blocks*k.lag))
	k.parts = make([]spread, c.Blocks)
	k.pattern = make([]float64, c.Blocks)
	k.scales = make([]float64, c.Blocks)
	return k
}

// add takes a row and returns the surprise of the pattern that ends with it; 0 if no look is due.
func (k *scale) add(x float64, c *constants) float64 {
	k.sum += x
	if k.rows++; k.rows < k.step {
		return 0
	}
	copy(k.sums, k.sums[1:])
	k.sums[k.lag-1], k.sum, k.rows = k.sum, 0, 0
	k.looks++
	ring := len(k.means) / 2
	at := k.looks % ring
	mean := 0.0
	for _, s := range k.sums {
		mean += s
	}
	mean /= float64(k.size)
	k.means[at], k.means[at+ring] = mean, mean
	patterns := k.looks - k.lag*c.Blocks + 1 // whole ones so far
	if patterns < 1 {
		return 0
	}
	surprise := 0.0
	k.look(at + ring)
	if known := patterns - 1 - c.Blocks*k.lag; known >= fewest {
		near := k.nearest(at+ring-c.Blocks*k.lag, min(known, c.Keep))
		surprise = k.tail.surprise(near, c)
		k.tail.add(near, c)
	}
	return surprise
}

// look fills pattern with the one that ends at the index at of means, and scales with the inverse of its usual spread.
func (k *scale) look(at int) {
	for j := range k.pattern {
		x := k.means[at-j*k.lag]
		if j > 0 {
			x -= k.means[at]
		}
		k.pattern[j] = x
		sd := k.parts[j].deviation()
		k.parts[j].add(x)
		if sd == 0 {
			sd = k.parts[j].deviation()
		}
		k.scales[j] = 0
		if sd > 0 {
			k.scales[j] = min(1/sd, 1e300)
		}
	}
}

// nearest returns the smallest distance of pattern to one of the n that end before the index end of means.
func (k *scale) nearest(end, n int) float64 {
	// The one after the last nearest is probably near: it is tried first, which spares most of the others.
	best := math.Inf(1)
	from := k.looks - end // a look less its index
	if hint := k.hint + 1 - from; hint >= end-n && hint < end {
		best = k.square(hint, best)
		k.hint++
	}
	level, unit := k.pattern[0], k.scales[0]
	for i, m := range k.means[end-n : end] {
		if d := float64((m - level) * unit); float64(d*d) < best {
			if t := k.square(end-n+i, best); t < best {
				best, k.hint = t, end-n+i+from
			}
		}
	}
	return math.Sqrt(best)
}

// square returns the squared distance of pattern to the one that ends at an index of means, or a part of it that is not
// under best.
func (k *scale) square(at int, best float64) float64 {
	m := k.means[at]
	d := float64((m - k.pattern[0]) * k.scales[0])
	t := float64(d * d)
	for j := 1; j < len(k.pattern) && t < best; j++ {
		d := float64((k.means[at-j*k.lag] - m - k.pattern[j]) * k.scales[j])
		t += float64(d * d)
	}
	return t
}

// spread follows mean and variance, with a memory of some thousand values.
type spread struct{ n, mean, square float64 }

const spreadMemory = 8000

func (s *spread) add(x float64) {
	s.n = min(s.n+1, spreadMemory)
	a := 1 / s.n
	d := x - s.mean
	s.mean += float64(a * d)
	s.square = float64((1 - a) * (s.square + float64(float64(a*d)*d)))
}

func (s *spread) deviation() float64 { return math.Sqrt(s.square) }
