package score_test

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/iotverse/iotverse/validator/score"
)

// TestHonestSensors scores real series that are clean but for small natural faults: none of them may get a hard code, and
// hardly any a low mark. It is skipped where the reference data are not at hand.
func TestHonestSensors(t *testing.T) {
	for _, c := range []struct {
		file string
		p    score.Profile
	}{
		{"stbernard_air_temperature", score.Profile{Min: -80, Max: 60, MaxRate: .05, Grid: .01, Period: 120_000}},
		{"stbernard_relative_humidity", score.Profile{Min: 0, Max: 100, MaxRate: .5, Grid: .01, Period: 120_000}},
		{"aberdeen_pm2_5", score.Profile{Min: 0, Max: 1000, MaxRate: 50, Grid: .01, Period: 149_000}},
		{"losangeles_traffic_speed", score.Profile{Min: 0, Max: 120, MaxRate: 20, Grid: .01, Period: 300_000}},
	} {
		t.Run(c.file, func(t *testing.T) {
			p := c.p
			p.Noise, p.MinWindows, p.HistWindows, p.Baseline = true, 24, 120, 24
			x := index(t, score.Limits{Horizon: math.MaxInt64})
			p.Units = thermometer().Units
			var marks []int
			found := 0
			for id, series := range sensors(t, "../../../shared/data/sensors/"+c.file+".csv.gz") {
				got, n := season(t, p, x, name(uint64(id+1)), series)
				marks, found = append(marks, got...), found+n
			}
			if found*500 > len(marks) {
				t.Errorf("%d of %d windows are said to be in another unit, made up or no measurements", found, len(marks))
			}
			slices.Sort(marks)
			if low, typical := marks[len(marks)/20], marks[len(marks)/2]; low < 750 || typical != 850 {
				t.Errorf("got I %d for the fifth percentile and %d for the median of %d windows, want ≥ 750, 850", low, typical, len(marks))
			}
		})
	}
}

// season scores the first windows of a series in turn and returns I of each, and how many were called implausible.
func season(t *testing.T, p score.Profile, x *score.Index, seller [32]byte, series []score.Reading) (marks []int, found int) {
	const per, most = 32, 25
	var past []score.Past
	for w := 0; w < most && (w+1)*2*per <= len(series); w++ {
		in := score.Input{
			Profile: p, Seller: seller, Wid: name(uint64(w)), Window: int64(w), Committed: int64(w), Device: 1000, Index: x, Past: past,
		}
		for b := 2 * w; b < 2*w+2; b++ {
			rs := series[b*per : (b+1)*per]
			in.Batches = append(in.Batches, score.Batch{Seq: uint64(b), N: per, T0: rs[0].T, T1: rs[per-1].T, Readings: rs})
		}
		r := score.Window(in)
		if len(r.Hard) > 0 {
			t.Errorf("window %d: got %v, evidence %+v", w, r.Hard, r.Evidence)
		}
		if blames(r, score.CodeUnit) || blames(r, score.CodeInvented) || blames(r, score.CodeUnsafe) {
			found++
			t.Logf("window %d of seller %d: %v", w, seller[7], r.Soft)
		}
		marks, past = append(marks, r.I), append(past, r.Past)
		for _, run := range runs(seller, in.Wid, in.Committed, in.Batches) {
			if err := x.Add(run); err != nil {
				t.Fatal(err)
			}
		}
	}
	return marks, found
}

// sensors reads a file of ts,sensor,value, sorted by sensor and time.
func sensors(t *testing.T, file string) [][]score.Reading {
	f, err := os.Open(filepath.FromSlash(file))
	if err != nil {
		t.Skip("reference data are not here:", err)
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
	var all [][]score.Reading
	for i, row := range rows[1:] {
		if i == 0 || row[1] != rows[i][1] {
			all = append(all, nil)
		}
		at, err1 := strconv.ParseFloat(row[0], 64)
		v, err2 := strconv.ParseFloat(row[2], 64)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		last := len(all) - 1
		all[last] = append(all[last], score.Reading{T: int64(at * 1000), V: v})
	}
	return all
}
