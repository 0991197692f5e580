package detect

import (
	"math"
	"math/bits"

	"github.com/iotverse/iotverse/validator/number"
)

// past is what a sensor has sent, as steps of its value grid, and searches it for stretches that come again.
type past struct {
	n       int
	grid    float64 // values are whole multiples of 1/grid
	q       [longSize]int32
	up, big [longSize / 64]uint64 // of each step: upward; larger than usual
	usual   float64
	seen    [256]uint64 // hashes of values met
	off     int         // values off the grid since the last judgement
	fresh   int         // values never met before
	lag     int         // of the last match

	corr, newness track
	offUsual      track // share of values off the grid
	pending       [64]float64
	waiting       int
}

// begin finds the coarsest decimal grid that holds most of the first values. It starts at 1, but where nearly all of them
// are small fractions or beyond what steps can count.
func (p *past) begin() {
	var sizes [len(p.pending)]float64
	for i, v := range p.pending[:p.waiting] {
		sizes[i] = abs(v)
	}
	top := number.Quantile(sizes[:p.waiting], .9)
	p.grid = 1
	for top > 0 && top*p.grid < .01 && p.grid < 1e12 {
		p.grid = float64(p.grid * 10)
	}
	for top*p.grid > 5e8 {
		p.grid = float64(p.grid / 10)
	}
	for finest := float64(p.grid * 1e6); p.grid < finest; p.grid = float64(p.grid * 10) {
		hold := 0
		for _, v := range p.pending[:p.waiting] {
			if p.onGrid(v) {
				hold++
			}
		}
		if 50*hold >= 49*p.waiting || top*p.grid > 5e7 {
			break
		}
	}
	for _, v := range p.pending[:p.waiting] {
		p.put(v)
	}
	p.off, p.fresh = 0, 0
}

func (p *past) onGrid(v float64) bool {
	x := float64(v * p.grid)
	return abs(x-math.Round(x)) <= 1e-4+float64(1e-9*abs(x))
}

// offShare is the share of the n last values that are off the grid, above what is usual.
func (p *past) offShare(n int, trust float64) float64 {
	share := float64(p.off) / float64(n)
	usual := p.offUsual.mean
	p.offUsual.add(share, trust, .1)
	return max(share-float64(1.5*usual), 0)
}

// add takes the next value.
func (p *past) add(v float64) {
	if p.grid == 0 {
		p.pending[p.waiting] = v
		if p.waiting++; p.waiting == usual {
			p.begin()
		}
		return
	}
	p.put(v)
}

func (p *past) put(v float64) {
	if !p.onGrid(v) {
		p.off++
	}
	q := int32(number.Clamp(math.Round(float64(v*p.grid)), -2e9, 2e9))
	h := uint32(q) * 2654435761 >> 18
	if p.seen[h/64]&(1<<(h%64)) == 0 {
		p.seen[h/64] |= 1 << (h % 64)
		p.fresh++
	}
	var d float64
	if p.n > 0 {
		d = float64(q) - float64(p.q[(p.n-1)%longSize])
	}
	i := p.n % longSize
	p.q[i] = q
	word, bit := i/64, uint64(1)<<(i%64)
	p.up[word] &^= bit
	p.big[word] &^= bit
	if d > 0 {
		p.up[word] |= bit
	}
	if abs(d) > p.usual {
		p.big[word] |= bit
		p.usual += float64(.02 * (p.usual + .1))
	} else {
		p.usual -= float64(.02 * p.usual)
	}
	p.n++
}

// step is the step to reading i, which is under p.n and not forgotten.
func (p *past) step(i int) float64 {
	return float64(p.q[i%longSize]) - float64(p.q[(i-1+longSize)%longSize])
}

// pick is one place in the past that looks like the batch.
type pick struct {
	end, alike int
}

