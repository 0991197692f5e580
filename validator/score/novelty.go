package score

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// Bounds of the search for noisy repetitions.
const (
	chunkSteps = 64      // differences compared at once: a replay of part of a window is not thinned out by the rest
	minSteps   = 24      // fewer resemble one another by chance
	maxChunks  = 16      // of a window with more, evenly spread ones are compared
	maxLags    = 1 << 16 // places in the past looked at for one window, the newest first
	maxClip    = 1 << 14 // larger steps are scaled down to it, so that the sums below stay exact
	lookback   = 7       // days whose same time of day is looked at closely
)

// novelty is 1 − clamp((ρ − ρ0)/.3) of MECHANISM 4: ρ is the largest correlation of the window's differences with those of
// the seller's past and of its neighbours' earlier commitments. ρ0 is .55, or more where so many places were looked at that
// chance alone correlates higher; there .3 shrinks in proportion. The same time of the days before is few places and so is
// judged by .55. Differences are clipped at three times their usual size: two bursts are not a repetition.
func (w *window) novelty(in Input) float64 {
	past := in.past()
	if !in.Profile.Noise || past == nil || len(w.batches) == 0 {
		return dropped
	}
	history := past.before(in, w.batches[0].Seq)
	least := dropped
	chunks := w.chunks(in)
	n := min(len(chunks), maxChunks)
	for i := range n {
		c := chunks[i*len(chunks)/n]
		if s, rho := c.against(history, in.Profile); s >= 0 && (least < 0 || s < least) {
			least, w.rho = s, rho
		}
	}
	return least
}

// track is a strand's steps with the time of the reading that each starts from.
type track struct {
	steps []int64
	times []int64
	other bool // of another seller
}

func (t *strand) track(other bool) track {
	k := track{steps: t.steps, times: make([]int64, len(t.steps)), other: other}
	for i := range t.steps {
		k.times[i] = t.spots[i].b.Readings[t.spots[i].off].T
	}
	return k
}

// before returns what the index holds of the seller before batch seq, and of the neighbours under earlier commitments: at
// most maxLags steps, the newest first.
func (x *Index) before(in Input, seq uint64) []track {
	left := maxLags
	all := x.tracks(in.Seller, &left, false, func(b *block) bool { return b.Seq < seq })
	for _, n := range in.Neighbours[:min(len(in.Neighbours), maxNeighbours)] {
		if n.Seller != in.Seller {
			all = append(all, x.tracks(n.Seller, &left, true, func(b *block) bool { return b.Committed < in.Committed })...)
		}
	}
	return all
}

func (x *Index) tracks(seller [32]byte, left *int, other bool, use func(*block) bool) []track {
	var all []track
	s := x.sellers[seller]
	if s == nil {
		return nil
	}
	for end := len(s.blocks) - 1; end >= 0 && *left > 0; end-- {
		if !use(s.blocks[end]) {
			continue
		}
		from, n := end, len(s.blocks[end].Readings)
		for from > 0 && n < *left && s.blocks[from].prev != nil && use(s.blocks[from-1]) {
			from--
			n += len(s.blocks[from].Readings)
		}
		t := follow(spot{s.blocks[from], 0}, n, x.grid)
		all = append(all, t.track(other))
		*left -= n
		end = from
	}
	return all
}

// chunk is a stretch of the window's differences, clipped and scaled.
type chunk struct {
	steps     []int64
	start     int64 // time of its first reading
	clip      int64
	scale     int64
	sum, sq   int64
	effective float64 // independent differences that its steps are worth
}

// chunks cuts the window's chains into stretches of about chunkSteps. Those at rest for most of the time, on a grid that
// hides the noise, are left out.
func (w *window) chunks(in Input) []chunk {
	var all []chunk
	for _, chain := range w.chains(in) {
		var t strand
		for _, b := range chain {
			for off := range b.Readings {
				t.push(spot{b, off}, in.Profile.Grid)
			}
		}
		k := t.track(false)
		pieces := max(1, len(k.steps)/chunkSteps)
		for i := range pieces {
			from, to := len(k.steps)*i/pieces, len(k.steps)*(i+1)/pieces
			if c, ok := newChunk(k.steps[from:to]); ok {
				c.start = k.times[from]
				all = append(all, c)
			}
		}
	}
	return all
}

