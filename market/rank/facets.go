package rank

import "strings"

// Facets are what a catalogue may index of an offer or look for in a demand, in the form in which equal is the same: two
// offers with one value of a facet differ in it for no demand. Empty is unknown, or anything.
type Facets struct {
	Kind, Role, Medium                   string
	Building, City, Country, Floor, Room string
	Names                                []string // places of a text, each of any facet
	Words                                []string // letters and digits only
}

func (n name) String() string { return strings.Join(n, " ") }

// Facets of an offer; Words are those of its title and places.
func (e *Entry) Facets() Facets {
	f := e.place.facets()
	f.Kind, f.Role, f.Medium = e.Class.Kind.Value, e.Class.Role.Value, e.Class.Medium.Value
	for w := range e.words {
		f.Words = append(f.Words, w)
	}
	return f
}

// Facets of a demand.
func (q *Query) Facets() Facets {
	f := q.place.facets()
	f.Kind, f.Role, f.Medium, f.Words = q.Kind, q.Role, q.Medium, append([]string{}, q.words...)
	for _, n := range q.names {
		f.Names = append(f.Names, n.String())
		f.Words = append(f.Words, n...)
	}
	return f
}

func (p place) facets() Facets {
	return Facets{Building: p.building.String(), City: p.city.String(), Country: p.country.String(), Floor: p.floor.String(), Room: p.room.String()}
}
