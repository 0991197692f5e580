package protocol_test

import (
	"math"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/protocol"
)

// units are those of RFC 8428 §12.1 and the secondary ones of RFC 8798 §4 that the table uses.
var units = []string{
	"m", "kg", "g", "s", "A", "K", "cd", "mol", "Hz", "rad", "sr", "N", "Pa", "J", "W", "C", "V", "F", "Ohm", "S", "Wb", "T", "H", "Cel", "lm", "lx",
	"Bq", "Gy", "Sv", "kat", "m2", "m3", "m/s", "m/s2", "m3/s", "W/m2", "cd/m2", "bit", "bit/s", "lat", "lon", "pH", "dB", "dBW", "count", "/", "%",
	"%RH", "%EL", "EL", "1/s", "S/m", "B", "VA", "VAs", "var", "vars", "J/m", "kg/m3", "deg",
	"ug/m3", "B/s",
}

// TestPropertyTable: what is sold has a name that fits a topic, a unit that exists and bounds that make sense.
func TestPropertyTable(t *testing.T) {
	slugs := protocol.Properties()
	if len(slugs) == 0 {
		t.Fatal("the table is empty")
	}
	for i, slug := range slugs {
		p, ok := protocol.PropertyOf(slug)
		if !ok || p.Slug != slug || slices.Contains(slugs[:i], slug) {
			t.Fatalf("%s is not found, or stands twice", slug)
		}
		for _, c := range slug {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
				t.Errorf("%s: letter %q does not belong into a topic", slug, c)
			}
		}
		if !slices.Contains(units, p.Unit) {
			t.Errorf("%s is measured in %q, which is no SenML unit", slug, p.Unit)
		}
		if p.Kind == "" || p.Broader == "" {
			t.Errorf("%s has no quantity kind", slug)
		}
		if !(p.Min < p.Max) || math.IsInf(p.Min, 0) || math.IsInf(p.Max, 0) {
			t.Errorf("%s: bounds %v to %v", slug, p.Min, p.Max)
		}
		if !(p.Grid > 0 && p.Grid < p.Max-p.Min) || p.Rate < 0 || p.Floor < 0 || p.Floor > p.Max-p.Min || p.BiasMax < 0 || p.BiasMax > p.Max-p.Min {
			t.Errorf("%s: grid %v, rate %v, floor %v, bias %v", slug, p.Grid, p.Rate, p.Floor, p.BiasMax)
		}
		if !p.Related(p) {
			t.Errorf("%s is not related to itself", slug)
		}
	}
}

func TestRelatedPropertiesShareAUnit(t *testing.T) {
	for _, a := range protocol.Properties() {
		for _, b := range protocol.Properties() {
			p, q := property(t, a), property(t, b)
			if p.Related(q) != q.Related(p) {
				t.Errorf("%s and %s are related one way only", a, b)
			}
			if p.Related(q) && p.Kind == q.Kind && p.Unit != q.Unit {
				t.Errorf("%s in %s and %s in %s are the same kind of quantity", a, p.Unit, b, q.Unit)
			}
		}
	}
}

func TestUnknownProperties(t *testing.T) {
	for _, slug := range []string{"", "audio", "Air-Temperature", "air-temperature "} {
		if p, ok := protocol.PropertyOf(slug); ok {
			t.Errorf("%q is %+v", slug, p)
		}
	}
}

func TestTopics(t *testing.T) {
	if got, want := protocol.OfferTopic("pm2.5", "u33db"), "/iotverse/1/offers/pm2.5/u33"; got != want {
		t.Errorf("topic %s, want %s", got, want)
	}
	if got, want := protocol.StampTopic(3), "/iotverse/1/stamps/3"; got != want {
		t.Errorf("topic %s, want %s", got, want)
	}
}

func TestDecimals(t *testing.T) {
	for _, good := range []string{"0", "0.1", "12", ".5", "5.", "000.000", "9999999999999999"} {
		if d, err := protocol.ParseDecimal(good); err != nil || d.Negative {
			t.Errorf("%q: %v, %v", good, d, err)
		}
	}
	for _, bad := range []string{"", ".", "-1", "+1", "1e3", "NaN", "Infinity", "1,5", "0x1", " 1", "1.2.3", "99999999999999999"} {
		if d, err := protocol.ParseDecimal(bad); err == nil {
			t.Errorf("%q is read as %v", bad, d)
		}
	}
}
