// Package learn turns networks with injected faults into examples for a forest: the features of every judged batch, weighed
// so that each type of fault counts alike and all of them as much as the clean batches. It is pure.
//
// It leaves out reading the clean series and writing the forest, which the command train does, and growing (package tree).
// The command and the tests call it.
package learn

import (
	"strings"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/inject"
	"github.com/iotverse/iotverse/validator/detect/series"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

// Sample is one judged batch: its features, what is known of it, and the place of its network (aberdeen, made-up …).
type Sample struct {
	X     []float32
	Truth series.Truth
	Net   string
}

// made is the place of the networks that package inject makes up, and madeWeight how much one of their batches counts beside
// one of a measured network.
const (
	made       = "made-up"
	madeWeight = .35
)

// Samples runs c, whose streams have batches, and returns its judged batches after the warming up.
func Samples(c *series.Case) []Sample {
	net, _, _ := strings.Cut(strings.TrimPrefix(c.Name, "dev_"), "_")
	var list []Sample
	for i, results := range series.Run(c, nil) {
		for k, r := range results {
			if t := c.Streams[i].Batches[k].Truth; !t.Warm && t.Label >= 0 {
				list = append(list, Sample{r.Features, t, net})
			}
		}
	}
	return list
}

// Made returns network i of those that are made up, with faults.
func Made(i int) *series.Case { return inject.Faults(inject.Network(uint64(i)), uint64(i)+500) }

// Rows weighs the samples of all places but one ("" leaves out none).
func Rows(samples []Sample, without string) []tree.Row {
	counts := map[string]float64{}
	for _, s := range samples {
		if s.Net != without {
			counts[s.Truth.Type]++
		}
	}
	var list []tree.Row
	for _, s := range samples {
		if s.Net == without {
			continue
		}
		w := 1.0
		if s.Net == made {
			w = madeWeight
		}
		if s.Truth.Label == 1 {
			w *= .5 * counts["clean"] / float64(len(inject.Types)) / counts[s.Truth.Type]
		}
		list = append(list, tree.Row{Features: s.X, False: s.Truth.Label == 1, Weight: w})
	}
	return list
}

// Config is how the forest of package model was grown.
func Config() tree.Config {
	return tree.Config{Trees: 400, Depth: 5, Rate: .1, Smooth: 20, Columns: .35, Sample: .5, Seed: 1, Blind: detect.Blind}
}
