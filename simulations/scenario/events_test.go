package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/adversary"
)

// heating comes on some time after the first reading: true readings of something unusual.
type heating struct {
	after int64 // ms
	first int64
}

func (h *heating) Tell(seen protocol.Reading) []protocol.Reading {
	if h.first == 0 {
		h.first = seen.Time
	}
	if seen.Time-h.first >= h.after {
		seen.Value += 3
	}
	return []protocol.Reading{seen}
}

// TestABuyerOfEvents: in a whole market, committees of real validators mark the window in which something happens, it keeps
// its integrity, and who subscribes to events pays for that window and for no other.
func TestABuyerOfEvents(t *testing.T) {
	const cell, prop = "u0yj8", "air-temperature"
	const quiet = 90 * time.Second
	o := Options{For: 2 * time.Minute}
	if err := o.fillCheats(); err != nil {
		t.Fatal(err)
	}
	m, err := newMarket(5, "fast", o)
	if err != nil {
		t.Fatal(err)
	}
	p := &m.rules.Manifest.Params
	if err := m.seller(1, adversary.Honest, prop, cell, p.Price, o.Period, adversary.Plan{}); err != nil {
		t.Fatal(err)
	}
	m.of("seller")[0].lie = &heating{after: quiet.Milliseconds()}
	for i := range p.Members {
		if err := m.validator(i+1, adversary.Honest); err != nil {
			t.Fatal(err)
		}
	}
	wants := want(prop, cell, 1, uint32(o.For/p.Window())+24, o.Period, p.Price+p.Price)
	wants.Demand.Events = true
	if err := m.buyer(1, wants); err != nil {
		t.Fatal(err)
	}
	r, err := m.play(t.Context(), "events", o, nil)
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, w := range r.Windows {
		event := slices.Contains(w.Reasons, protocol.CodeEvent)
		switch {
		case event && (w.Sold != w.Batches || int(w.Integrity) < p.IntegrityMin || w.Number != uint64(quiet/p.Window())):
			t.Errorf("the event, window %d: integrity %d, %d of %d batches sold", w.Number, w.Integrity, w.Sold, w.Batches)
		case !event && w.Sold > 0:
			t.Errorf("window %d shows nothing unusual, and %d batches of it are sold", w.Number, w.Sold)
		case event:
			marked++
		}
	}
	if marked != 1 || len(r.Windows) < 20 {
		t.Errorf("%d of %d windows are marked, want one of 20 or more", marked, len(r.Windows))
	}
	if b := r.Buyers[0]; b.Dropped != 0 || r.Money.Sum != 0 || r.Money.Differ != 0 || r.Money.Locked != 0 {
		t.Errorf("%d dropped; money %+v", b.Dropped, r.Money)
	}
}
