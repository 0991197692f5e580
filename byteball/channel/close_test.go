package channel_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

func TestDefinitionVector(t *testing.T) {
	data, err := os.ReadFile("testdata/mechanism_channel.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Channel struct {
			Definition any
			Address    byteball.Address
		}
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	both := v.Channel.Definition.([]any)[1].([]any)[0].([]any)[1].([]any)
	pubkey := func(i int) string { return both[i].([]any)[1].(map[string]any)["pubkey"].(string) }
	tt := terms()
	tt.Buyer, tt.Seller, tt.Age = pubkey(0), pubkey(1), 20000
	if got, want := tt.Definition(), v.Channel.Definition; !reflect.DeepEqual(got, want) {
		t.Errorf("definition: got %v, want %v", got, want)
	}
	got, err := tt.Address()
	if err != nil || got != v.Channel.Address {
		t.Errorf("address: got %s, %v, want %s", got, err, v.Channel.Address)
	}
}

// The sizes are those of the reference node (SIM.md, unit sizes).
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		outputs          int
		headers, payload byteball.Bytes
	}{{2, 694, 311}, {5, 694, 470}, {9, 694, 682}, {40, 694, 2325}, {111, 694, 6088}} {
		pay := channel.Payouts{}
		for i := range c.outputs - 1 {
			pay[address(byte(20+i))] = 1000
		}
		u, err := channel.Close(terms(), funding(), base(50).Anchor(at(50)), pay)
		if err != nil {
			t.Fatal(err)
		}
		if u.HeadersCommission != c.headers || u.PayloadCommission != c.payload {
			t.Errorf("%d outputs: got %d+%d, want %d+%d", c.outputs, u.HeadersCommission, u.PayloadCommission, c.headers, c.payload)
		}
		if err := conserved(u); err != nil {
			t.Errorf("%d outputs: %v", c.outputs, err)
		}
	}
	u, err := channel.Refund(terms(), funding(), base(1000).Anchor(at(1000)))
	if err != nil {
		t.Fatal(err)
	}
	if got := u.HeadersCommission + u.PayloadCommission; got != 859 {
		t.Errorf("refund: got %d bytes, want 859", got)
	}
	if err := conserved(u); err != nil {
		t.Errorf("refund: %v", err)
	}
}

func TestCloseUnit(t *testing.T) {
	tt := terms()
	pay := channel.Payouts{tt.SellerAddress: 5000, address(20): 199, address(21): 200}
	u, err := channel.Close(tt, funding(), base(50).Anchor(at(60)), pay)
	if err != nil {
		t.Fatal(err)
	}
	got := channel.Paid(u)
	if got[tt.SellerAddress] != 5000 || got[address(21)] != 200 || got[address(20)] != 0 || len(got) != 3 {
		t.Errorf("outputs: got %v", got)
	}
	if !reflect.DeepEqual(u.ParentUnits, []byteball.Hash{hash(50)}) || u.LastBallUnit != hash(47) {
		t.Errorf("hangs on %v, last ball unit %v", u.ParentUnits, u.LastBallUnit)
	}
	want := map[string]string{"r.0.0": unit.PlaceholderSig, "r.0.1": unit.PlaceholderSig}
	if !reflect.DeepEqual(u.Authors[0].Authentifiers, want) {
		t.Errorf("places for signatures: got %v, want %v", u.Authors[0].Authentifiers, want)
	}
	if u.Timestamp != at(55).Unix() {
		t.Errorf("timestamp: got %d, want %d", u.Timestamp, at(55).Unix())
	}
}

