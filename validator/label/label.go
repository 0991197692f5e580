// Package label says what the readings of a window are: quantity, unit, medium, role, period and accuracy of the class that
// a stamp states (MECHANISM 3.5). It goes by what a committee member sees, the opened readings, the seller's earlier windows
// and what its neighbours measure, and takes the offer's words only where nothing seen speaks against them. The readings
// decide before the title, the title before the fields.
//
// A wrong label is corrected where something else fits, and refused (an empty Prop) where nothing does. Either way the
// relevance of the window is computed from the class (package deal), so that a stream under a wrong label is not sold.
//
//   - Quantity and unit: a claim fails if more than half of the readings lie outside the property's bounds, or their median
//     is further from at least three neighbours than 3 times the usual offset (BiasMax), or the title names another
//     quantity and no neighbours support the claim. Then, in this order: another unit of the same family with which the
//     neighbours agree; another property with whose neighbours they agree to a third of the usual offset, if the title does
//     not name the claimed one; the property that the title names, if its bounds
//     hold them; the only other unit whose bounds hold them. A claim that fails by neighbours alone stands if nothing else
//     fits: the place may be odd, and how far it can be trusted is the scorer's to say. Neighbours are those of one medium; where
//     nobody names any, a heated room among sensors outside can look like another unit by chance.
//   - Role: values that stand still but for jumps, through at least three windows before too, all of them on a grid 50 times
//     coarser than the property's, and jumps of 4 such and more that the quantity cannot make in that time, are a setpoint.
//     A stuck sensor does not jump, and the values of a live one pass through what lies between, however coarse its own grid
//     (thermometers of whole degrees are common; so are particle counters that say 0 and 1 only, which is no status).
//   - Medium: the readings do not show it. The title's, if it names one, else the field's.
//   - Period: the lower median of the times between readings, or the offer's if that is within a twentieth.
//   - Accuracy: the offer's, unless the readings prove more noise by their second differences, beyond what the quantity can
//     change in that time; two digits. A distance from the neighbours is none of it: it may be the place's, and the scorer
//     holds it against the integrity.
//
// The same evidence gives the same class on every machine: comparisons, sums and quotients of float64, and no product that a
// compiler may fuse. Members see different samples; their classes are put together by majority and lower median
// (market/round). It leaves out integrity (validator/score) and what a title's words mean (market/classify). Called by the
// validator role.
package label

import (
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
)

// Evidence is all that a class depends on. It is not changed.
type Evidence struct {
	Offer    *protocol.Offer // of the deal that pays
	Prop     protocol.Property
	Cell     string
	T1       int64                // of the window, Unix ms
	Window   int64                // its number
	Length   time.Duration        // of a window
	Coverage uint16               // ‰ of the expected readings
	Batches  [][]protocol.Reading // as opened, each in order
	Past     []Earlier            // the seller's windows before, in order
	Near     map[string][]float64 // property -> medians of the newest windows of the nearest sellers of the same medium
}

// Earlier is what is remembered of a window.
type Earlier struct {
	Window int64
	Median float64
	Run    int // longest run of equal readings
}

// Code is the soft code of a window with a wrong label, beside those of package score.
const Code uint8 = 30

// Wrong is a label that was corrected, or refused where Is is empty.
type Wrong struct {
	What, Said, Is string
	Why            string // for people
}

func (w Wrong) String() string {
	is := w.Is
	if is == "" {
		is = "nothing that is known"
	}
	return fmt.Sprintf("%s: offered as %q, it is %s: %s", w.What, w.Said, is, w.Why)
}

// Finding is a class and how it differs from the offer's labels.
type Finding struct {
	Class protocol.Class
	Wrong []Wrong
}

// Of says what the readings are. Without readings it repeats the offer. It never fails.
func Of(e Evidence) Finding {
	f := Finding{Class: protocol.Class{
		Prop: e.Prop.Slug, Medium: e.Offer.Medium, Role: protocol.RoleOf(e.Offer.Role), Unit: e.Prop.Unit, Cell: e.Cell, T1: e.T1,
		Period: period(e), Accuracy: e.Offer.Accuracy, Coverage: e.Coverage,
	}}
	title := classify.Classify(classify.Evidence{Title: e.Offer.Title, Terse: true})
	w := look(e)
	if w.n == 0 {
		return f
	}
	w.quantity(&f, title.Kind)
	f.role(w, title.Role)
	if m := title.Medium; m.Confidence >= classify.Sure && m.Value != f.Class.Medium {
		if f.Class.Medium != "" {
			f.wrong("medium", f.Class.Medium, m.Value, "the title says so")
		}
		f.Class.Medium = m.Value
	}
	if f.Class.Prop == e.Prop.Slug && f.Class.Unit == e.Prop.Unit && f.Class.Role == protocol.RoleMeasured {
		f.Class.Accuracy = w.accuracy()
	}
	return f
}

func (f *Finding) wrong(what, said, is, why string, args ...any) {
	f.Wrong = append(f.Wrong, Wrong{what, said, is, fmt.Sprintf(why, args...)})
}

// window is the readings of the opened batches, looked at.
type window struct {
	Evidence
	n      int
	sorted []float64
	median float64 // the lower one
}

func look(e Evidence) *window {
	w := &window{Evidence: e}
	for _, b := range e.Batches {
		for _, r := range b {
			w.sorted = append(w.sorted, r.Value)
		}
	}
	slices.Sort(w.sorted)
	if w.n = len(w.sorted); w.n > 0 {
		w.median = lower(w.sorted)
	}
	return w
}

// lower is the lower median of sorted values.
func lower(sorted []float64) float64 { return sorted[(len(sorted)-1)/2] }

// period is in milliseconds.
func period(e Evidence) uint32 {
	var gaps []int64
	for _, b := range e.Batches {
		for i := 1; i < len(b); i++ {
			gaps = append(gaps, b[i].Time-b[i-1].Time)
		}
	}
	if len(gaps) == 0 {
		return e.Offer.Period
	}
	slices.Sort(gaps)
	measured := min(max(gaps[(len(gaps)-1)/2], 1), 86_400_000)
	if off := measured - int64(e.Offer.Period); max(off, -off)*20 <= int64(e.Offer.Period) {
		return e.Offer.Period
	}
	return uint32(measured)
}
