package rank

import (
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/protocol"
)

// Stream is what Novelty compares of a stream.
type Stream struct {
	Prop, Medium, Role, Cell string
	Period                   uint32 // milliseconds between readings
}

// StreamOf is the stream of an offer.
func StreamOf(o *protocol.Offer) Stream {
	return Stream{o.Prop, o.Medium, protocol.RoleOf(o.Role), o.Cell, o.Period}
}

// Novelty is what a stream adds to those that a buyer has already, in ‰:
//
//	⌊10⁶ / (1000 + Σ overlap)⌋,  overlap = 1000 · same · near · pace
//
// over the streams that it has. same is 1 for the same property and role, .3 for a related property of that role, else 0, and
// half of it where both name a medium, each another; near is 2r²/(2r²+d²), 0 beyond 3r, as in a score, with r the radius of
// the demand; pace is min(1, T/T_has): what comes once an hour says little of what changes within a minute. So the first of
// n equal sensors in one place is worth 1, the second ½, the third ⅓: as much as each adds to what their mean tells (its
// variance falls with 1/n). Laws, tested: 1000 if nothing is had; having more never raises it; the order does not matter.
func Novelty(s Stream, radius uint32, has []Stream) int {
	sum := int64(0)
	for _, h := range has {
		sum += s.overlap(h, int64(radius))
	}
	return int(1_000_000 / (1000 + sum))
}

func (s Stream) overlap(h Stream, r int64) int64 {
	p, known := protocol.PropertyOf(s.Prop)
	o, also := protocol.PropertyOf(h.Prop)
	same := int64(0)
	switch {
	case !known || !also || s.Role != h.Role:
		return 0
	case s.Prop == h.Prop:
		same = 1000
	case p.Related(o):
		same = 300
	}
	if s.Medium != "" && h.Medium != "" && s.Medium != h.Medium {
		same /= 2
	}
	metres, err := book.Distance(s.Cell, h.Cell)
	if err != nil || int64(metres) > 3*r {
		return 0
	}
	d := int64(metres)
	if r > 0 {
		same = same * (2 * r * r * 1000 / (2*r*r + d*d)) / 1000
	}
	return same * min(int64(s.Period), int64(h.Period)) / max(int64(h.Period), 1)
}
