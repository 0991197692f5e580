package rate_test

import (
	"cmp"
	"os"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/validator/detect/model"
	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// TestPump prints how many honest batches of a failing machine would be refused, and fails if they are more than one in
// twenty: each experiment alone, and all experiments one after the other as eight sensors.
func TestPump(t *testing.T) {
	f, err := os.Open("../../../../shared/data/skab/skab.csv.gz")
	if err != nil {
		t.Skip("no reference data")
	}
	defer f.Close()
	cases, err := rate.ReadPump(f)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		cases []*series.Case
	}{{"each experiment", cases}, {"one after the other", []*series.Case{joined(cases)}}} {
		all, under := map[string]float64{}, map[string]float64{}
		why := map[string]int{}
		for _, c := range tt.cases {
			for i, results := range series.Run(c, judge) {
				for k, r := range results {
					kind := c.Streams[i].Batches[k].Truth.Type
					all[kind]++
					if r.Score < 500 {
						under[kind]++
						why[r.Reasons[0].Code]++
					}
				}
			}
		}
		total := (under["clean"] + under["failing"]) / (all["clean"] + all["failing"])
		t.Logf("%s: %v batches, under 500: %.4f; failing %v: %.4f; for %v", tt.name, all["clean"]+all["failing"], total, all["failing"], under["failing"]/all["failing"], why)
		if total > .05 || under["failing"]/all["failing"] > .05 {
			t.Errorf("%s: more than .05 of the honest batches are under 500", tt.name)
		}
	}
}

// joined puts the experiments one after the other, in order of time, as eight sensors.
func joined(cases []*series.Case) *series.Case {
	cases = slices.Clone(cases)
	slices.SortFunc(cases, func(a, b *series.Case) int {
		return cmp.Compare(a.Streams[0].Readings[0].T, b.Streams[0].Readings[0].T)
	})
	out := &series.Case{Name: "pump", Streams: make([]series.Stream, len(cases[0].Streams))}
	for i := range out.Streams {
		s := &out.Streams[i]
		s.Name = cases[0].Streams[i].Name
		for _, c := range cases {
			from := len(s.Readings)
			s.Readings = append(s.Readings, c.Streams[i].Readings...)
			for _, b := range c.Streams[i].Batches {
				b.End += from
				b.Number = int64(len(s.Batches))
				s.Batches = append(s.Batches, b)
			}
		}
	}
	return out
}
