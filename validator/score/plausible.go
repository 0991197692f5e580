package score

import (
	"math"

	"github.com/iotverse/iotverse/validator/number"
)

// Three findings say that the values are not what this sensor measured, whatever the other statistics show. Each multiplies
// C and I by its value, which never falls under implausible: a fifth of any mark is under the 500 at which buyers leave.
const implausible = .2

// plausible returns what the readings are worth by themselves: unit, noise, and that they are measurements at all.
func (w *window) plausible(in Input) []statistic {
	return []statistic{
		{code: CodeUnit, value: w.unit(in)},
		{code: CodeInvented, value: w.invented(in.Profile)},
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
//	r(m) = (rms third difference / √20) / (rms first difference / √2), 1 for white noise, about .8 for a random walk
//
// and takes the least over m, so that rounding to the grid, which hides under steps that are long enough, does not pass for
// noise. The value falls from 1 to 0 between r = alive and madeUp. A ramp and a polynomial of second degree are found, too;
// what stands still is the business of noise. Windows that change between slow and fast are judged by the median of their
// stretches: a kettle that boils is smooth for a while, a made-up curve always.
func (w *window) invented(p Profile) float64 {
	if !p.Noise {
		return dropped
	}
	var short roughness
	var all []float64
	for _, piece := range w.pieces {
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

func (k *roughness) add(part []Reading, m int) {
	if len(part) < 4*m {
		return
	}
	sums := make([]float64, 0, len(part)) // of m values each, less the first value: large values must not drown small ones
	sum := 0.0
	for i, r := range part {
		sum += r.V - part[0].V
		if i >= m {
			sum -= part[i-m].V - part[0].V
		}
		if i >= m-1 {
			sums = append(sums, sum)
		}
	}
	for i := m; i < len(sums); i++ {
		k.first += number.Square(sums[i] - sums[i-m])
		k.firsts++
	}
	for i := 3 * m; i < len(sums); i++ {
		k.third += number.Square(sums[i] - sums[i-3*m] - float64(3*(sums[i-m]-sums[i-2*m])))
		k.thirds++
	}
}

func (k *roughness) ratio(m int) float64 {
	if k.thirds < max(12, 3*m) || !(k.first > 0) || !finite(k.first) || !finite(k.third) {
		return dropped
	}
	return math.Sqrt(float64(k.third/float64(20*k.thirds)) / float64(k.first/float64(2*k.firsts)))
}
