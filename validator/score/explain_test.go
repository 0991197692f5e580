package score_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/validator/score"
)

// TestCodes: every code says what it means and what to do, the others nothing.
func TestCodes(t *testing.T) {
	for c := score.Code(0); c <= 30; c++ {
		known := c.Hard() || c >= score.CodeRange && c <= 30
		if unknown := strings.HasPrefix(c.String(), "unknown"); unknown == known || known != (c.Advice() != "") {
			t.Errorf("code %d: %q, advice %q", int(c), c, c.Advice())
		}
		if text := score.Explain(score.Reason{Code: c, Value: 123}); !strings.HasPrefix(text, c.String()) || !strings.HasSuffix(text, c.Advice()) {
			t.Errorf("code %d: got %q", int(c), text)
		}
	}
	if got, want := score.Explain(score.Reason{Code: score.CodeStuck, Value: 9, Seen: "stuck for 40 min"}), "stuck for 40 min: check the sensor"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// thermometer is air with the units in which people get it wrong.
func thermometer() score.Profile {
	p := air()
	p.Unit = "Cel"
	p.Units = []score.Unit{
		{Name: "°F", Factor: 1.8, Offset: 32}, {Name: "K", Factor: 1, Offset: 273.15},
		{Name: "ten times too much", Factor: 10}, {Name: "one over", Factor: 1, Inverse: true},
	}
	return p
}

// fast is a window of profile fast with 50 readings a batch, of which the first, the second and the last were opened.
func fast(p score.Profile, at func(i int) float64) score.Input {
	p.Period, p.Length = 20, 5000
	in := score.Input{Profile: p, Seller: name(1), Wid: name(2), Window: 9, Committed: 10, Device: 950}
	for b := range 5 {
		k := score.Batch{Seq: uint64(b), N: 50, T0: int64(b) * 1000, T1: int64(b)*1000 + 980}
		for i := range 50 {
			if b != 2 && b != 3 {
				k.Readings = append(k.Readings, score.Reading{T: k.T0 + int64(i)*20, V: at(b*50 + i)})
			}
		}
		in.Batches = append(in.Batches, k)
	}
	return in
}

// beside puts four neighbours with these medians into in.
func beside(in score.Input, medians ...float64) score.Input {
	for i, m := range medians {
		in.Neighbours = append(in.Neighbours, score.Neighbour{Seller: name(uint64(i + 10)), Median: m})
	}
	return in
}

// TestReasons: each fault is told by its own code, with numbers, and marks that drive buyers away from those that are no
// accidents; honest windows get no reason and keep their mark.
func TestReasons(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	live := func(i int) float64 { return onGrid(11 + .05*rng.NormFloat64()) }
	sine := func(phase float64) func(int) float64 {
		return func(i int) float64 { return onGrid(11 + 3*math.Sin(phase+float64(i)*2*math.Pi/3000)) }
	}
	sent := func(convert func(float64) float64) func(int) float64 {
		return func(i int) float64 { return onGrid(convert(live(i))) }
	}
	hour := func(values []float64) score.Input {
		return score.Input{Profile: thermometer(), Seller: name(1), Window: 9, Device: 950, Expected: 60, Batches: batches(9, 90, values, 60)}
	}
	coarse := fast(thermometer(), func(int) float64 { return 21.0625 })
	for b := range coarse.Batches {
		if k := &coarse.Batches[b]; k.Readings != nil {
			k.N, k.Readings = 10, k.Readings[:10]
		}
	}
	coarse.Profile.Period, coarse.Expected = 100, 130
	late := fast(thermometer(), live)
	for b := range late.Batches {
		k := &late.Batches[b]
		var some []score.Reading
		for _, r := range k.Readings {
			if rng.IntN(5) > 0 {
				r.T += rng.Int64N(15)
				some = append(some, score.Reading{T: r.T, V: onGrid(11 + 3*math.Sin(float64(r.T)*2*math.Pi/60_000))})
			}
		}
		k.N, k.Readings, k.T1 = len(some), some, k.T1+20
	}
	stuck := noise(rng, 60)
	for i := 15; i < 55; i++ {
		stuck[i] = 12.5
	}
	for _, c := range []struct {
		name string
		in   score.Input
		code score.Code // 0: none
		most int        // of I
		seen string
	}{
		{"honest", fast(thermometer(), live), 0, 850, ""},
		{"honest beside others", beside(fast(thermometer(), live), 11.2, 10.4, 12), 0, 850, ""},
		{"latency", fast(score.Profile{Max: 60, Grid: 1e-9, Noise: true}, func(int) float64 { return 5e-5 * math.Exp(.5*rng.NormFloat64()) }), 0, 850, ""},
		{"coarse thermometer read ten times a second", coarse, 0, 850, ""},
		{"stuck", fast(thermometer(), func(int) float64 { return 12.5 }), score.CodeStuck, 499, "stuck at 12.5 Cel for 4.98 s, all of 150 readings"},
		{"stuck for 39 minutes", hour(stuck), score.CodeStuck, 700, "stuck at 12.5 Cel for 39 min, 40 readings"},
		{"made-up curve", fast(thermometer(), sine(0)), score.CodeInvented, 499, "a smooth curve: its noise is"},
		{"made-up curve, later", fast(thermometer(), sine(2.5)), score.CodeInvented, 499, "a smooth curve: its noise is"},
		{"made-up curve read late", late, score.CodeInvented, 499, "a smooth curve: its noise is"},
		{"ramp", fast(thermometer(), func(i int) float64 { return 5 + float64(i)/40 }), score.CodeInvented, 499, "a smooth curve: its noise is"},
		{"curve of latencies", fast(score.Profile{Max: 60, Grid: 1e-9, Noise: true}, func(i int) float64 { return 1e-4 + 3e-5*math.Sin(float64(i)/400) }), score.CodeInvented, 499, "a smooth curve: its noise is"},
		{"Fahrenheit beside others", beside(fast(thermometer(), sent(func(v float64) float64 { return v*1.8 + 32 })), 11.2, 10.4, 12), score.CodeUnit, 499, "the values look like °F: the median 51.8 would be 11"},
		{"kelvin alone", fast(thermometer(), sent(func(v float64) float64 { return v + 273.15 })), score.CodeUnit, 499, "the values look like K: the median 284."},
		{"ten times too much", beside(fast(thermometer(), func(int) float64 { return math.Round(1000+5*rng.NormFloat64()) / 10 }), 10.2, 10.4, 9.9), score.CodeUnit, 499, "the values look like ten times too much"},
		{"inverse", beside(fast(thermometer(), sent(func(v float64) float64 { return 1 / v })), 11.2, 10.9, 11.1), score.CodeUnit, 499, "the values look like one over"},
		{"far from the others", beside(fast(thermometer(), sent(func(v float64) float64 { return v + 15 })), 11.2, 10.4, 12), score.CodeNeighbours, 499, "the median is 2"},
		{"out of bounds", fast(thermometer(), sent(func(v float64) float64 { return v + 2000 })), score.CodeRange, 499, "150 of 150 readings lie outside of -80 to 60 Cel, like 2011"},
		{"jumps", fast(thermometer(), func(i int) float64 { return live(i) + 9*float64(i%2) }), score.CodeRate, 499, "readings jump by up to 9."},
		{"coordinates", fast(thermometer(), func(i int) float64 { return 48.137154 + float64(i%7)/1e6 }), score.CodeUnsafe, 499, "150 of 150 values look like a place on the map"},
		{"times", fast(score.Profile{Max: 1e12, Grid: 1}, func(i int) float64 { return 1.7e9 + float64(i) }), 0, 850, ""},
		{"serial number", fast(score.Profile{Max: 1e12, Grid: 1}, func(int) float64 { return 4711081512 }), score.CodeUnsafe, 499, "150 of 150 values look like serial numbers"},
		{"text", fast(score.Profile{Max: 1e15, Grid: 1}, func(i int) float64 { return float64(0x416e6e61) + float64(i%5) }), score.CodeUnsafe, 499, "150 of 150 values look like letters"},
	} {
		got := score.Window(c.in)
		at := slices.IndexFunc(got.Soft, func(r score.Reason) bool { return r.Code == c.code })
		switch {
		case c.code == 0 && (len(got.Soft) > 0 || got.I != c.most):
			t.Errorf("%s: got I %d, %+v, want none and %d", c.name, got.I, got.Soft, c.most)
		case c.code != 0 && (at < 0 || got.I > c.most || got.I < 1):
			t.Errorf("%s: got I %d, %+v, want code %d and I ≤ %d", c.name, got.I, got.Soft, int(c.code), c.most)
		case c.code != 0 && !strings.HasPrefix(got.Soft[at].Seen, c.seen):
			t.Errorf("%s: got %q, want %q", c.name, got.Soft[at].Seen, c.seen)
		}
	}
}

// TestRefusedBatch: what is no pack of numbers in the property's unit is not received, and is named.
func TestRefusedBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 12))
	in := fast(thermometer(), func(int) float64 { return onGrid(11 + .05*rng.NormFloat64()) })
	in.Batches[4].Refused, in.Batches[4].Readings = true, nil
	got := score.Window(in)
	if !blames(got, score.CodeUnsafe) || !blames(got, score.CodeGaps) || got.I >= 500 || got.Stats.Complete != 800 {
		t.Errorf("got %+v", got)
	}
}

