package rank

import (
	"slices"
	"strconv"
	"strings"

	"github.com/iotverse/iotverse/market/classify"
)

// Query is a demand made ready for scoring. It is read only and safe for concurrent use.
type Query struct {
	Want         Want
	Kind         string // slug, "" if nothing names one
	Role, Medium string // Medium "" for none
	unit         classify.Unit
	place        place
	names        []name // places of a text that may be any field
	text         name   // all words of the text, for places that the grammar missed
	words        []string
	cell         string
	radius       int64
	period       int64 // milliseconds, 0 for any
	maxAge       int64
	accuracy     string
	accuracyUnit classify.Unit
	guessed      bool // Kind is of a misspelt word: good enough for an order, not for money (Fill)
}

// Read makes a query of a demand. It never fails: what it does not understand does not count.
func Read(w Want) *Query {
	w.Text = short(w.Text, classify.MaxText)
	w.Structured.bound()
	s := &w.Structured
	q := &Query{Want: w, cell: string(s.Cell), period: duration(string(s.Period)), maxAge: duration(string(s.MaxAge)), accuracy: string(s.Accuracy)}
	q.place = place{building: buildingName(string(s.Building)), city: nameOf(string(s.City)), country: country(string(s.Country)),
		floor: floorName(string(s.Floor)), room: nameOf(string(s.Room))}
	q.unit, _ = classify.UnitOf(string(s.Unit))
	metres, _, _ := strings.Cut(string(s.Radius), ".")
	if r, err := strconv.ParseUint(metres, 10, 31); err == nil {
		q.radius = int64(min(r, 20_100_000)) // half around the world
	}
	q.text = split(w.Text)
	left := (&reader{w.Text, q}).read()
	if w.Text != "" {
		q.facets(classify.Demand(left))
	}
	if q.Kind == "" {
		q.guess(w.Text)
	}
	q.fields(s)
	if q.accuracyUnit.ID == "" {
		q.accuracyUnit = q.unit
	}
	if q.Role == "" {
		q.Role = classify.Measured
	}
	q.words = content(left)
	if w.Text == "" {
		q.words = content(strings.ReplaceAll(string(s.Quantity)+" "+string(s.Medium)+" "+string(s.Role), "_", " "))
	}
	return q
}

func (q *Query) facets(c classify.Class) {
	q.Kind, q.Role, q.Medium = c.Kind.Value, c.Role.Value, c.Medium.Value
}

// guess reads a text that names no quantity again, with the words of the trade that its unknown ones may be. A first letter is
// seldom wrong, and short words are near to too many.
func (q *Query) guess(text string) {
	var list []string
	for _, t := range classify.Tokens(text) {
		near := ""
		if len(t.Word) >= 5 && !classify.Known(t.Word) {
			near = classify.Near(t.Word)
		}
		if near == "" || near[0] != t.Word[0] {
			near = t.Word
		}
		list = append(list, near)
	}
	if c := classify.Demand(strings.Join(list, " ")); c.Kind.Value != "" {
		q.facets(c)
		q.guessed = true
	}
}

// fields lets the fields of a structured demand count more than its text.
func (q *Query) fields(s *Fields) {
	if s.Quantity != "" {
		slug := strings.ToLower(string(s.Quantity))
		if _, ok := classify.KindOf(slug); !ok {
			slug = classify.Demand(string(s.Quantity)).Kind.Value
		}
		if slug != "" {
			q.Kind, q.guessed = slug, false
		}
	}
	if s.Role != "" {
		q.Role = strings.ToLower(string(s.Role))
		if !slices.Contains([]string{classify.Measured, classify.Setpoint, classify.Command, classify.Status, classify.Alarm, classify.Limit}, q.Role) {
			q.Role = classify.Demand(string(s.Role)).Role.Value
		}
	}
	if s.Medium != "" {
		q.Medium = classify.Demand(string(s.Medium)).Medium.Value
	}
}

var empty = []string{"of", "in", "the", "on", "at", "a", "an", "and", "for", "to", "from", "with", "data", "sensor", "readings", "live", "other"}

// content returns the words of a text that mean something, once each.
func content(text string) []string {
	var list []string
	for _, t := range classify.Tokens(text) {
		if !slices.Contains(empty, t.Word) && !slices.Contains(list, t.Word) && len(list) < 32 {
			list = append(list, t.Word)
		}
	}
	return list
}

// wordsOf returns the words of an offer's title and places.
func wordsOf(o Offer) map[string]bool {
	set := map[string]bool{}
	for _, t := range classify.Tokens(string(o.Title)) {
		set[t.Word] = true
	}
	for _, f := range []Field{o.Building, o.City, o.Room, o.Floor} {
		for _, w := range split(string(f)) {
			set[w] = true
		}
	}
	return set
}
