package protocol_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol"
)

func property(t testing.TB, slug string) protocol.Property {
	t.Helper()
	p, ok := protocol.PropertyOf(slug)
	if !ok {
		t.Fatalf("no property %s", slug)
	}
	return p
}

// TestPackIsSenML compares with a pack written by hand from RFC 8428 §6 and RFC 8949.
func TestPackIsSenML(t *testing.T) {
	got, err := protocol.EncodePack(property(t, "relative-humidity"), []protocol.Reading{{Time: 1_800_000_000_500, Value: 41.5}, {Time: 1_800_000_001_500, Value: -0.25}})
	want, _ := hex.DecodeString("82" + // two records; keys in the order of their encoding: 2, 6, -2, -3, -4
		"a4" + "02" + "f95130" + // v 41.5
		"21" + "71" + "72656c61746976652d68756d6964697479" + // bn relative-humidity
		"22" + "fb41dad27480200000" + // bt 1800000000.5
		"23" + "63" + "255248" + // bu %RH
		"a2" + "02" + "f9b400" + // v -0.25
		"06" + "f93c00") // t 1
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("pack %x, %v, want %x", got, err, want)
	}
}

// TestPackRoundTrip: what is encoded comes back exactly, to the millisecond and the last bit.
func TestPackRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, _ := protocol.PropertyOf(rapid.SampledFrom(protocol.Properties()).Draw(t, "property"))
		at := rapid.Int64Range(0, 4e12).Draw(t, "start")
		want := make([]protocol.Reading, rapid.IntRange(1, 50).Draw(t, "n"))
		for i := range want {
			want[i] = protocol.Reading{Time: at, Value: rapid.Float64().Draw(t, "value")}
			at += rapid.Int64Range(-1000, 86_400_000).Draw(t, "step")
		}
		data, err := protocol.EncodePack(p, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := protocol.DecodePack(p, data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("came back as %v, %v, want %v", got, err, want)
		}
	})
}

func TestPackRefusesWhatIsNoMeasurement(t *testing.T) {
	p := property(t, "air-temperature")
	for what, bad := range map[string][]protocol.Reading{
		"nothing":   nil,
		"NaN":       {{Time: millis, Value: 1}, {Time: millis, Value: math.NaN()}},
		"infinity":  {{Time: millis, Value: math.Inf(1)}},
		"-infinity": {{Time: millis, Value: math.Inf(-1)}},
		"too many":  make([]protocol.Reading, protocol.MaxReadings+1),
	} {
		if _, err := protocol.EncodePack(p, bad); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
}

func TestDecodePackRefusesOtherForms(t *testing.T) {
	p := property(t, "air-temperature")
	good, err := protocol.EncodePack(p, []protocol.Reading{{Time: 2000, Value: 1}, {Time: 3000, Value: 2}})
	if err != nil {
		t.Fatal(err)
	}
	const name = "6f" + "6169722d74656d7065726174757265" // air-temperature
	const first = "a4" + "02" + "f93c00" + "21" + name + "22" + "f94000" + "23" + "6343656c"
	if want := "82" + first + "a2" + "02" + "f94000" + "06" + "f93c00"; hex.EncodeToString(good) != want {
		t.Fatalf("pack %x, want %s", good, want)
	}
	for what, text := range map[string]string{
		"nothing":                  "",
		"no record":                "80",
		"NaN":                      "82" + first + "a2" + "02" + "f97e00" + "06" + "f93c00",
		"infinity":                 "82" + first + "a2" + "02" + "f97c00" + "06" + "f93c00",
		"a time that is NaN":       "82" + first + "a2" + "02" + "f94000" + "06" + "f97e00",
		"an infinite time":         "82" + first + "a2" + "02" + "f94000" + "06" + "f97c00",
		"a time of another age":    "82" + first + "a2" + "02" + "f94000" + "06" + "fb4341c37937e08000",
		"a key twice":              "82" + first + "a3" + "02" + "f94000" + "02" + "f94000" + "06" + "f93c00",
		"keys out of order":        "82" + first + "a2" + "06" + "f93c00" + "02" + "f94000",
		"a value as a long float":  "82" + first + "a2" + "02" + "fb4000000000000000" + "06" + "f93c00",
		"a value as an integer":    "82" + first + "a2" + "02" + "02" + "06" + "f93c00",
		"a value as text":          "82" + first + "a2" + "02" + "6132" + "06" + "f93c00",
		"a time of 0 that is said": "82" + first + "a2" + "02" + "f94000" + "06" + "f90000",
		"a unit in a later record": "82" + first + "a3" + "02" + "f94000" + "06" + "f93c00" + "23" + "6343656c",
		"an unknown label":         "82" + first + "a3" + "02" + "f94000" + "06" + "f93c00" + "07" + "01",
		"no base":                  "81" + "a1" + "02" + "f94000",
		"half a millisecond":       "82" + first + "a2" + "02" + "f94000" + "06" + "fb3f40624dd2f1a9fc",
		"bytes after the end":      hex.EncodeToString(good) + "00",
	} {
		bad, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(what, err)
		}
		if got, err := protocol.DecodePack(p, bad); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: %v, error %v, want Invalid", what, got, err)
		}
	}
	if _, err := protocol.DecodePack(property(t, "surface-temperature"), good); !errors.Is(err, protocol.Invalid) {
		t.Errorf("as another property: error %v, want Invalid", err)
	}
	if _, err := protocol.DecodePack(p, make([]byte, protocol.MaxPack+1)); !errors.Is(err, protocol.Invalid) {
		t.Errorf("oversized: error %v, want Invalid", err)
	}
}

