package detect_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/model"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// dice is a generator that no library can change (splitmix64).
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	x := uint64(*d)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// bell is close to normal with standard deviation 1: a sum of twelve, exact in floating point.
func (d *dice) bell() float64 {
	sum := 0.0
	for range 12 {
		sum += float64(d.next()>>40) / (1 << 24)
	}
	return sum - 6
}

// weather makes a network of sensors that follow one curve, each with its own offset and noise.
func weather(seed uint64, sensors, batches int) *series.Case {
	d := dice(seed)
	c := &series.Case{Name: "weather", Streams: make([]series.Stream, sensors)}
	level, drift := 10.0, 0.0
	for k := range batches * 32 {
		drift = float64(.9*drift) + float64(.05*d.bell())
		level += drift
		for i := range c.Streams {
			s := &c.Streams[i]
			v := math.Round(float64(100*(level+float64(.1*d.bell())))+float64(70*i)) / 100
			s.Readings = append(s.Readings, detect.Reading{T: int64(k)*120e3 + int64(i)*1000, V: v})
			if k%32 == 31 {
				s.Batches = append(s.Batches, series.Batch{Number: int64(k / 32), End: k + 1})
			}
		}
	}
	for i := range c.Streams {
		c.Streams[i].Name = string(rune('a' + i))
	}
	return c
}

// golden is the hash of all features and scores of a made-up network: the same on every platform. If it changes, so must
// the forest and model.Version.
const golden = "cabed54a87908cd8ceed0a4b1e871502f0827a7617011ddb805b147ea78d0b80"

func TestGolden(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	c := weather(1, 6, 30)
	spoil(c)
	for _, results := range series.Run(c, judge) {
		for _, r := range results {
			binary.Write(h, binary.BigEndian, r.Features)
			binary.Write(h, binary.BigEndian, r.Margin)
			binary.Write(h, binary.BigEndian, int64(r.Score))
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != golden {
		t.Errorf("hash %s, want %s", got, golden)
	}
}

// spoil makes a few batches of c false: stuck, twice sent, shifted, out of order, replayed.
func spoil(c *series.Case) {
	at := func(sensor, batch int) []detect.Reading { return c.Streams[sensor].Readings[batch*32 : batch*32+32] }
	for i := range at(0, 20) {
		at(0, 20)[i].V = at(0, 20)[0].V
		at(1, 21)[i].V += 40
		at(2, 22)[i].V = at(2, 9)[i].V
	}
	at(3, 23)[7] = at(3, 23)[6]
	at(4, 24)[5], at(4, 24)[9] = at(4, 24)[9], at(4, 24)[5]
}

func TestPlainFaultsAreRefusedWithTheRightReason(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	c := weather(2, 6, 30)
	spoil(c)
	results := series.Run(c, judge)
	for _, tt := range []struct {
		sensor, batch int
		code          string
	}{
		{0, 20, "stuck"}, {1, 21, "level"}, {2, 22, "replay"}, {3, 23, "duplicate"}, {4, 24, "order"},
	} {
		r := results[tt.sensor][tt.batch]
		found := false
		for _, reason := range r.Reasons {
			found = found || reason.Code == tt.code
		}
		if r.Score >= 500 || !found {
			t.Errorf("%s: score %d, reasons %v", tt.code, r.Score, r.Reasons)
		}
	}
	refused := 0
	for _, r := range results[5] {
		if r.Score < 500 {
			refused++
		}
	}
	if refused > 1 {
		t.Errorf("%d of 30 batches of the honest sensor refused, want at most 1", refused)
	}
}

// Law: what is sent later changes no judgement.
func TestCausal(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	whole := weather(3, 4, 24)
	full := series.Run(whole, judge)
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.IntRange(1, 23).Draw(t, "batches kept")
		part := &series.Case{}
		for _, s := range whole.Streams {
			s.Readings, s.Batches = s.Readings[:cut*32], s.Batches[:cut]
			part.Streams = append(part.Streams, s)
		}
		for i, results := range series.Run(part, judge) {
			for k, r := range results {
				if r.Margin != full[i][k].Margin {
					t.Fatalf("sensor %d batch %d: margin %v, with later readings %v", i, k, r.Margin, full[i][k].Margin)
				}
			}
		}
	})
}

// Law: whatever is sent, a score is 0..1000 and nothing panics.
func TestAnyReadings(t *testing.T) {
	judge, err := model.Default()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		net := detect.NewNetwork(judge)
		sensors := []*detect.Sensor{net.Add(), net.Add(), net.Add()}
		for range rapid.IntRange(1, 300).Draw(t, "readings") {
			s := rapid.SampledFrom(sensors).Draw(t, "sensor")
			s.Reading(detect.Reading{T: rapid.Int64Range(-1e14, 1e14).Draw(t, "t"), V: rapid.Float64().Draw(t, "v"), Arrival: rapid.Int64Range(0, 1e14).Draw(t, "arrival")})
			if rapid.IntRange(0, 20).Draw(t, "close") == 0 {
				if r := s.Close(); r.Score < 0 || r.Score > 1000 {
					t.Fatalf("score %d, want 0..1000", r.Score)
				}
			}
		}
	})
}

func TestMemory(t *testing.T) {
	if got := detect.SensorBytes(); got > 64<<10 {
		t.Errorf("a sensor takes %d bytes, want at most 65536", got)
	}
}

func BenchmarkReadings(b *testing.B) {
	judge, err := model.Default()
	if err != nil {
		b.Fatal(err)
	}
	c := weather(4, 12, 300)
	b.ReportAllocs()
	for b.Loop() {
		series.Run(c, judge)
	}
	b.ReportMetric(float64(b.N)*12*300*32/b.Elapsed().Seconds(), "readings/s")
}
