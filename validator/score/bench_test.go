package score_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/iotverse/iotverse/validator/score"
)

// BenchmarkWindow scores windows of profile fast (50 readings, 10 a batch) and standard (480 opened readings of a sensor
// that measures every second) against a history of 8,000 readings.
func BenchmarkWindow(b *testing.B) {
	for _, c := range []struct{ readings, per int }{{50, 10}, {480, 60}} {
		b.Run(fmt.Sprint(c.readings), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x := index(b, score.Limits{}, runs(name(1), name(2), 1000, batches(0, 0, noise(rng, 8000), c.per))...)
			in := score.Input{
				Profile: air(), Seller: name(1), Wid: name(3), Window: 200, Committed: 2000, Device: 1000, Index: x,
				Batches: batches(200, 1000, noise(rng, c.readings), c.per),
			}
			for w := range int64(168) {
				in.Past = append(in.Past, score.Past{Window: 32 + w, Median: 15, Run: 3})
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if score.Window(in).I == 0 {
					b.Fatal("an honest window got nothing")
				}
				n += c.readings
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
		})
	}
}

// BenchmarkAdd indexes batches of ten readings, old ones falling out.
func BenchmarkAdd(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	all := batches(0, 0, noise(rng, 20000), 10)
	x := index(b, score.Limits{PerSeller: 8000})
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		k := n / 10
		r := score.Run{Seller: name(1), Wid: name(2), Seq: uint64(k), Committed: int64(k), Readings: all[k%len(all)].Readings}
		if err := x.Add(r); err != nil {
			b.Fatal(err)
		}
		n += 10
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
}
