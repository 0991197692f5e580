package channel_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
)

// onDisk returns the last saved value among effects.
func onDisk(effects []channel.Effect) []byte {
	var data []byte
	for _, e := range effects {
		if s, ok := e.(channel.Save); ok {
			data = s.Value
		}
	}
	return data
}

func savedStates(tb testing.TB) (buyer, seller []byte) {
	tb.Helper()
	b, s := opened(tb)
	_, effects := must(tb)(b.Apply(channel.Tip{MCI: 700, Base: base(700)}, at(700)))
	buyer = onDisk(effects)
	_, effects, err := s.Apply(channel.CloseNow{Reason: "test"}, at(40))
	if err != nil {
		tb.Fatal(err)
	}
	return buyer, onDisk(effects)
}

func TestRestore(t *testing.T) {
	b, s := opened(t)
	b, effects := must(t)(b.Apply(channel.Tip{MCI: 700, Base: base(700)}, at(700)))
	b2, err := channel.RestorePayer(onDisk(effects), buyerKey)
	if err != nil {
		t.Fatal(err)
	}
	s, effects, err = s.Apply(channel.CloseNow{Reason: "test"}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	s2, err := channel.RestorePayee(onDisk(effects), sellerKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want channel.State }{{b2.State, b.State}, {s2.State, s.State}} {
		if c.got.Phase != c.want.Phase || c.got.Own.Unit != c.want.Own.Unit || c.got.Newest.N != c.want.Newest.N ||
			!reflect.DeepEqual(c.got.Newest.Unit, c.want.Newest.Unit) || !reflect.DeepEqual(c.got.Payouts, c.want.Payouts) ||
			!reflect.DeepEqual(c.got.Terms, c.want.Terms) || c.got.Funding != c.want.Funding {
			t.Errorf("got %+v, want %+v", c.got, c.want)
		}
	}
}

// oldState is st as version 1 saved it.
func oldState(tb testing.TB, role string, st channel.State) []byte {
	tb.Helper()
	data, err := json.Marshal(map[string]any{"version": 1, "role": role, "state": st})
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func refunding(tb testing.TB) channel.Payer {
	tb.Helper()
	b, _ := opened(tb)
	b, _ = must(tb)(b.Apply(channel.Tip{MCI: 700, Base: base(700)}, at(700)))
	return b
}

func TestRestoreReadsVersion1(t *testing.T) {
	want := refunding(t).State
	got, err := channel.RestorePayer(oldState(t, "buyer", want), buyerKey)
	if err != nil {
		t.Fatal(err)
	}
	if got.Phase != want.Phase || got.Own.Unit != want.Own.Unit || !reflect.DeepEqual(got.Newest, want.Newest) || !reflect.DeepEqual(got.Payouts, want.Payouts) {
		t.Errorf("got %+v, want %+v", got.State, want)
	}
}

// Law: a saved state is read and written again to the same bytes.
func TestStateIsCanonical(t *testing.T) {
	b, s := savedStates(t)
	payer, err := channel.RestorePayer(b, buyerKey)
	if err != nil {
		t.Fatal(err)
	}
	_, effects := must(t)(payer.Apply(channel.UnitSeen{Unit: closeUnit(t)}, at(701)))
	seen := onDisk(effects)
	payee, err := channel.RestorePayee(s, sellerKey)
	if err != nil {
		t.Fatal(err)
	}
	_, effects, err = payee.Apply(channel.Recovered{}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{seen, onDisk(effects)} {
		if n := len(data); n > 4000 {
			t.Errorf("a state of %d bytes", n)
		}
	}
	if p, err := channel.RestorePayer(seen, buyerKey); err != nil || !p.Seen {
		t.Errorf("got %+v, %v", p.State, err)
	}
	if p, err := channel.RestorePayee(onDisk(effects), sellerKey); err != nil || !p.Restored {
		t.Errorf("got %+v, %v", p.State, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	now, seller := savedStates(t)
	b := oldState(t, "buyer", refunding(t).State)
	swap := func(data []byte, old, new string) []byte {
		if !bytes.Contains(data, []byte(old)) {
			t.Fatalf("no %s in %s", old, data)
		}
		return bytes.Replace(data, []byte(old), []byte(new), 1)
	}
	for _, c := range []struct {
		name, text string
		data       []byte
	}{
		{"empty", "", nil},
		{"newer", "version 3, this program reads 2", swap(now, "\x02ebuyer", "\x03ebuyer")},
		{"newer JSON", "version 2 in JSON, this program reads 1", swap(b, `"version":1`, `"version":2`)},
		{"other side", "not of a buyer", seller},
		{"other side, version 1", "not of a buyer", swap(b, `"buyer"`, `"seller"`)},
		{"unknown field", "unknown", swap(b, `"role"`, `"x":1,"role"`)},
		{"unknown phase", "contradicts", swap(b, `"phase":3`, `"phase":77`)},
		{"refund without a unit", "contradicts", swap(b, `"own":`, `"settled":`)},
		{"end without a unit", "contradicts", swap(b, `"phase":3`, `"phase":4`)},
		{"open without a deposit", "contradicts", swap(b, `"mci":20`, `"mci":0`)},
		{"bad terms", "age 0", swap(b, `"age":600`, `"age":0`)},
		{"unknown network", "no network", swap(now, "cdev", "cdew")},
		{"not canonical", "canonical", swap(now, "\x02ebuyer", "\x18\x02ebuyer")},
		{"something after it", "", append(bytes.Clone(now), 0)},
		{"long", "allowed", append(bytes.Clone(b), bytes.Repeat([]byte{' '}, channel.MaxState)...)},
		{"half", "", now[:len(now)/2]},
		{"half, version 1", "", b[:len(b)/2]},
	} {
		_, err := channel.RestorePayer(c.data, buyerKey)
		if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want Invalid with %q", c.name, err, c.text)
		}
	}
	if _, err := channel.RestorePayer(now, sellerKey); !errors.Is(err, byteball.Invalid) {
		t.Errorf("another key: got %v, want Invalid", err)
	}
}

func FuzzRestore(f *testing.F) {
	b, s := savedStates(f)
	f.Add(b)
	f.Add(s)
	f.Add(oldState(f, "buyer", refunding(f).State))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := channel.RestorePayer(data, buyerKey); err == nil {
			for _, ev := range []channel.Event{channel.Restarted{}, channel.Pay{Base: base(30)}, channel.CloseNow{Base: base(31)}, channel.Tip{MCI: 900, Base: base(900)},
				channel.SerialConflict{}, channel.Vanished{}, channel.Succeeded{Next: address(9), Base: base(31)}, channel.Inherit{Old: p.State}, channel.Recovered{}} {
				if next, _, err := p.Apply(ev, at(900)); err == nil {
					p = next
				}
			}
		}
		if p, err := channel.RestorePayee(data, sellerKey); err == nil {
			for _, ev := range []channel.Event{channel.Restarted{}, channel.Tip{MCI: 900}, channel.CloseNow{}, channel.SerialConflict{}, channel.Vanished{},
				channel.Succeeded{Next: address(9)}, channel.Inherit{Old: p.State}, channel.Recovered{}, channel.Tip{MCI: 1100}} {
				if next, _, err := p.Apply(ev, at(900)); err == nil {
					p = next
				}
			}
		}
	})
}
