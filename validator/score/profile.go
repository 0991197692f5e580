package score

import (
	"fmt"
	"math"

	"github.com/iotverse/iotverse/byteball"
)

// Profile holds the numbers of one property (the table stands in package protocol) and of the market's time profile
// (MECHANISM 9). Values are in the property's unit.
type Profile struct {
	Property   string  // slug, for messages only
	Min, Max   float64 // physical bounds
	MaxRate    float64 // fastest honest change per second; 0 leaves the statistic out
	Grid       float64 // step of the sensor's values, over 0; replays are compared on it
	NoiseFloor float64 // change that means nothing: floor of the history scale, allowance of every step; 0 is (Max−Min)/128
	BiasMax    float64 // largest lasting offset from the neighbours; 0: neighbours are not compared
	Noise      bool    // the sensor shows noise on its grid; without it standing still and novelty are not judged
	Unit       string  // of the values, for messages only
	Units      []Unit  // other units in which a seller may send by mistake, the likeliest first
	EqualRun   int     // equal readings in a row that mean nothing; 0 is 5

	Period int64 // ms between readings by the offer; 0 if unknown
	Length int64 // ms of a window

	DayWindows  int // windows a day where the property has a daily pattern, 24 in profile standard; 0 is off
	MinWindows  int // windows of history below which I is capped, 24
	HistWindows int // newest windows that history looks at: 168 standard, 120 fast
	Baseline    int // newest windows for the offset from the neighbours: 168 standard, 24 fast
}

// Check tells whether p can be used. Error: Invalid, naming the field.
func (p Profile) Check() error {
	for _, f := range []struct {
		name string
		v    float64
	}{
		{"min", p.Min}, {"max", p.Max}, {"max rate", p.MaxRate}, {"grid", p.Grid},
		{"noise floor", p.NoiseFloor}, {"bias max", p.BiasMax},
	} {
		if !finite(f.v) {
			return fmt.Errorf("profile %q: %s %v is no number: %w", p.Property, f.name, f.v, byteball.Invalid)
		}
	}
	for _, u := range p.Units {
		if !finite(u.Factor) || !finite(u.Offset) || u.Factor == 0 {
			return fmt.Errorf("profile %q: unit %q of factor %v and offset %v: %w", p.Property, u.Name, u.Factor, u.Offset, byteball.Invalid)
		}
	}
	switch {
	case p.Min >= p.Max:
		return fmt.Errorf("profile %q: bounds %v..%v are empty: %w", p.Property, p.Min, p.Max, byteball.Invalid)
	case p.Grid <= 0:
		return fmt.Errorf("profile %q: grid %v is not over 0: %w", p.Property, p.Grid, byteball.Invalid)
	case p.MaxRate < 0 || p.NoiseFloor < 0 || p.BiasMax < 0:
		return fmt.Errorf("profile %q: negative rate, floor or bias: %w", p.Property, byteball.Invalid)
	case p.EqualRun < 0 || p.Period < 0 || p.Length < 0 || p.DayWindows < 0:
		return fmt.Errorf("profile %q: negative run, period, length or day: %w", p.Property, byteball.Invalid)
	case p.MinWindows < 0 || p.HistWindows < 0 || p.Baseline < 0:
		return fmt.Errorf("profile %q: negative count of windows: %w", p.Property, byteball.Invalid)
	}
	return nil
}

func (p Profile) equalRun() int {
	if p.EqualRun <= 0 {
		return 5
	}
	return p.EqualRun
}

func (p Profile) floor() float64 {
	if p.NoiseFloor > 0 {
		return p.NoiseFloor
	}
	return max(float64(p.Max/128)-float64(p.Min/128), 0)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
