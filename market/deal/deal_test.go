package deal_test

import (
	"errors"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
)

func TestOpenReadsTheTerms(t *testing.T) {
	d := open(t)
	if d.Seller != seller.Identity() || d.Buyer != buyer.Identity() || d.PayTo != seller.address || d.ID != match().ID() {
		t.Errorf("deal %s between %s and %s, paid to %s", d.ID, d.Seller, d.Buyer, d.PayTo)
	}
	if got, err := d.Terms.Address(); err != nil || got != d.Address {
		t.Errorf("channel %s, %v, want %s", got, err, d.Address)
	}
	if d.Terms.Deposit != 3_000_000 || d.Terms.Age != 600 || d.Terms.SellerAddress != seller.address || d.Terms.ChangeAddress != buyer.address {
		t.Errorf("terms %+v", d.Terms)
	}
	if err := d.Fair(rules, 57); err != nil {
		t.Error(err)
	}
}

// TestOpenRefusesTampering changes each part of a match to what is no match.
func TestOpenRefusesTampering(t *testing.T) {
	for what, change := range map[string]func(m *protocol.Match){
		"no offer":                  func(m *protocol.Match) { m.Offer = nil },
		"no demand":                 func(m *protocol.Match) { m.Demand = nil },
		"demand for an offer":       func(m *protocol.Match) { m.Offer = m.Demand },
		"offer for a demand":        func(m *protocol.Match) { m.Demand = m.Offer },
		"an offer spoiled":          func(m *protocol.Match) { m.Offer[len(m.Offer)-1] ^= 1 },
		"a demand spoiled":          func(m *protocol.Match) { m.Demand[len(m.Demand)-1] ^= 1 },
		"an offer signed by others": func(m *protocol.Match) { m.Offer = seal(other, offer()) },
		"a demand signed by others": func(m *protocol.Match) { m.Demand = seal(other, demand()) },
		"a binding of two nodes": func(m *protocol.Match) {
			o := offer()
			o.Binding.WalletKey, o.Binding.ByWallet = other.binding.WalletKey, other.binding.ByWallet
			m.Offer = seal(seller, o)
		},
		"a seller that buys": func(m *protocol.Match) {
			d := demand()
			d.Buyer = seller.Identity()
			m.Demand = seal(seller, d)
		},
		"a key of the buyer that is none": func(m *protocol.Match) { m.BuyerKey = make([]byte, 33) },
		"the seller's key for the buyer":  func(m *protocol.Match) { m.BuyerKey = seller.binding.WalletKey },
		"change to nowhere":               func(m *protocol.Match) { m.Change = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		"change to the seller":            func(m *protocol.Match) { m.Change = seller.address },
		"no age":                          func(m *protocol.Match) { m.Age = 0 },
		"an endless age":                  func(m *protocol.Match) { m.Age = 1 << 40 },
		"a deposit under its own fees":    func(m *protocol.Match) { m.Deposit = 1000 },
		"relevance over 1000":             func(m *protocol.Match) { m.Relevance = 1001 },
	} {
		m := match()
		change(m)
		if _, err := deal.Open(rules, m); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
	elsewhere := rules
	elsewhere.Market = protocol.H("another market")
	if _, err := deal.Open(elsewhere, match()); !errors.Is(err, protocol.Invalid) {
		t.Errorf("in another market: error %v, want Invalid", err)
	}
}

func TestOpenSignedWantsBothOverOneBody(t *testing.T) {
	m := match()
	b, s := seal(buyer, m), seal(seller, m)
	if d, err := deal.OpenSigned(rules, b, s); err != nil || d.ID != m.ID() {
		t.Fatalf("deal %s, %v", d.ID, err)
	}
	changed := match()
	changed.Deposit++
	spoiled := append([]byte(nil), s...)
	spoiled[len(spoiled)-1] ^= 1
	for what, pair := range map[string][2][]byte{
		"the buyer twice":          {b, b},
		"the seller twice":         {s, s},
		"swapped":                  {s, b},
		"another body":             {b, seal(seller, changed)},
		"another buyer":            {seal(other, m), s},
		"another seller":           {b, seal(other, m)},
		"a spoiled signature":      {b, spoiled},
		"another kind":             {seal(buyer, demand()), s},
		"another kind by a seller": {b, seal(seller, offer())},
		"nothing":                  {nil, nil},
	} {
		if _, err := deal.OpenSigned(rules, pair[0], pair[1]); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
}

func TestFundingIsTheExactDeposit(t *testing.T) {
	d := open(t)
	pay := func(outputs ...unit.Output) unit.Message {
		return unit.Message{App: "payment", PayloadLocation: "inline", Payload: &unit.Payment{Outputs: outputs}}
	}
	good := unit.Output{Address: d.Address, Amount: d.Match.Deposit}
	other := unit.Output{Address: buyer.address, Amount: 5}
	p := unit.Proven{MCI: 9, Serial: true, Unit: &unit.Unit{Unit: hashOf("u"), Messages: []unit.Message{{App: "text", Payload: "x"}, pay(other, good)}}}
	f, ok := d.Funding(p)
	if want := (unit.OutPoint{Unit: hashOf("u"), MessageIndex: 1, OutputIndex: 1}); !ok || f.Out != want || f.MCI != 9 || !f.Stable || f.Amount != d.Match.Deposit {
		t.Errorf("funding %+v, %t, want output %+v", f, ok, want)
	}
	asset := pay(good)
	asset.Payload.(*unit.Payment).Asset = hashOf("asset")
	for what, p := range map[string]unit.Proven{
		"a double spend": {MCI: 9, Unit: p.Unit},
		"no unit":        {MCI: 9, Serial: true},
		"less":           {MCI: 9, Serial: true, Unit: &unit.Unit{Messages: []unit.Message{pay(unit.Output{Address: d.Address, Amount: good.Amount - 1})}}},
		"more":           {MCI: 9, Serial: true, Unit: &unit.Unit{Messages: []unit.Message{pay(unit.Output{Address: d.Address, Amount: good.Amount + 1})}}},
		"elsewhere":      {MCI: 9, Serial: true, Unit: &unit.Unit{Messages: []unit.Message{pay(unit.Output{Address: seller.address, Amount: good.Amount})}}},
		"other money":    {MCI: 9, Serial: true, Unit: &unit.Unit{Messages: []unit.Message{asset}}},
	} {
		if f, ok := d.Funding(p); ok {
			t.Errorf("%s: funded by %+v", what, f)
		}
	}
}

func TestLapsed(t *testing.T) {
	d := open(t)
	if d.Lapsed(time.UnixMilli(until)) || !d.Lapsed(time.UnixMilli(until+1)) {
		t.Error("the deal lapses at another time than it says")
	}
	for what, change := range map[string]func(d *deal.Deal){
		"proposal": func(d *deal.Deal) { d.Match.Expiry = 0 },
		"offer":    func(d *deal.Deal) { d.Offer.ValidUntil = 0 },
		"demand":   func(d *deal.Deal) { d.Demand.ValidUntil = 0 },
	} {
		d := open(t)
		change(&d)
		if !d.Lapsed(time.UnixMilli(1)) {
			t.Errorf("a deal whose %s is over goes on", what)
		}
	}
}

func TestFairIsComputedNotBelieved(t *testing.T) {
	for what, change := range map[string]func(m *protocol.Match){
		"relevance said too low":  func(m *protocol.Match) { m.Relevance = 999 },
		"relevance said too high": func(m *protocol.Match) { m.Demand = seal(buyer, far()) },
		"over the cap": func(m *protocol.Match) {
			d := demand()
			d.Cap--
			m.Demand = seal(buyer, d)
		},
		"under the floor": func(m *protocol.Match) {
			o := offer()
			o.Floor = o.Price
			m.Offer = seal(seller, o)
		},
	} {
		m := match()
		change(m)
		d, err := deal.Open(rules, m)
		if err != nil {
			t.Fatal(what, err)
		}
		if err := d.Fair(rules, 57); err == nil {
			t.Errorf("%s: it is called fair", what)
		}
	}
}

// far is a demand some way from the offer.
func far() *protocol.Demand {
	d := demand()
	d.Cell = "u33d8"
	return d
}
