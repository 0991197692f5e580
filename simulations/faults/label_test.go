package faults_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
)

// TestAWrongLabelIsNotPaid: a stream that its committee calls something else earns nothing under the label it was offered
// with, whatever its integrity, and its seller is dropped; a correction that leaves relevance lowers the price only.
func TestAWrongLabelIsNotPaid(t *testing.T) {
	for what, relabel := range map[string]func(*protocol.Class){
		"relative-humidity": func(c *protocol.Class) { c.Prop, c.Unit = "relative-humidity", "%RH" },
		"DEG_F":             func(c *protocol.Class) { c.Unit = "DEG_F" },
		"setpoint":          func(c *protocol.Class) { c.Role = "setpoint" },
		`""`:                func(c *protocol.Class) { c.Prop = "" },
	} {
		t.Run(what, func(t *testing.T) {
			w := market(t)
			w.jury.relabel = relabel
			w.until("the seller is dropped", time.Minute, func() bool { return w.buyer.heard("that are not what was offered") && w.buyer.heard(what) })
			w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
			w.run(time.Minute)
			a := w.only()
			if pay := channel.Paid(a.closing); len(w.buyer.got) > 0 || pay[a.deal.PayTo] != 0 || w.jury.sharesOf(a.deal) == 0 {
				t.Errorf("%d batches bought, the seller gets %d, others %d", len(w.buyer.got), pay[a.deal.PayTo], w.jury.sharesOf(a.deal))
			}
			w.settle()
		})
	}
	prices := map[string]string{}
	for what, relabel := range map[string]func(*protocol.Class){"right": nil, "worse": func(c *protocol.Class) { c.Accuracy = "0.12" }} {
		w := market(t)
		w.jury.relabel = relabel
		w.bought(3)
		prices[what] = fmt.Sprint(w.buyer.got[0].Price)
		if w.buyer.heard("not what was offered") {
			t.Errorf("%s: dropped", what)
		}
		w.settle()
	}
	if prices["right"] == prices["worse"] {
		t.Errorf("prices %v", prices)
	}
}
