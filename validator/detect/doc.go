// Package detect finds false batches among sensors near one another, as they come in.
//
// A Network takes the readings of all its sensors in order of time and judges a batch when it ends, with what was sent up to
// then and nothing later. Each batch gets about a hundred features: the clock ledger (duplicates, order, skews, gaps, with
// the rates that this sensor has earned, and whether the others were silent, too), stuck and spike, the fingerprint of the
// curve (Mahalanobis distance of eight shape numbers), the level against a ridge regression on the neighbours and two waves
// of a day, pairwise agreement and solo steps (collusion), copies of a neighbour, and stretches that came before (replay).
// A sensor is a neighbour as long as its level or its steps tell something of the other's: who measures another quantity
// stops being one after ten batches. Most features are given a second time on the scale of their own network, so that the
// judge meets an unknown quantity as it met the known ones.
//
// A forest of boosted trees turns the features into the log odds m that the batch is false (packages inject, learn, tree,
// train; the forest is in package model). It was grown on faults injected into measured networks, worn and bent copies of
// them, and, with a third of their weight, networks that are made up. Three rules come on top:
//
//	m ≥ 3  if the level is far from every neighbour, and they are where they were
//	m ≥ 3  if the value began to stand still for longer than it ever does, away from its full scale, while the neighbours moved
//	m ≥ 6  for exact duplicates and a clock that runs back, or runs ahead of the arrival
//
//	score      = 1000 / (1 + exp((m − refusal)/2)), so 500 is reached at m = refusal
//	collection = the score with all features of link and clock as if the batch had come whole, in order and in time
//	transport  = 1000 · came/due · (1 − twice) · (1 − backward) · (1 − behind) · (1 − early), in shares of the readings
//
// What is usual is learned from each batch with a weight that falls with its oddness, by rules that do not depend on the
// forest. All arithmetic is that of package number, so scores are the same bits on every machine. A sensor takes at most
// 64 kB.
//
// It leaves out reading files and sorting (cmd/iotverse), physical bounds and units (the caller knows the quantity), and the
// score of a stamp (package score). The command validator score calls it.
package detect
