package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// sentBatch is 32 readings of one sensor, two minutes apart.
type sentBatch struct {
	sensor string
	times  [32]int64 // s
	values [32]float64
}

// weather makes batches of five sensors that follow one curve, sensor by sensor.
func weather(seed uint64, count int) (list []sentBatch) {
	rng := rand.New(rand.NewPCG(seed, 0))
	curve := make([]float64, 32*count)
	level, slope := 10.0, 0.0
	for i := range curve {
		slope = .9*slope + .05*rng.NormFloat64()
		level += slope
		curve[i] = level
	}
	for s := range 5 {
		for b := range count {
			x := sentBatch{sensor: string(rune('a' + s))}
			for k := range x.times {
				x.times[k] = 1_700_000_000 + int64(32*b+k)*120
				x.values[k] = math.Round(100*(curve[32*b+k]+.7*float64(s)+.1*rng.NormFloat64())) / 100
			}
			list = append(list, x)
		}
	}
	return list
}

// scored is what validator score says of the batches of sensor a.
func scored(t *testing.T, list []sentBatch) []int {
	t.Helper()
	var rows strings.Builder
	rows.WriteString("sensor,batch,seq,ts,value\n")
	count := map[string]int{}
	for _, x := range list {
		for k := range x.times {
			fmt.Fprintf(&rows, "%s,%d,%d,%d,%v\n", x.sensor, count[x.sensor], k, x.times[k], x.values[k])
		}
		count[x.sensor]++
	}
	in := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(in, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f := scoreFlags{readings: in, out: in + ".scores", rows: runRows}
	if err := f.run(strings.NewReader(""), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(f.out)
	if err != nil {
		t.Fatal(err)
	}
	scores := make([]int, count["a"])
	for _, line := range strings.Fields(string(out))[1:] {
		if cells := strings.Split(line, ","); cells[0] == "a" {
			b, _ := strconv.Atoi(cells[1])
			scores[b], _ = strconv.Atoi(cells[2])
		}
	}
	return scores
}

// A clock that ran ahead, for one reading or for some batches, changes nothing for the batches after it: they are judged beside
// what the others sent by then, and by nothing later.
func TestClockAheadKeepsItsPlace(t *testing.T) {
	const ahead, shifted = 20, 45
	for _, tt := range []struct {
		name  string
		spoil func(list []sentBatch)
	}{
		{"one reading", func(list []sentBatch) { list[ahead].times[7] = 4_000_000_000 }},
		{"three batches", func(list []sentBatch) {
			for b := ahead; b < ahead+3; b++ {
				for k := range list[b].times {
					list[b].times[k] += 30 * 24 * 3600
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := weather(1, 60)
			tt.spoil(list)
			for k := range list[shifted].values {
				list[shifted].values[k] += 8
			}
			got := scored(t, list)
			if got[shifted] >= 500 {
				t.Errorf("eight degrees off the neighbours: score %d, want under 500", got[shifted])
			}
			const kept = 30
			end := list[kept].times[31]
			for i := range list {
				for k := range list[i].times {
					if list[i].sensor != "a" && list[i].times[k] > end {
						list[i].values[k] = -list[i].values[k]
					}
				}
			}
			for b, score := range scored(t, list)[:kept+1] {
				if score != got[b] {
					t.Errorf("batch %d: score %d, with other later readings %d", b, got[b], score)
				}
			}
		})
	}
}
