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

func index(t testing.TB, limits score.Limits, rs ...score.Run) *score.Index {
	t.Helper()
	x, err := score.NewIndex(air().Grid, limits)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		if err := x.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestFaultsOfTheCaller(t *testing.T) {
	values := noise(rand.New(rand.NewPCG(1, 1)), 60)
	for _, c := range []struct {
		faults, want []score.Code
		i, c, t      bool // not zero
	}{
		{nil, nil, true, true, true},
		{[]score.Code{score.CodeKey, score.CodeSignature, score.CodeKey}, []score.Code{1, 7}, false, false, false},
		{[]score.Code{score.CodeMerkle}, []score.Code{3}, false, true, false},
		{[]score.Code{score.CodeRevoked}, []score.Code{6}, false, false, true},
		{[]score.Code{score.CodeRange, 0, -1, 99}, nil, true, true, true}, // not hard: nothing to pass in
	} {
		got := score.Window(score.Input{Profile: air(), Device: 1000, Faults: c.faults, Batches: batches(0, 0, values, 10)})
		if !slices.Equal(got.Hard, c.want) {
			t.Errorf("faults %v: got %v, want %v", c.faults, got.Hard, c.want)
		}
		if got.I > 0 != c.i || got.C > 0 != c.c || got.T > 0 != c.t {
			t.Errorf("faults %v: got I %d C %d T %d", c.faults, got.I, got.C, got.T)
		}
	}
}

func TestTimeBackwards(t *testing.T) {
	fresh := func() []score.Batch { return batches(0, 5, noise(rand.New(rand.NewPCG(1, 1)), 40), 10) }
	for _, c := range []struct {
		name string
		do   func([]score.Batch)
		want bool
	}{
		{"in order", func([]score.Batch) {}, false},
		{"batches listed in any order", func(b []score.Batch) { b[0], b[3] = b[3], b[0] }, false},
		{"equal times", func(b []score.Batch) { b[1].Readings[3].T = b[1].Readings[2].T }, false},
		{"inside a batch", func(b []score.Batch) { b[1].Readings[3].T = b[1].Readings[2].T - 1 }, true},
		{"header ends before it starts", func(b []score.Batch) { b[2].T0, b[2].T1 = b[2].T1, b[2].T0 }, true},
		{"headers overlap, unopened", func(b []score.Batch) { b[2].Readings = nil; b[2].T0 = b[1].T1 - 1 }, true},
		{"extreme times", func(b []score.Batch) { b[3].T1 = math.MaxInt64; b[3].Readings[9].T = math.MaxInt64 }, false},
		{"extreme times backwards", func(b []score.Batch) { b[3].Readings[9].T = math.MinInt64 }, true},
	} {
		in := score.Input{Profile: air(), Device: 1000, Batches: fresh()}
		c.do(in.Batches)
		if got := slices.Contains(score.Window(in).Hard, score.CodeBackwards); got != c.want {
			t.Errorf("%s: got code 4 %v, want %v", c.name, got, c.want)
		}
	}
}

// TestReplay plants an old stretch in every way in which it can hide.
func TestReplay(t *testing.T) {
	me, she := name(1), name(2)
	var (
		rng   = rand.New(rand.NewPCG(7, 7))
		old   = noise(rng, 400)
		shift = func(v []float64, by float64) []float64 {
			out := slices.Clone(v)
			for i := range out {
				out[i] = math.Round((out[i]+by)*1e6) / 1e6
			}
			return out
		}
		mine  = func(per int) []score.Run { return runs(me, name(100), 1000, batches(0, 0, old, per)) }
		hers  = func(committed int64) []score.Run { return runs(she, name(200), committed, batches(0, 0, old, 10)) }
		fresh = func(n int) []float64 { return noise(rng, n) }
		wid   = name(300)
	)
	holed := func(rs []score.Run, seq uint64) []score.Run {
		return slices.DeleteFunc(rs, func(r score.Run) bool { return r.Seq == seq })
	}
	unopened := func(b []score.Batch, i int) []score.Batch { b[i].Readings = nil; return b }
	tests := []struct {
		name    string
		history []score.Run
		window  []score.Batch
		want    bool
	}{
		{"fresh", mine(10), batches(9, 90, fresh(60), 10), false},
		{"own stretch in one batch", mine(10), batches(9, 90, old[3:63], 60), true},
		{"own stretch over batch borders", mine(10), batches(9, 90, old[3:63], 7), true},
		{"readings one by one", mine(1), batches(9, 9000, old[30:90], 1), true},
		{"plus a constant on the grid", mine(10), batches(9, 90, shift(old[3:63], 1.23), 10), true},
		{"plus a constant off the grid", mine(10), batches(9, 90, shift(old[3:63], .005), 10), true},
		{"32 readings", mine(10), batches(9, 90, append(fresh(14), append(slices.Clone(old[50:82]), fresh(14)...)...), 10), true},
		{"31 readings", mine(10), batches(9, 90, append(fresh(14), append(slices.Clone(old[50:81]), fresh(15)...)...), 10), false},
		{"a hole in the original", holed(mine(10), 2), batches(9, 90, old[5:45], 10), false},
		{"a hole in the window", mine(10), unopened(batches(9, 90, old[10:70], 10), 2)[:5], false},
		{"enough behind the hole", mine(10), unopened(batches(9, 90, old[10:90], 10), 2), true},
		{"hers, committed before", hers(1000), batches(9, 90, old[3:63], 10), true},
		{"hers, committed at once", hers(5000), batches(9, 90, old[3:63], 10), false},
		{"hers, committed later: the victim", hers(9000), batches(9, 90, old[3:63], 10), false},
		{"twice in the window", nil, batches(9, 90, append(slices.Clone(old[:40]), old[:40]...), 40), true},
		{"twice in one batch", nil, batches(9, 90, append(slices.Clone(old[:40]), old[:40]...), 80), false},
		{"the original reaches into the window", runs(me, name(10), 1000, batches(8, 88, old[:20], 10)), batches(9, 90, slices.Concat(old[20:40], old[:40]), 10), true},
		{"the window itself is indexed already", runs(me, wid, 5000, batches(9, 90, old[:60], 10)), batches(9, 90, old[:60], 10), false},
	}
	for _, c := range tests {
		in := score.Input{
			Profile: air(), Seller: me, Wid: wid, Window: 9, Committed: 5000, Device: 1000,
			Batches: c.window, Index: index(t, score.Limits{}, c.history...),
		}
		got := score.Window(in)
		if has := slices.Contains(got.Hard, score.CodeReplay); has != c.want || (got.Evidence != nil) != c.want {
			t.Errorf("%s: got code 5 %v, evidence %v, want %v", c.name, has, got.Evidence != nil, c.want)
			continue
		}
		if !c.want {
			continue
		}
		if got.I != 0 {
			t.Errorf("%s: got I %d, want 0", c.name, got.I)
		}
		if err := score.VerifyReplay(*got.Evidence, air()); err != nil {
			t.Errorf("%s: evidence: %v", c.name, err)
		}
	}
}

// TestReplayAcrossWindows: the fast profile opens few short batches of a window; the run has to be put together from the
// batches of the windows before, which others saw.
func TestReplayAcrossWindows(t *testing.T) {
	me, rng := name(1), rand.New(rand.NewPCG(8, 8))
	old := noise(rng, 200)
	before := batches(5, 50, append(noise(rng, 10), old[60:100]...), 10)
	history := append(runs(me, name(10), 1000, batches(0, 0, old, 10)), runs(me, name(11), 2000, before)...)
	now := batches(6, 55, old[100:150], 10)
	for i := 1; i < 5; i++ {
		now[i].Readings = nil // the sample is the first batch only
	}
	in := score.Input{Profile: air(), Seller: me, Wid: name(12), Window: 6, Committed: 3000, Device: 1000, Batches: now}
	in.Index = index(t, score.Limits{}, history...)
	got := score.Window(in)
	if got.Evidence == nil {
		t.Fatal("got no evidence")
	}
	if !slices.ContainsFunc(got.Evidence.This, func(p score.Part) bool { return p.Wid == in.Wid }) {
		t.Error("the run holds no reading of the window")
	}
	honest := batches(6, 55, noise(rng, 50), 10) // after a replayed window an honest one is not blamed for it
	in.Batches = honest
	if got := score.Window(in); got.Evidence != nil {
		t.Errorf("got evidence %+v against an honest window", got.Evidence)
	}
}

// TestSlowReplay: on a coarse grid the twelfth different step may come late; the run is as long as it must be.
func TestSlowReplay(t *testing.T) {
	slow := func(distinct int) []float64 {
		out := make([]float64, 300)
		v := 0.0
		for i := range out {
			if i%20 == 19 && i/20 < distinct {
				v += float64(i/20+1) / 100
			}
			out[i] = onGrid(v)
		}
		return out
	}
	for distinct, want := range map[int]bool{11: false, 12: true} {
		h := runs(name(1), name(10), 1000, batches(0, 0, slow(distinct), 50))
		in := score.Input{
			Profile: air(), Seller: name(1), Wid: name(11), Committed: 2000, Device: 1000,
			Batches: batches(9, 90, slow(distinct), 50), Index: index(t, score.Limits{}, h...),
		}
		if got := score.Window(in).Evidence != nil; got != want {
			t.Errorf("%d different steps: got %v, want %v", distinct, got, want)
		}
	}
}

func TestVerifyReplayRefuses(t *testing.T) {
	old := noise(rand.New(rand.NewPCG(9, 9)), 100)
	evidence := func() score.Replay {
		in := score.Input{
			Profile: air(), Seller: name(1), Wid: name(11), Committed: 2000, Device: 1000, Batches: batches(9, 90, old[5:65], 10),
			Index: index(t, score.Limits{}, runs(name(1), name(10), 1000, batches(0, 0, old, 10))...),
		}
		ev := score.Window(in).Evidence
		if ev == nil {
			t.Fatal("got no evidence")
		}
		return *ev
	}
	if err := score.VerifyReplay(evidence(), air()); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*score.Replay, *score.Profile){
		"no grid":           func(_ *score.Replay, p *score.Profile) { p.Grid = 0 },
		"grid is no number": func(_ *score.Replay, p *score.Profile) { p.Grid = math.NaN() },
		"no runs":           func(r *score.Replay, _ *score.Profile) { r.This, r.Earlier = nil, nil },
		"another window":    func(r *score.Replay, _ *score.Profile) { r.Wid = name(77) },
		"swapped":           func(r *score.Replay, _ *score.Profile) { r.This, r.Earlier = r.Earlier, r.This; r.Wid = name(10) },
		"a changed value":   func(r *score.Replay, _ *score.Profile) { r.This[1].Readings[2].V += .01 },
		"a value of NaN":    func(r *score.Replay, _ *score.Profile) { r.This[1].Readings[2].V = math.NaN() },
		"a reading less": func(r *score.Replay, _ *score.Profile) {
			r.This[len(r.This)-1].Readings = r.This[len(r.This)-1].Readings[1:]
		},
		"a batch left out": func(r *score.Replay, _ *score.Profile) { r.This = slices.Delete(r.This, 1, 2) },
		"a gap in a batch": func(r *score.Replay, _ *score.Profile) { r.This[1].From = 1 },
		"of another seller, not before": func(r *score.Replay, _ *score.Profile) {
			for i := range r.Earlier {
				r.Earlier[i].Seller, r.Earlier[i].Committed = name(2), 2000
			}
		},
		"too many readings in a batch": func(r *score.Replay, _ *score.Profile) { r.This[0].Of = 3 },
		"huge index":                   func(r *score.Replay, _ *score.Profile) { r.This[0].From = math.MaxInt },
		"negative index":               func(r *score.Replay, _ *score.Profile) { r.This[0].From = -1 },
		"sequence wraps":               func(r *score.Replay, _ *score.Profile) { r.This[0].Seq = math.MaxUint64; r.This[1].Seq = 0 },
	} {
		r, p := evidence(), air()
		spoil(&r, &p)
		if err := score.VerifyReplay(r, p); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", what, err)
		}
	}
}

