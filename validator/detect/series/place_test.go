package series_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/validator/detect/series"
)

// placed are the places of times.
func placed(times []int64) (list []int64) {
	p := series.NewPlaces()
	for _, t := range times {
		if p.Push(t) {
			list = append(list, p.Pop())
		}
	}
	for len(list) < len(times) {
		list = append(list, p.Pop())
	}
	return list
}

// Laws of places: they never go back; none is later than the latest time so far; times in order are their own places; and a
// clock that runs ahead for a while changes no place but those of the readings it stamped.
func TestPlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		times := make([]int64, 300+rng.IntN(600))
		for i := range times {
			times[i] = int64(i)*10 + rng.Int64N(10)
		}
		if got := placed(times); !slices.Equal(got, times) {
			t.Fatal("times in order are not their own places")
		}
		ahead := slices.Clone(times)
		from := rng.IntN(len(times) - 256)
		for i := from; i < from+1+rng.IntN(200); i++ {
			ahead[i] += 1e6 + rng.Int64N(1e6)
		}
		for i, place := range placed(ahead) {
			if ahead[i] == times[i] && place != times[i] {
				t.Fatalf("reading %d of a right clock is placed at %d, want %d", i, place, times[i])
			}
		}
		rng.Shuffle(len(times), func(i, j int) { times[i], times[j] = times[j], times[i] })
		got, latest := placed(times), int64(-1)
		for i, place := range got {
			if latest = max(latest, times[i]); place > latest || i > 0 && place < got[i-1] {
				t.Fatalf("place %d of reading %d: the one before is %d, the latest time %d", place, i, got[max(i-1, 0)], latest)
			}
		}
	}
}