func newChunk(steps []int64) (chunk, bool) {
	n := len(steps)
	if n < minSteps || slices.Contains(steps, broken) {
		return chunk{}, false
	}
	sizes := make([]int64, n)
	for i, s := range steps {
		sizes[i] = max(s, -s)
	}
	slices.Sort(sizes)
	if sizes[n/2] == 0 {
		return chunk{}, false
	}
	c := chunk{clip: 4 * sizes[n/2]} // 3 standard deviations of normal noise are 4.4 medians
	c.scale = c.clip/maxClip + 1
	c.steps = make([]int64, n)
	var next int64
	for i, s := range steps {
		v := c.cut(s)
		c.steps[i] = v
		c.sum += v
		c.sq += v * v
		if i > 0 {
			next += v * c.steps[i-1]
		}
	}
	a := float64(next) / float64(max(c.sq, 1)) // differences of noise lean to −.5, of a smooth curve to 1
	a2 := min(float64(a*a), .99)
	c.effective = float64(float64(n)*(1-a2)) / (1 + a2)
	return c, int64(n)*c.sq > c.sum*c.sum
}

func (c *chunk) cut(s int64) int64 { return min(max(s, -c.clip), c.clip) / c.scale }

// peak is the largest correlation found at so many places.
type peak struct {
	rho    float64
	places int
}

func (p *peak) see(rho float64) {
	p.rho = max(p.rho, rho)
	p.places++
}

// against returns the novelty of c against the tracks, or dropped if they say nothing, and the correlation behind it.
func (c *chunk) against(history []track, p Profile) (least, rho float64) {
	var all, aligned peak
	for _, t := range history {
		from := 0
		for to := 0; to <= len(t.steps); to++ {
			if to < len(t.steps) && t.steps[to] != broken {
				continue
			}
			c.slide(t.steps[from:to], func(lag int, rho float64) {
				all.see(rho)
				if p.sameTime(minus(c.start, t.times[from+lag]), t.other) {
					aligned.see(rho)
				}
			})
			from = to + 1
		}
	}
	least = dropped
	for _, k := range []peak{all, aligned} {
		if s := c.novel(k); s >= 0 && (least < 0 || s < least) {
			least, rho = s, k.rho
		}
	}
	return least, rho
}

// slide calls yield with the correlation of c at each place of steps where there is one; what is under one half, which
// changes no judgement, is told as 0.
func (c *chunk) slide(steps []int64, yield func(lag int, rho float64)) {
	n := len(c.steps)
	if len(steps) < n {
		return
	}
	past := make([]int64, len(steps))
	for i, s := range steps {
		past[i] = c.cut(s)
	}
	own := float64(int64(n)*c.sq - c.sum*c.sum)
	var sum, sq int64
	for i, v := range past {
		sum += v
		sq += v * v
		lag := i - n + 1
		if lag < 0 {
			continue
		}
		if lag > 0 {
			out := past[lag-1]
			sum -= out
			sq -= out * out
		}
		theirs := float64(int64(n)*sq - sum*sum)
		if theirs <= 0 {
			continue
		}
		both, rho := float64(int64(n)*dot(past[lag:i+1], c.steps)-c.sum*sum), 0.0
		if both > 0 && float64(both*both) > float64(own*theirs)/4 {
			rho = both / float64(math.Sqrt(own)*math.Sqrt(theirs))
		}
		yield(lag, rho)
	}
}

// dot is the sum of products of two equally long lists.
func dot(a, b []int64) int64 {
	var even, odd int64
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		even += a[0]*b[0] + a[2]*b[2]
		odd += a[1]*b[1] + a[3]*b[3]
		a, b = a[4:], b[4:]
	}
	for i := range a {
		even += a[i] * b[i]
	}
	return even + odd
}

// novel turns a peak into a statistic.
func (c *chunk) novel(p peak) float64 {
	if p.places == 0 {
		return dropped
	}
	chance := math.Sqrt(float64(2*number.Ln(float64(p.places)+1)) / c.effective)
	if chance > .9 {
		return dropped
	}
	limit := max(.55, chance)
	return 1 - number.Unit((p.rho-limit)/float64((1-limit)*(.3/.45)))
}

// sameTime tells whether back ms ago was the same time of day, within a reading and a half; for others today counts, too.
func (p Profile) sameTime(back int64, other bool) bool {
	if p.DayWindows <= 0 || p.Length <= 0 || p.Length > 1<<40 || p.DayWindows > 1<<20 {
		return false
	}
	day := p.Length * int64(p.DayWindows)
	near := min(p.Period, day) * 3 / 2
	if back > near && back < day-near {
		return false // most places, and a division is dear
	}
	days := max(back, 0)/day + max(back, 0)%day/(day/2+1)
	off := minus(back, days*day)
	return days <= lookback && (days > 0 || other) && off >= -near && off <= near
}