// Law: a sensor whose steps take at most eleven different sizes, however it repeats itself, never gets code 5.
func TestCoarseSensorIsNeverBlamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(-400, 400), 1, 11).Draw(t, "sizes")
		period := rapid.IntRange(1, 90).Draw(t, "period") // it repeats itself exactly, like a counter or a thermostat
		steps := rapid.SliceOfN(rapid.IntRange(0, len(sizes)+3), period, period).Draw(t, "steps")
		per := rapid.IntRange(1, 60).Draw(t, "batch")
		values := make([]float64, 400)
		v := 0
		for i := range values {
			if s := steps[i%period]; s < len(sizes) {
				v += sizes[s]
			}
			values[i] = float64(v) / 100
		}
		x, _ := score.NewIndex(.01, score.Limits{})
		bs := batches(0, 0, values, per)
		cut := len(bs) * 3 / 4
		for _, r := range runs(name(1), name(10), 1000, bs[:cut]) {
			if err := x.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		in := score.Input{Profile: air(), Seller: name(1), Wid: name(11), Committed: 2000, Device: 1000, Batches: bs[cut:], Index: x}
		if ev := score.Window(in).Evidence; ev != nil {
			t.Fatalf("got evidence %+v", ev)
		}
	})
}

// Law: Window finds a replay exactly where the rule, tried on all pairs of runs, says that there is one; in whatever order
// the history came.
func TestReplayIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		span := rapid.IntRange(2, 40).Draw(t, "span") // of the steps: few make them coarse
		values := make([]float64, 260)
		for i := range values {
			values[i] = float64(rng.IntN(span)) / 100
		}
		for range rapid.IntRange(0, 3).Draw(t, "copies") {
			n := rapid.IntRange(25, 60).Draw(t, "length")
			from, to := rng.IntN(len(values)-n), rng.IntN(len(values)-n)
			copy(values[to:to+n], slices.Clone(values[from:from+n]))
		}
		per := rapid.IntRange(1, 40).Draw(t, "batch")
		bs := batches(0, 0, values, per)
		for i := range bs {
			if rng.IntN(12) == 0 {
				bs[i].Readings = nil
			}
		}
		cut := len(bs) * 3 / 4
		history := runs(name(1), name(10), 1000, bs[:cut])
		rng.Shuffle(len(history), func(i, j int) { history[i], history[j] = history[j], history[i] })
		x, _ := score.NewIndex(.01, score.Limits{})
		for _, r := range history {
			if err := x.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		in := score.Input{Profile: air(), Seller: name(1), Wid: name(11), Committed: 2000, Device: 1000, Batches: bs[cut:], Index: x}
		got, want := score.Window(in).Evidence != nil, naive(bs, cut)
		if got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// naive tries the rule of code 5 on all pairs of runs through the batches of one seller; the window starts at batch cut.
func naive(bs []score.Batch, cut int) bool {
	type reading struct{ batch, value int }
	var all []reading // value −1: nothing known
	for i, b := range bs {
		for _, r := range b.Readings {
			all = append(all, reading{i, int(math.Round(r.V * 100))})
		}
		if b.Readings == nil {
			all = append(all, reading{i, -1})
		}
	}
	for a := range all {
		for b := a + 1; b < len(all); b++ {
			different := map[int]bool{}
			for n := 0; b+n < len(all) && all[a+n].value >= 0 && all[b+n].value >= 0; n++ {
				if n > 0 {
					s := all[b+n].value - all[b+n-1].value
					if s != all[a+n].value-all[a+n-1].value {
						break
					}
					if s != 0 {
						different[s] = true
					}
				}
				apart := all[a+n].batch < all[b].batch
				if n >= 31 && len(different) >= 12 && apart && all[b+n].batch >= cut && all[b+n].batch-all[b].batch < 40 && all[a+n].batch-all[a].batch < 40 {
					return true
				}
			}
		}
	}
	return false
}
