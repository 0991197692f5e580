package definition

import "slices"

// The family of operators about the unit's own payments: has, has one, has equal, has one equal, sum.

// has is met by a unit with a coin that the filter selects; one: with exactly one.
type has struct {
	filter filter
	one    bool
}

func (c has) holds(e *evaluation) (bool, error) {
	found, known := e.find(c.filter, false)
	return known && (len(found) == 1 || len(found) > 0 && !c.one), nil
}

func (p *parser) has(op string, args any) (condition, bool, error) {
	if p.env.NoReferences {
		return nil, false, errReferences
	}
	f, err := p.filter(args)
	if err == nil {
		err = p.public("asset must be public", f)
	}
	return has{f, op == "has one"}, false, err
}

// sum is met if the coins that the filter selects add up to what is asked for. It adds as the reference does, in
// floating point.
type sum struct {
	filter          filter
	equals          float64 // −1: not given, as the others
	atLeast, atMost float64
}

func (c sum) holds(e *evaluation) (bool, error) {
	found, known := e.find(c.filter, true)
	if !known {
		return false, nil
	}
	total := 0.0
	for _, f := range found {
		total += f.amount
	}
	return (c.equals < 0 || total == c.equals) && (c.atLeast < 0 || total >= c.atLeast) && (c.atMost < 0 || total <= c.atMost), nil
}

func (p *parser) sum(args any) (condition, bool, error) {
	if p.env.NoReferences {
		return nil, false, errReferences
	}
	m, ok := object(args)
	if !ok {
		return nil, false, refuse("sum args must be a non-empty object")
	}
	if extra(m, "filter", "equals", "at_least", "at_most") {
		return nil, false, refuse("unknown fields in sum")
	}
	f, err := p.filter(m["filter"])
	if err != nil {
		return nil, false, err
	}
	if f.amountRestricted {
		return nil, false, refuse("sum filter cannot restrict amounts")
	}
	c := sum{filter: f, equals: -1, atLeast: -1, atMost: -1}
	if err := c.bounds(m); err != nil {
		return nil, false, err
	}
	return c, false, p.public("asset must be public", f)
}

// bounds reads what the sum is compared with.
func (c *sum) bounds(m map[string]any) error {
	for _, b := range []struct {
		name, must string
		min        float64
		to         *float64
	}{
		{"equals", "nonnegative", 0, &c.equals},
		{"at_least", "positive", 1, &c.atLeast},
		{"at_most", "positive", 1, &c.atMost},
	} {
		v, given := m[b.name]
		if !given {
			continue
		}
		n, ok := whole(v, b.min)
		if !ok {
			return refuse("%s must be %s int", b.name, b.must)
		}
		*b.to = n
	}
	switch bounded := c.atLeast >= 0 || c.atMost >= 0; {
	case c.equals >= 0 && bounded:
		return refuse("can't have equals and at_least/at_most at the same time")
	case c.equals < 0 && !bounded:
		return refuse("at least one of equals, at_least, at_most must be specified")
	}
	return nil
}

// equal is met if coins selected by the two filters agree in all of fields; one: if exactly one pair does.
type equal struct {
	fields  []string
	filters [2]filter
	one     bool
}

func (c equal) holds(e *evaluation) (bool, error) {
	owners := slices.Contains(c.fields, "address") || slices.Contains(c.fields, "amount")
	first, known := e.find(c.filters[0], owners)
	if !known {
		return false, nil
	}
	second, known := e.find(c.filters[1], owners)
	if !known {
		return false, nil
	}
	count, pairs := make(map[coin]int), 0
	for _, s := range second {
		count[c.key(s)]++
	}
	for _, f := range first {
		pairs += count[c.key(f)]
	}
	return pairs == 1 || pairs > 0 && !c.one, nil
}

// key is the coin with nothing but the fields that must agree.
func (c equal) key(of coin) coin {
	var k coin
	for _, f := range c.fields {
		switch f {
		case "asset":
			k.asset = of.asset
		case "address":
			k.address = of.address
		case "amount":
			k.amount = of.amount
		case "type":
			k.kind = of.kind
		}
	}
	return k
}

func (p *parser) equal(op string, args any) (condition, bool, error) {
	if p.env.NoReferences {
		return nil, false, errReferences
	}
	m, ok := object(args)
	if !ok {
		return nil, false, refuse("%s args must be a non-empty object", op)
	}
	if extra(m, "equal_fields", "search_criteria") {
		return nil, false, refuse("unknown fields in %s", op)
	}
	c := equal{one: op == "has one equal"}
	var err error
	if c.fields, err = equalFields(m["equal_fields"]); err != nil {
		return nil, false, err
	}
	criteria, _ := m["search_criteria"].([]any)
	if len(criteria) != 2 {
		return nil, false, refuse("search_criteria must be 2-elements array")
	}
	for i := range c.filters {
		if c.filters[i], err = p.filter(criteria[i]); err != nil {
			return nil, false, err
		}
	}
	if slices.Contains(c.fields, "type") && (c.filters[0].what == "output" || c.filters[1].what == "output") {
		return nil, false, refuse("outputs cannot have type")
	}
	return c, false, p.public("all assets must be public", c.filters[:]...)
}

func equalFields(v any) ([]string, error) {
	list, _ := v.([]any)
	if len(list) == 0 {
		return nil, refuse("no equal_fields")
	}
	var fields []string
	for _, v := range list {
		f, ok := v.(string)
		switch {
		case !ok:
			return nil, refuse("fields must be strings")
		case !slices.Contains([]string{"asset", "address", "amount", "type"}, f):
			return nil, refuse("unknown field: %s", f)
		case slices.Contains(fields, f):
			return nil, refuse("duplicate %s", f)
		}
		fields = append(fields, f)
	}
	return fields, nil
}
