package label

import (
	"math"

	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
)

// A setpoint keeps to a grid this many times coarser than its property's, changes by so many steps of it at least, and at most
// once in so many readings.
const (
	coarser      = 50
	jump         = 4
	stillness    = 16
	leastValues  = 24
	leastWindows = 3
)

// role finds what is done with the value: by the values, else by the title, else as offered.
func (f *Finding) role(w *window, titled classify.Guess) {
	found, why := w.role()
	if found == "" && titled.Confidence >= classify.Sure {
		found, why = titled.Value, "the title says so"
	}
	if found == "" || found == f.Class.Role {
		return
	}
	f.wrong("role", f.Class.Role, found, "%s", why)
	f.Class.Role = found
}

func (w *window) role() (role, why string) {
	switch {
	case w.stepwise():
		return classify.Setpoint, "the values stand still between steps on a coarse grid"
	case protocol.RoleOf(w.Offer.Role) != protocol.RoleMeasured && w.lively():
		return protocol.RoleMeasured, "nearly every value differs from the one before"
	}
	return "", ""
}

// changes counts the readings that differ from the one before, in the same batch.
func (w *window) changes() (n int) {
	for _, b := range w.Batches {
		for i := 1; i < len(b); i++ {
			if b[i].Value != b[i-1].Value {
				n++
			}
		}
	}
	return n
}

func (w *window) lively() bool { return w.n >= leastValues && w.Prop.Noise && w.changes()*8 > w.n*7 }

// stepwise says whether the values are those of a setpoint.
func (w *window) stepwise() bool {
	step := float64(coarser * w.Prop.Grid)
	if !w.Prop.Noise || step <= 0 || w.Prop.Rate <= 0 || w.n < leastValues || w.changes()*stillness > w.n || len(w.Past) < leastWindows {
		return false
	}
	jumps := 0
	check := func(before, v, seconds float64) bool {
		d := distance(v, before)
		if d >= float64(jump*step) && d > float64(w.Prop.Rate*seconds) {
			jumps++
			d = 0
		}
		return d == 0 && onGrid(v, step)
	}
	windows := func(n int64) float64 { return float64(n+1) * w.Length.Seconds() } // from a median to one n windows later, at most
	before := w.Past[0]
	for _, p := range w.Past {
		if 2*p.Run < w.n || !check(before.Median, p.Median, windows(p.Window-before.Window)) {
			return false
		}
		before = p
	}
	v, seconds := before.Median, windows(w.Window-before.Window)
	for _, b := range w.Batches {
		for i, r := range b {
			if i > 0 {
				seconds = float64(r.Time-b[i-1].Time) / 1000
			}
			if !check(v, r.Value, seconds) {
				return false
			}
			v = r.Value
		}
		seconds = w.Length.Seconds() // to the next batch that was opened
	}
	return jumps > 0
}

// onGrid says whether v is a multiple of step, but for rounding.
func onGrid(v, step float64) bool {
	q := v / step
	return distance(q, math.Round(q)) <= max(1, max(q, -q))/1e9
}
