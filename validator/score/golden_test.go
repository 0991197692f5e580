package score_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"github.com/iotverse/iotverse/validator/score"
)

// golden is the hash of the results of TestGolden under scorer version 3. It must be the same on every platform (the test
// also runs with GOARCH=386 and with GOAMD64=v3, which has fused multiply-add). If it changes, Version must.
const golden = "694f74597c7666deb30d993b9ab0e546a2ad92436d44871d178f46a49f186e59"

// dice is a generator that no library can change (splitmix64).
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	x := uint64(*d)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// bell is close to normal with standard deviation 1: a sum of twelve, exact in floating point.
func (d *dice) bell() float64 {
	sum := 0.0
	for range 12 {
		sum += float64(d.next()>>40) / (1 << 24)
	}
	return sum - 6
}

// goldenWindow makes a window, its past and an index, in all the ways in which they can differ.
func goldenWindow(d *dice) score.Input {
	p := air()
	p.Noise, p.Period = d.below(8) > 0, int64(1000*(1+d.below(90)))
	p.Units = thermometer().Units
	p.DayWindows, p.EqualRun = []int{0, 24}[d.below(2)], d.below(9)
	in := score.Input{
		Profile: p, Seller: name(1), Wid: name(9), Window: 200, Committed: 5_000_000,
		Device: 950 + 50*d.below(2), Expected: d.below(3) * 70, ClassScale: float64(d.below(100)) / 64,
	}
	level, size := float64(d.below(4000))/128, float64(1+d.below(60))/100
	draw := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = math.Round(float64((level+float64(size*d.bell()))*100)) / 100
			if d.below(50) == 0 {
				v[i] += 40
			}
			if i > 0 && d.below(3) == 0 {
				v[i] = v[i-1]
			}
		}
		return v
	}
	per := 1 + d.below(60)
	old := draw(300)
	x, err := score.NewIndex(p.Grid, score.Limits{})
	if err != nil {
		panic(err)
	}
	for _, r := range append(runs(name(1), name(2), 1000, batches(100, 0, old, per)), runs(name(3), name(4), 2000, batches(100, 0, draw(200), per))...) {
		if err := x.Add(r); err != nil {
			panic(err)
		}
	}
	in.Index = x
	now := draw(60 + d.below(60))
	switch d.below(8) {
	case 4: // a made-up curve, too fast to be rounded away
		for i := range now {
			x := float64(i) / float64(len(now))
			now[i] = math.Round(float64((level+float64(size*d.bell()/8)+float64(40*float64(x*(1-x))))*100)) / 100
		}
	case 5: // another unit
		for i := range now {
			now[i] = math.Round(float64((float64(now[i]*1.8)+32)*100)) / 100
		}
	case 6: // a place on the map
		for i := range now {
			now[i] = 48.137154
		}
	case 0: // an exact replay
		copy(now[d.below(20):], old[d.below(100):200])
	case 1: // a noisy one
		for i := range now {
			now[i] = math.Round(float64((old[i]+float64(.05*d.bell()))*100)) / 100
		}
	}
	in.Batches = batches(200, 400, now, per)
	if d.below(3) == 0 { // read a little late
		for _, b := range in.Batches {
			for i := range b.Readings {
				b.Readings[i].T += int64(d.below(500))
			}
		}
	}
	if d.below(3) == 0 {
		in.Batches[d.below(len(in.Batches))].Readings = nil
	}
	if d.below(2) == 0 { // from some seconds too early to an hour late
		in.Arrived = in.Batches[len(in.Batches)-1].T1 - 8000 + int64(d.below(2))*int64(d.below(3_600_000)) + int64(d.below(8000))
	}
	if d.below(20) == 0 {
		in.Batches[0].Refused, in.Batches[0].Readings = true, nil
	}
	for w := range int64(d.below(190)) {
		in.Past = append(in.Past, score.Past{
			Window: 199 - w, Median: level + d.bell(), Run: d.below(8), Near: d.below(5) > 0, Residual: d.bell() / 4,
		})
	}
	for i := range d.below(10) {
		in.Neighbours = append(in.Neighbours, score.Neighbour{Seller: name(uint64(i + 2)), Median: level + d.bell(), Offset: d.bell() / 8, Scale: float64(d.below(40)) / 64})
	}
	return in
}

func TestGolden(t *testing.T) {
	d := dice(1)
	h := sha256.New()
	stamped, replays, novel := 0, 0, 0
	reasons := map[score.Code]int{}
	for range 2000 {
		r := score.Window(goldenWindow(&d))
		for _, c := range r.Hard {
			fmt.Fprint(h, int(c), " ")
		}
		for _, s := range r.Soft { // without the words, which may be mended
			fmt.Fprint(h, int(s.Code), "=", s.Value, " ")
			reasons[s.Code]++
		}
		fmt.Fprintln(h, r.I, r.C, r.T, r.Stats, math.Float64bits(r.Past.Median), math.Float64bits(r.Past.Residual), r.Past.Run, r.Evidence)
		if r.I > 0 {
			stamped++
		}
		if r.Evidence != nil {
			replays++
		}
		if r.Stats.Novelty > 0 && r.Stats.Novelty < 1000 {
			novel++
		}
	}
	if stamped < 500 || replays < 100 || novel < 20 {
		t.Fatalf("%d windows over 0, %d replays, %d half new: too few to prove anything", stamped, replays, novel)
	}
	for c := score.CodeRange; c <= score.CodeUnsafe; c++ {
		if reasons[c] < 20 {
			t.Fatalf("code %d is given %d times: too few to prove anything", int(c), reasons[c])
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != golden {
		t.Errorf("got %s, want %s", got, golden)
	}
}