// features searches the past for the n readings that end back before the last.
func (p *past) features(s *Sensor, v *vector, w *window, back int) (learn func(trust float64)) {
	n := min(len(w.y), usual)
	end := p.n - back // one after the last
	v.set(fOffGrid, p.offShare(len(w.y), s.trust))
	newness := float64(p.fresh) / float64(len(w.y))
	v.set(fNovel, newness)
	v.set(fNovelZ, p.newness.z(newness, .1))
	v.set(fReplayLast, s.last.replay)
	p.off, p.fresh = 0, 0
	s.last.replay = 0
	first := max(p.n-longSize+2, 1)
	if p.grid == 0 || end-2*n < first+n || n < 8 {
		return func(trust float64) { p.newness.add(newness, trust, .1) }
	}
	var d [64]float64
	for i := range n {
		d[i] = p.step(end - n + i)
	}
	picks := p.search(end, n, first)
	if p.lag > 0 && end-p.lag-n > first {
		picks[len(picks)-1] = pick{end - p.lag, 1}
	}
	corr, run, rat, lag, level := -1.0, 0.0, 12.0, 0, 0.0
	var h [64]float64
	for _, c := range picks {
		if c.alike == 0 {
			continue
		}
		diff, own, equal, longest := 0.0, 0.0, 0.0, 0.0
		for i := range n {
			h[i] = p.step(c.end - n + i)
			diff += number.Square(d[i] - h[i])
			own += number.Square(d[i])
			switch {
			case d[i] != h[i]:
				equal = 0
			case d[i] != 0 && (i == 0 || d[i] != d[i-1]):
				equal++
			}
			longest = max(longest, equal)
		}
		x := number.Correlation(d[:n], h[:n])
		run = max(run, longest)
		if x > corr {
			corr, lag = x, end-c.end
			rat = ratio(diff+float64(.001*own)+1e-6, own+1e-6)
			level = abs(float64(p.q[(end-1)%longSize])-float64(p.q[(c.end-1)%longSize])) / (sqrt(own/float64(n)) + 1)
		}
	}
	same := 0.0
	if lag > 0 && lag == p.lag {
		same = corr
	}
	v.set(fReplayRun, run)
	v.set(fReplayCorr, corr)
	v.set(fReplayZ, p.corr.z(corr, .1))
	v.set(fReplayRatio, rat)
	v.set(fReplayLevel, number.Ln(1+level))
	v.set(fReplaySame, same)
	p.lag = lag
	s.last.replay = corr
	return func(trust float64) {
		p.newness.add(newness, trust, .1)
		p.corr.add(corr, trust, .1)
	}
}

// search returns the places whose steps have the most signs and sizes in common with the n ≤ 32 steps before end.
func (p *past) search(end, n, first int) (best [7]pick) {
	mask := uint64(1)<<n - 1
	var up, big uint64
	var wantUp, wantBig uint64
	for i := end - n; i < end; i++ {
		wantUp, wantBig = wantUp<<1|p.bit(&p.up, i), wantBig<<1|p.bit(&p.big, i)
	}
	least := n // common bits of 2n
	const keep = len(best) - 1
	for i := first; i < end-n; i++ {
		j := uint(i) % longSize
		up = up<<1 | p.up[j/64]>>(j%64)&1
		big = big<<1 | p.big[j/64]>>(j%64)&1
		alike := 2*n - bits.OnesCount64((up^wantUp)&mask) - bits.OnesCount64((big^wantBig)&mask)
		if alike <= least || i < first+n {
			continue
		}
		worst := 0
		for k := range keep {
			if best[k].alike < best[worst].alike {
				worst = k
			}
		}
		best[worst] = pick{i + 1, alike}
		worst = 0
		for k := range keep {
			if best[k].alike < best[worst].alike {
				worst = k
			}
		}
		least = max(n, best[worst].alike)
	}
	return best
}

func (p *past) bit(plane *[longSize / 64]uint64, i int) uint64 {
	j := uint(i) % longSize
	return plane[j/64] >> (j % 64) & 1
}
