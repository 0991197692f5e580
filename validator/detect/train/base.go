package main

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// faultCases are what is rated; nothing is learned from them.
func faultCases(data string) ([]*series.Case, error) {
	files, err := filepath.Glob(filepath.Join(data, "faults", "*.readings.csv.gz"))
	if err != nil {
		return nil, err
	}
	var list []*series.Case
	for _, name := range files {
		c, err := open(name, func(f *os.File) (*series.Case, error) {
			return rate.ReadCase(strings.TrimSuffix(filepath.Base(name), ".readings.csv.gz"), f)
		})
		if err != nil {
			return nil, err
		}
		_, err = open(strings.Replace(name, "readings", "truth", 1), func(f *os.File) (*series.Case, error) { return c, rate.ReadTruth(c, f) })
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func open(name string, read func(*os.File) (*series.Case, error)) (*series.Case, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

// baseCases are the clean series, and worn and bent copies of them, which stand for networks that nobody has seen. (The raw
// series holds too many natural faults: with it, gaps were found half as often.)
func baseCases(data string) ([]*series.Case, error) {
	var list []*series.Case
	for _, name := range []string{
		"aberdeen_pm10", "aberdeen_pm2_5", "losangeles_traffic_speed", "stbernard_air_temperature", "stbernard_relative_humidity",
	} {
		c, err := open(filepath.Join(data, "sensors", name+".csv.gz"), func(f *os.File) (*series.Case, error) { return rate.ReadSeries(name, "value", f) })
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	for i, b := range list[:5] {
		list = append(list, worn(b, uint64(i)))
	}
	list = append(list,
		thin(list[0], 2, 4, "thin", step(10, math.Sqrt)),
		thin(list[2], 1, 3, "bent", step(100, func(v float64) float64 { return 1e3 / (v + 10) })),
		thin(list[3], 2, 3, "coarse", step(2, func(v float64) float64 { return v })),
		thin(list[4], 3, 5, "thin", step(10, func(v float64) float64 { return v*v/100 + 5 })),
	)
	return list, nil
}

func step(grid float64, f func(float64) float64) func(float64) float64 {
	return func(v float64) float64 { return math.Round(f(v)*grid) / grid }
}

// thin leaves out readings and sensors of c and bends the values of the others.
func thin(c *series.Case, every, of int, name string, bend func(float64) float64) *series.Case {
	out := &series.Case{Name: c.Name + "-" + name}
	for i, s := range c.Streams {
		if i%of == of-1 {
			continue
		}
		n := series.Stream{Name: s.Name}
		for k, r := range s.Readings {
			if k%every == i%every {
				r.V = bend(r.V)
				n.Readings = append(n.Readings, r)
			}
		}
		out.Streams = append(out.Streams, n)
	}
	return out
}

// worn gives c what honest sensors do, too, and what is clean here: a full scale that many of them reach together, and
// pauses. (With freezes of a few readings stuck was found less often.)
func worn(c *series.Case, seed uint64) *series.Case {
	rng := rand.New(rand.NewPCG(seed, 3))
	var all []float64
	for _, s := range c.Streams {
		for _, r := range s.Readings {
			all = append(all, r.V)
		}
	}
	slices.Sort(all)
	top := all[len(all)*85/100]
	out := &series.Case{Name: c.Name + "-worn"}
	for _, s := range c.Streams {
		n := series.Stream{Name: s.Name}
		gaps := .03 * rng.Float64() / 32
		skip := 0
		for _, r := range s.Readings {
			switch {
			case skip > 0:
				skip--
				continue
			case rng.Float64() < gaps:
				skip = 1 + int(5*rng.ExpFloat64())
			}
			r.V = min(r.V, top)
			n.Readings = append(n.Readings, r)
		}
		out.Streams = append(out.Streams, n)
	}
	return out
}
