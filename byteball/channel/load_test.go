package channel_test

import (
	"fmt"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

var (
	errBusy = fmt.Errorf("tps fee on address must be at least 3091, found 400: %w", byteball.Transient)
	errBad  = fmt.Errorf("known bad: %w", byteball.Invalid)
)

func mustOpen(tb testing.TB) channel.Payee {
	tb.Helper()
	_, seller := opened(tb)
	return seller
}

// fundingUnit pays the deposit.
func fundingUnit(tb testing.TB) *unit.Unit {
	tb.Helper()
	self, err := terms().Address()
	if err != nil {
		tb.Fatal(err)
	}
	out := unit.Output{Address: self, Amount: terms().Deposit}
	return &unit.Unit{Unit: funding().Out.Unit, Messages: []unit.Message{{App: "payment", Payload: &unit.Payment{Outputs: []unit.Output{{Address: address(9), Amount: 1}, out}}}}}
}

// fees returns the tps fees that effects ask for or offer.
func fees(effects []channel.Effect) (renew, voucher byteball.Bytes) {
	for _, e := range effects {
		switch e := e.(type) {
		case channel.Renew:
			renew = e.TPSFee
		case channel.Send:
			voucher = *e.Voucher.Unit.TPSFee
		}
	}
	return renew, voucher
}

// In a fee spike the seller asks for a voucher that the ledger would take before he needs it, and the buyer grants it up
// to the reserve.
func TestFeeSpikeRenewsBeforeTheClose(t *testing.T) {
	for _, c := range []struct{ load, want byteball.Bytes }{{0, 0}, {100, 0}, {133, 0}, {134, 402}, {1000, 3000}, {2000, 5000}, {byteball.MaxBytes, 5000}} {
		buyer, seller := opened(t)
		seller, effects, err := seller.Apply(channel.Tip{MCI: 35, Fee: c.load}, at(35))
		if err != nil {
			t.Fatal(err)
		}
		renew, _ := fees(effects)
		if renew != c.want {
			t.Errorf("load %d: asks for %d, want %d", c.load, renew, c.want)
		}
		if again, _, _ := seller.Apply(channel.Tip{MCI: 36, Fee: c.load}, at(36)); c.want > 0 && again.Phase == channel.Open {
			if _, effects, _ = seller.Apply(channel.Tip{MCI: 36, Fee: c.load}, at(36)); len(effects) > 0 {
				t.Errorf("load %d: asks again at once", c.load)
			}
		}
		if renew == 0 {
			continue
		}
		_, effects = must(t)(buyer.Apply(channel.Pay{Base: base(35), TPSFee: renew}, at(36)))
		if _, got := fees(effects); got != renew {
			t.Errorf("load %d: granted %d of %d", c.load, got, renew)
		}
		seller, _, err = seller.Apply(channel.Accept{Voucher: sent(t, effects), Base: base(35), Tip: 37, Want: seller.Payouts}, at(37))
		if err != nil {
			t.Fatal(err)
		}
		if _, effects, _ = seller.Apply(channel.Tip{MCI: 90, Fee: c.load}, at(90)); names(effects) != "" {
			t.Errorf("load %d: after the renewal: %s", c.load, names(effects))
		}
	}
}

// The buyer's own vouchers and refund follow the load, up to the reserve, without being asked.
func TestBuyerOffersWhatTheLoadAsks(t *testing.T) {
	for _, c := range []struct{ load, want byteball.Bytes }{{0, 400}, {100, 400}, {500, 1500}, {9000, 5000}} {
		buyer, _ := opened(t)
		buyer, _ = must(t)(buyer.Apply(channel.Tip{MCI: 35, Base: base(35), Fee: c.load}, at(35)))
		_, effects := must(t)(buyer.Apply(channel.Pay{Base: base(35)}, at(36)))
		if _, got := fees(effects); got != c.want {
			t.Errorf("load %d: voucher offers %d, want %d", c.load, got, c.want)
		}
		_, effects = must(t)(buyer.Apply(channel.Tip{MCI: 700, Base: base(700), Fee: c.load}, at(700)))
		if got := *posted(t, effects).TPSFee; got != c.want {
			t.Errorf("load %d: refund offers %d, want %d", c.load, got, c.want)
		}
	}
}

// A close that is refused for its fees is posted again as it is, and a dearer voucher takes its place.
func TestRefusedCloseTakesADearerVoucher(t *testing.T) {
	buyer, seller := opened(t)
	seller, effects, err := seller.Apply(channel.CloseNow{}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	first := posted(t, effects)
	buyer, effects = must(t)(buyer.Apply(channel.Pay{Base: base(38), TPSFee: 800}, at(40)))
	dearer := sent(t, effects)
	if _, _, err := seller.Apply(accept(dearer, base(38), 41), at(41)); kindOf(err) != byteball.Stale {
		t.Errorf("while the close is on its way: got %v, want Stale", err)
	}
	seller, _, _ = seller.Apply(channel.PostRefused{Err: errBusy}, at(41))
	seller, effects, err = seller.Apply(channel.Tip{MCI: 50}, at(50))
	if renew, _ := fees(effects); err != nil || renew != 800 || posted(t, effects).Unit != first.Unit {
		t.Fatalf("got %s, asks for %d, %v", names(effects), renew, err)
	}
	if _, _, err := seller.Apply(accept(dearer, base(38), 50), at(50)); kindOf(err) != byteball.Stale {
		t.Errorf("while it is on its way again: got %v, want Stale", err)
	}
	seller, _, _ = seller.Apply(channel.PostRefused{Err: errBusy}, at(50))
	_, effects = must(t)(buyer.Apply(channel.Pay{Base: base(39), TPSFee: 400}, at(40)))
	if _, _, err := seller.Apply(accept(sent(t, effects), base(39), 51), at(51)); kindOf(err) != byteball.Stale {
		t.Errorf("no dearer: got %v, want Stale", err)
	}
	seller, effects, err = seller.Apply(accept(dearer, base(38), 51), at(51))
	if err != nil || names(effects) != "Save Post" {
		t.Fatalf("got %s, %v", names(effects), err)
	}
	if u := posted(t, effects); *u.TPSFee != 800 || channel.Paid(u)[address(20)] != channel.Paid(first)[address(20)] || unit.CheckForm(u) != nil {
		t.Errorf("closes with a tps fee of %d, paying %v", *u.TPSFee, channel.Paid(u))
	}
	if seller.Phase != channel.Closing {
		t.Errorf("the channel is %s", seller.Phase)
	}
}

// A refund that is refused for its fees is signed anew with more, if more helps.
func TestRefusedRefundOffersMore(t *testing.T) {
	buyer := refunding(t)
	buyer, _ = must(t)(buyer.Apply(channel.PostRefused{Err: errBusy}, at(701)))
	same, effects := must(t)(buyer.Apply(channel.Tip{MCI: 710, Base: base(710)}, at(710)))
	if u := posted(t, effects); u.Unit != buyer.Own.Unit || same.Nonce != 0 {
		t.Error("without a load the same refund goes out again")
	}
	buyer, effects = must(t)(buyer.Apply(channel.Tip{MCI: 710, Base: base(710), Fee: 700}, at(710)))
	if u := posted(t, effects); *u.TPSFee != 2100 || buyer.Nonce != 1 {
		t.Errorf("refund offers %d", *u.TPSFee)
	}
}

// What was reorganised away or archived is signed anew; a deposit that vanished may come by another unit.
func TestVanished(t *testing.T) {
	closing, _, err := mustOpen(t).Apply(channel.CloseNow{}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	gone, _, err := closing.Apply(channel.Vanished{Unit: closing.Own.Unit}, at(41))
	if err != nil {
		t.Fatal(err)
	}
	again, effects, err := gone.Apply(channel.Tip{MCI: 50}, at(50))
	if err != nil || again.Own.Unit == closing.Own.Unit || names(effects) != "Save Post" {
		t.Errorf("the close: %s, %v", names(effects), err)
	}
	if other, _, _ := closing.Apply(channel.Vanished{Unit: hash(1)}, at(41)); other.Nonce != closing.Nonce || other.Own != closing.Own {
		t.Error("another unit matters")
	}
	fresh, _, _ := channel.NewPayer(terms(), buyerKey)
	fresh, _ = must(t)(fresh.Apply(channel.UnitSeen{Unit: fundingUnit(t)}, at(20)))
	if fresh.Funding.Out != funding().Out {
		t.Fatalf("deposit at %v", fresh.Funding)
	}
	fresh, _ = must(t)(fresh.Apply(channel.Vanished{Unit: funding().Out.Unit}, at(21)))
	if fresh.Funding.Out.Unit != "" {
		t.Errorf("deposit at %v, and it vanished", fresh.Funding)
	}
	buyer, _ := opened(t)
	buyer, _ = must(t)(buyer.Apply(channel.UnitSeen{Unit: closeUnit(t)}, at(40)))
	early, _ := must(t)(buyer.Apply(channel.Tip{MCI: 650, Base: base(650)}, at(650)))
	buyer, _ = must(t)(buyer.Apply(channel.Vanished{Unit: closeUnit(t).Unit}, at(41)))
	late, _ := must(t)(buyer.Apply(channel.Tip{MCI: 650, Base: base(650)}, at(650)))
	if early.Phase != channel.Closing || late.Phase != channel.Refunding {
		t.Errorf("refund: %s while a close is on its way, %s when it vanished", early.Phase, late.Phase)
	}
}
