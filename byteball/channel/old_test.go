package channel_test

import (
	"errors"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TestOldNetwork: where units name their order providers and have no tps fee, a closing does so too, to the byte.
func TestOldNetwork(t *testing.T) {
	tt := terms()
	tt.Network = byteball.Old
	if err := tt.Validate(); !errors.Is(err, byteball.Invalid) {
		t.Errorf("a tps margin where there are no tps fees: got %v, want Invalid", err)
	}
	tt.TPSMargin = 0
	buyer, _ := must(t)(channel.NewPayer(tt, buyerKey))
	seller, _, err := channel.NewPayee(tt, sellerKey)
	if err != nil {
		t.Fatal(err)
	}
	buyer, _ = must(t)(buyer.Apply(funded(), at(25)))
	if seller, _, err = seller.Apply(funded(), at(25)); err != nil {
		t.Fatal(err)
	}
	b := base(30)
	b.TPSFee = 0
	pay := channel.Payouts{tt.SellerAddress: 3000, address(20): 500}
	if _, _, err := buyer.Apply(channel.Pay{Add: pay, Base: b}, at(30)); !errors.Is(err, byteball.Invalid) {
		t.Errorf("a base that names no order providers: got %v, want Invalid", err)
	}
	b.WitnessListUnit = hash(0)
	buyer, effects := must(t)(buyer.Apply(channel.Pay{Add: pay, Base: b}, at(30)))
	v := sent(t, effects)
	other := b
	other.WitnessListUnit = hash(1)
	if _, _, err := seller.Apply(accept(v, other, 33), at(30)); !errors.Is(err, byteball.Invalid) {
		t.Errorf("a voucher with other order providers than its parent: got %v, want Invalid", err)
	}
	if seller, _, err = seller.Apply(accept(v, b, 33), at(30)); err != nil {
		t.Fatal(err)
	}
	_, effects, err = seller.Apply(channel.CloseNow{Reason: "enough"}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	u := posted(t, effects)
	if err := errors.Join(unit.CheckForm(u), conserved(u)); err != nil || u.TPSFee != nil || u.WitnessListUnit != hash(0) || u.Version != "1.0" {
		t.Errorf("the closing is wrong: %v; tps fee %v, order providers of %s, version %s", err, u.TPSFee, u.WitnessListUnit, u.Version)
	}
	if buyer.Room(0) >= tt.Deposit {
		t.Error("fees cost nothing")
	}
	u.Witnesses = []byteball.Address{address(3)}
	if _, err := channel.On(unit.Proven{Unit: u, Ball: hash(4), MCI: 50, Serial: true}, 40, 0); !errors.Is(err, byteball.Invalid) {
		t.Errorf("a base that lists its order providers: got %v, want Invalid", err)
	}
}
