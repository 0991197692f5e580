package rank_test

import (
	"encoding/json"
	"testing"

	"github.com/iotverse/iotverse/market/rank"
)

// FuzzRead: any demand and any offer give a score in range, and the same one twice.
func FuzzRead(f *testing.F) {
	f.Add("supply air temperature, building 3, every 5 min", `{"quantity":"air_flow","floor":3}`, `{"id":"a","title":"SA-T","unit":"degF","floor":3}`)
	f.Add("± 0.5 °C İ room \xff of of , 9999999999 Hz", `{"accuracy":"0.0001","period":"1e9","radius":"99999999999"}`, `{"id":"b","accuracy":"3","age":"1d","period":99999999999999}`)
	f.Fuzz(func(t *testing.T, text, structured, offer string) {
		w := rank.Want{ID: "d", Text: text}
		var o rank.Offer
		if json.Unmarshal([]byte(structured), &w.Structured) != nil || json.Unmarshal([]byte(offer), &o) != nil {
			return
		}
		q, e := rank.Read(w), rank.NewEntry(o, nil)
		v, why := q.Explain(&e)
		if v < 0 || v > 1_000_000 || v != rank.Read(w).Score(&e) {
			t.Fatalf("score %d (%v), then %d", v, why, rank.Read(w).Score(&e))
		}
	})
}
