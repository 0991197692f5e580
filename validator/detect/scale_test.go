package detect_test

import (
	"slices"
	"testing"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/model"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// A stretch that comes again is seen whatever the unit: microseconds in s, and bytes of a fast link, as well as °C.
func TestReplayInAnyUnit(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []float64{1, 1e-6, 1e-9, 1e9, 1e11} {
		c := weather(5, 6, 30)
		for i := range c.Streams {
			list := c.Streams[i].Readings
			for k := range list {
				list[k].V *= scale
			}
		}
		list := c.Streams[0].Readings
		for k := range 64 {
			list[20*32+k].V = list[7*32+11+k].V
		}
		if r := series.Run(c, judge)[0][21]; r.Score >= 500 || !slices.ContainsFunc(r.Reasons, func(r detect.Reason) bool { return r.Code == "replay" }) {
			t.Errorf("times %g: score %d, reasons %v; want a replay", scale, r.Score, r.Reasons)
		}
	}
}
