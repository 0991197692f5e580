package deal_test

import (
	"testing"

	"github.com/iotverse/iotverse/protocol"
)

// TestBuyerOfEvents: who wants windows with an event only is sold no others, and pays for these what everybody pays.
func TestBuyerOfEvents(t *testing.T) {
	d := open(t)
	quiet, marked := stamp(900), stamp(900)
	marked.Reasons = []uint8{26, protocol.CodeEvent}
	price, sold := d.Batch(rules, quiet)
	if !sold || d.Quiet(rules, quiet) || d.Quiet(rules, marked) {
		t.Fatalf("a buyer of all windows: sold %t, or one is too quiet", sold)
	}
	demand := *d.Demand
	demand.Events = true
	d.Demand = &demand
	if _, sold := d.Batch(rules, quiet); sold || !d.Quiet(rules, quiet) {
		t.Error("a quiet window is sold to a buyer of events")
	}
	if got, sold := d.Batch(rules, marked); !sold || got != price || d.Quiet(rules, marked) {
		t.Errorf("a window with an event: got price %d, sold %t, want %d", got, sold, price)
	}
	bad, wrong := stamp(499), stamp(900)
	wrong.Class.Prop, wrong.Class.Unit = "relative-humidity", "%RH"
	if d.Quiet(rules, bad) || d.Quiet(rules, wrong) {
		t.Error("a window that nobody would be sold counts as a quiet one")
	}
}
