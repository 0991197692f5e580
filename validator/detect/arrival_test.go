package detect_test

import (
	"testing"

	"github.com/iotverse/iotverse/validator/detect/model"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// ahead is a network in which the clock of sensor 2 is an hour fast from batch 14 to 17; arrivals says whether it is known
// when readings came in.
func ahead(arrivals bool) *series.Case {
	c := weather(6, 6, 24)
	for i, s := range c.Streams {
		for k := range s.Readings {
			r := &s.Readings[k]
			if arrivals {
				r.Arrival = r.T + 2000
			}
			if i == 2 && k/32 >= 14 && k/32 < 18 {
				r.T += 3600e3
			}
		}
	}
	return c
}

// A clock that runs ahead is seen by the arrival times from the first batch to the last, and by nothing that came later:
// cutting off what followed changes no score.
func TestArrival(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	c := ahead(true)
	with := series.Run(c, judge)
	for batch := 14; batch < 18; batch++ {
		r := with[2][batch]
		if r.Score >= 100 || len(r.Reasons) == 0 || r.Reasons[0].Code != "clock" || r.Transport > 100 {
			t.Errorf("batch %d with arrivals: score %d, transport %d, reasons %v; want a clock that is ahead", batch, r.Score, r.Transport, r.Reasons)
		}
	}
	if r := with[2][13]; r.Score < 500 || r.Transport != 1000 {
		t.Errorf("the batch before: score %d, transport %d", r.Score, r.Transport)
	}
	for i := range c.Streams {
		c.Streams[i].Readings, c.Streams[i].Batches = c.Streams[i].Readings[:17*32], c.Streams[i].Batches[:17]
	}
	for i, results := range series.Run(c, judge) {
		for k, r := range results {
			if r.Margin != with[i][k].Margin {
				t.Fatalf("sensor %d batch %d: margin %v, with later readings %v", i, k, r.Margin, with[i][k].Margin)
			}
		}
	}
	inside := series.Run(ahead(false), judge)[2][16]
	if inside.Margin >= with[2][16].Margin {
		t.Errorf("without arrivals the inside is as sure: %v and %v", inside.Margin, with[2][16].Margin)
	}
}

// The two numbers beside the score say whether the sensor or the link is to blame.
func TestTrust(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	c := weather(2, 6, 30)
	spoil(c)
	results := series.Run(c, judge)
	if r := results[0][20]; r.Collection >= 500 || r.Transport != 1000 {
		t.Errorf("stuck: collection %d, transport %d; want under 500 and 1000", r.Collection, r.Transport)
	}
	for _, at := range [][2]int{{3, 23}, {4, 24}} {
		if r := results[at[0]][at[1]]; r.Collection < 500 || r.Transport >= 1000 || r.Score >= 500 {
			t.Errorf("sent twice or out of order: collection %d, transport %d, score %d", r.Collection, r.Transport, r.Score)
		}
	}
	for k, r := range results[5] {
		if r.Transport != 1000 || r.Collection != r.Score {
			t.Errorf("honest batch %d: collection %d, transport %d, score %d", k, r.Collection, r.Transport, r.Score)
		}
	}
}
