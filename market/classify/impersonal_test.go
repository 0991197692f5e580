package classify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
)

func TestImpersonal(t *testing.T) {
	for title, want := range map[string]string{
		"": "", "supply air temperature, building 3": "", "ahu-2 sa-t": "", "zone temp setpoint floor 2": "", "co2 room 117": "", "host cpu load": "",
		"temprature of room 3":     "temperature", // the hint
		"humidty":                  "humidity",
		"mrs smith living room":    "mrs",
		"temperature baker street": "baker",
	} {
		err := classify.Impersonal(title)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", title, err)
		case want != "" && (!errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want Invalid with %q", title, err, want)
		}
	}
}

// Law: what is near a word of the trade after one change of a letter is a word of the trade, and the same each time.
func TestNear(t *testing.T) {
	words := []string{"temperature", "humidity", "pressure", "illuminance", "setpoint", "command", "supply", "exhaust", "conductivity"}
	rapid.Check(t, func(t *rapid.T) {
		w := []byte(rapid.SampledFrom(words).Draw(t, "word"))
		w[rapid.IntRange(0, len(w)-1).Draw(t, "at")] = byte(rapid.IntRange('a', 'z').Draw(t, "letter"))
		near := classify.Near(string(w))
		if near == "" || !classify.Known(near) || classify.Near(string(w)) != near {
			t.Fatalf("near %q: %q", w, near)
		}
	})
	for _, w := range []string{"", "abc", strings.Repeat("x", 100), "qqqqqqqq", "\xff\xfe\xfd\xfc"} {
		if near := classify.Near(w); near != "" {
			t.Errorf("near %q: %q", w, near)
		}
	}
}

// TestProtocolsWords: what a classification can say, a stamp can.
func TestProtocolsWords(t *testing.T) {
	for _, r := range []string{classify.Measured, classify.Setpoint, classify.Command, classify.Status, classify.Alarm, classify.Limit} {
		if !slices.Contains(protocol.Roles(), r) {
			t.Errorf("role %q cannot be offered", r)
		}
	}
	for _, title := range []string{"room temp", "supply air", "return air", "outside air", "mixed air", "exhaust air", "chilled water", "steam", "soil"} {
		if m := classify.Classify(classify.Evidence{Title: title}).Medium.Value; !slices.Contains(protocol.Media(), m) {
			t.Errorf("medium %q of %q cannot be offered", m, title)
		}
	}
}
