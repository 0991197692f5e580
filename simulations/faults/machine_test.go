package faults_test

import (
	"cmp"
	"flag"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol/role"
)

// TestNobodyLosesMoreThanABatch plays random losses, delays, repeats, crashes and verdicts. The laws are looked at after
// every step; in the end, with everything healed, trade goes on, both sides settle, and the books are the closing unit's.
func TestNobodyLosesMoreThanABatch(t *testing.T) {
	checks(30) // a check plays two minutes
	rapid.Check(t, func(t *rapid.T) {
		w := market(t)
		w.run(time.Duration(rapid.IntRange(0, 25).Draw(t, "begin")) * time.Second)
		w.play(t, []uint16{499, 500, 700, 1000}, 930)
	})
}

// TestNobodyLosesInALineOfChannels plays the same on a subscription of many channels, of which one is used up in half a
// minute. The laws hold for all of them together: no window is paid twice, one batch at most is paid for and not open, no
// channel owes the seller more than its cap, and the ledger sees to it that every closing gives away what went in.
func TestNobodyLosesInALineOfChannels(t *testing.T) {
	checks(30)
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.SampledFrom([]func(tb, uint32) *world{subscription, cheapSubscription}).Draw(t, "market")(t, 1000)
		w.run(time.Duration(rapid.IntRange(10, 60).Draw(t, "begin")) * time.Second)
		w.play(t, []uint16{900, 950, 1000}, 1000)
		for _, a := range w.line() {
			if a.closing != nil {
				w.settled(a)
			}
		}
	})
}

// checks sets how often a property is tried, where no flag says so.
func checks(n int) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		f.Value.Set(strconv.Itoa(n))
	}
}

// play lets all kinds of things go wrong, and then heals, goes on and settles, or settles at once.
func (w *world) play(t *rapid.T, marks []uint16, usual uint16) {
	verdicts := map[uint64]uint16{}
	silent := map[uint64]int{}
	w.jury.integrity = func(window uint64) uint16 { return cmp.Or(verdicts[window], usual) }
	w.jury.mute = func(window uint64) int { return silent[window] }
	pass := func(t *rapid.T) { w.run(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond) }
	faults := map[string]func(*rapid.T){
		"time": pass, "more time": pass, "still more time": pass, "much more time": func(t *rapid.T) { w.run(7 * time.Second) },
		"lose":  func(t *rapid.T) { w.wire.lose = rapid.IntRange(1, 4).Draw(t, "messages") },
		"twice": func(t *rapid.T) { w.wire.twice = rapid.IntRange(1, 8).Draw(t, "messages") },
		"slow": func(t *rapid.T) {
			w.wire.slow = rapid.IntRange(1, 4).Draw(t, "messages")
			w.wire.by = time.Duration(rapid.IntRange(20, 8000).Draw(t, "ms")) * time.Millisecond
		},
		"cut": func(t *rapid.T) {
			n := rapid.SampledFrom(w.nodes).Draw(t, "node")
			n.cut = true
			w.after(time.Duration(rapid.IntRange(1, 20).Draw(t, "s"))*time.Second, func() { n.cut = false })
		},
		"crash": func(t *rapid.T) {
			n := rapid.SampledFrom(w.nodes).Draw(t, "node")
			n.trap = rapid.SampledFrom([]string{"step", "Send", "Send", "Deliver", "Wake", "Pay", "Post"}).Draw(t, "before")
			n.spared = rapid.IntRange(0, 12).Draw(t, "spared")
			n.down = time.Duration(rapid.IntRange(1, 200).Draw(t, "down")) * 100 * time.Millisecond
		},
		"verdict": func(t *rapid.T) { verdicts[w.window()] = rapid.SampledFrom(marks).Draw(t, "integrity") },
		"silence": func(t *rapid.T) { silent[w.window()] = rapid.IntRange(1, 7).Draw(t, "members") },
		"":        func(*rapid.T) {},
	}
	t.Repeat(faults)
	if rapid.Bool().Draw(t, "heals before the end") {
		w.heal()
		w.jury.integrity = func(uint64) uint16 { return usual }
		before := len(w.buyer.got)
		w.until("another batch is bought", 4*time.Minute, func() bool { return len(w.buyer.got) > before || w.buyer.heard("seller dropped") })
	} else {
		rapid.SampledFrom(w.nodes).Draw(t, "stops first").step(role.Stop{})
		faults["time"](t)
		w.heal()
	}
	w.settle()
}

// heal ends all faults.
func (w *world) heal() {
	w.wire = wire{tap: w.wire.tap}
	w.jury.integrity, w.jury.mute = func(uint64) uint16 { return 930 }, func(uint64) int { return 0 }
	for _, n := range w.nodes {
		n.cut, n.trap = false, ""
		n.boot()
	}
}

// settle stops both sides and looks at the books.
func (w *world) settle() {
	w.Helper()
	w.heal()
	for _, n := range w.nodes {
		n.step(role.Stop{})
	}
	w.until("both sides are done", 2*time.Minute, func() bool { return w.dealer.done && w.buyer.done })
	w.run(2 * time.Second)
	w.laws.closed()
}
