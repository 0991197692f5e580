package validator

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/label"
)

// class says what the data are by what was opened, and whether a label of the offer is wrong.
func (c *Core) class(r *round, p protocol.Property) (protocol.Class, bool) {
	e := label.Evidence{Offer: r.offer, Prop: p, Cell: r.wc.Cell, T1: r.wc.T1, Coverage: permille(r.result.Stats.Complete),
		Window: int64(r.wc.Window), Length: c.par.Window(), Near: c.nearby(r.stream, r.offer, r.wc.Window)}
	for i := range r.headers {
		if open, held := r.batches[i]; held {
			if list, err := protocol.DecodePack(p, open.Pack); err == nil {
				e.Batches = append(e.Batches, list)
			}
		}
	}
	for _, past := range r.stream.past {
		if past.Window < int64(r.wc.Window) {
			e.Past = append(e.Past, label.Earlier{Window: past.Window, Median: past.Median, Run: past.Run})
		}
	}
	f := label.Of(e)
	for _, w := range f.Wrong {
		c.note("a wrong label", "seller", r.wc.Seller, "property", r.wc.Prop, "window", r.wc.Window, "label", w.String())
	}
	return f.Class, len(f.Wrong) > 0
}

// nearby has the medians of the nearest other sellers of each property and of the offer's medium, at most maxNeighbours, that
// were judged here in the last two windows and are what they are sold as.
func (c *Core) nearby(s *stream, offer *protocol.Offer, w uint64) map[string][]float64 {
	type near struct {
		metres uint32
		median float64
	}
	medium, _ := classify.Labels(offer.Title)
	medium = cmp.Or(medium, offer.Medium)
	found := make(map[string][]near)
	for _, o := range c.known() {
		if o.seller == s.seller || len(o.past) == 0 || !o.sound() || o.medium() != medium {
			continue
		}
		newest := o.past[len(o.past)-1]
		if back := int64(w) - newest.Window; back < 0 || back > 2 || !o.judged[newest.Window] {
			continue
		}
		if metres, err := book.Distance(s.cell, o.cell); err == nil && metres <= reach {
			found[o.prop] = append(found[o.prop], near{metres, newest.Median})
		}
	}
	medians := make(map[string][]float64)
	for prop, list := range found {
		slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.metres, b.metres) })
		for _, n := range list[:min(len(list), maxNeighbours)] {
			medians[prop] = append(medians[prop], n.median)
		}
	}
	return medians
}

// medium is that of the newest stamp of a stream.
func (s *stream) medium() string {
	if s.last == nil {
		return ""
	}
	return s.last.Class.Medium
}

// sound says whether the newest stamp of a stream calls it what its seller does.
func (s *stream) sound() bool {
	if s.last == nil {
		return true
	}
	p, ok := protocol.PropertyOf(s.prop)
	class := &s.last.Class
	return ok && class.Prop == s.prop && class.Unit == p.Unit && protocol.RoleOf(class.Role) == protocol.RoleMeasured
}
