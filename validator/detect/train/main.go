// Command train grows the forest of package model on faults injected into the clean series of the reference data and into
// networks that are made up, and rates it on the labelled fault cases, from which nothing is learned:
//
//	go run ./validator/detect/train -out validator/detect/model/forest.bin
//
// With the same series and flags it writes the same bytes on amd64 (the injector draws through package math, which may round
// otherwise elsewhere). -leave rates forests that never saw the network in question. -check holds both against what was
// reached, as .ci/run does:
//
//	go run ./validator/detect/train -leave -check validator/detect/model/forest.bin
package main

import (
	"encoding/gob"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/inject"
	"github.com/iotverse/iotverse/validator/detect/learn"
	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/series"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

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
	made := flag.Int("made", 90, "networks that are made up")
	out := flag.String("out", "", "where the forest goes")
	levels := flag.Bool("levels", false, "rate each level of each type alone, and each network")
	left := flag.Bool("leave", false, "also train with each network left out, and rate it on that network's fault cases")
	check := flag.String("check", "", "a forest that must come out byte for byte; with -leave, networks left out must be rated as well as is asked")
	only := flag.Bool("pool", false, "only rate the judgement without a forest")
	cfg := learn.Config()
	flag.IntVar(&cfg.Trees, "trees", cfg.Trees, "number of trees")
	flag.IntVar(&cfg.Depth, "depth", cfg.Depth, "depth of a tree")
	flag.Float64Var(&cfg.Rate, "rate", cfg.Rate, "rate of learning")
	flag.Float64Var(&cfg.Smooth, "smooth", cfg.Smooth, "weight added to each leaf")
	flag.Float64Var(&cfg.Columns, "columns", cfg.Columns, "share of the features for a tree")
	flag.Float64Var(&cfg.Sample, "sample", cfg.Sample, "share of the rows for a tree")
	flag.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "of the training")
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
	for i := range *made {
		jobs = append(jobs, job{fmt.Sprintf("made-up-%d", i), func() *series.Case { return learn.Made(i) }})
	}
	all, err := extract(jobs, *cache)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "features after %v\n", time.Since(start).Round(time.Second))
	var test, train []learn.Sample
	for i, list := range all {
		if i < len(tests) {
			test = append(test, list...)
		} else {
			train = append(train, list...)
		}
	}
	if *only {
		_, err := report("pool", test, nil)
		return err
	}
	fmt.Fprintf(os.Stderr, "%d samples to train on, %d to rate\n", len(train), len(test))
	forest := tree.Train(learn.Rows(train, ""), cfg)
	if *out != "" {
		if err := os.WriteFile(*out, forest.Encode(), 0o644); err != nil {
			return err
		}
	}
	if *check != "" {
		if err := same(forest, *check); err != nil {
			return err
		}
	}
	if _, err := report("all networks", test, func(learn.Sample) *tree.Forest { return forest }); err != nil {
		return err
	}
	if *levels {
		signs("signs of the fault cases", test)
		signs("signs of the injected faults", train)
		f := func(learn.Sample) *tree.Forest { return forest }
		split := slices.Clone(test)
		for i := range split {
			if split[i].Truth.Label == 1 {
				split[i].Truth.Type += fmt.Sprint("-", split[i].Truth.Level)
			}
		}
		report("levels", split, f)
		for _, net := range []string{"aberdeen", "losangeles", "stbernard"} {
			report(net, slices.DeleteFunc(slices.Clone(test), func(s learn.Sample) bool { return s.Net != net }), f)
		}
	}
	if *left {
		without := map[string]*tree.Forest{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, net := range []string{"aberdeen", "losangeles", "stbernard"} {
			wg.Go(func() {
				f := tree.Train(learn.Rows(train, net), cfg)
				mu.Lock()
				without[net] = f
				mu.Unlock()
			})
		}
		wg.Wait()
		if *levels {
			for _, net := range []string{"aberdeen", "losangeles", "stbernard"} {
				report("without "+net, slices.DeleteFunc(slices.Clone(test), func(s learn.Sample) bool { return s.Net != net }), func(s learn.Sample) *tree.Forest { return without[s.Net] })
			}
			alarms(test, func(s learn.Sample) float64 { return without[s.Net].Margin(s.X) })
		}
		t, err := report("network left out", test, func(s learn.Sample) *tree.Forest { return without[s.Net] })
		if err != nil || *check == "" {
			return err
		}
		return enough(t)
	}
	return nil
}

// report rates a forest on the fault cases.
func report(title string, test []learn.Sample, forest func(learn.Sample) *tree.Forest) (rate.Table, error) {
	var marks []rate.Mark
	for _, s := range test {
		m := detect.Judged(s.X, nil)
		if forest != nil {
			m = detect.Judged(s.X, forest(s))
		}
		marks = append(marks, rate.Mark{Score: float64(m.Score), Truth: s.Truth})
	}
	fmt.Println(title)
	t := rate.Rate(marks)
	return t, t.WriteText(os.Stdout)
}

// job is a case whose features are wanted.
type job struct {
	name string
	make func() *series.Case
}

// extract computes the features of all jobs, two at a time.
func extract(jobs []job, cache string) ([][]learn.Sample, error) {
	out := make([][]learn.Sample, len(jobs))
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

func features(j job, cache string) ([]learn.Sample, error) {
	file := filepath.Join(cache, j.name+".gob")
	var list []learn.Sample
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
	list = learn.Samples(c)
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
