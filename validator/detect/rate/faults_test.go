package rate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/validator/detect/model"
	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// data is the reference data, which is no part of the repository.
const data = "../../../../shared/data/faults"

// What the forest of package model reaches, and the least for types that have a floor of their own.
const (
	reachedAUC    = .907
	reachedRecall = .549
)

var least = map[string]float64{
	"bias": .85, "clockskew": .9, "collude": .8, "copy": .75, "drift": .74, "duplicate": .99, "fragment": .95, "gap": .97, "noise": .81,
	"outoforder": .99, "replay": .89, "spike": .91, "stuck": .98, "synthetic": .87, "unit": .92,
}

// leastRecall is the share that must be found at one false alarm in a hundred, for types that have such a floor.
var leastRecall = map[string]float64{"duplicate": .98, "outoforder": .98, "stuck": .9, "gap": .75}

// TestFaults prints the table of the labelled fault cases (go test -v -run TestFaults ./validator/detect/rate) and fails on
// a drop below the figures that were reached.
func TestFaults(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(data, "*.readings.csv.gz"))
	if len(files) == 0 {
		t.Skip("no reference data")
	}
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	var marks, colluding []rate.Mark
	for _, name := range files {
		c := read(t, name)
		m := rate.Marks(c, series.Run(c, judge))
		marks = append(marks, m...)
		colluding = append(colluding, beside(c, m)...)
	}
	table := rate.Rate(marks)
	if err := table.WriteText(t.Output()); err != nil {
		t.Fatal(err)
	}
	honest := rate.Rate(colluding).Under
	t.Logf("honest batches beside a collusion: %d, under 500: %.4f", len(colluding), honest)
	if honest > .02 {
		t.Errorf("%.3f of the honest beside colluders are under 500, want at most .02", honest)
	}
	if table.AUC < reachedAUC-.01 || table.Recall < reachedRecall-.03 {
		t.Errorf("mean AUC %.3f, found %.3f; reached were %.3f and %.3f", table.AUC, table.Recall, reachedAUC, reachedRecall)
	}
	if table.Under > .02 {
		t.Errorf("%.3f of the clean batches are under 500, want about .01", table.Under)
	}
	for _, r := range table.Rows {
		if r.AUC < least[r.Type] {
			t.Errorf("%s: AUC %.3f, want at least %.3f", r.Type, r.AUC, least[r.Type])
		}
		if r.Recall < leastRecall[r.Type] {
			t.Errorf("%s: found %.3f, want at least %.3f", r.Type, r.Recall, leastRecall[r.Type])
		}
	}
}

func read(t *testing.T, name string) *series.Case {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := rate.ReadCase(filepath.Base(name), f)
	if err != nil {
		t.Fatal(err)
	}
	g, err := os.Open(strings.Replace(name, "readings", "truth", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if err := rate.ReadTruth(c, g); err != nil {
		t.Fatal(err)
	}
	return c
}

// beside returns the marks of the clean batches that end while others of the network collude.
func beside(c *series.Case, marks []rate.Mark) []rate.Mark {
	var times [][2]int64
	for _, s := range c.Streams {
		from := 0
		for _, b := range s.Batches {
			if b.Truth.Label == 1 && b.Truth.Type == "collude" {
				times = append(times, [2]int64{s.Readings[from].T, s.Readings[b.End-1].T})
			}
			from = b.End
		}
	}
	var list []rate.Mark
	k := 0
	for _, s := range c.Streams {
		for _, b := range s.Batches {
			end := s.Readings[b.End-1].T
			for _, span := range times {
				if b.Truth.Label == 0 && !b.Truth.Warm && end >= span[0] && end <= span[1] {
					list = append(list, marks[k])
					break
				}
			}
			k++
		}
	}
	return list
}

func TestRate(t *testing.T) {
	var marks []rate.Mark
	for i := range 200 {
		marks = append(marks, rate.Mark{Score: float64(400 + i), Truth: series.Truth{Type: "clean"}})
	}
	for _, s := range []float64{399, 500, 700, 400.5} {
		marks = append(marks, rate.Mark{Score: s, Truth: series.Truth{Label: 1, Type: "spike"}})
	}
	got := rate.Rate(marks)
	if want := (1 + .4975 + 0 + .995) / 4; len(got.Rows) != 1 || got.Rows[0].AUC < want-.002 || got.Rows[0].AUC > want+.002 {
		t.Errorf("rows %+v, want one with AUC %v", got.Rows, want)
	}
	if got.Recall != .5 || got.Under != .5 {
		t.Errorf("recall %v, want .5; clean under 500 %v, want .5", got.Recall, got.Under)
	}
}

func TestReadCase(t *testing.T) {
	c, err := rate.ReadCase("x", strings.NewReader("sensor,batch,seq,ts,value\na,0,0,5,1.5\na,1,1,6,2\nb,0,0,5,3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Streams) != 2 || len(c.Streams[0].Batches) != 2 || c.Streams[0].Readings[1].T != 6000 {
		t.Errorf("got %+v", c.Streams)
	}
	if _, err := rate.ReadCase("x", strings.NewReader("sensor,batch,seq,ts,value\na,0,0,x,1.5\n")); err == nil {
		t.Error("a row without a time was taken")
	}
}