// TestTheLargestPackFits: MaxReadings readings of full precision stay within MaxPack.
func TestTheLargestPackFits(t *testing.T) {
	p := property(t, "host-timer-latency")
	readings := make([]protocol.Reading, protocol.MaxReadings)
	for i := range readings {
		readings[i] = protocol.Reading{Time: millis + int64(i)*137, Value: math.Pi * float64(i+1)}
	}
	data, err := protocol.EncodePack(p, readings)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > protocol.MaxPack {
		t.Errorf("a pack of %d bytes, at most %d", len(data), protocol.MaxPack)
	}
	if got, err := protocol.DecodePack(p, data); err != nil || len(got) != len(readings) {
		t.Errorf("%d readings, %v", len(got), err)
	}
}

func BenchmarkPack(b *testing.B) {
	p := property(b, "air-temperature")
	readings := make([]protocol.Reading, 100)
	for i := range readings {
		readings[i] = protocol.Reading{Time: millis + int64(i)*100, Value: 20 + float64(i)/100}
	}
	b.ReportAllocs()
	for b.Loop() {
		data, err := protocol.EncodePack(p, readings)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := protocol.DecodePack(p, data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(readings)*b.N)/b.Elapsed().Seconds(), "readings/s")
}

// TestBombsAreCheap: no pack that fits a message costs more than a few times its own bound, whatever it claims to hold.
func TestBombsAreCheap(t *testing.T) {
	p := property(t, "air-temperature")
	array := func(n int, item ...byte) []byte {
		b := append([]byte{0x99, byte(n >> 8), byte(n)}, bytes.Repeat(item, n)...)
		return b[:min(len(b), protocol.MaxPack)]
	}
	for what, bomb := range map[string][]byte{
		"many empty records":      array(16384, 0xa0),
		"more than are counted":   array(65535, 0xa0),
		"records of nothing":      array(16384, 0xf6),
		"values of two bytes":     array(16384, 0xa1, 0x02, 0xf9, 0x3c, 0x00),
		"a claim of 2^63":         {0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"a text of 2^63":          {0x81, 0xa1, 0x21, 0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"arrays in arrays":        bytes.Repeat([]byte{0x81}, protocol.MaxPack),
		"maps in maps":            bytes.Repeat([]byte{0xa1, 0x02}, protocol.MaxPack/2),
		"tags on tags":            bytes.Repeat([]byte{0xc1}, protocol.MaxPack),
		"a stream without an end": append([]byte{0x9f}, bytes.Repeat([]byte{0xa0}, 1000)...),
		"gzip":                    append([]byte{0x1f, 0x8b, 0x08}, make([]byte, 1000)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := protocol.DecodePack(p, bomb)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(32*protocol.MaxPack); got > most {
			t.Errorf("%s: %d bytes are allocated, want ≤ %d", what, got, most)
		}
	}
}
