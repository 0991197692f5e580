package ledger_test

import (
	"fmt"
	"testing"
	"time"
)

// TestDataFeeds: values are converted, compared and chosen as the reference does (data_feeds.js:193, string_utils.js:86).
func TestDataFeeds(t *testing.T) {
	oracle, other := someone(t, 1), someone(t, 2)
	w := realWorld(t, oracle, other)
	w.now = time.Now().Add(-30 * time.Second)
	w.witness(3)
	feed := func(p person, name string, v any) string {
		u := w.draft(p, nil, message("data_feed", map[string]any{name: v}))
		w.post(u)
		return string(u.Unit)
	}
	first := feed(oracle, "price", "12.50")
	feed(oracle, "word", "shut")
	w.witness(4)
	feed(oracle, "price", 7.0)
	feed(oracle, "both", "1e3")
	feed(oracle, "both", "open")
	w.witness(4)
	feed(other, "price", "0x10")
	w.witness(4)
	newest := feed(oracle, "fresh", "+5")
	c := dialRaw(t, serve(t, w, time.Hour))
	for _, q := range []struct {
		ask  string
		want any
	}{
		{`"feed_name":"price"`, 7.0},
		{`"feed_name":"price","type":"string"`, "7"},
		{`"feed_name":"price","feed_value":12.5`, 12.5},
		{`"feed_name":"price","feed_value":"12.50","type":"string"`, "12.5"},
		{`"feed_name":"price","feed_value":"1250e-2","what":"unit"`, first},
		{`"feed_name":"price","feed_value":"12,50"`, "data feed price not found"},
		{`"feed_name":"price","feed_value":12.5,"min_mci":9`, "data feed price not found"},
		{`"feed_name":"price","feed_value":7,"max_mci":9`, "data feed price not found"},
		{`"feed_name":"price","max_mci":9`, 12.5},
		{`"feed_name":"price","ifseveral":"abort"`, "several values found"},
		{`"feed_name":"price","ifseveral":"abort","feed_value":7`, 7.0},
		{`"feed_name":"word","feed_value":"shut"`, "shut"},
		{`"feed_name":"both","feed_value":1000`, 1000.0},
		{`"feed_name":"both","feed_value":"open"`, "open"},
		{`"feed_name":"fresh"`, 5.0},
		{`"feed_name":"fresh","feed_value":"+5","what":"unit"`, newest},
		{`"feed_name":"fresh","feed_value":5,"ifnone":false`, false}, // what is not stable is compared as text
		{`"feed_name":"price","feed_value":null`, "bad feed_value: <nil>"},
		{`"feed_name":"price","type":"number"`, "bad df type: number"},
		{`"feed_name":"price\ns"`, "data feed price\ns not found"},
		{`"feed_name":"both","feed_value":"open\nopen"`, "data feed both not found"},
	} {
		got := c.request("light/get_data_feed", fmt.Sprintf(`{"oracles":[%q],%s}`, oracle.address, q.ask))
		if failed, is := got.(map[string]any); is {
			got = failed["error"]
		}
		if got != q.want {
			t.Errorf("%s: got %v, want %v", q.ask, got, q.want)
		}
	}
	both := fmt.Sprintf(`{"oracles":[%q,%q],"feed_name":"price"}`, oracle.address, other.address)
	if got := c.request("light/get_data_feed", both); got != "0x10" {
		t.Errorf("the latest of two oracles: got %v, want 0x10, which is no number", got)
	}
}
