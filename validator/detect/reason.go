package detect

import (
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/validator/number"
)

// Reason is one thing that speaks against a batch.
type Reason struct {
	Code   string  // stable, one word
	Text   string  // what was seen, with numbers
	Advice string  // what the seller can do
	Grade  float64 // 1 is odd, 2 and more grave
}

// sign is a feature that says something to people, with the value from which on it is odd; a negative one is odd below.
type sign struct {
	feature int
	from    float64
	code    string
	text    func(s *Sensor, v *vector) string
	advice  string
}

// said is a text without numbers.
func said(text string) func(*Sensor, *vector) string {
	return func(*Sensor, *vector) string { return text }
}

// telling is a text with one number, which is of makes of the feature.
func telling(format string, feature int, of func(x float64) float64) func(*Sensor, *vector) string {
	return func(_ *Sensor, v *vector) string { return fmt.Sprintf(format, of(v.get(feature))) }
}

func same(x float64) float64    { return x }
func percent(x float64) float64 { return float64(100 * x) }

// less1 undoes the logarithm of 1 + x.
func less1(x float64) float64 { return number.Exp(x) - 1 }

const (
	checkClock  = "set the clock, and keep it by NTP or GPS"
	checkLink   = "check power and link"
	checkSensor = "check the sensor"
	checkWiring = "check wiring and supply"
	checkPlace  = "check placing and calibration"
	checkUnit   = "check the unit and the gain"
	sendOwn     = "send what this sensor measured, at the time it did"
)

// signs are in the order of the facts: what the link did first.
var signs = []sign{
	{fDuplicates, .5, "duplicate", telling("readings sent twice: %.0f", fDuplicates, same), "check the link and the outbox"},
	{fBacks, .5, "order", telling("times that run backwards: %.0f", fBacks, same), "send in order of time, and check the clock"},
	{fSkewEnded, .5, "clock", said("the clock was ahead and has been set back"), checkClock},
	{fIndebted, .3, "clock", behind, checkClock},
	{fEarly, .01, "clock", telling("%.0f %% of the readings came before the time they bear", fEarly, percent), checkClock},
	{fGapTail, 6, "gaps", gaps, checkLink},
	{fGapRare, 1.8, "gap", pause, checkLink},
	{fRun, 3.5, "stuck", still, checkSensor},
	{fSpike, 2.3, "spike", telling("readings leave by %.0f usual steps and come back at once", fSpike, less1), checkWiring},
	{fRoughNetZ, 4, "noise", rough, checkWiring},
	{fRoughNetZ, -4, "smooth", rough, sendOwn},
	{fLevelMid, 4, "level", telling("the level is %.0f times its scatter away from what the neighbours say", fLevelMid, same), checkPlace},
	{fLevelSum, 14, "drift", said("the level has kept away from the neighbours' for several batches"), "calibrate the sensor"},
	{fGainZ, 6, "unit", telling("values are %.2f times what the neighbours say", fGain, number.Exp), checkUnit},
	{fReplayRun, 10, "replay", telling("%.0f changes in a row repeat an earlier stretch of this sensor", fReplayRun, same), sendOwn},
	{fCopyEqual, .5, "copy", telling("%.0f %% of the changes are those of a neighbour", fCopyEqual, percent), sendOwn},
	{fCorrTopZ, 4, "copy", telling("the curve follows one neighbour more closely than before, by %.0f times the scatter", fCorrTopZ, same), sendOwn},
	{fOffGrid, .9, "grid", telling("%.0f %% of the values are not on the grid of this sensor", fOffGrid, percent), checkUnit},
	{fFinger, 7, "shape", telling("the curve does not look like this sensor's, by %.0f times the scatter", fFinger, same), checkSensor},
}

// lasts tells a time of so many cadences.
func (s *Sensor) lasts(cadences float64) string {
	d := time.Duration(number.Clamp(float64(cadences*s.clock.cadence), 0, 1e13)) * time.Millisecond
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func still(s *Sensor, v *vector) string {
	return fmt.Sprintf("the value stood still for %s, usual are %s", s.lasts(less1(v.get(fRunLong))), s.lasts(less1(s.shape.run.mean)))
}

func behind(s *Sensor, v *vector) string {
	return "the clock was set back by " + s.lasts(less1(v.get(fDebt))) + " and not yet forward again"
}

func gaps(_ *Sensor, v *vector) string {
	return fmt.Sprintf("%.0f gaps, usual are %.1f a batch", v.get(fGaps), v.get(fGapRate))
}

func pause(s *Sensor, v *vector) string {
	return "nothing was measured for " + s.lasts(number.Exp(v.get(fGapLargest))) + ", longer than nearly all pauses here"
}

func rough(_ *Sensor, v *vector) string {
	return fmt.Sprintf("steps are %.1f times their usual size, and the neighbours' are not", number.Exp(v.get(fRoughNet)))
}

// reasons lists what speaks against a batch, each code once, the gravest first; a batch that would be refused has at least
// one.
func (s *Sensor) reasons(v *vector, score int) []Reason {
	if score >= 700 {
		return nil
	}
	var list []Reason
	for _, f := range signs {
		x := v.get(f.feature) / f.from
		if x < 1 {
			continue
		}
		r := Reason{f.code, f.text(s, v), f.advice, x}
		if i := slices.IndexFunc(list, func(o Reason) bool { return o.Code == f.code }); i >= 0 {
			if x > list[i].Grade {
				list[i] = r
			}
			continue
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b Reason) int {
		switch {
		case a.Grade > b.Grade:
			return -1
		case a.Grade < b.Grade:
			return 1
		}
		return 0
	})
	if len(list) == 0 && score < 500 {
		list = append(list, Reason{"pattern", "several small signs together are like those of false data", checkSensor, 1})
	}
	return list
}
