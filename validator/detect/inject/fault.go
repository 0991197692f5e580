package inject

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/validator/detect"
)

// fault spoils length readings of stream i from at.
func (m *maker) fault(kind string, i, at, length, level int) {
	line := m.lines[i]
	part := line[at : at+length]
	switch kind {
	case "bias", "drift", "noise", "unit":
		m.shift(kind, i, part, level)
	case "spike":
		m.spike(i, part, level)
	case "stuck":
		n := min(length, []int{12, 24, 48}[level-1]+m.rng.IntN(12<<level))
		for k := range part[:n] {
			part[k].V = part[0].V
			if level == 1 && m.rng.IntN(10) == 0 {
				part[k].V = m.snap(i, part[0].V+m.sign()/m.grid[i])
			}
		}
		part = part[1:n]
	case "replay":
		m.replay(i, at, part, level)
	case "copy":
		m.copy(i, part, level)
	case "synthetic":
		m.synthetic(i, part, level)
	default:
		m.timing(kind, i, at, length, level)
		return
	}
	for k := range part {
		if kind != "spike" || part[k].touched {
			part[k].fault, part[k].level, part[k].touched = kind, level, true
		}
	}
}

func (m *maker) shift(kind string, i int, part []item, level int) {
	gain, offset, noise, slope := 1.0, 0.0, 0.0, 0.0
	switch kind {
	case "bias":
		offset = m.sign() * m.strength(level, 1.2) * m.level[i]
	case "drift":
		slope = m.sign() * m.strength(level, 2) * m.level[i] / float64(len(part))
	case "noise":
		noise = m.strength(level, .8) * m.step[i]
	case "unit":
		gain = []float64{m.between(1.05, 1.25), m.between(1.25, 1.8), m.between(1.8, 12)}[level-1]
		if m.rng.IntN(2) == 0 {
			gain = 1 / gain
		}
		if level == 3 && m.rng.IntN(3) == 0 {
			gain, offset = 1.8, 32
		}
	}
	for k := range part {
		v := part[k].V*gain + offset + slope*float64(k+1) + noise*m.rng.NormFloat64()
		if kind != "unit" || level < 3 && m.rng.IntN(2) == 0 {
			v = m.snap(i, v)
		}
		part[k].V = math.Round(v*1e3) / 1e3
	}
}

func (m *maker) spike(i int, part []item, level int) {
	for range 1 + m.rng.IntN(3) {
		k := m.rng.IntN(min(len(part), 40))
		part[k].V = m.snap(i, part[k].V+m.sign()*m.strength(level, 4)*m.step[i]*1.2)
		part[k].touched = true
	}
}

func (m *maker) replay(i, at int, part []item, level int) {
	line := m.lines[i]
	from := m.rng.IntN(max(at-2*len(part), 1))
	if cadence := line[at].T - line[at-1].T; cadence > 0 && m.rng.IntN(2) == 0 { // the same time of an earlier day
		day := int(86400e3 / cadence)
		if days := (at - len(part)) / max(day, 1); days > 0 {
			from = max(0, at-day*(1+m.rng.IntN(days))+m.rng.IntN(21)-10)
		}
	}
	old := make([]float64, len(part))
	for k := range old {
		old[k] = line[from+k].V
	}
	offset, noise := 0.0, 0.0
	if level < 3 && m.rng.IntN(2) == 0 {
		offset = line[at-1].V - old[0]
	}
	if level == 1 || level == 2 && m.rng.IntN(2) == 0 {
		noise = m.between(.1, .6) * m.step[i] / float64(level)
	}
	for k := range part {
		part[k].V = m.snap(i, old[k]+offset+noise*m.rng.NormFloat64())
	}
}

