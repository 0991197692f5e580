package label

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
)

// leastNear is from how many neighbours on they speak.
const leastNear = 3

// fit is what speaks for a property with a median.
type fit int

const (
	outside   fit = iota // more than half of the readings are beyond the bounds
	contested            // the neighbours measure something else
	possible
	supported // the neighbours measure the same
)

// fits judges a median as one of a property.
func (w *window) fits(p protocol.Property, median float64) fit {
	if !(median >= p.Min && median <= p.Max) {
		return outside
	}
	near := w.Near[p.Slug]
	if len(near) < leastNear || p.BiasMax <= 0 {
		return possible
	}
	near = slices.Sorted(slices.Values(near))
	off := distance(median, lower(near))
	switch {
	case off <= p.BiasMax:
		return supported
	case off > float64(3*p.BiasMax):
		return contested
	}
	return possible
}

func distance(a, b float64) float64 { return max(a-b, b-a) }

// quantity finds the property and the unit.
func (w *window) quantity(f *Finding, titled classify.Guess) {
	claim := w.fits(w.Prop, w.median)
	named := named(titled)
	mistitled := titled.Confidence >= classify.Sure && !slices.Contains(named, w.Prop.Slug)
	if claim == supported || claim == possible && !mistitled {
		if mistitled {
			f.wrong("title", titled.Value, w.Prop.Slug, "the neighbours measure the same")
		}
		return
	}
	why := map[fit]string{outside: "the values lie outside its bounds", contested: "the neighbours measure something else", possible: "the title says so"}[claim]
	unit, how := "", possible
	if claim < possible {
		unit, how = w.unit()
	}
	rightly := len(named) > 0 && !mistitled
	if rightly && claim == contested {
		named = nil // that the title would fit others of the kind, too, says nothing
	}
	switch other := w.other(named, rightly); {
	case how == supported:
		f.reunit(w.Prop.Unit, unit, w.median)
	case other != "":
		p, _ := protocol.PropertyOf(other)
		f.wrong("quantity", w.Prop.Slug, other, "%s, and a median of %g fits", why, w.median)
		f.Class.Prop, f.Class.Unit = other, p.Unit
	case unit != "" && claim == outside:
		f.reunit(w.Prop.Unit, unit, w.median)
	case claim == contested && !mistitled:
	default:
		f.wrong("quantity", w.Prop.Slug, "", "%s: a median of %g", why, w.median)
		f.Class.Prop = ""
	}
}

func (f *Finding) reunit(said, is string, median float64) {
	f.wrong("unit", said, is, "a median of %g fits only so", median)
	f.Class.Unit = is
}

// unit is another unit of the same family in which the median is one of the property, and how well it fits: the first
// that the neighbours support, else the only one within the bounds.
func (w *window) unit() (id string, how fit) {
	own, ok := classify.UnitOf(w.Prop.Unit)
	if !ok {
		return "", possible
	}
	ambiguous := false
	for _, u := range classify.Alternatives(own) {
		v, ok := convert(w.median, u, own)
		if !ok {
			continue
		}
		switch w.fits(w.Prop, v) {
		case supported:
			return u.ID, supported
		case possible:
			ambiguous = id != ""
			id = u.ID
		}
	}
	if ambiguous {
		return "", possible
	}
	return id, possible
}

// convert expresses a value in another unit; false where that is no number of use.
func convert(v float64, from, to classify.Unit) (float64, bool) {
	d, _, err := apd.NewFromString(strconv.FormatFloat(v, 'g', 15, 64))
	if err != nil {
		return 0, false
	}
	if d, err = classify.Convert(d, from, to, false); err != nil {
		return 0, false
	}
	x, err := d.Float64()
	return x, err == nil
}

// named lists the properties of the quantity that a title names, none if it names none that is for sale: the one that is
// called like it, else all that are of that quantity kind.
func named(kind classify.Guess) []string {
	if kind.Confidence < classify.Sure {
		return nil
	}
	if p, ok := protocol.PropertyOf(strings.ReplaceAll(kind.Value, "_", "-")); ok {
		return []string{p.Slug}
	}
	var list []string
	for _, slug := range protocol.Properties() {
		if p, _ := protocol.PropertyOf(slug); classify.Measures(kind.Value, p.Kind) {
			list = append(list, slug)
		}
	}
	return list
}

// other is another property with whose neighbours the median agrees closely, unless the title names the claimed one, or else
// the first that the title names and whose bounds hold it.
func (w *window) other(named []string, rightly bool) string {
	second := ""
	for _, slug := range protocol.Properties() {
		p, _ := protocol.PropertyOf(slug)
		if slug == w.Prop.Slug {
			continue
		}
		how := w.fits(p, w.median)
		if how == supported && !rightly && distance(w.median, lower(slices.Sorted(slices.Values(w.Near[slug])))) <= p.BiasMax/3 {
			return slug
		}
		if how >= possible && second == "" && slices.Contains(named, slug) {
			second = slug
		}
	}
	return second
}