// TestTimesAreUnsafe: a clock is no sensor.
func TestTimesAreUnsafe(t *testing.T) {
	for _, scale := range []float64{1, .001} {
		in := fast(score.Profile{Max: 1e13, Grid: 1}, func(int) float64 { return 0 })
		for b := range in.Batches {
			for i := range in.Batches[b].Readings {
				r := &in.Batches[b].Readings[i]
				r.T += 1_700_000_000_000
				r.V = math.Round(float64(r.T) * scale)
			}
			in.Batches[b].T0 += 1_700_000_000_000
			in.Batches[b].T1 += 1_700_000_000_000
		}
		if got := score.Window(in); !blames(got, score.CodeUnsafe) || got.I >= 500 {
			t.Errorf("times 1/%v s: got %+v", 1/scale, got)
		}
	}
}

// TestCurveOfShortBatches: in profile fast a batch has ten readings, too few to tell a curve from a sensor. What was opened
// of the windows before helps.
func TestCurveOfShortBatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 13))
	for _, c := range []struct {
		noise float64
		want  bool
	}{{0, true}, {.05, false}} {
		at := func(i int) score.Reading {
			v := 11 + 3*math.Sin(float64(i)*2*math.Pi/600) + c.noise*rng.NormFloat64()
			return score.Reading{T: int64(i) * 100, V: onGrid(v)}
		}
		x := index(t, score.Limits{})
		in := score.Input{Profile: thermometer(), Seller: name(1), Wid: name(2), Window: 2, Committed: 20_000, Device: 950, Index: x, Expected: 50}
		in.Profile.Period, in.Profile.Length = 100, 5000
		for b := range 15 {
			var rs []score.Reading
			for i := range 10 {
				rs = append(rs, at(b*10+i))
			}
			k := score.Batch{Seq: uint64(b), N: 10, T0: rs[0].T, T1: rs[9].T, Readings: rs}
			if b < 10 {
				if err := x.Add(score.Run{Seller: name(1), Wid: name(uint64(b / 5)), Seq: k.Seq, Committed: int64(b/5+1) * 5000, Readings: rs}); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if b == 11 || b == 13 {
				k.Readings = nil
			}
			in.Batches = append(in.Batches, k)
		}
		if got := score.Window(in); blames(got, score.CodeInvented) != c.want {
			t.Errorf("noise %v: got %+v", c.noise, got)
		}
	}
}
