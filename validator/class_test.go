package validator_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/label"
)

// sensor makes the values of windows from a number of a window.
func sensor(seed uint64, of func(window int, noise float64) float64) func(window, n int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	return func(window, n int) []float64 {
		list := noise(rng, n)
		for i := range list {
			list[i] = of(window, list[i]-15)
		}
		return list
	}
}

// TestTheCommitteeClassifies: whatever a seller calls its readings, the stamp says what they are, and they are not sold
// under the wrong label; those of its honest neighbours are.
func TestTheCommitteeClassifies(t *testing.T) {
	honest := protocol.Class{Prop: prop, Role: "measured", Unit: "Cel"}
	for _, c := range []struct {
		name, title string
		values      func(window int, noise float64) float64
		from        uint64 // window from which on it shows
		want        protocol.Class
	}{
		{"the truth", "outside air temperature, floor 2", func(_ int, noise float64) float64 { return 15 + noise }, 1,
			protocol.Class{Prop: prop, Medium: "outside", Role: "measured", Unit: "Cel"}},
		{"degrees Fahrenheit", "", func(_ int, noise float64) float64 { return 59 + 2*noise }, 3, protocol.Class{Prop: prop, Role: "measured", Unit: "DEG_F"}},
		{"humidity", "relative humidity of zone air", func(_ int, noise float64) float64 { return 48 + noise }, 1,
			protocol.Class{Prop: "relative-humidity", Medium: "room", Role: "measured", Unit: "%RH"}},
		{"kelvin", "", func(_ int, noise float64) float64 { return 288 + noise }, 1, protocol.Class{Prop: prop, Role: "measured", Unit: "K"}},
		{"nothing that is known", "", func(_ int, noise float64) float64 { return 5000 + noise }, 1, protocol.Class{Role: "measured", Unit: "Cel"}},
		{"setpoints", "", func(window int, _ float64) float64 { return []float64{18, 21}[window/5] }, 5, protocol.Class{Prop: prop, Role: "setpoint", Unit: "Cel"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, params.Fast())
			liar := newTrader(w, 20)
			liar.title, liar.values = c.title, sensor(20, c.values)
			all := []*trader{liar}
			for i := range 3 {
				n := newTrader(w, byte(30+2*i))
				n.values = sensor(uint64(i), func(_ int, noise float64) float64 { return 15.5 + noise })
				all = append(all, n)
			}
			for _, s := range all {
				s.trade(1, 6)
			}
			w.run(w.cal.WindowStart(8))
			for i, s := range all {
				want, from := c.want, c.from
				if i > 0 {
					want, from = honest, 1
				}
				for window := from; window <= 6; window++ {
					check(t, s, window, want, i == 0 && c.name != "the truth")
				}
			}
			if n := repeats(t, w, label.Code); (n > 0) != (c.name != "the truth") {
				t.Errorf("%d judgements of a wrong label were repeated", n)
			}
		})
	}
}

func check(t *testing.T, s *trader, window uint64, want protocol.Class, wrong bool) {
	t.Helper()
	stamp := s.stamp(window)
	if stamp == nil {
		t.Fatalf("window %d has no stamp", window)
	}
	got := stamp.Class
	if got.Prop != want.Prop || got.Medium != want.Medium || got.Role != want.Role || got.Unit != want.Unit {
		t.Errorf("window %d: %q %q %q in %q, want %q %q %q in %q", window, got.Prop, got.Medium, got.Role, got.Unit, want.Prop, want.Medium, want.Role, want.Unit)
	}
	if got.Cell != cell || got.Period != 100 || got.Coverage != 1000 || got.T1 != s.rounds[window].wc.T1 {
		t.Errorf("window %d: %+v", window, got)
	}
	if said := slices.Contains(stamp.Reasons, label.Code); said != wrong {
		t.Errorf("window %d: reasons %v, a wrong label is %v", window, stamp.Reasons, wrong)
	}
	if _, sold := s.deal.Batch(s.rules, stamp); wrong && sold {
		t.Errorf("window %d is sold under a wrong label", window)
	}
	if !wrong && got.Accuracy != "0.2" {
		t.Errorf("window %d: accuracy %s, want the offer's", window, got.Accuracy)
	}
}
