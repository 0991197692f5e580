package protocol_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	"ug/m3", "B/s", "ppm",
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
		if p.Kind == "" || p.Broader == "" || len(p.Source) < 20 {
			t.Errorf("%s has no quantity kind, or no source: %q", slug, p.Source)
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

// TestOtherUnits: each is a way to write the same quantity, has a name and is no way to write it as it is.
func TestOtherUnits(t *testing.T) {
	for _, slug := range protocol.Properties() {
		p := property(t, slug)
		names := map[string]bool{}
		guesses := 0
		for _, u := range p.OtherUnits() {
			if u.Name == "" || names[u.Name] || u.Name == p.Unit {
				t.Errorf("%s: unit %q stands twice or has no name", slug, u.Name)
			}
			names[u.Name] = true
			if u.Factor == 0 || math.IsInf(u.Factor, 0) || math.IsNaN(u.Factor) || (u.Factor == 1 && u.Offset == 0 && !u.Inverse) {
				t.Errorf("%s: unit %q has factor %v and offset %v", slug, u.Name, u.Factor, u.Offset)
			}
			if u.Guess {
				guesses++
			} else if guesses > 0 {
				t.Errorf("%s: unit %q stands behind the guesses", slug, u.Name)
			}
		}
		if guesses != 8 {
			t.Errorf("%s: %d guesses, want 8", slug, guesses)
		}
	}
	f := property(t, "air-temperature").OtherUnits()[0]
	if got := 100*f.Factor + f.Offset; f.Name != "°F" || got != 212 {
		t.Errorf("water boils at %v %s, want 212 °F", got, f.Name)
	}
}

// TestTablesHaveAVersion: who changes a number changes scores, and must raise score.Version and the hash here.
func TestTablesHaveAVersion(t *testing.T) {
	h := sha256.New()
	for _, slug := range protocol.Properties() {
		p := property(t, slug)
		p.Source = ""
		fmt.Fprintln(h, p, p.OtherUnits())
	}
	if got, want := hex.EncodeToString(h.Sum(nil))[:16], "3821410db613bd9a"; got != want {
		t.Errorf("the tables hash to %s, want %s: a new table needs a new score.Version", got, want)
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
