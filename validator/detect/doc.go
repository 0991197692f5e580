// Package detect finds false batches among sensors that measure one quantity near one another, as they come in.
//
// A Network takes the readings of all its sensors in order of time and judges a batch when it ends, with what was sent up to
// then and nothing later. Each batch gets about a hundred features: the clock ledger (duplicates, order, skews, gaps, with
// the rates that this sensor has earned), stuck and spike, the fingerprint of the curve (Mahalanobis distance of eight
// shape numbers), the level against a ridge regression on the neighbours and two waves of a day, pairwise agreement and
// solo steps (collusion), copies of a neighbour, and stretches that came before (replay). Most are given a second time on the
// scale of their own network, so that the judge meets an unknown quantity as it met the known ones. A forest of boosted
// trees, trained on injected faults (packages inject, tree, train; the forest is in package model), turns them into the
// log odds m that the batch is false. A level far from every neighbour lifts m to at least 3; the hard tier, exact duplicates
// and a clock that runs back, to at least 6.
//
//	score = 1000 / (1 + exp((m − refusal)/2)), so 500 is reached at m = refusal
//
// What is usual is learned from each batch with a weight that falls with its oddness, by rules that do not depend on the
// forest. All arithmetic is correctly rounded, without fused operations, so scores are the same bits on every machine.
// A sensor takes at most 64 kB.
//
// It leaves out reading files and sorting (cmd/iotverse), physical bounds and units (the caller knows the quantity), and the
// score of a stamp (package score). The command validator score calls it.
package detect