func (m *maker) copy(i int, part []item, level int) {
	if len(m.lines) < 2 {
		return
	}
	j := (i + 1 + m.rng.IntN(len(m.lines)-1)) % len(m.lines)
	other := m.base.Streams[j].Readings
	values := make([]float64, len(part))
	mine, theirs := 0.0, 0.0
	for k, x := range part {
		p, _ := slices.BinarySearchFunc(other, x.T, func(r detect.Reading, t int64) int {
			if r.T <= t {
				return -1
			}
			return 1
		})
		values[k] = other[max(p-1, 0)].V
		mine += x.V / float64(len(part))
		theirs += values[k] / float64(len(part))
	}
	offset, noise := 0.0, 0.0
	if level < 3 {
		offset = mine - theirs
	}
	if level == 1 || level == 2 && m.rng.IntN(3) == 0 {
		noise = m.between(.1, .5) * m.step[i]
	}
	for k := range part {
		v := values[k] + offset + noise*m.rng.NormFloat64()
		if level < 3 {
			v = m.snap(i, v)
		}
		part[k].V = v
	}
}

// synthetic is a smooth curve through the level of the stretch, with noise like the sensor's at the subtlest.
func (m *maker) synthetic(i int, part []item, level int) {
	n := len(part)
	knots := 2 + m.rng.IntN(3)
	var through []float64
	for k := range knots {
		through = append(through, part[k*(n-1)/(knots-1)].V)
	}
	noise := []float64{m.between(.5, 1.1), m.between(.2, .5), m.between(.01, .1)}[level-1] * m.step[i]
	wave, turn := m.rng.Float64()*m.level[i]*.3, m.rng.Float64()*2*math.Pi
	if m.rng.IntN(2) == 0 {
		wave = 0
	}
	state := 0.0
	smooth := m.rng.IntN(2) == 0
	for k := range part {
		x := float64(k) / float64(n-1) * float64(knots-1)
		a := min(int(x), knots-2)
		f := x - float64(a)
		f = f * f * (3 - 2*f)
		v := through[a]*(1-f) + through[a+1]*f + wave*math.Sin(turn+6*x/float64(knots))
		z := noise * m.rng.NormFloat64()
		if smooth { // noise that wanders
			state = .8*state + .6*z
			z = state
		}
		part[k].V = m.snap(i, v+z)
	}
}

// timing spoils times and the order of sending; it may change the number of readings.
func (m *maker) timing(kind string, i, at, length, level int) {
	line := m.lines[i]
	mark := func(k int) {
		line[k].fault, line[k].level, line[k].touched = kind, level, true
	}
	cadence := float64(max(line[at].T-line[at-1].T, 1000))
	switch kind {
	case "clockskew":
		by := int64(m.sign()*m.strength(level, 4)*m.between(1, 3)) * int64(cadence)
		for k := at; k < at+length; k++ {
			line[k].T += by
			mark(k)
		}
	case "outoforder":
		for range 2 << level {
			k := at + m.rng.IntN(length-8)
			d := 1 + m.rng.IntN(2*level)
			line[k], line[k+d] = line[k+d], line[k]
			mark(k)
			mark(k + d)
		}
	case "duplicate":
		var out []item
		share := .04 * math.Pow(2, float64(level))
		for k := at; k < at+length; k++ {
			out = append(out, line[k])
			if k == at || m.rng.Float64() < share {
				x := line[k]
				x.fault, x.level, x.touched = kind, level, true
				out = append(out, x)
			}
		}
		m.lines[i] = slices.Concat(line[:at], out, line[at+length:])
	case "gap":
		n := min(length, int(m.strength(level, 8)))
		mark(at + n)
		m.lines[i] = slices.Delete(line, at, at+n)
	case "fragment":
		share := .05 * math.Pow(2, float64(level-1)) * m.between(.8, 1.5)
		var out []item
		for k := at; k < at+length; k++ {
			if k == at+2 || m.rng.Float64() < share {
				mark(k + 1)
				continue
			}
			out = append(out, line[k])
		}
		m.lines[i] = slices.Concat(line[:at], out, line[at+length:])
	}
}
