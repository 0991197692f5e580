package protocol

import (
	_ "embed" // for the tables
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
)

// Property is one row of the table of things that can be sold: what it is (QUDT quantity kind), its SenML unit, and what
// a scorer must know of its sensors.
type Property struct {
	Slug     string
	Kind     string  // QUDT quantity kind
	Broader  string  // QUDT broader kind; properties that share it are related
	Unit     string  // SenML unit (RFC 8428 §12.1)
	Min, Max float64 // physical bounds
	Rate     float64 // largest honest change, units per second; 0 where any jump is honest
	Grid     float64 // step of the values
	Floor    float64 // change that means nothing, in a scorer's scales; 0 is 1/128 of the bounds
	Noise    bool    // readings of a live sensor differ by noise, so standing still and novelty can be judged
	BiasMax  float64 // largest honest usual offset from the neighbours; 0: no neighbours are compared
	Source   string  // where these numbers come from: data sheets, standards
}

// OtherUnit is another way to write a value: x in the SenML unit reads x·Factor + Offset in it, or Factor/x if Inverse. A
// guess is a mere factor that fits every unit, so that it takes more to believe in it.
type OtherUnit struct {
	Name           string
	Factor, Offset float64
	Inverse, Guess bool
}

// The tables, with a source for every row.
var (
	//go:embed properties.csv
	propertyTable string
	//go:embed units.csv
	unitTable string

	properties = must(readProperties(propertyTable))
	otherUnits = must(readUnits(unitTable))
)

// table is a CSV file with comments and a header; the first number that is none stays in err.
type table struct {
	rows [][]string
	err  error
}

func readTable(text string) *table {
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	return &table{rows[min(1, len(rows)):], err}
}

func (t *table) number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if t.err == nil {
		t.err = err
	}
	return v
}

func readProperties(text string) (list []Property, err error) {
	t := readTable(text)
	for _, r := range t.rows {
		list = append(list, Property{
			Slug: r[0], Kind: r[1], Broader: r[2], Unit: r[3], Min: t.number(r[4]), Max: t.number(r[5]), Rate: t.number(r[6]),
			Grid: t.number(r[7]), Floor: t.number(r[8]), Noise: r[9] == "1", BiasMax: t.number(r[10]), Source: r[11],
		})
	}
	return list, t.err
}

func readUnits(text string) (map[string][]OtherUnit, error) {
	t := readTable(text)
	units := make(map[string][]OtherUnit)
	for _, r := range t.rows {
		u := OtherUnit{Name: r[1], Factor: t.number(r[2]), Offset: t.number(r[3]), Inverse: r[4] == "1", Guess: r[0] == "*"}
		units[r[0]] = append(units[r[0]], u)
	}
	return units, t.err
}

// OtherUnits are those in which a value of the property may be sent by mistake, the likeliest first.
func (p Property) OtherUnits() []OtherUnit { return slices.Concat(otherUnits[p.Unit], otherUnits["*"]) }

// PropertyOf returns the row of a slug, and whether there is one.
func PropertyOf(slug string) (Property, bool) {
	i := slices.IndexFunc(properties, func(p Property) bool { return p.Slug == slug })
	if i < 0 {
		return Property{}, false
	}
	return properties[i], true
}

// Properties returns the slugs of the table in its order.
func Properties() []string {
	slugs := make([]string, len(properties))
	for i, p := range properties {
		slugs[i] = p.Slug
	}
	return slugs
}

// Related says whether two properties share their broader quantity kind.
func (p Property) Related(q Property) bool { return p.Broader == q.Broader }
