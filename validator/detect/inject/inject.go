package inject

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/series"
)

const batch = 32

// item is one reading with what was done to it.
type item struct {
	detect.Reading
	fault   string
	level   int
	touched bool // changed, or standing where something is missing
}

// maker spoils the streams of one case.
type maker struct {
	rng   *rand.Rand
	base  *series.Case
	lines [][]item
	start int64 // before it nothing is spoilt
	step  []float64
	level []float64
	grid  []float64
	known [][]float64 // the values that a stream gives, sorted
	free  []int       // reading from which a stream may be spoilt again
}

// Types are the faults that Faults injects.
var Types = []string{"spike", "stuck", "bias", "drift", "noise", "unit", "clockskew", "outoforder", "duplicate", "gap", "fragment",
	"replay", "copy", "synthetic", "collude"}

// Faults returns base with faults drawn from seed, in batches of 32 readings, and their truth. base is clean, has at least
// one stream, and is not changed.
func Faults(base *series.Case, seed uint64) *series.Case {
	m := &maker{rng: rand.New(rand.NewPCG(seed, 11)), base: base}
	m.measure()
	m.dies()
	m.colludes()
	for i := range m.lines {
		m.spoil(i)
	}
	return m.result()
}

// measure finds the step, the scatter against the network, and the grid of each stream.
func (m *maker) measure() {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range m.base.Streams {
		line := make([]item, len(s.Readings))
		for i, r := range s.Readings {
			line[i].Reading = r
			first, last = min(first, r.T), max(last, r.T)
		}
		m.lines = append(m.lines, line)
	}
	m.start = first + (last-first)/4
	hours := m.hourly(first)
	for _, line := range m.lines {
		var steps, away []float64
		for k := 1; k < len(line); k++ {
			steps = append(steps, math.Abs(line[k].V-line[k-1].V))
		}
		for _, x := range line {
			away = append(away, x.V-hours[(x.T-first)/3600e3])
		}
		mid := median(slices.Clone(away))
		for k := range away {
			away[k] = math.Abs(away[k] - mid)
		}
		step := 1.4826*median(steps) + 1e-9
		rms := 0.0
		for _, d := range steps {
			rms += d * d
		}
		rms = math.Sqrt(rms / float64(max(len(steps), 1)))
		m.step = append(m.step, max(step, .3*rms, 1e-6))
		m.level = append(m.level, max(1.4826*median(away), step, 1e-6))
		m.grid = append(m.grid, grid(line))
		m.known = append(m.known, values(line))
		from := 0
		for from < len(line) && line[from].T < m.start {
			from++
		}
		m.free = append(m.free, from)
	}
}

// hourly is the median of all streams in each hour since first.
func (m *maker) hourly(first int64) map[int64]float64 {
	all := map[int64][]float64{}
	for _, line := range m.lines {
		for _, x := range line {
			h := (x.T - first) / 3600e3
			all[h] = append(all[h], x.V)
		}
	}
	out := make(map[int64]float64, len(all))
	for h, values := range all {
		out[h] = median(values)
	}
	return out
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[len(x)/2]
}

// grid is 1 over the coarsest decimal step that holds the values.
func grid(line []item) float64 {
	for g := 1.0; g < 1e6; g *= 10 {
		hold := 0
		for _, x := range line {
			if y := x.V * g; math.Abs(y-math.Round(y)) < 1e-4 {
				hold++
			}
		}
		if hold*100 >= 99*len(line) {
			return g
		}
	}
	return 1e6
}

