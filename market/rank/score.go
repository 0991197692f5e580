package rank

import (
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/classify"
)

// What a factor is where the offer does not say, and where it says otherwise, in ‰.
const (
	unknownKind, otherKind      = 20, 5
	otherRole                   = 200
	unaskedMedium, unknownMedia = 750, 600
	otherMedium                 = 450
	unknownPlace, otherPlace    = 550, 200
	unknownRoom, otherRoom      = 650, 500
	unknownUnit, otherUnit      = 900, 300
	unknownTime                 = 800
)

// Score is how relevant an offer is, 0..1,000,000.
func (q *Query) Score(e *Entry) int {
	score, _ := q.score(e, false)
	return score
}

// Explain is Score with a line for each factor under 1000.
func (q *Query) Explain(e *Entry) (int, []string) { return q.score(e, true) }

func (q *Query) score(e *Entry, explain bool) (int, []string) {
	score := 1_000_000
	var why []string
	times := func(what string, factor int) {
		score = score * factor / 1000
		if explain && factor < 1000 {
			why = append(why, fmt.Sprintf("%s: %d ‰", what, factor))
		}
	}
	times("kind "+e.Class.Kind.Value, q.kind(e.Class.Kind))
	times("role "+e.Class.Role.Value, q.role(e.Class))
	times("medium "+e.Class.Medium.Value, q.mediumOf(e.Class.Medium))
	times("building", q.named(q.place.building, unknownPlace, otherPlace, e.place.building))
	times("city", q.named(q.place.city, unknownPlace, otherPlace, e.place.city))
	times("country", q.named(q.place.country, unknownPlace, otherPlace, e.place.country))
	times("floor", q.named(q.place.floor, unknownPlace, otherPlace, e.place.floor))
	for _, n := range q.names {
		times("place", q.anywhere(n, e))
	}
	times("room", q.named(q.place.room, unknownRoom, otherRoom, e.place.room))
	times("distance", q.near(e))
	times("unit", q.unitOf(e.Class.Unit))
	times("rate", rate(q.period, e.times.period))
	times("accuracy", q.precise(e))
	times("age", fresh(q.maxAge, e.times.age))
	times("words", q.overlap(e))
	return score, why
}

// blend is the factor of a facet of some confidence.
func blend(confidence, factor, unknown int) int {
	confidence = min(max(confidence, 0), 1000)
	return (confidence*factor + (1000-confidence)*unknown) / 1000
}

func (q *Query) kind(g classify.Guess) int {
	if q.Kind == "" {
		return 1000
	}
	if g.Value == "" {
		return unknownKind
	}
	return blend(g.Confidence, max(classify.Kinship(q.Kind, g.Value), otherKind), unknownKind)
}

// alike is the likeness of two roles, either way, in ‰.
var alike = map[[2]string]int{
	{classify.Alarm, classify.Limit}: 900, {classify.Setpoint, classify.Limit}: 500, {classify.Setpoint, classify.Command}: 200,
	{classify.Measured, classify.Status}: 250, {classify.Command, classify.Status}: 200, {classify.Alarm, classify.Status}: 200,
}

func (q *Query) role(c classify.Class) int {
	like := alike[[2]string{q.Role, c.Role.Value}] + alike[[2]string{c.Role.Value, q.Role}]
	if k, ok := classify.KindOf(c.Kind.Value); ok && k.Families[0] == "" && like == 250 {
		like = 900 // what is on or off has no other measure than its status
	}
	if q.Role == c.Role.Value {
		like = 1000
	}
	return blend(c.Role.Confidence, otherRole+(1000-otherRole)*like/1000, otherRole)
}

func (q *Query) mediumOf(g classify.Guess) int {
	switch {
	case q.Medium == g.Value:
		return blend(g.Confidence, 1000, map[bool]int{true: 1000, false: unknownMedia}[q.Medium == ""])
	case q.Medium == "":
		return blend(g.Confidence, unaskedMedium, 1000)
	case g.Value == "":
		return unknownMedia
	}
	return blend(g.Confidence, otherMedium, unknownMedia)
}

func (q *Query) named(want name, unknown, other int, given name) int {
	switch {
	case len(want) == 0 || want.is(given):
		return 1000
	case len(given) == 0:
		return unknown
	}
	return other
}

// anywhere judges a place name of a text: it may be building, city, country, room or a word of the title. A number of one
// or two digits in a title is that of a machine or a floor.
func (q *Query) anywhere(n name, e *Entry) int {
	p := &e.place
	switch {
	case n.is(p.building) || n.number() && (name{"b", n[0]}).is(p.building) || n.is(p.city) || n.is(p.room) || country(strings.Join(n, " ")).is(p.country):
		return 1000
	case n.in(p.title) && !(n.number() && len(n[0]) < 3):
		return 900
	case len(p.building) == 0 || len(p.city) == 0 || len(q.place.building) > 0 || len(q.place.city) > 0:
		return unknownPlace // also where fields name the place: they count more than the text
	}
	return otherPlace
}

// near is 2r²/(2r²+d²) of the distance d of two cells, 0 beyond 3r.
func (q *Query) near(e *Entry) int {
	if q.cell == "" || q.radius <= 0 {
		return 1000
	}
	metres, err := book.Distance(q.cell, string(e.Offer.Cell))
	if err != nil {
		return unknownPlace
	}
	d, r := int64(metres), q.radius
	if d > 3*r {
		return 0
	}
	return int(2000 * r * r / (2*r*r + d*d))
}

func (q *Query) unitOf(u classify.Unit) int {
	switch {
	case q.unit.ID == "" || q.unit.Family == u.Family:
		return 1000
	case u.ID == "":
		return unknownUnit
	}
	return otherUnit
}

// overlap is 900 and a tenth of the share of the demand's words that the offer has.
func (q *Query) overlap(e *Entry) int {
	if len(q.words) == 0 {
		return 1000
	}
	n := 0
	for _, w := range q.words {
		if e.words[w] {
			n++
		}
	}
	return 900 + 100*n/len(q.words)
}
