package classify_test

import (
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/iotverse/iotverse/market/classify"
)

// FuzzClassify: any title, unit and window gives a class with confidences in range, the same one twice, in bounded space.
func FuzzClassify(f *testing.F) {
	f.Add("AHU-1/DA-T", "degF", true, []byte{1, 2, 3})
	f.Add("Zone_Air_Temperature_Sensor", "", false, []byte{})
	f.Add("SUPFLOSP İ ﬀ \xff°C PM₂.₅", "µg/m³", false, []byte{0, 1, 0, 1, 0, 1, 0, 1, 1})
	f.Add("Mess-Stelle 3.OG \\ Büro", "℃", true, []byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	f.Fuzz(func(t *testing.T, title, unit string, room bool, bytes []byte) {
		values := make([]float64, len(bytes))
		for i, b := range bytes {
			values[i] = float64(b) / 2
		}
		e := classify.Evidence{Title: title, Unit: unit, Room: room, Values: values}
		c := classify.Classify(e)
		for _, g := range []classify.Guess{c.Kind, c.Medium, c.Role} {
			if g.Confidence < 0 || g.Confidence > 1000 || (g.Value == "") != (g.Confidence == 0) {
				t.Fatalf("%q: confidence %d of %q", title, g.Confidence, g.Value)
			}
		}
		if _, ok := classify.KindOf(c.Kind.Value); !ok && c.Kind.Value != "" {
			t.Fatalf("%q: kind %q is not in the table", title, c.Kind.Value)
		}
		if len(c.Reasons) > 64 || len(classify.Tokens(title)) > 128 {
			t.Fatalf("%d reasons of %d tokens", len(c.Reasons), len(classify.Tokens(title)))
		}
		for _, r := range c.Reasons {
			if utf8.ValidString(title) && utf8.ValidString(unit) && !utf8.ValidString(r) {
				t.Fatalf("reason %q", r)
			}
		}
		if again := classify.Classify(e); !reflect.DeepEqual(c, again) {
			t.Fatalf("%q is %v, then %v", title, c, again)
		}
		classify.Demand(title)
	})
}

func BenchmarkClassify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		classify.Classify(classify.Evidence{Title: "AHU-3 VAV 2-14 SUPFLOSP Actual Sup Flow SP", Unit: "cfm", Room: true})
	}
}
