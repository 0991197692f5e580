package classify_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/classify"
)

// what a class says in one line, without confidences.
func says(title string) string {
	c := classify.Classify(classify.Evidence{Title: title, Terse: true})
	return c.Kind.Value + " " + c.Role.Value + " " + c.Medium.Value
}

// Law: the name of a controller and its input behind the last word of a title, without a blank, change nothing.
func TestAddressChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		title := rapid.SampledFrom([]string{"Discharge Air Temp", "AHU 2 Return Air Humidity", "MixedAirTemperature", "Supply Duct Pressure", "Return Air CO2",
			"Zone Temp Stpt", "Heating Valve Command", "CHILLED WATER RETURN TEMP", "Outdoor Air Damper"}).Draw(t, "title")
		address := rapid.SampledFrom([]string{"ai", "dac", "ctlr", "mpc"}).Draw(t, "controller") + rapid.StringMatching(`[1-9][0-9]{0,2}(AI[0-9]{2})?`).Draw(t, "number")
		if a, b := says(title+" "), says(title+address); a != b {
			t.Fatalf("%q is %s, %q %s", title, a, title+address, b)
		}
	})
	for _, name := range []string{"Temple", "Flowerdew", "Tempe1", "Lightfoot", "Powerhouse7"} { // a place is no quantity
		if s := classify.Classify(classify.Evidence{Title: name}).Kind; s.Value != "" {
			t.Errorf("%q is %v", name, s)
		}
	}
}

// Law: the digits of a formula belong to it, whatever letters and digits stand before and behind.
func TestFormulaKeepsItsDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		formula := rapid.SampledFrom([]string{"CO2", "co2", "PM10", "NO2", "PM25"}).Draw(t, "formula")
		word := rapid.SampledFrom([]string{"", "Zone", "RA", "AHU1", "Space", "Ä"}).Draw(t, "before") + formula + rapid.SampledFrom([]string{"", "SP", "HI", "dac1", "_2", "-4"}).Draw(t, "behind")
		if !slices.ContainsFunc(classify.Tokens(word), func(t classify.Token) bool { return t.Word == strings.ToLower(formula) }) {
			t.Fatalf("%q is %v", word, classify.Tokens(word))
		}
	})
	if s := says("ZoneCO2"); !strings.HasPrefix(s, "co2 ") {
		t.Errorf("ZoneCO2 is %s", s)
	}
	if s := says("Garage CO 2"); !strings.HasPrefix(s, "co ") {
		t.Errorf("the second sensor of carbon monoxide is %s", s)
	}
}

// Law: a long word of the trade is understood without its vowels.
func TestVowelsMayBeMissing(t *testing.T) {
	for _, word := range []string{"temperature", "pressure", "humidity", "light", "return", "exhaust", "enable", "concentration", "illuminance", "irradiance", "battery", "static"} {
		short := word[:1] + strings.NewReplacer("a", "", "e", "", "i", "", "o", "", "u", "").Replace(word[1:])
		if a, b := says(word), says(short); a != b || a == "  " {
			t.Errorf("%s is %s, %s %s", word, a, short, b)
		}
	}
}

// Law: where the case changes a word begins, if there are words on both sides: SaFlow is no low return fan.
func TestCaseDivides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"Sa", "Ra", "Oa", "Zn", "Flow", "Temp", "Tmp", "Lmt", "High", "Low", "Sp", "Dmpr", "Clg", "Cmd", "Damper", "Act"}), 2, 4).Draw(t, "words")
		var want []string
		for _, w := range words {
			want = append(want, strings.ToLower(w))
		}
		glued := strings.Join(words, "")
		if classify.Known(strings.ToLower(words[0]) + strings.ToLower(words[1])) {
			return // a word of its own, such as dpsp
		}
		var got []string
		for _, token := range classify.Tokens(glued) {
			got = append(got, token.Word)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q is %q", glued, got)
		}
	})
	if s := says("SaFlow"); s != "air_flow measured supply" {
		t.Errorf("SaFlow is %s", s)
	}
}
