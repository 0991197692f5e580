package rank

import (
	"fmt"
	"strings"
)

// String says what a query asks for: kind, role, medium, then whatever else is asked.
func (q *Query) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", q.Kind, q.Role, q.Medium)
	for _, p := range []struct {
		key  string
		name name
	}{{"building", q.place.building.spoken()}, {"city", q.place.city}, {"country", q.place.country}, {"floor", q.place.floor}, {"room", q.place.room}} {
		if len(p.name) > 0 {
			fmt.Fprintf(&b, " %s=%q", p.key, p.name.String())
		}
	}
	if len(q.names) > 0 {
		fmt.Fprintf(&b, " names=%q", q.Facets().Names)
	}
	if q.unit.ID != "" {
		fmt.Fprintf(&b, " unit=%s", q.unit.ID)
	}
	if q.period > 0 {
		fmt.Fprintf(&b, " period=%d", q.period)
	}
	if q.accuracy != "" {
		fmt.Fprintf(&b, " accuracy=%s%s", q.accuracy, q.accuracyUnit.ID)
	}
	if q.maxAge > 0 {
		fmt.Fprintf(&b, " age=%d", q.maxAge)
	}
	return b.String()
}
