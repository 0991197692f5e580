package label

import (
	"math"

	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
)

// A setpoint keeps to a grid this many times coarser than its sensor's, and changes at most once in so many readings.
const (
	coarser      = 50
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
	case w.binary():
		return classify.Status, "the values are 0 and 1 only"
	case w.stepwise():
		return classify.Setpoint, "the values stand still between steps on a coarse grid"
	case protocol.RoleOf(w.Offer.Role) != protocol.RoleMeasured && w.lively():
		return protocol.RoleMeasured, "nearly every value differs from the one before"
	}
	return "", ""
}

func (w *window) binary() bool {
	if w.n < leastValues || w.sorted[0] != 0 || w.sorted[w.n-1] != 1 || w.Prop.Max-w.Prop.Min <= 1 {
		return false
	}
	for _, v := range w.sorted {
		if v != 0 && v != 1 {
			return false
		}
	}
	return true
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
	if !w.Prop.Noise || step <= 0 || w.n < leastValues || w.changes()*stillness > w.n || len(w.Past) < leastWindows {
		return false
	}
	steps := 0
	check := func(before, v float64) bool {
		if !onGrid(v, step) {
			return false
		}
		if d := distance(v, before); d >= float64(1.5*step) {
			steps++
		} else if d != 0 {
			return false
		}
		return true
	}
	before := w.Past[0].Median
	for _, p := range w.Past {
		if 2*p.Run < w.n || !check(before, p.Median) {
			return false
		}
		before = p.Median
	}
	for _, b := range w.Batches {
		for _, r := range b {
			if !check(before, r.Value) {
				return false
			}
			before = r.Value
		}
	}
	return steps > 0
}

// onGrid says whether v is a multiple of step, but for rounding.
func onGrid(v, step float64) bool {
	q := v / step
	return distance(q, math.Round(q)) <= max(1, max(q, -q))/1e9
}