func TestCloseRefuses(t *testing.T) {
	tt := terms()
	self, err := tt.Address()
	if err != nil {
		t.Fatal(err)
	}
	many := channel.Payouts{}
	for i := range 111 {
		many[address(byte(20+i))] = 1000
	}
	for _, c := range []struct {
		name string
		pay  channel.Payouts
		kind error
		text string
	}{
		{"more than the deposit", channel.Payouts{address(20): tt.Deposit}, byteball.Funds, "missing"},
		{"all of the deposit", channel.Payouts{address(20): tt.Deposit - 1105}, byteball.Funds, "missing"},
		{"change address", channel.Payouts{tt.ChangeAddress: 1000}, byteball.Invalid, "cannot pay"},
		{"own address", channel.Payouts{self: 1000}, byteball.Invalid, "cannot pay"},
		{"no address", channel.Payouts{"X": 1000}, byteball.Invalid, "cannot pay"},
		{"too many", many, byteball.Invalid, "110 is the most"},
	} {
		_, err := channel.Close(tt, funding(), base(50).Anchor(at(50)), c.pay)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %v with %q", c.name, err, c.kind, c.text)
		}
	}
	if _, err := channel.Close(tt, funding(), unit.Anchor{}, nil); !errors.Is(err, byteball.Invalid) {
		t.Errorf("no anchor: got %v, want Invalid", err)
	}
}

func TestRefundAge(t *testing.T) {
	last := funding().MCI + terms().Age
	for _, c := range []struct {
		lastBall uint64
		want     error
	}{{0, byteball.Stale}, {last - 1, byteball.Stale}, {last, byteball.Stale}, {last + 1, nil}} {
		b := base(last + 50)
		b.LastBallMCI = c.lastBall
		if _, err := channel.Refund(terms(), funding(), b.Anchor(at(last))); kindOf(err) != c.want {
			t.Errorf("last ball %d: got %v, want %v", c.lastBall, err, c.want)
		}
	}
	if _, err := channel.Refund(terms(), channel.Funding{Out: funding().Out}, base(9999).Anchor(at(1))); kindOf(err) != byteball.Stale {
		t.Errorf("unstable funding: got %v, want Stale", err)
	}
}

func TestValidate(t *testing.T) {
	if err := terms().Validate(); err != nil {
		t.Fatal(err)
	}
	self, _ := terms().Address()
	for name, spoil := range map[string]func(*channel.Terms){
		"network":        func(t *channel.Terms) { t.Network = byteball.Network{} },
		"same keys":      func(t *channel.Terms) { t.Seller = t.Buyer },
		"no key":         func(t *channel.Terms) { t.Buyer = "" },
		"short key":      func(t *channel.Terms) { t.Seller = t.Seller[:40] },
		"off the curve":  func(t *channel.Terms) { t.Seller = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAF" },
		"sloppy base64":  func(t *channel.Terms) { t.Seller = strings.ReplaceAll(t.Seller[:43], "+", "-") + "\n" },
		"age 0":          func(t *channel.Terms) { t.Age = 0 },
		"age":            func(t *channel.Terms) { t.Age = channel.MaxAge + 1 },
		"seller address": func(t *channel.Terms) { t.SellerAddress = "AAAA" },
		"change address": func(t *channel.Terms) { t.ChangeAddress = "" },
		"one address":    func(t *channel.Terms) { t.ChangeAddress = t.SellerAddress },
		"own address":    func(t *channel.Terms) { t.SellerAddress = self },
		"dust":           func(t *channel.Terms) { t.Dust = 0 },
		"small deposit":  func(t *channel.Terms) { t.Deposit = 6000 },
		"large deposit":  func(t *channel.Terms) { t.Deposit = byteball.MaxBytes },
		"reserve":        func(t *channel.Terms) { t.Reserve = 1 << 63 },
	} {
		tt := terms()
		spoil(&tt)
		if err := tt.Validate(); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

func TestFinal(t *testing.T) {
	s := address(10)
	p := channel.Payouts{s: 1000, address(20): 150, address(21): 60, address(22): 200}
	got, err := p.Final(s, 200)
	want := channel.Payouts{s: 1210, address(22): 200}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if p[s] != 1000 {
		t.Errorf("Final changed its receiver to %v", p)
	}
}
