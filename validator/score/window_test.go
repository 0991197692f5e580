package score_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/validator/score"
)

// trial is a window of place 0 of a field, with all that its history says.
type trial struct {
	values []float64
	place0 []float64 // medians of place 0
	near   []float64 // medians of its neighbours
}

// medians of a place and of its neighbours, hour by hour.
func (f *field) medians() (own, near []float64) {
	for h := range f.hours {
		own = append(own, median(f.values(h, 0)))
		var all []float64
		for p := 1; p < 9; p++ {
			all = append(all, median(f.values(h, p)))
		}
		near = append(near, median(all))
	}
	return own, near
}

// classScale is 1.4826 times the MAD of the residuals.
func classScale(own, near []float64) float64 {
	r := make([]float64, len(own))
	for i := range r {
		r[i] = own[i] - near[i]
	}
	mid := median(r)
	for i := range r {
		r[i] = max(r[i]-mid, mid-r[i])
	}
	return 1.4826 * median(r)
}

// past is what the scorer remembers of a place with these medians.
func past(own, near []float64, from, to int) []score.Past {
	var out []score.Past
	for h := from; h < to; h++ {
		out = append(out, score.Past{Window: int64(h), Median: own[h], Run: 2, Near: true, Residual: own[h] - near[h]})
	}
	return out
}

// cases are the faults of MECHANISM 4, each a change of an honest window.
var cases = []struct {
	name       string
	do         func(f *field, h int, t *trial)
	near, solo [2]int // bounds of the median I with and without neighbours
	reason     score.Code
}{
	{"honest", func(*field, int, *trial) {}, [2]int{980, 1000}, [2]int{850, 850}, 0},
	{"gap", func(_ *field, _ int, t *trial) { t.values = t.values[:48] }, [2]int{780, 800}, [2]int{780, 800}, score.CodeGaps},
	{"stuck after ten minutes", func(_ *field, _ int, t *trial) {
		for i := 11; i < perHour; i++ {
			t.values[i] = t.values[10]
		}
	}, [2]int{580, 650}, [2]int{390, 480}, score.CodeStuck},
	{"spikes", func(f *field, _ int, t *trial) {
		for _, i := range f.rng.Perm(perHour)[:9] {
			t.values[i] += 8 + 17*f.rng.Float64()
		}
	}, [2]int{480, 520}, [2]int{300, 330}, score.CodeRate},
	{"invented daily curve", func(f *field, h int, t *trial) {
		for i := range t.values {
			t.values[i] = onGrid(15 + curve(float64(h)+float64(i)/60) + f.offset[0] + .08*f.rng.NormFloat64())
		}
		for g := h - 168; g < h; g++ {
			t.place0[g] = 15 + curve(float64(g)+.5) + f.offset[0]
		}
	}, [2]int{100, 450}, [2]int{850, 850}, score.CodeNeighbours},
	{"replay", func(f *field, h int, t *trial) { t.values = f.values(h-24, 0) }, [2]int{0, 0}, [2]int{0, 0}, score.CodeReplay},
	{"replay with noise", func(f *field, h int, t *trial) {
		for i, v := range f.values(h-24, 0) {
			t.values[i] = onGrid(v + .04*f.rng.NormFloat64())
		}
	}, [2]int{80, 640}, [2]int{350, 800}, score.CodeNovelty},
	{"drift of 24 h", func(_ *field, h int, t *trial) { t.drift(h, 24) }, [2]int{400, 900}, [2]int{800, 850}, score.CodeNeighbours},
	{"drift of 72 h", func(_ *field, h int, t *trial) { t.drift(h, 72) }, [2]int{100, 400}, [2]int{500, 850}, score.CodeNeighbours},
	{"two degrees more", func(_ *field, _ int, t *trial) {
		for i := range t.values {
			t.values[i] = onGrid(t.values[i] + 2)
		}
	}, [2]int{150, 500}, [2]int{700, 850}, score.CodeNeighbours},
	{"outside of the bounds", func(_ *field, _ int, t *trial) {
		for i := range perHour {
			t.values[i] += 90
		}
	}, [2]int{0, 160}, [2]int{0, 300}, score.CodeRange},
}

func (t *trial) drift(h, hours int) {
	for i := range t.values {
		t.values[i] = onGrid(t.values[i] + .05*float64(hours))
	}
	for g := h - hours; g < h; g++ {
		t.place0[g] += .05 * float64(g-h+hours)
	}
}

