package deal_test

import (
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
)

func TestALineOfDeals(t *testing.T) {
	succeeds := func(previous, address string) deal.Deal {
		return deal.Deal{Address: byteball.Address(address), Terms: channel.Terms{Previous: byteball.Address(previous)}}
	}
	a, b, forgotten := succeeds("", "A"), succeeds("A", "B"), succeeds("A", "C")
	var l deal.Line[string]
	first, second, lost := "first", "second", "lost"
	if l.Elder(b) != nil || l.Heir(a) != nil {
		t.Error("an empty line has deals")
	}
	l.Add(a, &first)
	l.Add(forgotten, &lost)
	l.Add(b, &second)
	l.Remove(forgotten, &lost)
	if l.Elder(a) != nil || l.Heir(a) != &second || l.Elder(b) != &first || l.Heir(b) != nil {
		t.Errorf("elders %v, %v, heirs %v, %v", l.Elder(a), l.Elder(b), l.Heir(a), l.Heir(b))
	}
	l.Remove(b, &second)
	if l.Heir(a) != nil || l.Elder(b) != &first {
		t.Errorf("after the heir is forgotten: heir %v, elder %v", l.Heir(a), l.Elder(b))
	}
}

func TestShows(t *testing.T) {
	d := deal.Deal{Terms: channel.Terms{Dust: 200}}
	for _, c := range []struct {
		promised, fee channel.Payouts
		want          bool
	}{
		{nil, channel.Payouts{"A": 199, "B": 1}, false}, {nil, channel.Payouts{"A": 200}, true},
		{channel.Payouts{"A": 150}, channel.Payouts{"A": 49}, false}, {channel.Payouts{"A": 150}, channel.Payouts{"A": 50}, true}, {channel.Payouts{"A": 300}, nil, false},
	} {
		if got := d.Shows(c.promised, c.fee); got != c.want {
			t.Errorf("%v on top of %v: got %t, want %t", c.fee, c.promised, got, c.want)
		}
	}
}

func TestFree(t *testing.T) {
	failed := func(w uint64) bool { return w == 6 || w == 7 || w == 9 }
	for _, c := range []struct {
		w       uint64
		carried []uint64
		want    int
	}{{6, nil, 0}, {8, nil, 2}, {10, nil, 3}, {10, []uint64{8}, 2}, {10, []uint64{8, 9, 10}, 1}, {12, nil, 0}} {
		if got := deal.Free(rules, c.w, []uint64{5, 6, 7, 8, 9}, c.carried, failed); got != c.want {
			t.Errorf("window %d, carried %v: %d fees are free, want %d", c.w, c.carried, got, c.want)
		}
	}
}
