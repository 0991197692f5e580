package book_test

import (
	"errors"
	"hash/fnv"
	"math"
	"testing"

	"github.com/mmcloughlin/geohash"
	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/protocol"
)

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

func cells() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), 5, 5, 5)
}

// haversine is the textbook formula in floating point: good to compare with, not to decide.
func haversine(a, b string) float64 {
	rad := func(x float64) float64 { return x * math.Pi / 180 }
	lat1, lon1 := geohash.BoundingBox(a).Center()
	lat2, lon2 := geohash.BoundingBox(b).Center()
	h := math.Pow(math.Sin(rad(lat1-lat2)/2), 2) + math.Cos(rad(lat1))*math.Cos(rad(lat2))*math.Pow(math.Sin(rad(lon1-lon2)/2), 2)
	return 2 * book.EarthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// Law: Distance is the haversine distance, symmetric, and 0 from a cell to itself.
func TestDistanceLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := cells().Draw(t, "a")
		b := cells().Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = a[:4] + b[4:]
		}
		got, err := book.Distance(a, b)
		if err != nil {
			t.Fatal(err)
		}
		want := haversine(a, b)
		slack := 0.01 // far apart the formula itself is flat
		if want > 19e6 {
			slack = 20
		}
		if f := float64(got); f > want+slack || f < want-1-slack {
			t.Fatalf("%s to %s: %d m, want %.3f", a, b, got, want)
		}
		if back, _ := book.Distance(b, a); back != got {
			t.Fatalf("%s to %s: %d m, back %d", a, b, got, back)
		}
		if self, _ := book.Distance(a, a); self != 0 {
			t.Fatalf("%s: %d m from itself", a, self)
		}
	})
}

func TestDistances(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want uint32
	}{
		{"u281z", "u281y", 3260},
		{"u281z", "gcpvj", 917_587},
		{"00000", "zzzzz", 20_010_200}, // next to the two poles
		{"s0000", "xbpbp", 20_008_176}, // half way round the equator
		{"80000", "xbpbp", 4886},       // neighbours over the date line
	} {
		got, err := book.Distance(c.a, c.b)
		if err != nil || got != c.want {
			t.Errorf("%s to %s: %d m, %v, want %d", c.a, c.b, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "u281", "u281zz", "u281a", "U281Z"} {
		if _, err := book.Distance("u281z", bad); !errors.Is(err, protocol.Invalid) {
			t.Errorf("cell %q: %v", bad, err)
		}
		if _, err := book.Distance(bad, "u281z"); !errors.Is(err, protocol.Invalid) {
			t.Errorf("cell %q: %v", bad, err)
		}
	}
}

// TestDistanceGolden holds for every platform: money hangs on it.
func TestDistanceGolden(t *testing.T) {
	sum := fnv.New64a()
	for i := range 5000 {
		h := protocol.H("cells", uint64(i))
		var a, b [5]byte
		for k := range 5 {
			a[k], b[k] = alphabet[h[k]%32], alphabet[h[5+k]%32]
		}
		d, err := book.Distance(string(a[:]), string(b[:]))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write([]byte{byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24)})
	}
	if got, want := sum.Sum64(), uint64(0x30130674b36a4c9c); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}
