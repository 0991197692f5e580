package event_test

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/validator/event"
)

// wave is a daily pattern of n rows on a grid, with noise.
func wave(n int) []float64 {
	r := rand.New(rand.NewPCG(7, 7))
	list := make([]float64, n)
	for i := range list {
		phase := i % 288
		list[i] = float64(min(phase, 288-phase)) + float64(r.IntN(9))
	}
	return list
}

func add(s *event.Scorer, values []float64) []float64 {
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = s.Add(v)
	}
	return list
}

// TestKinds: each kind of event in a daily pattern is told, soon and once; the pattern itself is not.
func TestKinds(t *testing.T) {
	const at, length = 3000, 100
	tests := []struct {
		name   string
		change func(i int, v float64) float64
	}{
		{"spike", func(i int, v float64) float64 {
			if i == 10 {
				return v + 400
			}
			return v
		}},
		{"shift", func(_ int, v float64) float64 { return v + 200 }},
		{"noise", func(i int, v float64) float64 { return v + float64(i*7919%120) }},
		{"still", func(int, float64) float64 { return 70 }},
		{"the pattern upside down", func(_ int, v float64) float64 { return 144 - v }},
	}
	for _, c := range tests {
		values := wave(4000)
		for i := range length {
			values[at+i] = c.change(i, values[at+i])
		}
		inside, before := 0, 0
		for i, score := range add(event.New(), values) {
			switch {
			case score < .5:
			case i >= at && i < at+length:
				inside++
			case i > 750 && i < at:
				before++
			}
		}
		if inside == 0 || inside > 3 || before > 1 {
			t.Errorf("%s: %d alarms while it lasted, want 1..3; %d before, want at most 1", c.name, inside, before)
		}
	}
}

// TestCalm: a stream that stands still scores 0, also from its first row on, and so does what is no number.
func TestCalm(t *testing.T) {
	s := event.New()
	for i := range 2000 {
		v := 7.0
		if i%5 == 4 {
			v = []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[i%3]
		}
		if got := s.Add(v); got != 0 {
			t.Fatalf("row %d: got %v, want 0", i, got)
		}
	}
}

// any draws values of all kinds, in stretches.
func any(t *rapid.T) []float64 {
	var list []float64
	for range rapid.IntRange(1, 6).Draw(t, "stretches") {
		n := rapid.IntRange(1, 200).Draw(t, "rows")
		some := rapid.SliceOfN(rapid.Float64(), 1, 5).Draw(t, "values")
		for i := range n {
			list = append(list, some[i*i%len(some)])
		}
	}
	return list
}

// TestRange: law: whatever comes, a score is in 0..1.
func TestRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for i, got := range add(event.New(), any(t)) {
			if !(got >= 0 && got <= 1) {
				t.Fatalf("row %d: score %v", i, got)
			}
		}
	})
}

// TestPrefix: law: later values never change earlier scores.
func TestPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := any(t)
		n := rapid.IntRange(0, len(values)).Draw(t, "prefix")
		whole, part := add(event.New(), values), add(event.New(), values[:n])
		for i, got := range part {
			if got != whole[i] {
				t.Fatalf("row %d: %v in the prefix, %v in the whole", i, got, whole[i])
			}
		}
	})
}

// TestScale: law: scale, offset and sign of the values do not matter. With whole numbers and a power of two as the scale
// nothing is rounded, so the scores have the same bits.
func TestScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := wave(rapid.IntRange(1, 900).Draw(t, "rows"))
		for range rapid.IntRange(0, 4).Draw(t, "spikes") {
			values[rapid.IntRange(0, len(values)-1).Draw(t, "row")] += float64(rapid.IntRange(-5000, 5000).Draw(t, "spike"))
		}
		factor := math.Ldexp(rapid.SampledFrom([]float64{1, -1}).Draw(t, "sign"), rapid.IntRange(-30, 30).Draw(t, "power"))
		offset := float64(rapid.IntRange(-1<<20, 1<<20).Draw(t, "offset"))
		want := add(event.New(), values)
		for i := range values {
			values[i] = (values[i] + offset) * factor
		}
		for i, got := range add(event.New(), values) {
			if got != want[i] {
				t.Fatalf("row %d: got %v, want %v", i, got, want[i])
			}
		}
	})
}

// TestGolden: the scores of a stream have the same bits on every machine.
func TestGolden(t *testing.T) {
	values := wave(6000)
	for i := range values {
		values[i] = values[i]/7 + 1e-3*float64(i%101)
	}
	values[2500] += 90
	values[5000] -= 60
	sum := fnv.New64a()
	for _, score := range add(event.New(), values) {
		binary.Write(sum, binary.BigEndian, math.Float64bits(score))
	}
	if got, want := sum.Sum64(), uint64(0xb494ca6061906cc6); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

// TestMemory: a Scorer allocates nothing after New, and is of the size that the package comment names.
func TestMemory(t *testing.T) {
	s := event.New()
	values := wave(500)
	add(s, values)
	if got := testing.AllocsPerRun(5, func() {
		for _, v := range values {
			s.Add(v)
		}
	}); got != 0 {
		t.Errorf("%v allocations in 500 rows, want none", got)
	}
	if got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			event.New()
		}
	}).AllocedBytesPerOp(); got > 180_000 {
		t.Errorf("a Scorer takes %d bytes, want about 160 kB", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	values := wave(20_000)
	s := event.New()
	add(s, values) // the memory is full
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Add(values[i%len(values)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
