// Command train grows the forest of package model on faults injected into the clean series of the reference data, and rates
// it on the labelled fault cases, from which nothing is learned:
//
//	go run ./validator/detect/train -out validator/detect/model/forest.bin
//
// With the same series and flags it writes the same bytes. -leave rates forests that never saw the network in question.
package main

import (
	"encoding/gob"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/inject"
	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/series"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

// sample is one judged batch.
type sample struct {
	X     []float32
	Truth series.Truth
	Net   string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run() error {
	data := flag.String("data", "../shared/data", "folder of the reference data")
	cache := flag.String("cache", "", "folder for features already computed")
	seeds := flag.Int("seeds", 3, "injections for each base")
	out := flag.String("out", "", "where the forest goes")
	levels := flag.Bool("levels", false, "rate each level of each type alone, and each network")
	left := flag.Bool("leave", false, "also train with each network left out, and rate it on that network's fault cases")
	only := flag.Bool("pool", false, "only rate the judgement without a forest")
	var cfg tree.Config
	flag.IntVar(&cfg.Trees, "trees", 240, "number of trees")
	flag.IntVar(&cfg.Depth, "depth", 5, "depth of a tree")
	flag.Float64Var(&cfg.Rate, "rate", .1, "rate of learning")
	flag.Float64Var(&cfg.Smooth, "smooth", 20, "weight added to each leaf")
	flag.Float64Var(&cfg.Columns, "columns", .4, "share of the features for a tree")
	flag.Float64Var(&cfg.Sample, "sample", .7, "share of the rows for a tree")
	flag.Uint64Var(&cfg.Seed, "seed", 1, "of the training")
	cfg.Blind = detect.Blind
	flag.Parse()

	start := time.Now()
	tests, err := faultCases(*data)
	if err != nil {
		return err
	}
	var jobs []job
	for _, c := range tests {
		jobs = append(jobs, job{"test-" + c.Name, func() *series.Case { return c }})
	}
	if !*only {
		bases, err := baseCases(*data)
		if err != nil {
			return err
		}
		for _, b := range bases {
			for s := range *seeds {
				jobs = append(jobs, job{fmt.Sprintf("%s-%d", b.Name, s), func() *series.Case { return inject.Faults(b, uint64(s)+100) }})
			}
		}
	}
	all, err := extract(jobs, *cache)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "features after %v\n", time.Since(start).Round(time.Second))
	var test, train []sample
	for i, list := range all {
		if i < len(tests) {
			test = append(test, list...)
		} else {
			train = append(train, list...)
		}
	}
	if *only {
		return report("pool", test, nil)
	}
	fmt.Fprintf(os.Stderr, "%d samples to train on, %d to rate\n", len(train), len(test))
	forest := tree.Train(rows(train, ""), cfg)
	if *out != "" {
		if err := os.WriteFile(*out, forest.Encode(), 0o644); err != nil {
			return err
		}
	}
	if err := report("all networks", test, func(sample) *tree.Forest { return forest }); err != nil {
		return err
	}
	if *levels {
		signs("signs of the fault cases", test)
		signs("signs of the injected faults", train)
		f := func(sample) *tree.Forest { return forest }
		split := slices.Clone(test)
		for i := range split {
			if split[i].Truth.Label == 1 {
				split[i].Truth.Type += fmt.Sprint("-", split[i].Truth.Level)
			}
		}
		report("levels", split, f)
		for _, net := range []string{"aberdeen", "losangeles", "stbernard"} {
			report(net, slices.DeleteFunc(slices.Clone(test), func(s sample) bool { return s.Net != net }), f)
		}
	}
	if *left {
		without := map[string]*tree.Forest{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, net := range []string{"aberdeen", "losangeles", "stbernard"} {
			wg.Go(func() {
				f := tree.Train(rows(train, net), cfg)
				mu.Lock()
				without[net] = f
				mu.Unlock()
			})
		}
		wg.Wait()
		if *levels {
			for _, net := range []string{"aberdeen", "losangeles", "stbernard"} {
				report("without "+net, slices.DeleteFunc(slices.Clone(test), func(s sample) bool { return s.Net != net }), func(s sample) *tree.Forest { return without[s.Net] })
			}
			alarms(test, func(s sample) float64 { return without[s.Net].Margin(s.X) })
		}
		return report("network left out", test, func(s sample) *tree.Forest { return without[s.Net] })
	}
	return nil
}

// report rates a forest on the fault cases.
func report(title string, test []sample, forest func(sample) *tree.Forest) error {
	var marks []rate.Mark
	for _, s := range test {
		m := detect.Judged(s.X, nil)
		if forest != nil {
			m = detect.Judged(s.X, forest(s))
		}
		marks = append(marks, rate.Mark{Score: float64(m.Score), Truth: s.Truth})
	}
	fmt.Println(title)
	return rate.Rate(marks).WriteText(os.Stdout)
}

// rows weighs the samples of all networks but one, so that each type of fault counts alike and as much as clean ones do.
func rows(samples []sample, without string) []tree.Row {
	counts := map[string]float64{}
	for _, s := range samples {
		if s.Net != without && s.Truth.Label >= 0 {
			counts[s.Truth.Type]++
		}
	}
	var list []tree.Row
	for _, s := range samples {
		if s.Net == without || s.Truth.Label < 0 {
			continue
		}
		w := 1.0
		if s.Truth.Label == 1 {
			w = .5 * counts["clean"] / float64(len(inject.Types)) / counts[s.Truth.Type]
		}
		list = append(list, tree.Row{Features: s.X, False: s.Truth.Label == 1, Weight: w})
	}
	return list
}

// job is a case whose features are wanted.
type job struct {
	name string
	make func() *series.Case
}

// extract computes the features of all jobs, two at a time.
func extract(jobs []job, cache string) ([][]sample, error) {
	out := make([][]sample, len(jobs))
	errs := make([]error, len(jobs))
	gate := make(chan struct{}, 2) // as many at a time
	var wg sync.WaitGroup
	for i, j := range jobs {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			out[i], errs[i] = features(j, cache)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func features(j job, cache string) ([]sample, error) {
	file := filepath.Join(cache, j.name+".gob")
	var list []sample
	if f, err := os.Open(file); cache != "" && err == nil {
		defer f.Close()
		return list, gob.NewDecoder(f).Decode(&list)
	}
	c := j.make()
	for i := range c.Streams {
		if len(c.Streams[i].Batches) == 0 {
			return nil, fmt.Errorf("%s: no batches", j.name)
		}
	}
	net, _, _ := strings.Cut(strings.TrimPrefix(c.Name, "dev_"), "_")
	for i, results := range series.Run(c, nil) {
		for k, r := range results {
			if t := c.Streams[i].Batches[k].Truth; !t.Warm && t.Label >= 0 {
				list = append(list, sample{r.Features, t, net})
			}
		}
	}
	if cache == "" {
		return list, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return list, gob.NewEncoder(f).Encode(list)
}
