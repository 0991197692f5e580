package classify_test

import (
	"errors"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/classify"
)

func TestConvert(t *testing.T) {
	for _, c := range []struct {
		value, from, to string
		difference      bool
		want            string
	}{
		{"68", "degF", "°C", false, "20.00"}, {"9", "°F", "C", true, "5.00"}, {"1", "kWh", "MJ", false, "3.60"}, {"1", "unit:KiloPA", "hPa", false, "10.00"},
		{"100", "cfm", "L/s", false, "47.19"}, {"5", "ppm", "ppm", false, "5.00"},
	} {
		from, ok := classify.UnitOf(c.from)
		to, also := classify.UnitOf(c.to)
		if !ok || !also {
			t.Fatalf("%s, %s: %v, %v", c.from, c.to, from, to)
		}
		v, _, _ := apd.NewFromString(c.value)
		got, err := classify.Convert(v, from, to, c.difference)
		if err != nil {
			t.Fatal(err)
		}
		r := new(apd.Decimal)
		if _, err := apd.BaseContext.WithPrecision(20).Quantize(r, got, -2); err != nil || r.String() != c.want {
			t.Errorf("%s %s is %s %s, want %s", c.value, c.from, r, c.to, c.want)
		}
	}
	degree, _ := classify.UnitOf("degC")
	pascal, _ := classify.UnitOf("Pa")
	decibel, _ := classify.UnitOf("dB")
	for _, pair := range [][2]classify.Unit{{degree, pascal}, {{}, {}}, {degree, {}}, {decibel, degree}} {
		if _, err := classify.Convert(apd.New(1, 0), pair[0], pair[1], false); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s to %s: %v", pair[0].ID, pair[1].ID, err)
		}
	}
}

// TestValues: a window settles what title and unit leave open, and speaks against a wrong label.
func TestValues(t *testing.T) {
	ramp := func(from, step float64) (list []float64) {
		for i := range 40 {
			list = append(list, from+step*float64(i%7))
		}
		return list
	}
	for _, c := range []struct {
		name   string
		values []float64
		unit   string
	}{{"ZN-T", ramp(68, .3), "DEG_F"}, {"ZN-T", ramp(20, .1), "DEG_C"}, {"Room CO2", ramp(420, 7), "PPM"}, {"Barometer", ramp(1003, .1), "HectoPA"}, {"ZN-T", nil, ""}} {
		if got := classify.Classify(classify.Evidence{Title: c.name, Values: c.values}).Unit.ID; got != c.unit {
			t.Errorf("%s with values like %v is in %q, want %q", c.name, c.values[:min(2, len(c.values))], got, c.unit)
		}
	}
	honest := classify.Classify(classify.Evidence{Title: "Damper", Unit: "%", Values: ramp(0, 10)})
	lying := classify.Classify(classify.Evidence{Title: "Damper", Unit: "%", Values: ramp(400, 30)})
	if lying.Kind.Confidence >= honest.Kind.Confidence {
		t.Errorf("a damper at 400 %% is as sure as one at 50 %%: %v, %v", lying.Kind, honest.Kind)
	}
}

func TestKinship(t *testing.T) {
	for _, c := range []struct {
		wanted, given string
		want          int
	}{{"temperature", "temperature", 1000}, {"temperature", "dew_point", 1000}, {"dew_point", "temperature", 400}, {"power", "heat_power", 150},
		{"any_power", "power", 1000}, {"air_quality", "pm2.5", 1000}, {"co2", "temperature", 0}, {"", "co2", 0}, {"co2", "nonsense", 0}} {
		if got := classify.Kinship(c.wanted, c.given); got != c.want {
			t.Errorf("Kinship(%s, %s) = %d, want %d", c.wanted, c.given, got, c.want)
		}
	}
	for _, slug := range classify.Kinds() {
		k, _ := classify.KindOf(slug)
		if _, ok := classify.KindOf(k.Broader); !ok && k.Broader != "" {
			t.Errorf("%s has the broader kind %s, which is not in the table", slug, k.Broader)
		}
	}
}
