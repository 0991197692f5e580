package score_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/iotverse/iotverse/validator/score"
)

// air is air temperature in profile standard, a reading a minute, with the floor and bias of MECHANISM's own model.
func air() score.Profile {
	return score.Profile{
		Property: "air-temperature", Min: -80, Max: 60, MaxRate: .05, Grid: .01, NoiseFloor: 1, BiasMax: 2.5, Noise: true,
		Period: 60_000, Length: 3_600_000, DayWindows: 24, MinWindows: 24, HistWindows: 168, Baseline: 168,
	}
}

const (
	hour    = 3_600_000
	perHour = 60
)

func name(seed uint64) (id [32]byte) {
	binary.BigEndian.PutUint64(id[:], seed)
	return id
}

// onGrid rounds v to hundredths.
func onGrid(v float64) float64 { return math.Round(v*100) / 100 }

// field is a seeded temperature field: one place, its eight neighbours and all that they measured, hour by hour.
type field struct {
	rng    *rand.Rand
	hours  [][][]score.Reading // hour, place, reading
	offset [9]float64
}

// newField makes hours of a common daily curve and weather, a slow local part, an offset and noise for each of nine places.
func newField(seed uint64, hours int) *field {
	f := &field{rng: rand.New(rand.NewPCG(seed, 1))}
	var local [9]float64
	for i := range f.offset {
		f.offset[i] = .6 * f.rng.NormFloat64()
	}
	weather := 0.0
	for h := range hours {
		row := make([][]score.Reading, 9)
		for m := range perHour {
			t := float64(h) + float64(m)/60
			weather = .9995*weather + .08*f.rng.NormFloat64()
			for i := range row {
				local[i] = .999*local[i] + .01*f.rng.NormFloat64()
				v := 15 + curve(t) + weather + local[i] + f.offset[i] + .08*f.rng.NormFloat64()
				row[i] = append(row[i], score.Reading{T: int64(h)*hour + int64(m)*60_000, V: onGrid(v)})
			}
		}
		f.hours = append(f.hours, row)
	}
	return f
}

func curve(hours float64) float64 { return 6 * math.Sin(2*math.Pi*(hours-9)/24) }

// values returns the readings of a place in an hour, to be changed freely.
func (f *field) values(h, place int) []float64 {
	out := make([]float64, perHour)
	for i, r := range f.hours[h][place] {
		out[i] = r.V
	}
	return out
}

// median of values, which stay as they are.
func median(values []float64) float64 {
	v := slices.Clone(values)
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// batches cuts values, a minute apart from hour h on, into batches of size per.
func batches(h int, seq uint64, values []float64, per int) []score.Batch {
	var out []score.Batch
	for at := 0; at < len(values); at += per {
		var rs []score.Reading
		for i, v := range values[at:min(at+per, len(values))] {
			rs = append(rs, score.Reading{T: int64(h)*hour + int64(at+i)*60_000, V: v})
		}
		out = append(out, score.Batch{Seq: seq, N: len(rs), T0: rs[0].T, T1: rs[len(rs)-1].T, Readings: rs})
		seq++
	}
	return out
}

// runs returns what an index keeps of opened batches.
func runs(seller, wid [32]byte, committed int64, bs []score.Batch) []score.Run {
	var out []score.Run
	for _, b := range bs {
		out = append(out, score.Run{Seller: seller, Wid: wid, Seq: b.Seq, Committed: committed, Readings: b.Readings})
	}
	return out
}

// noise returns n values with n−1 different-looking steps on the grid of air.
func noise(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = onGrid(15 + rng.NormFloat64())
	}
	return out
}
