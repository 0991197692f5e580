package score

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/validator/number"
)

// Three findings say that the values are not what this sensor measured, whatever the other statistics show. Each multiplies
// C and I by its value, which never falls under implausible: a fifth of any mark is under the 500 at which buyers leave.
const implausible = .2

// plausible returns what the readings are worth by themselves: unit, noise, and that they are measurements at all.
func (w *window) plausible(in Input) []statistic {
	return []statistic{
		{code: CodeUnit, value: w.unit(in)},
		{code: CodeInvented, value: w.invented(in)},
		{code: CodeUnsafe, value: w.safe(in.Profile)},
	}
}

// The bounds of the search for a missing noise.
const (
	minSmooth  = 24  // readings in a row from which on a stretch is judged alone
	fullSmooth = 60  // readings of a stretch; a longer one is cut
	madeUp     = .04 // least relative noise at and under which a curve is made up
	alive      = .07 // and from which on it is a sensor's: 5 of 7,000 honest stretches of 60 readings are below
)

// smoothBlocks are the lengths of the means that are compared.
var smoothBlocks = [...]int{1, 2, 3, 4, 6, 8, 12}

// invented tells a curve that somebody computed from one that was measured: a live sensor shows noise, on some scale. For
// blocks of m readings it holds the third differences of their means, in which a smooth curve vanishes, against the first:
//
//	r(m) = rms third difference / (rms first difference / √2), 1 for white noise, about .8 for a random walk
//
// where the third differences are divided ones, for readings come late or not at all, on the scale of the noise of one value,
//
// and takes the least over m, so that rounding to the grid, which hides under steps that are long enough, does not pass for
// noise. The value falls from 1 to 0 between r = alive and madeUp. A ramp and a polynomial of second degree are found, too;
// what stands still is the business of noise. Windows that change between slow and fast are judged by the median of their
// stretches: a kettle that boils is smooth for a while, a made-up curve always.
func (w *window) invented(in Input) float64 {
	if !in.Profile.Noise {
		return dropped
	}
	var short roughness
	var all []float64
	for i, piece := range w.pieces {
		piece = in.longer(piece, w.starts[i])
		for n := max(1, len(piece)/fullSmooth); n > 0; n-- {
			part := piece[:len(piece)/n]
			piece = piece[len(part):]
			if len(part) < minSmooth {
				short.add(part, 1)
			} else if r := relativeNoise(part); r >= 0 {
				all = append(all, r)
			}
		}
	}
	if r := short.ratio(1); r >= 0 && len(all) == 0 {
		all = append(all, r)
	}
	if len(all) == 0 {
		return dropped
	}
	w.smooth = number.Median(all)
	return number.Unit((w.smooth - madeUp) / (alive - madeUp))
}

// longer puts before a piece, which starts with batch seq, what was opened right before it, as far as it is short: in profile
// fast a batch has ten readings.
func (in *Input) longer(piece []Reading, seq uint64) []Reading {
	lack := fullSmooth - len(piece)
	if lack <= 0 {
		return piece
	}
	var before []Reading
	for _, b := range in.lead(seq) {
		before = append(before, b.Readings...)
	}
	return slices.Concat(before[max(0, len(before)-lack):], piece)
}

// relativeNoise is the least r(m) of a stretch, or dropped.
func relativeNoise(part []Reading) float64 {
	least := dropped
	for _, m := range smoothBlocks {
		var k roughness
		k.add(part, m)
		if r := k.ratio(m); r >= 0 && (least < 0 || r < least) {
			least = r
		}
	}
	return least
}

// roughness sums the squares of first and third differences of block means.
type roughness struct {
	first, third   float64
	firsts, thirds int
}

// mean is the sum of m values, less the first value of all, for large values must not drown small ones, and the mean of
// their times.
type mean struct{ sum, at float64 }

func (k *roughness) add(part []Reading, m int) {
	if len(part) < 4*m {
		return
	}
	blocks := blocksOf(part, m)
	for i := m; i < len(blocks); i++ {
		k.first += number.Square(blocks[i].sum - blocks[i-m].sum)
		k.firsts++
	}
	for i := 3 * m; i < len(blocks); i++ {
		if d, ok := thirdDifference(blocks[i-3*m], blocks[i-2*m], blocks[i-m], blocks[i]); ok {
			k.third += number.Square(d)
			k.thirds++
		}
	}
}

func blocksOf(part []Reading, m int) []mean {
	blocks := make([]mean, 0, len(part))
	sum, at := 0.0, int64(0)
	since := func(r Reading) int64 { return min(max(minus(r.T, part[0].T), 0), 1<<40) }
	rounded := false
	for i, r := range part {
		sum += r.V - part[0].V
		at += since(r)
		rounded = rounded || i > 0 && r.T <= part[i-1].T
		if i >= m {
			sum -= part[i-m].V - part[0].V
			at -= since(part[i-m])
		}
		if i >= m-1 {
			blocks = append(blocks, mean{sum, float64(at) / float64(m)})
		}
	}
	if rounded { // to seconds, say: the order is all that is known
		for i := range blocks {
			blocks[i].at = float64(i)
		}
	}
	return blocks
}

// thirdDifference is the divided difference of four values at their times, which vanishes for a curve of second degree
// however it was sampled, on the scale on which a noise of standard deviation 1 gives 1.
func thirdDifference(p, q, r, s mean) (float64, bool) {
	a, b, c := q.at-p.at, r.at-q.at, s.at-r.at
	if !(a > 0 && b > 0 && c > 0) {
		return 0, false
	}
	w := [4]float64{
		-1 / float64(float64(a*(a+b))*(a+b+c)), 1 / float64(float64(a*b)*(b+c)),
		-1 / float64(float64((a+b)*b)*c), 1 / float64(float64((a+b+c)*(b+c))*c),
	}
	size, sum := 0.0, 0.0
	for i, v := range [4]float64{p.sum, q.sum, r.sum, s.sum} {
		size += number.Square(w[i])
		sum += float64(w[i] * v)
	}
	return sum / math.Sqrt(size), true
}

func (k *roughness) ratio(m int) float64 {
	if k.thirds < max(12, 3*m) || !(k.first > 0) || !finite(k.first) || !finite(k.third) {
		return dropped
	}
	return math.Sqrt(float64(k.third/float64(k.thirds)) / float64(k.first/float64(2*k.firsts)))
}
