// Package event scores how unusual each value of one stream is, as it comes: 0 is usual, 1 is like nothing before.
//
// An event is not a fault. Packages score and detect ask whether the readings are what the sensor saw; this one asks whether
// what it saw is out of the ordinary (a pump that fails, a jam, a rush of messages), which is what a buyer may want to be
// told first. A stream can be wholly honest and full of events.
//
// The formula, for every value, with the constants of var standard:
//
//  1. At three scales (1, 12 and 48 rows) the stream is cut into blocks of that length; a pattern is the mean of the newest
//     block, and how far the five blocks before it lie from that mean, each of the six numbers in units of its own standard
//     deviation. A look is taken every quarter of a block.
//  2. The distance of a pattern is that to its nearest neighbour among the last 3,000 patterns which it does not overlap.
//  3. The surprise of a distance is −log10 of its chance among earlier distances, whose upper twentieth is taken as a Pareto
//     tail (Hill's estimate of the exponent, with a prior). So a stream full of spikes needs a far bigger one than a calm one.
//  4. The surprises of the three scales are added, each fading by a quarter a row, and what a longer stream would show by
//     chance is taken off.
//  5. The stream relaxes after an alarm: what follows counts only if it is clearly more surprising than the alarm was, by a
//     bar that falls to nothing within some rows; and what came often before counts less.
//
// Neither scale, offset nor sign of the values matter; times do not matter, only the order. The state is of one size however
// long the stream: about 160 kB. The nearest neighbour in place of a learned model, and the tail in place of a normal
// distribution, are what made the difference on the Numenta Anomaly Benchmark; single values, levels, variances, the hour of
// the day, densities (the neighbour's own distance) and further scales were tried beside it and made it worse.
//
// It is pure and gives the same bits on every machine. Called by iotverse validator events.
package event