// TestFaultCases holds the medians over seeded fields against MECHANISM 4 (with neighbours) and against what the rest of
// the statistics can tell alone, where a lone seller is capped at 850.
func TestFaultCases(t *testing.T) {
	const h, seeds = 200, 9
	with, solo := make([][]int, len(cases)), make([][]int, len(cases))
	blamed := make([]int, len(cases))
	for seed := range uint64(seeds) {
		f := newField(seed, h+1)
		own, near := f.medians()
		x := index(t, score.Limits{})
		for g := h - 168; g < h; g++ {
			for _, r := range runs(name(1), name(uint64(g)), int64(g+1)*hour, batches(g, uint64(g), f.values(g, 0), perHour)) {
				if err := x.Add(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, c := range cases {
			tr := trial{values: f.values(h, 0), place0: slices.Clone(own), near: near}
			c.do(f, h, &tr)
			in := score.Input{
				Profile: air(), Seller: name(1), Wid: name(h), Window: h, Committed: (h + 1) * hour, Device: 1000, Expected: perHour,
				Batches: batches(h, h, tr.values, perHour), Past: past(tr.place0, near, h-168, h), Index: x,
			}
			solo[i] = append(solo[i], score.Window(in).I)
			for p := 1; p < 9; p++ {
				in.Neighbours = append(in.Neighbours, score.Neighbour{Seller: name(uint64(p + 1)), Median: median(f.values(h, p))})
			}
			in.ClassScale = classScale(own, near)
			got := score.Window(in)
			with[i] = append(with[i], got.I)
			if c.reason == 0 && len(got.Soft) == 0 || blames(got, c.reason) {
				blamed[i]++
			}
		}
	}
	for i, c := range cases {
		for _, k := range []struct {
			what string
			all  []int
			want [2]int
		}{{"with neighbours", with[i], c.near}, {"alone", solo[i], c.solo}} {
			slices.Sort(k.all)
			if got := k.all[seeds/2]; got < k.want[0] || got > k.want[1] {
				t.Errorf("%s, %s: got I %d of %v, want %d..%d", c.name, k.what, got, k.all, k.want[0], k.want[1])
			}
		}
		if blamed[i] < seeds/2+1 {
			t.Errorf("%s: the reason %d was given %d times of %d", c.name, c.reason, blamed[i], seeds)
		}
	}
}

func blames(r score.Result, c score.Code) bool {
	return slices.Contains(r.Hard, c) || slices.ContainsFunc(r.Soft, func(s score.Reason) bool { return s.Code == c })
}

// TestShortOfData: what is not known is left out and caps I, and nothing seen is worth nothing.
func TestShortOfData(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	full := batches(30, 0, noise(rng, 60), 10)
	var known []score.Past
	for w := range int64(30) {
		known = append(known, score.Past{Window: w, Median: 15, Run: 2, Near: true, Residual: 0})
	}
	near := []score.Neighbour{{Seller: name(2), Median: 15}, {Seller: name(3), Median: 15}, {Seller: name(4), Median: 15}, {Seller: name(5), Median: 15}}
	for _, c := range []struct {
		name  string
		do    func(*score.Input)
		i     int
		cap   int
		drops score.Stats // fields of −1 must be −1
	}{
		{"everything known", func(*score.Input) {}, 1000, 1000, score.Stats{Novelty: -1}},
		{"no neighbours", func(in *score.Input) { in.Neighbours = nil }, 850, 850, score.Stats{Neighbours: -1}},
		{"two neighbours", func(in *score.Input) { in.Neighbours = near[:2] }, 850, 850, score.Stats{Neighbours: -1}},
		{"oneself as a neighbour", func(in *score.Input) { in.Neighbours = near[:3]; in.Seller = name(2) }, 850, 850, score.Stats{Neighbours: -1}},
		{"no scale of the class", func(in *score.Input) { in.ClassScale = 0 }, 850, 850, score.Stats{Neighbours: -1}},
		{"property without neighbours", func(in *score.Input) { in.Profile.BiasMax = 0 }, 850, 850, score.Stats{Neighbours: -1}},
		{"short history, no neighbours", func(in *score.Input) { in.Past = in.Past[:23] }, 850, 850, score.Stats{Hist: -1, Neighbours: -1}},
		{"short history", func(in *score.Input) { in.Past = in.Past[7:]; in.Profile.Baseline = 20 }, 900, 900, score.Stats{Hist: -1}},
		{"history too old", func(in *score.Input) { in.Window = 300 }, 850, 850, score.Stats{Hist: -1, Neighbours: -1}},
		{"software key", func(in *score.Input) { in.Device = 950 }, 950, 1000, score.Stats{}},
		{"property without noise", func(in *score.Input) { in.Profile.Noise = false }, 1000, 1000, score.Stats{Noise: -1, Novelty: -1}},
		{"nothing opened", func(in *score.Input) {
			for i := range in.Batches {
				in.Batches[i].Readings = nil
			}
		}, 0, 850, score.Stats{Range: -1, Rate: -1, Noise: -1, Hist: -1, Neighbours: -1, Novelty: -1}},
		{"no batch", func(in *score.Input) { in.Batches = nil }, 0, 850, score.Stats{Range: -1, Rate: -1, Noise: -1, Hist: -1, Neighbours: -1, Novelty: -1}},
		{"two of six not served", func(in *score.Input) {
			in.Batches[1].Missing, in.Batches[1].Readings = true, nil
			in.Batches[4].Missing, in.Batches[4].Readings = true, nil
		}, 667, 1000, score.Stats{}},
		{"three of six not sampled", func(in *score.Input) {
			for i := range 3 {
				in.Batches[2*i].Readings = nil
			}
		}, 1000, 1000, score.Stats{}},
	} {
		in := score.Input{
			Profile: air(), Seller: name(1), Window: 30, Committed: 1, Device: 1000, Expected: 60, Batches: slices.Clone(full),
			Past: known, Neighbours: near, ClassScale: .5,
		}
		in.Profile.MaxRate = 1
		c.do(&in)
		got := score.Window(in)
		if got.I != c.i || got.Stats.Cap != c.cap {
			t.Errorf("%s: got I %d cap %d, want %d, %d (%+v)", c.name, got.I, got.Stats.Cap, c.i, c.cap, got)
		}
		for _, s := range [][2]int{
			{got.Stats.Range, c.drops.Range}, {got.Stats.Rate, c.drops.Rate}, {got.Stats.Noise, c.drops.Noise},
			{got.Stats.Hist, c.drops.Hist}, {got.Stats.Neighbours, c.drops.Neighbours}, {got.Stats.Novelty, c.drops.Novelty},
		} {
			if s[1] < 0 && s[0] >= 0 {
				t.Errorf("%s: got %+v, want dropped %+v", c.name, got.Stats, c.drops)
			}
		}
	}
}

func TestTransport(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct {
		name string
		do   func(*score.Input)
		want int
	}{
		{"whole, in time", func(*score.Input) {}, 1000},
		{"six minutes late are fine", func(in *score.Input) { in.Arrived = 59*60_000 + 360_000 }, 1000},
		{"half a window late", func(in *score.Input) { in.Arrived = 59*60_000 + 360_000 + 1_800_000 }, 500},
		{"a clock one second ahead is fine", func(in *score.Input) { in.Arrived = 59*60_000 - 1000 }, 1000},
		{"a clock 3.5 s ahead", func(in *score.Input) { in.Arrived = 59*60_000 - 3500 }, 500},
		{"a hole where as many came as were due", func(in *score.Input) {
			for b := range in.Batches[3:] {
				in.Batches[3+b].T1 += 600_000
				for i := range in.Batches[3+b].Readings {
					in.Batches[3+b].Readings[i].T += 600_000
				}
				in.Batches[3+b].T0 += 600_000
			}
		}, 855},
		{"readings doubled", func(in *score.Input) {
			for b := range in.Batches {
				for i := 1; i < 10; i += 2 {
					in.Batches[b].Readings[i].T = in.Batches[b].Readings[i-1].T
				}
			}
		}, 500},
		{"header lies about its times", func(in *score.Input) { in.Batches[0].T1 = in.Batches[0].T0 }, 850},
		{"a fifth missing", func(in *score.Input) { in.Batches = in.Batches[:5]; in.Expected = 62 }, 806},
	} {
		in := score.Input{Profile: air(), Device: 1000, Expected: 60, Batches: batches(0, 0, noise(rng, 60), 10)}
		c.do(&in)
		if got := score.Window(in).T; got != c.want {
			t.Errorf("%s: got T %d, want %d", c.name, got, c.want)
		}
	}
}

// TestCoarseRest: a sensor on a coarse grid that rests often is not stuck when it rests a little longer; the same rest of a
// sensor that otherwise never does is.
func TestCoarseRest(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	idle, live := make([]float64, 60), noise(rng, 60)
	for i := range idle {
		if rng.IntN(4) == 0 {
			idle[i] = 5
		}
	}
	for i := 20; i < 34; i++ {
		idle[i], live[i] = 0, live[20]
	}
	of := func(v []float64) int {
		return score.Window(score.Input{Profile: air(), Device: 1000, Batches: batches(0, 0, v, 60)}).Stats.Noise
	}
	if got := of(idle); got < 750 {
		t.Errorf("idle: got %d, want ≥ 750", got)
	}
	if got := of(live); got > 600 {
		t.Errorf("live: got %d, want ≤ 600", got)
	}
}
