package validator

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/label"
	"github.com/iotverse/iotverse/validator/score"
)

// classed is what a class hangs on beside what the scorer was given.
type classed struct {
	_     struct{} `cbor:",toarray"`
	Offer []byte   // enc(Offer) of the deal that pays
	Near  map[string][]float64
}

// class says what the data of a window are by what was opened, and whether a label of the offer is wrong. Recompute repeats it.
func (c *Core) class(wc *protocol.WindowCommit, in score.Input, res score.Result, offer *protocol.Offer, near map[string][]float64) label.Finding {
	p, _ := protocol.PropertyOf(wc.Prop)
	e := label.Evidence{Offer: offer, Prop: p, Cell: wc.Cell, T1: wc.T1, Coverage: permille(res.Stats.Complete),
		Window: in.Window, Length: c.par.Window(), Near: near}
	for _, b := range in.Batches {
		if b.Readings == nil {
			continue
		}
		list := make([]protocol.Reading, len(b.Readings))
		for i, r := range b.Readings {
			list[i] = protocol.Reading{Time: r.T, Value: r.V}
		}
		e.Batches = append(e.Batches, list)
	}
	for _, past := range in.Past {
		if past.Window < in.Window {
			e.Past = append(e.Past, label.Earlier{Window: past.Window, Median: past.Median, Run: past.Run})
		}
	}
	return label.Of(e)
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
