package definition

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
)

// The family of operators about what oracles posted: in data feed, in merkle.

// Bounds of a data feed (constants.js).
const (
	maxFeedName  = 64
	maxFeedValue = 64
)

// feedOf is what both operators say of a feed.
type feedOf struct {
	oracles []byteball.Address
	name    string
	from    uint64
}

// posted says whether one of the oracles posted a value that stands in relation to value.
func (f feedOf) posted(e *evaluation, relation string, value any) (bool, error) {
	if n, ok := FeedNumber(value); ok {
		value = n
	}
	for _, oracle := range f.oracles {
		ok, err := e.env.Chain.Feed(Feed{Oracle: oracle, Name: f.name, Relation: relation, Value: value, From: f.from}, e.env.LastBallMCI)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// inFeed is met once an oracle posted a value that stands in relation to value.
type inFeed struct {
	feedOf
	relation string
	value    any // float64 or string
}

func (c inFeed) holds(e *evaluation) (bool, error) {
	if c.relation != "!=" {
		return c.posted(e, c.relation, c.value)
	}
	// Numbers differ from numbers, texts from texts.
	ok, err := c.posted(e, ">", c.value)
	if ok || err != nil {
		return ok, err
	}
	return c.posted(e, "<", c.value)
}

func (p *parser) inFeed(args any) (condition, error) {
	list, ok := args.([]any)
	if !ok {
		return nil, refuse("in data feed arg must be array")
	}
	if len(list) != 4 && len(list) != 5 {
		return nil, refuse("in data feed must have 4 or 5 args")
	}
	oracles, err := p.oracles("in data feed", list[0])
	if err != nil {
		return nil, err
	}
	relation, err := relationOf(list[2], false)
	if err != nil {
		return nil, err
	}
	name, err := feedName(list[1])
	if err != nil {
		return nil, err
	}
	if err := checkFeedValue(list[3]); err != nil {
		return nil, err
	}
	from, err := fromMCI("in data feed", list[4:])
	return inFeed{feedOf{oracles, name, from}, relation, list[3]}, err
}

// oracles reads the oracles of an operator; each costs as much as an operator. Who is named twice is asked once.
func (p *parser) oracles(op string, v any) ([]byteball.Address, error) {
	list, _ := v.([]any)
	if len(list) == 0 {
		return nil, refuse("no addresses in %s", op)
	}
	var oracles []byteball.Address
	for _, v := range list {
		a, ok := address(v)
		if !ok {
			return nil, refuse("oracle address not valid")
		}
		if !slices.Contains(oracles, a) && len(oracles) <= maxComplexity {
			oracles = append(oracles, a)
		}
	}
	p.complexity += len(list) - 1
	return oracles, nil
}

func feedName(v any) (string, error) {
	name, _ := v.(string)
	switch {
	case name == "":
		return "", refuse("no feed_name")
	case length(name) > maxFeedName:
		return "", refuse("feed_name too long")
	}
	return name, nil
}

func checkFeedValue(v any) error {
	switch v := v.(type) {
	case string:
		if v == "" {
			return refuse("no value")
		}
		if length(v) > maxFeedValue {
			return refuse("value too long")
		}
	case float64:
		if math.IsInf(v, 0) || math.Trunc(v) != v {
			return refuse("no fractional values allowed")
		}
	default:
		return refuse("invalid value")
	}
	return nil
}

// fromMCI reads the last argument, which may be missing.
func fromMCI(op string, rest []any) (uint64, error) {
	if len(rest) == 0 {
		return 0, nil
	}
	from, ok := whole(rest[0], 0)
	if !ok {
		return 0, refuse("%s: invalid min_mci", op)
	}
	return uint64(min(from, 1<<53)), nil
}

// inMerkle is met by a proof that element is below a Merkle root that an oracle posted (package merkle makes proofs).
type inMerkle struct {
	feedOf
	path, element string
}

func (c inMerkle) holds(e *evaluation) (bool, error) {
	proof, ok := e.take(c.path)
	if !ok {
		return false, nil
	}
	root, ok := climb(c.element, proof)
	if !ok {
		e.wrong = refuse("bad merkle proof at path %s", c.path)
		return false, nil
	}
	return c.posted(e, "=", root)
}

// climb follows a proof "index-sibling-…-root" from an element and returns the root. It is not package merkle's Verify,
// which wants the form that everybody uses: the reference takes any texts for hashes, and for the index whatever its
// language makes a number of; what is none, infinite or a fraction counts as odd (merkle.js:81).
func climb(element, proof string) (root string, ok bool) {
	parts := strings.Split(proof, "-")
	last := len(parts) - 1
	root, index := parts[last], toNumber(parts[0])
	h := base64Hash(element)
	for _, sibling := range parts[min(1, last):last] {
		if math.Mod(index, 2) == 0 {
			h = base64Hash(h + sibling)
		} else {
			h = base64Hash(sibling + h)
		}
		index = math.Floor(index / 2)
	}
	return root, h == root
}

func base64Hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

var merkleElement = regexp.MustCompile(`^[0-9A-Za-z_ ~,./\\;:!@#$%^&*()=+\[\]{}<>?|-]{1,100}$`)

func (p *parser) inMerkle(args any, at place) (condition, error) {
	if p.condition {
		return nil, refuse("asset condition cannot have in merkle")
	}
	list, ok := args.([]any)
	if !ok {
		return nil, refuse("in merkle arg must be array")
	}
	if len(list) != 3 && len(list) != 4 {
		return nil, refuse("in merkle must have 3 or 4 args")
	}
	oracles, err := p.oracles("in merkle", list[0])
	if err != nil {
		return nil, err
	}
	name, err := feedName(list[1])
	if err != nil {
		return nil, err
	}
	element, _ := list[2].(string)
	if element == "" {
		return nil, refuse("no element")
	}
	if !merkleElement.MatchString(element) {
		return nil, refuse("incorrect format of merkled element")
	}
	from, err := fromMCI("in merkle", list[3:])
	return inMerkle{feedOf{oracles, name, from}, at.path, element}, err
}
