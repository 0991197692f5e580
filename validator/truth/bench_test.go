package truth_test

import (
	"math/rand/v2"
	"testing"

	"github.com/iotverse/iotverse/validator/truth"
)

// BenchmarkLearn learns eight neighbours from a week of hours, as a validator does for every window it judges.
func BenchmarkLearn(b *testing.B) {
	_, values := world(rand.New(rand.NewPCG(1, 1)), 168, make([]float64, 8), []float64{.1, .1, .2, .2, .3, .3, .4, .4})
	b.ReportAllocs()
	for b.Loop() {
		truth.Learn(values)
	}
	b.ReportMetric(float64(8*168*b.N)/b.Elapsed().Seconds(), "claims/s")
}
