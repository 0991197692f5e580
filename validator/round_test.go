package validator_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/market/params"
)

func decode64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// play runs windows first..last of one seller and everything that follows from them.
func play(t testing.TB, p params.Params, first, last uint64, change func(*world, *trader)) (*world, *trader) {
	t.Helper()
	w := newWorld(t, p)
	s := newTrader(w, 20)
	if change != nil {
		change(w, s)
	}
	s.trade(first, last)
	w.run(w.cal.WindowStart(last + 1).Add(15 * time.Second))
	return w, s
}

// count says how many validators were told something.
func (w *world) noted(text string) (n int) {
	for _, v := range w.nodes {
		for _, note := range v.notes {
			if strings.Contains(note, text) {
				n++
				break
			}
		}
	}
	return n
}

func (w *world) refusals(text string) (n int) {
	for _, v := range w.nodes {
		for _, err := range v.refused {
			if strings.Contains(err.Error(), text) {
				n++
				break
			}
		}
	}
	return n
}

func TestHonestWindowsAreStamped(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 3, nil)
	if n := w.noted("bonded"); n != 7 {
		t.Fatalf("%d validators are bonded", n)
	}
	for window := uint64(1); window <= 3; window++ {
		stamp := s.stamp(window)
		if stamp == nil {
			for _, n := range w.nodes {
				t.Log(n.notes, n.refused)
			}
			t.Fatalf("window %d has no stamp", window)
		}
		if stamp.I < 800 || len(stamp.Hard) > 0 || stamp.Disputed || len(stamp.Tickets) != 7 || stamp.Window != window {
			t.Errorf("stamp %+v", stamp)
		}
		if c := stamp.Class; c.Period != 100 || c.Cell != cell || c.Unit != "Cel" || c.Coverage != 1000 {
			t.Errorf("class %+v", c)
		}
		if n := len(w.votes[stamp.Wid]); n != 7 {
			t.Errorf("%d members signed", n)
		}
	}
	for _, n := range w.nodes {
		if len(n.refused) > 0 {
			t.Errorf("refused: %v", n.refused)
		}
	}
}