// values are those that a stream gives, each once.
func values(line []item) []float64 {
	var list []float64
	for _, x := range line {
		list = append(list, x.V)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// snap returns the value nearest to v that the sensor has given, or, if there is none near, v on the decimal grid.
func (m *maker) snap(i int, v float64) float64 {
	list := m.known[i]
	k, _ := slices.BinarySearch(list, v)
	best := math.Round(v*m.grid[i]) / m.grid[i]
	away := .2 * m.step[i]
	for _, k := range []int{k - 1, k} {
		if k >= 0 && k < len(list) && math.Abs(list[k]-v) < away {
			best, away = list[k], math.Abs(list[k]-v)
		}
	}
	return best
}

// between draws from low..high, evenly in the logarithm.
func (m *maker) between(low, high float64) float64 {
	return low * math.Exp(m.rng.Float64()*math.Log(high/low))
}

func (m *maker) sign() float64 { return float64(2*m.rng.IntN(2) - 1) }

// strength draws a factor for level 1..3, each about twice the one before.
func (m *maker) strength(level int, least float64) float64 {
	low := least * math.Pow(2, float64(level-1))
	return m.between(low*.8, low*1.6)
}

// dead is no fault to be learned: it is not judged while it is new, and clean when it is old, as in the records of sensors
// that nobody has mended.
const dead = "dead"

// dies lets a sensor in ten stand still for days.
func (m *maker) dies() {
	for i, line := range m.lines {
		n := 250 + m.rng.IntN(800)
		if room := len(line) - m.free[i] - n - batch; room > 0 && m.rng.IntN(10) == 0 {
			from := m.free[i] + m.rng.IntN(room)
			for k := from; k < from+n; k++ {
				line[k].V, line[k].fault, line[k].touched = line[from].V, dead, k < from+5*batch
			}
		}
	}
}

// colludes lets a part of the network shift alike, now and then.
func (m *maker) colludes() {
	n := len(m.lines)
	if n < 4 {
		return
	}
	var busy []item
	for _, line := range m.lines {
		if len(line) > len(busy) {
			busy = line
		}
	}
	k := 0
	for k < len(busy) && busy[k].T < m.start {
		k++
	}
	for {
		k += batch * (6 + m.rng.IntN(20))
		length := 64 + m.rng.IntN(80)
		if k+length >= len(busy) {
			return
		}
		size := []int{2, n / 3, n / 2}[m.rng.IntN(3)]
		level := 1 + m.rng.IntN(3)
		m.collude(m.rng.Perm(n)[:max(size, 2)], busy[k].T, busy[k+length].T, level)
		k += length
	}
}

func (m *maker) collude(who []int, from, to int64, level int) {
	scale := 0.0
	for _, i := range who {
		scale += m.level[i] / float64(len(who))
	}
	shift := m.sign() * m.strength(level, 1.2) * scale
	for _, i := range who {
		line := m.lines[i]
		k, _ := slices.BinarySearchFunc(line, from, func(x item, t int64) int { return cmp.Compare(x.T, t) })
		k = max(k, m.free[i])
		for ; k < len(line) && line[k].T < to; k++ {
			if line[k].fault == dead {
				continue
			}
			line[k].V = m.snap(i, line[k].V+shift)
			line[k].fault, line[k].level, line[k].touched = "collude", level, true
		}
	}
}

// spoil walks through one stream and puts a fault here and there, where no collusion is.
func (m *maker) spoil(i int) {
	at := m.free[i]
	for {
		at += int(m.rng.ExpFloat64()*batch*5) + batch
		kind := Types[m.rng.IntN(len(Types)-1)]
		length := 40 + m.rng.IntN(90)
		if kind == "drift" {
			length += 80
		}
		if at+length+4 >= len(m.lines[i]) {
			return
		}
		if m.taken(i, at-batch, at+length+batch) {
			continue
		}
		before := len(m.lines[i])
		m.fault(kind, i, at, length, 1+m.rng.IntN(3))
		at += length + len(m.lines[i]) - before + batch
	}
}

func (m *maker) taken(i, from, to int) bool {
	for _, x := range m.lines[i][max(from, 0):min(to, len(m.lines[i]))] {
		if x.fault != "" {
			return true
		}
	}
	return false
}

// result cuts the streams into batches and labels them.
func (m *maker) result() *series.Case {
	out := &series.Case{Name: m.base.Name}
	for i, s := range m.base.Streams {
		line := m.lines[i]
		n := series.Stream{Name: s.Name}
		after := false
		for from := 0; from < len(line); from += batch {
			piece := line[from:min(from+batch, len(line))]
			b := series.Batch{Number: int64(from / batch), End: from + len(piece)}
			b.Truth = label(piece, after, m.start)
			after = slices.ContainsFunc(piece, func(x item) bool { return x.touched })
			n.Batches = append(n.Batches, b)
			for _, x := range piece {
				n.Readings = append(n.Readings, x.Reading)
			}
		}
		out.Streams = append(out.Streams, n)
	}
	return out
}

// whole are the faults of which a quarter of a batch must be false for the batch to be judged.
func whole(fault string) bool {
	switch fault {
	case "spike", "outoforder", "duplicate", "gap", "fragment":
		return false
	}
	return true
}

func label(piece []item, after bool, start int64) series.Truth {
	t := series.Truth{Type: "clean", Warm: piece[0].T < start}
	counts := map[string]int{}
	for _, x := range piece {
		if x.touched {
			if counts[x.fault]++; counts[x.fault] >= counts[t.Type] {
				t.Type, t.Level = x.fault, x.level
			}
		}
	}
	switch n := counts[t.Type]; {
	case t.Type == dead:
		t.Label, t.Type = -1, "clean"
	case n > 0 && (4*n >= batch || !whole(t.Type)):
		t.Label = 1
	case n > 0 || after || len(piece) < batch:
		t.Label, t.Type = -1, "clean"
	}
	return t
}
