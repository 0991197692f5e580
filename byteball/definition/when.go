package definition

import "slices"

// The family of operators about time: mci, timestamp, age.

// compare relates a to b.
func compare(a float64, relation string, b float64) bool {
	switch relation {
	case "=":
		return a == b
	case "!=":
		return a != b
	case ">":
		return a > b
	case "<":
		return a < b
	case ">=":
		return a >= b
	default: // "<=", the parser lets no other through
		return a <= b
	}
}

// mci is met by a last ball with such a main chain index.
type mci struct {
	relation string
	value    float64
}

func (c mci) holds(e *evaluation) (bool, error) {
	return compare(float64(e.env.LastBallMCI), c.relation, c.value), nil
}

// timestamp is met by a last ball of such a time, in Unix seconds.
type timestamp struct {
	relation string
	value    float64
}

func (c timestamp) holds(e *evaluation) (bool, error) {
	return compare(float64(e.env.LastBallTimestamp), c.relation, c.value), nil
}

// age is met if each unit whose outputs are spent from the address is stable and so many main chain units older than
// the last ball. A unit that spends nothing from the address does not meet it.
type age struct {
	relation string
	value    float64
}

func (c age) holds(e *evaluation) (bool, error) {
	coins, known := e.transfers()
	if !known {
		return false, nil
	}
	last, spends := float64(e.env.LastBallMCI), false
	for _, in := range coins {
		if in.Address != e.address {
			continue
		}
		spends = true
		// The age itself is compared the other way round: last − value with the index.
		if !in.Stable || in.MCI > e.env.LastBallMCI || !compare(last-c.value, c.relation, float64(in.MCI)) {
			return false, nil
		}
	}
	return spends, nil
}

// relationOf reads a relation; quoted: the text of its refusal quotes it.
func relationOf(v any, quoted bool) (string, error) {
	relation, _ := v.(string)
	switch {
	case relation == "":
		return "", refuse("no relation")
	case slices.Contains([]string{"=", ">", "<", ">=", "<=", "!="}, relation):
		return relation, nil
	case quoted:
		return "", refuse("invalid relation: %s", stringify(relation))
	}
	return "", refuse("invalid relation: %s", relation)
}

func (p *parser) when(op string, args any) (condition, bool, error) {
	pair, _ := args.([]any)
	if len(pair) != 2 {
		return nil, false, refuse("%s must have 2 args", op)
	}
	relation, err := relationOf(pair[0], true)
	if err != nil {
		return nil, false, err
	}
	value, ok := whole(pair[1], 0)
	switch {
	case !ok:
		return nil, false, refuse("%s must be a non-neg number", op)
	case op == "mci":
		return mci{relation, value}, false, nil
	case op == "timestamp":
		return timestamp{relation, value}, false, nil
	}
	return age{relation, value}, false, nil
}
