package ledger

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// mostFeeds is how many values of a feed are looked at to find a given one.
const mostFeeds = 10_000

// feedQuery is a question for a data feed (data_feeds.js:348).
type feedQuery struct {
	oracles []byteball.Address
	name    string
	value   string // that is looked for, as text
	exact   bool   // a value is looked for
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
		return feedText(best.value), nil
	}
	return feedValue(best.value), nil
}

func readFeedQuery(q params) (f feedQuery, err error) {
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
	f = feedQuery{oracles: oracles, name: q.text("feed_name"), max: 1<<63 - 1}
	if f.name == "" {
		return f, refuse("empty feed_name or not a string")
	}
	if v, f.exact = q.field("feed_value"); f.exact {
		f.value = feedText(v)
	}
	if v, given := q.field("min_mci"); given {
		n, ok := whole(v)
		if f.min = int64(n); !ok {
			return f, refuse("bad min_mci: %v", v)
		}
	}
	if v, given := q.field("max_mci"); given {
		n, ok := positive(v)
		if f.max = int64(n); !ok {
			return f, refuse("max_mci must be positive integer")
		}
	}
	for name, allowed := range map[string][]string{"ifseveral": {"abort", "last"}, "what": {"unit", "value"}, "type": {"string", "auto"}} {
		if v, given := q.field(name); given && !slices.Contains(allowed, q.text(name)) {
			return f, refuse("bad %s: %v", name, v)
		}
	}
	f.abort = q.text("ifseveral") == "abort"
	return f, nil
}

func (l *Ledger) unstableFeeds(f feedQuery) []found {
	var values []found
	for _, n := range l.tail {
		if n.Included < f.min || n.Included > f.max || !slices.ContainsFunc(f.oracles, n.by) {
			continue
		}
		for i := range n.u.Messages {
			feeds, _ := n.u.Messages[i].Payload.(map[string]any)
			v, has := feeds[f.name]
			if n.u.Messages[i].App == "data_feed" && has && (!f.exact || feedText(v) == f.value) {
				values = append(values, found{v, n.Unit, n.Included, n.Level})
			}
		}
	}
	return values
}

func (l *Ledger) stableFeeds(f feedQuery) []found {
	var values []found
	most := 1
	if f.abort {
		most = 2
	}
	for _, a := range f.oracles {
		got, looked := 0, 0
		prefix := key(tFeed, []byte(a), feedName(f.name))
		l.x.each(prefix, append(slices.Clone(prefix), num(^uint64(f.max))...), func(rest, value []byte) bool {
			mci := int64(^number(rest))
			var record feed
			var v any
			if l.x.note(unmarshal(value, &record)); l.x.err == nil {
				l.x.note(json.Unmarshal(record.Value, &v))
			}
			if looked++; mci < f.min || looked > mostFeeds {
				return false
			}
			if !f.exact || feedText(v) == f.value {
				values = append(values, found{v, record.Unit, mci, 0})
				got++
			}
			return got < most
		})
	}
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

// feedValue makes a number of a text that is one as JavaScript would print it.
func feedValue(v any) any {
	s, isText := v.(string)
	if f, err := strconv.ParseFloat(s, 64); isText && err == nil && feedText(f) == s {
		return f
	}
	return v
}
