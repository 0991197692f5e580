package score_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/iotverse/iotverse/validator/score"
)

// take eats eight bytes of data as a number; 0 when there are none left.
func take(data *[]byte) uint64 {
	var b [8]byte
	n := copy(b[:], *data)
	*data = (*data)[n:]
	return binary.LittleEndian.Uint64(b[:])
}

// FuzzWindow feeds windows of any bits whatsoever. Window must give numbers within their bounds, keep hard and I together,
// count every value that is no number as out of range, and give evidence that verifies.
func FuzzWindow(f *testing.F) {
	seed := func(vs ...float64) {
		var b []byte
		for _, v := range vs {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b, int64(60_000), .01, uint8(10))
	}
	seed(15, 15.01, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 5e-324, 0)
	d := dice(3)
	var v [200]float64
	for i := range v {
		v[i] = 15 + math.Round(d.bell()*100)/100
		if i >= 100 {
			v[i] = v[i-90]
		}
	}
	seed(v[:]...)
	f.Fuzz(func(t *testing.T, data []byte, period int64, grid float64, per uint8) {
		p := air()
		p.Grid, p.Period = grid, period
		p.Units = append(thermometer().Units, score.Unit{Factor: math.Float64frombits(take(&data)), Offset: grid, Guess: true})
		p.NoiseFloor = math.Float64frombits(take(&data))
		p.Length, p.DayWindows = int64(take(&data)), int(int32(take(&data)))
		x, err := score.NewIndex(grid, score.Limits{})
		if (err == nil) != (grid > 0 && !math.IsInf(grid, 1)) {
			t.Fatalf("NewIndex(%v): %v", grid, err)
		}
		var bs []score.Batch
		bad, at := 0, int64(0)
		for seq := uint64(0); len(data) > 0 && seq < 64; seq++ {
			b := score.Batch{Seq: seq, N: int(per), T0: at}
			for range per%40 + 1 {
				v := math.Float64frombits(take(&data))
				if math.IsNaN(v) || v < p.Min || v > p.Max {
					bad++
				}
				b.Readings = append(b.Readings, score.Reading{T: at, V: v})
				at += period % 100_000
			}
			b.T1 = at
			bs = append(bs, b)
		}
		in := score.Input{
			Profile: p, Seller: name(1), Wid: name(2), Window: 30, Committed: 10, Device: 1000, Index: x, Batches: bs[len(bs)/2:],
			ClassScale: math.Float64frombits(uint64(period)),
		}
		if x != nil {
			for _, r := range runs(name(1), name(3), 5, bs[:len(bs)/2]) {
				_ = x.Add(r) // it refuses what is no number
			}
		}
		for w := range int64(30) {
			in.Past = append(in.Past, score.Past{Window: w, Median: grid * float64(w), Near: true, Residual: grid})
			in.Neighbours = append(in.Neighbours, score.Neighbour{Seller: name(uint64(w) + 5), Median: grid, Offset: p.NoiseFloor, Scale: float64(period)})
		}
		r := score.Window(in)
		for _, v := range []int{r.I, r.C, r.T} {
			if v < 0 || v > 1000 {
				t.Fatalf("got %+v", r)
			}
		}
		for _, k := range r.Soft {
			if k.Seen == "" || k.Code.Advice() == "" || k.Value < 0 || k.Value >= 1000 {
				t.Fatalf("got reason %+v", k)
			}
		}
		if len(r.Hard) > 0 && r.I != 0 {
			t.Fatalf("got I %d with %v", r.I, r.Hard)
		}
		if len(bs) == 1 && (r.Stats.Range == 1000) != (bad*2000 < r.Stats.Seen) {
			t.Fatalf("got range %d with %d of %d out of it", r.Stats.Range, bad, r.Stats.Seen)
		}
		if r.Evidence != nil {
			if err := score.VerifyReplay(*r.Evidence, p); err != nil {
				t.Fatal(err)
			}
		}
	})
}
