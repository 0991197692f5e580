package score_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/validator/score"
)

func TestIndexRefuses(t *testing.T) {
	for _, grid := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := score.NewIndex(grid, score.Limits{}); !errors.Is(err, byteball.Invalid) {
			t.Errorf("grid %v: got %v, want Invalid", grid, err)
		}
	}
	x := index(t, score.Limits{Horizon: 100}, score.Run{Seq: 1, Committed: 1000, Readings: []score.Reading{{T: 0, V: 1}}})
	for _, c := range []struct {
		run  score.Run
		want error
		len  int
	}{
		{score.Run{Seq: 2, Committed: 1000, Readings: []score.Reading{{T: 0, V: math.NaN()}}}, byteball.Invalid, 1},
		{score.Run{Seq: 2, Committed: 899, Readings: []score.Reading{{T: 0, V: 1}}}, byteball.Stale, 1},
		{score.Run{Seq: 2, Committed: 900, Readings: []score.Reading{{T: 0, V: 1}}}, nil, 2},
		{score.Run{Seq: 2, Committed: 950, Readings: []score.Reading{{T: 0, V: 1}, {T: 1, V: 1}}}, nil, 2}, // known
		{score.Run{Seq: 3, Committed: 950}, nil, 2},                                                        // empty
		{score.Run{Seq: 4, Committed: 1050, Readings: []score.Reading{{T: 0, V: 1}}}, nil, 2},              // 900 falls out
	} {
		if err := x.Add(c.run); !errors.Is(err, c.want) {
			t.Errorf("batch %d: got %v, want %v", c.run.Seq, err, c.want)
		}
		if got := x.Len(); got != c.len {
			t.Errorf("batch %d: got %d readings, want %d", c.run.Seq, got, c.len)
		}
	}
}

// Law: whatever is added, the limits hold, what was dropped is not found, and what remains is found.
func TestIndexLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := score.Limits{
			Horizon:   rapid.Int64Range(1, 50).Draw(t, "horizon"),
			PerSeller: rapid.IntRange(60, 400).Draw(t, "per seller"),
			Total:     rapid.IntRange(60, 600).Draw(t, "total"),
		}
		x, _ := score.NewIndex(.01, limits)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		type added struct {
			seller uint64
			at     int64
			values []float64
		}
		var all []added
		seqs := map[uint64]uint64{}
		for range rapid.IntRange(1, 60).Draw(t, "runs") {
			a := added{uint64(1 + rng.IntN(3)), int64(rng.IntN(200)), noise(rng, 40)}
			seqs[a.seller] += 2 // never consecutive
			err := x.Add(runs(name(a.seller), name(9), a.at, batches(0, seqs[a.seller], a.values, 40))[0])
			if err != nil && !errors.Is(err, byteball.Stale) {
				t.Fatal(err)
			}
			all = append(all, a)
			if x.Len() > limits.Total {
				t.Fatalf("got %d readings, want ≤ %d", x.Len(), limits.Total)
			}
		}
		found := 0
		for _, a := range all {
			in := score.Input{
				Profile: air(), Seller: name(8), Wid: name(10), Committed: 1000, Device: 1000, Index: x,
				Batches: batches(9, 9, a.values, 40),
			}
			if score.Window(in).Evidence != nil {
				found++
			}
		}
		if want := x.Len() / 40; found != want {
			t.Fatalf("got %d runs found, want %d", found, want)
		}
	})
}

// Law: the evidence does not depend on the order in which the history came.
func TestIndexOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		old := noise(rng, 120)
		var history []score.Run
		for s := range rapid.Uint64Range(1, 6).Draw(t, "sellers") {
			history = append(history, runs(name(s+2), name(s+20), int64(rng.IntN(3)), batches(0, 0, old, 1+rng.IntN(30)))...)
		}
		in := score.Input{Profile: air(), Seller: name(1), Wid: name(9), Committed: 9, Device: 1000, Batches: batches(9, 9, old[20:80], 10)}
		var want *score.Replay
		for i := range 3 {
			rng.Shuffle(len(history), func(i, j int) { history[i], history[j] = history[j], history[i] })
			x, _ := score.NewIndex(.01, score.Limits{})
			for _, r := range history {
				if err := x.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			in.Index = x
			got := score.Window(in).Evidence
			if got == nil {
				t.Fatal("got no evidence")
			}
			if i == 0 {
				want = got
			}
			same := func(a, b score.Part) bool { return a.Seller == b.Seller && a.Seq == b.Seq && a.From == b.From }
			if !slices.EqualFunc(got.Earlier, want.Earlier, same) || !slices.EqualFunc(got.This, want.This, same) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		}
	})
}

// Law: where several sellers hold the same run, dropping some leaves the others to be found, up to the sixteen earliest.
func TestSharedRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := noise(rand.New(rand.NewPCG(1, 1)), 40)
		x, _ := score.NewIndex(.01, score.Limits{Horizon: 10})
		now := int64(0)
		for s := range rapid.Uint64Range(1, 30).Draw(t, "sellers") {
			now += rapid.Int64Range(0, 12).Draw(t, "later")
			if err := x.Add(runs(name(s+2), name(9), now-int64(s%3), batches(0, 0, old, 40))[0]); err != nil {
				t.Fatal(err)
			}
			in := score.Input{
				Profile: air(), Seller: name(1), Wid: name(10), Committed: now + 1, Device: 1000, Index: x,
				Batches: batches(9, 9, old, 40),
			}
			if ev := score.Window(in).Evidence; ev == nil {
				t.Fatalf("got no evidence at %d with %d readings", now, x.Len())
			} else if at := ev.Earlier[0].Committed; at < now-12 {
				t.Fatalf("got a run of %d at %d, which is beyond the horizon", at, now)
			}
		}
	})
}
