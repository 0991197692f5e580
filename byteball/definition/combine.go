package definition

// The family of operators that combine others: or, and, r of set, weighted and, not.

// choice is met when the options that are met weigh enough.
type choice struct {
	options  []condition
	weights  []float64 // nil: each weighs 1
	required float64
}

func (c choice) holds(e *evaluation) (bool, error) {
	sum := 0.0
	for i, o := range c.options {
		ok, err := o.holds(e)
		if err != nil {
			return false, err
		}
		if ok {
			sum += c.weight(i)
		}
	}
	return sum >= c.required, nil
}

func (c choice) weight(i int) float64 {
	if c.weights == nil {
		return 1
	}
	return c.weights[i]
}

// add parses option i of c; signed grows by its weight if it needs a signature.
func (p *parser) add(c *choice, tree any, at place, signed *float64) error {
	i := len(c.options)
	o, needs, err := p.parse(tree, at.child(i))
	if err != nil {
		return err
	}
	if needs {
		*signed += c.weight(i)
	}
	c.options = append(c.options, o)
	return nil
}

func (p *parser) all(op string, args any, at place) (condition, bool, error) {
	list, ok := args.([]any)
	if !ok {
		return nil, false, refuse("%s args must be array", op)
	}
	if len(list) < 2 {
		return nil, false, refuse("%s must have at least 2 options", op)
	}
	c, signed := choice{required: 1}, 0.0
	for _, tree := range list {
		if err := p.add(&c, tree, at, &signed); err != nil {
			return nil, false, err
		}
	}
	if op == "or" {
		return c, signed == float64(len(list)), nil
	}
	c.required = float64(len(list))
	return c, signed > 0, nil
}

// set checks what "r of set" and "weighted and" have in common.
func set(op string, args any) (required float64, list []any, err error) {
	m, ok := object(args)
	if !ok {
		return 0, nil, refuse("%s args must be a non-empty object", op)
	}
	if extra(m, "required", "set") {
		return 0, nil, refuse("unknown fields in %s", op)
	}
	if required, ok = whole(m["required"], 1); !ok {
		return 0, nil, refuse("required must be positive")
	}
	if op == "weighted and" && required > maxWeight {
		return 0, nil, refuse("required must be <= %d", maxWeight)
	}
	if list, ok = m["set"].([]any); !ok {
		return 0, nil, refuse("set must be array")
	}
	if len(list) < 2 {
		return 0, nil, refuse("set must have at least 2 options")
	}
	return required, list, nil
}

func (p *parser) rOfSet(args any, at place) (condition, bool, error) {
	required, list, err := set("r of set", args)
	if err != nil {
		return nil, false, err
	}
	if required > float64(len(list)) {
		return nil, false, refuse("required must be <= than set length")
	}
	c, signed := choice{required: required}, 0.0
	for _, tree := range list {
		if err := p.add(&c, tree, at, &signed); err != nil {
			return nil, false, err
		}
	}
	return c, required > float64(len(list))-signed, nil
}

const maxWeight = 1000

func (p *parser) weighted(args any, at place) (condition, bool, error) {
	required, list, err := set("weighted and", args)
	if err != nil {
		return nil, false, err
	}
	c, signed, total := choice{required: required, weights: []float64{}}, 0.0, 0.0
	for _, elem := range list {
		m, weight, err := weightedElement(elem)
		if err != nil {
			return nil, false, err
		}
		total += weight
		c.weights = append(c.weights, weight)
		if err := p.add(&c, m["value"], at, &signed); err != nil {
			return nil, false, err
		}
	}
	if required > total {
		return nil, false, refuse("required must be <= than total weight")
	}
	return c, required > total-signed, nil
}

func weightedElement(elem any) (map[string]any, float64, error) {
	m, ok := object(elem)
	if !ok {
		return nil, 0, refuse("weighted set element must be a non-empty object")
	}
	if extra(m, "value", "weight") {
		return nil, 0, refuse("unknown fields in weighted set element")
	}
	weight, ok := whole(m["weight"], 1)
	if !ok {
		return nil, 0, refuse("weight must be positive int")
	}
	if weight > maxWeight {
		return nil, 0, refuse("weight must be <= %d", maxWeight)
	}
	return m, weight, nil
}

// inverse is met when its inner condition is not. It adds nothing to the path.
type inverse struct{ inner condition }

func (i inverse) holds(e *evaluation) (bool, error) {
	ok, err := i.inner.holds(e)
	return !ok, err
}

func (p *parser) not(args any, at place) (condition, bool, error) {
	at.negated = true
	c, signed, err := p.parse(args, at)
	return inverse{c}, signed, err
}
