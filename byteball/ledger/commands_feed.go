package ledger

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// feedQuery is a question for a data feed (data_feeds.js:348).
type feedQuery struct {
	oracles []byteball.Address
	name    string
	value   any  // that is looked for, text or number
	exact   bool // a value is looked for
	min     int64
	max     int64
	abort   bool // if there are several
}

// found is one value of a feed.
type found struct {
	value any
	unit  byteball.Hash
	mci   int64 // where it became stable, or what it includes
	level int64
}

// getDataFeed also sees units that are not stable; among them the latest wins, and they win over stable ones.
func getDataFeed(p *peer, q params) (any, error) {
	if m, _ := q.tree.(map[string]any); len(m) == 0 {
		return nil, refuse("no params in light/get_data_feed")
	}
	f, err := readFeedQuery(q)
	if err != nil {
		return nil, err
	}
	l := p.s.l
	l.begin(false)
	defer l.end()
	values := l.unstableFeeds(f)
	if len(values) == 0 || len(values) == 1 && f.abort {
		values = append(values, l.stableFeeds(f)...)
	}
	if err := l.fail(); err != nil {
		return nil, err
	}
	if len(values) > 1 && f.abort {
		return nil, refuse("several values found")
	}
	if len(values) == 0 {
		none, given := q.field("ifnone")
		if given && none != "abort" {
			return none, nil
		}
		return nil, refuse("data feed %s not found", f.name)
	}
	best := slices.MaxFunc(values, func(a, b found) int { return cmp.Or(cmp.Compare(a.mci, b.mci), cmp.Compare(a.level, b.level)) })
	switch {
	case q.text("what") == "unit":
		return best.unit, nil
	case q.text("type") == "string":
		return feedText(feedValue(best.value)), nil
	}
	return feedValue(best.value), nil
}

// readFeedQuery reads a question in the order of network.js:3827 and data_feeds.js:348.
func readFeedQuery(q params) (f feedQuery, err error) {
	f.max = 1<<63 - 1
	if v, given := q.field("max_mci"); given {
		n, ok := positive(v)
		if f.max = int64(n); !ok {
			return f, refuse("max_mci must be positive integer")
		}
	}
	v, _ := q.field("oracles")
	oracles, isList, valid := addressList(v)
	switch {
	case !truthy(v):
		return f, refuse("no oracles in readDataFeedValueByParams")
	case !isList:
		return f, refuse("oracles must be non-empty array")
	case !valid:
		return f, refuse("some oracle addresses are not valid")
	case len(oracles) > 10:
		return f, refuse("too many oracles")
	}
	f.oracles = oracles
	if f.name = q.text("feed_name"); f.name == "" {
		return f, refuse("empty feed_name or not a string")
	}
	if f.value, f.exact = q.field("feed_value"); f.exact && !isFeedValue(f.value) {
		return f, refuse("bad feed_value: %v", f.value)
	}
	if v, given := q.field("min_mci"); given {
		n, ok := whole(v)
		if f.min = int64(n); !ok {
			return f, refuse("bad min_mci: %v", v)
		}
	}
	for _, word := range []struct{ name, called, one, other string }{
		{"ifseveral", "ifseveral", "abort", "last"}, {"what", "what", "unit", "value"}, {"type", "df type", "string", "auto"},
	} {
		if v, given := q.field(word.name); given && v != word.one && v != word.other {
			return f, refuse("bad %s: %v", word.called, v)
		}
	}
	if v, given := q.field("ifnone"); given && !isFeedValue(v) {
		return f, refuse("bad ifnone: %v", v)
	}
	f.abort = q.text("ifseveral") == "abort"
	return f, nil
}

func isFeedValue(v any) bool {
	switch v.(type) {
	case string, bool, float64:
		return true
	}
	return false
}

// unstableFeeds compares values as texts, as the reference does (data_feeds.js:206).
func (l *Ledger) unstableFeeds(f feedQuery) []found {
	var values []found
	for _, n := range l.tail {
		if n.Included < f.min || n.Included > f.max || !slices.ContainsFunc(f.oracles, n.by) {
			continue
		}
		for i := range n.u.Messages {
			feeds, _ := n.u.Messages[i].Payload.(map[string]any)
			v, has := feeds[f.name]
			if n.u.Messages[i].App == "data_feed" && has && (!f.exact || feedText(v) == feedText(f.value)) {
				values = append(values, found{v, n.Unit, n.Included, n.Level})
			}
		}
	}
	return values
}

// stableFeeds returns of each oracle the latest value, or two where several are a reason to abort.
func (l *Ledger) stableFeeds(f feedQuery) []found {
	var values []found
	for _, a := range f.oracles {
		if f.exact {
			values = append(values, l.sameFeeds(f, a)...)
		} else {
			values = append(values, l.latestFeeds(f, a)...)
		}
	}
	return values
}

// most is how many values of an oracle are asked for.
func (f feedQuery) most() int {
	if f.abort {
		return 2
	}
	return 1
}

func (l *Ledger) latestFeeds(f feedQuery, oracle byteball.Address) (values []found) {
	prefix := key(tFeed, []byte(oracle), feedName(f.name))
	l.x.each(prefix, append(slices.Clone(prefix), num(^uint64(f.max))...), func(rest, value []byte) bool {
		mci := int64(^number(rest))
		if mci < f.min {
			return false
		}
		var record feed
		var v any
		if l.x.note(unmarshal(value, &record)); l.x.err == nil {
			l.x.note(json.Unmarshal(record.Value, &v))
		}
		values = append(values, found{v, record.Unit, mci, 0})
		return len(values) < f.most()
	})
	return values
}

// sameFeeds finds a given value by the index of values. A text that looks like a number is one (data_feeds.js:283).
func (l *Ledger) sameFeeds(f feedQuery, oracle byteball.Address) (values []found) {
	value := f.value
	if is, ok := value.(bool); ok { // the reference writes it as a number, and so finds one
		value = 0.0
		if is {
			value = 1.0
		}
	}
	if n, ok := definition.FeedNumber(value); ok {
		value = n
	}
	kind, word := feedWord(value)
	prefix := factKey(factFeed, []byte(oracle), []byte("\n"+f.name+"\n"), []byte{kind, '\n'}, []byte(word+"\n"))
	l.x.each(prefix, append(slices.Clone(prefix), feedIndex(uint64(f.max))...), func(rest, unit []byte) bool {
		inverted, err := strconv.ParseUint(string(rest), 16, 32)
		l.x.note(err)
		mci := math.MaxUint32 - int64(inverted)
		if mci < f.min || err != nil {
			return false
		}
		values = append(values, found{value, hashOf(unit), mci, 0})
		return len(values) < f.most()
	})
	return values
}

// feedText is a value as text.
func feedText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return string(objecthash.AppendNumber(nil, v))
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// feedValue makes a number of a text that looks like one (string_utils.js:135).
func feedValue(v any) any {
	if n, ok := definition.FeedNumber(v); ok {
		return n
	}
	return v
}
