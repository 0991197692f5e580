package detect

import (
	"cmp"
	"math"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// meet brings the list of neighbours up to date.
func (s *Sensor) meet() {
	all := s.net.sensors
	if len(s.pairs) >= candidates || len(s.pairs) == len(all)-1 {
		return
	}
	known := make(map[*Sensor]bool, len(s.pairs))
	for _, p := range s.pairs {
		known[p.other] = true
	}
	var list []*Sensor
	for i := 1; i < len(all); i++ {
		if o := all[(s.place+i)%len(all)]; !known[o] {
			list = append(list, o)
		}
	}
	if s.known && len(all) > candidates {
		slices.SortStableFunc(list, func(a, b *Sensor) int { return cmp.Compare(s.distance(a), s.distance(b)) })
	}
	for _, o := range list[:min(len(list), candidates-len(s.pairs))] {
		s.pairs = append(s.pairs, &pair{other: o, x: &s.net.scratch[len(s.pairs)]})
	}
}

// distance to o, in no unit that matters; endless if its place is not known.
func (s *Sensor) distance(o *Sensor) float64 {
	if !o.known {
		return math.Inf(1)
	}
	across := float64((s.lon - o.lon) * wave(.25+s.lat/360)) // the cosine of the latitude
	return number.Square(s.lat-o.lat) + number.Square(across)
}

// align reads every neighbour at the times of the window; it uses nothing later than the window's end.
func (s *Sensor) align(w *window) (n int) {
	s.meet()
	end := w.t[0]
	for _, t := range w.t {
		end = max(end, t)
	}
	for _, p := range s.pairs {
		if p.ok = p.other.at(w.t, end, s.clock.cadence, p.x[:len(w.t)]); p.ok {
			n++
		}
		p.near = p.ok && p.tells(s)
	}
	return n
}

// tells says whether the other's level or steps say something of those of s: who measures another quantity is no neighbour.
// Until enough is known they do.
func (p *pair) tells(s *Sensor) bool {
	own, other := &s.level.variance, &p.other.level.variance
	if min(p.away.n, own.n, other.n) < 10 || p.corr.mean > .15 {
		return true
	}
	unit := number.Exp(s.shape.rough.mean)
	return p.away.vr <= float64(.95*(own.vr+other.vr))+number.Square(unit)
}

// at interpolates the sensor's readings up to end at times; false if too few of them are near.
func (s *Sensor) at(times []int64, end int64, cadence float64, out []float64) bool {
	r := &s.order
	have := r.len()
	back := 0
	for back < have && r.at(back).T > end {
		back++
	}
	if have-back < 4 {
		return false
	}
	reach := int64(6 * max(cadence, s.clock.cadence, 1))
	missing := 0
	first := back
	for i := len(times) - 1; i >= 0; i-- {
		t := times[i]
		if i+1 < len(times) && t > times[i+1] {
			back = first
		}
		for back < have && r.at(back).T > t {
			back++
		}
		if back >= have {
			out[i] = r.at(have - 1).V
			missing++
			continue
		}
		low := r.at(back)
		out[i] = low.V
		if back == first { // nothing after it is known
			if t-low.T > reach {
				missing++
			}
			continue
		}
		high := r.at(back - 1)
		if high.T-low.T > 2*reach {
			missing++
		}
		f := float64(t-low.T) / float64(high.T-low.T)
		out[i] = low.V + float64(f*(high.V-low.V))
	}
	return 2*missing <= len(times)
}
