package rate_test

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/model"
	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// TestRawSeries looks at the uncleaned series: a batch with readings that no air has (under −35 °C, over 60 °C) must be
// refused, nearly always.
func TestRawSeries(t *testing.T) {
	f, err := os.Open(filepath.Join(data, "../sensors/stbernard_raw.csv.gz"))
	if err != nil {
		t.Skip("no reference data")
	}
	defer f.Close()
	c, err := rate.ReadSeries("raw", "air_temperature", f)
	if err != nil {
		t.Fatal(err)
	}
	share, rest := under(t, c, func(r []detect.Reading) bool {
		for _, x := range r {
			if x.V < -35 || x.V > 60 {
				return true
			}
		}
		return false
	})
	t.Logf("impossible: %.3f under 500; others: %.3f", share, rest)
	if share < .8 {
		t.Errorf("%.3f of the batches with impossible readings are under 500, want at least .8", share)
	}
}

// TestMotes looks at two motes, one of which was heated and wetted for a while: at most a few batches are refused.
func TestMotes(t *testing.T) {
	f, err := os.Open(filepath.Join(data, "../wsn/single_hop.csv.gz"))
	if err != nil {
		t.Skip("no reference data")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := &series.Case{Name: "motes"}
	for _, row := range rows[1:] {
		if n := len(c.Streams); n == 0 || c.Streams[n-1].Name != row[0] {
			c.Streams = append(c.Streams, series.Stream{Name: row[0]})
		}
		s := &c.Streams[len(c.Streams)-1]
		n, err1 := strconv.ParseInt(row[1], 10, 64)
		v, err2 := strconv.ParseFloat(row[3], 64)
		if err1 != nil || err2 != nil {
			t.Fatal(row)
		}
		k := len(s.Readings)
		s.Readings = append(s.Readings, detect.Reading{T: n * 5000, V: v})
		if k%32 == 0 {
			s.Batches = append(s.Batches, series.Batch{Number: int64(k / 32)})
		}
		s.Batches[len(s.Batches)-1].End = k + 1
	}
	_, all := under(t, c, func([]detect.Reading) bool { return false })
	t.Logf("motes: %.3f under 500", all)
	if all > .05 {
		t.Errorf("%.3f of the batches of the motes are under 500, want at most .05", all)
	}
}

// under is the share of batches with a score under 500: of those that are bad, and of the others.
func under(t *testing.T, c *series.Case, bad func([]detect.Reading) bool) (of, rest float64) {
	t.Helper()
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	var n, low [2]float64
	for i, results := range series.Run(c, judge) {
		s := &c.Streams[i]
		from := 0
		for k, r := range results {
			g := 0
			if bad(s.Readings[from:s.Batches[k].End]) {
				g = 1
			}
			from = s.Batches[k].End
			n[g]++
			if r.Score < 500 {
				low[g]++
			}
		}
	}
	return low[1] / max(n[1], 1), low[0] / max(n[0], 1)
}
