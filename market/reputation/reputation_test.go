package reputation_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
)

// chain follows a seller through hourly windows of one integrity each.
func chain(m *params.Manifest, windows ...uint16) reputation.Record {
	var prev *protocol.Stamp
	for w, i := range windows {
		r := reputation.Before(m, prev, 0, uint64(w))
		prev = &protocol.Stamp{Window: uint64(w), I: i, A: r.A, B: r.B}
	}
	return reputation.Before(m, prev, 0, uint64(len(windows)))
}

func market() *params.Manifest {
	return &params.Manifest{T0: 1_800_000_000, Params: params.Standard()}
}

func repeat(i uint16, n int) []uint16 {
	list := make([]uint16, n)
	for k := range list {
		list[k] = i
	}
	return list
}

func TestKnownReputations(t *testing.T) {
	m := market()
	for _, c := range []struct {
		name      string
		r         reputation.Record
		low, high uint16
	}{
		{"newcomer", reputation.Newcomer, 56, 58},
		{"24 good windows", chain(m, repeat(1000, 24)...), 700, 720}, // MECHANISM 4: ≈ .71
		{"24 windows of 850", chain(m, repeat(850, 24)...), 560, 620},
		{"a month of good windows", chain(m, repeat(1000, 720)...), 960, 985}, // decay bounds a
		{"24 bad windows", chain(m, repeat(499, 24)...), 0, 3},
		{"good, then one fraud", chain(m, repeat(1000, 24)...).After(&protocol.Stamp{Hard: []uint8{5}}), 200, 260},
		{"good, then 10 missing", chain(m, repeat(1000, 24)...).Missing(10), 430, 470},
	} {
		if got := c.r.Rep(); got < c.low || got > c.high {
			t.Errorf("%s: %+v has reputation %d, want %d to %d", c.name, c.r, got, c.low, c.high)
		}
	}
}

func TestSteps(t *testing.T) {
	p := params.Standard()
	for _, c := range []struct {
		name      string
		got, want reputation.Record
	}{
		{"good", reputation.Newcomer.After(&protocol.Stamp{I: 1000}), reputation.Record{A: 1500, B: 3000}},
		{"odd", reputation.Newcomer.After(&protocol.Stamp{I: 901}), reputation.Record{A: 1450, B: 3050}},
		{"least", reputation.Newcomer.After(&protocol.Stamp{I: 500}), reputation.Record{A: 1250, B: 3250}},
		{"bad", reputation.Newcomer.After(&protocol.Stamp{I: 499}), reputation.Record{A: 1000, B: 3750}},
		{"hard", reputation.Newcomer.After(&protocol.Stamp{Hard: []uint8{5}}), reputation.Record{A: 1000, B: 33_750}},
		{"missing", reputation.Newcomer.Missing(4), reputation.Record{A: 1000, B: 6000}},
		{"missing for ever", reputation.Newcomer.Missing(math.MaxUint64), reputation.Record{A: 1000, B: 1 << 30}},
		{"a day", reputation.Record{A: 2000, B: 4000}.Decay(&p, 1), reputation.Record{A: 1980, B: 3980}},
		{"for ever", reputation.Record{A: 1 << 30, B: 1 << 30}.Decay(&p, math.MaxUint64), reputation.Newcomer},
		{"out of range", reputation.Of(&protocol.Stamp{A: 0, B: math.MaxUint32}), reputation.Record{A: 1000, B: 1 << 30}},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, c.got, c.want)
		}
	}
}

func TestDecayByCalendar(t *testing.T) {
	m := market()
	prev := &protocol.Stamp{Window: 22, I: 1000, A: 11_000, B: 3000}
	if got, want := reputation.Before(m, prev, 0, 23), (reputation.Record{A: 11_500, B: 3000}); got != want {
		t.Errorf("the same day: %+v, want %+v", got, want)
	}
	if got, want := reputation.Before(m, prev, 0, 24), (reputation.Record{A: 1000 + 10_500*98/100, B: 3000}); got != want {
		t.Errorf("the next day: %+v, want %+v", got, want)
	}
	fast := &params.Manifest{T0: 1_800_000_000, Params: params.Fast()}
	r := reputation.Record{A: 11_500, B: 3000}
	for w := range uint64(1000) { // 5000 s: no day ends, so nothing decays however often it is computed
		r = reputation.Before(fast, &protocol.Stamp{Window: w, I: 1000, A: r.A, B: r.B}, 0, w+1)
	}
	if got, want := r.A, uint32(11_500+1000*500); got != want {
		t.Errorf("1000 short windows: a is %d, want %d", got, want)
	}
}

func record(t *rapid.T, name string) reputation.Record {
	return reputation.Record{A: rapid.Uint32().Draw(t, name+".a"), B: rapid.Uint32().Draw(t, name+".b")}
}

// Law: reputation lies in 0..1000 and follows mean minus deviation within 2 ‰; a better window never lowers it, a missing
// or fraudulent one never raises it.
func TestRepLaw(t *testing.T) {
	p := params.Standard()
	rapid.Check(t, func(t *rapid.T) {
		r := record(t, "r")
		if rapid.Bool().Draw(t, "small") {
			r.A, r.B = r.A%100_000, r.B%100_000
		}
		rep := r.Rep()
		if rep > 1000 {
			t.Fatalf("%+v: %d", r, rep)
		}
		s := reputation.Of(&protocol.Stamp{A: r.A, B: r.B})
		a, b := float64(s.A)/1000, float64(s.B)/1000
		want := 1000 * (a/(a+b) - math.Sqrt(a*b/((a+b)*(a+b)*(a+b+1))))
		if math.Abs(max(0, want)-float64(rep)) > 2 {
			t.Fatalf("%+v: %d, want %.1f", r, rep, want)
		}
		i := rapid.Uint16Range(500, 999).Draw(t, "I")
		better, worse := r.After(&protocol.Stamp{I: i + 1}), r.After(&protocol.Stamp{I: i})
		if better.A < worse.A || better.B > worse.B {
			t.Fatalf("%+v: integrity %d gives %+v, %d gives %+v", r, i+1, better, i, worse)
		}
		for _, bad := range []reputation.Record{r.Missing(1), r.After(&protocol.Stamp{I: 499}), r.After(&protocol.Stamp{Hard: []uint8{5}})} {
			if bad.A > s.A || bad.B < s.B || bad.Rep() > rep+1 {
				t.Fatalf("%+v of %d: a fault gives %+v of %d", r, rep, bad, bad.Rep())
			}
		}
		if d := r.Decay(&p, 1); d.A > s.A || d.B > s.B || d.A < 1000 || d.B < 3000 {
			t.Fatalf("%+v decays to %+v", s, d)
		}
	})
}

func BenchmarkRep(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		reputation.Record{A: 13_000, B: 3000}.Rep()
	}
}
