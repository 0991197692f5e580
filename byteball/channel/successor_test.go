package channel_test

import (
	"reflect"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

var nextKey = key(3)

// successors opens the channel after that of terms.
func successors(t *testing.T) (channel.Payer, channel.Payee) {
	t.Helper()
	next, err := terms().Successor(nextKey.PublicKey(), terms().Deposit)
	if err != nil {
		t.Fatal(err)
	}
	buyer, _, err := channel.NewPayer(next, nextKey)
	if err != nil {
		t.Fatal(err)
	}
	seller, _, err := channel.NewPayee(next, sellerKey)
	if err != nil {
		t.Fatal(err)
	}
	open := channel.Funded{Out: unit.OutPoint{Unit: hash(8888)}, Amount: next.Deposit, MCI: 60, Stable: true}
	buyer, _ = must(t)(buyer.Apply(open, at(63)))
	if seller, _, err = seller.Apply(open, at(63)); err != nil {
		t.Fatal(err)
	}
	return buyer, seller
}

func TestLowSaysWhenToOpenTheNext(t *testing.T) {
	buyer, _ := opened(t)
	room := buyer.Room(2)
	for _, c := range []struct {
		spend byteball.Bytes
		units uint64
		want  bool
	}{{room, 10, false}, {room + 1, 10, true}, {0, 379, false}, {0, 380, true}} {
		if got := buyer.Low(c.spend, 2, c.units); got != c.want {
			t.Errorf("%d bytes, %d units: got %t, want %t", c.spend, c.units, got, c.want)
		}
	}
	buyer, _ = must(t)(buyer.Apply(channel.Succeeded{Next: address(9), Base: base(60)}, at(63)))
	if buyer.Low(room+1, 2, 10) {
		t.Error("low again, though it has a successor")
	}
}

func TestSuccessorTerms(t *testing.T) {
	next, err := terms().Successor(nextKey.PublicKey(), 3_000_000)
	old, _ := terms().Address()
	if err != nil || next.Previous != old || next.Deposit != 3_000_000 || next.Age != terms().Age {
		t.Errorf("got %+v, %v", next, err)
	}
	if a, err := next.Address(); err != nil || a == old {
		t.Errorf("address %s, %v", a, err)
	}
	for name, f := range map[string]func() (channel.Terms, error){
		"same key":      func() (channel.Terms, error) { return terms().Successor(buyerKey.PublicKey(), 3_000_000) },
		"small deposit": func() (channel.Terms, error) { return terms().Successor(nextKey.PublicKey(), 10) },
	} {
		if _, err := f(); kindOf(err) != byteball.Invalid {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

// The old channel closes by its final voucher when the new one is open; what was dust is paid in the new one to those whom
// it belongs to, out of what the seller gets there, and nobody is paid twice.
func TestDustIsClaimedInTheSuccessor(t *testing.T) {
	buyer, seller := opened(t)
	add := channel.Payouts{address(30): 120, address(31): 70}
	buyer, effects := must(t)(buyer.Apply(channel.Pay{Add: add, Base: base(33)}, at(33)))
	all, _ := seller.Payouts.Plus(add)
	seller, _, err := seller.Apply(channel.Accept{Voucher: sent(t, effects), Base: base(33), Tip: 34, Want: all}, at(34))
	if err != nil {
		t.Fatal(err)
	}
	buyer, effects = must(t)(buyer.Apply(channel.Succeeded{Next: address(9), Base: base(60)}, at(63)))
	if seller, _, err = seller.Apply(channel.Succeeded{Next: address(9)}, at(63)); err != nil || seller.Until != 34+2*channel.MaxBehind {
		t.Fatalf("seller until %d, %v", seller.Until, err)
	}
	seller, effects, err = seller.Apply(accept(sent(t, effects), base(60), 64), at(64))
	if err != nil {
		t.Fatal(err)
	}
	settled := channel.UnitStable{Unit: posted(t, effects), MCI: 67, Serial: true}
	next, nextSeller := successors(t)
	if _, _, err := nextSeller.Apply(channel.Inherit{Old: seller.State}, at(65)); kindOf(err) != byteball.NotFound {
		t.Errorf("inherits before the close is stable: %v", err)
	}
	buyer, _ = must(t)(buyer.Apply(settled, at(68)))
	if seller, _, err = seller.Apply(settled, at(68)); err != nil {
		t.Fatal(err)
	}
	owed, with, err := seller.Debts()
	if err != nil || !reflect.DeepEqual(owed, add) || with != 190 {
		t.Fatalf("debts %v, %d with the seller, %v", owed, with, err)
	}
	next, effects = must(t)(next.Apply(channel.Inherit{Old: buyer.State}, at(69)))
	if restored, err := channel.RestorePayer(onDisk(effects), nextKey); err != nil || !reflect.DeepEqual(restored.Owed, add) || restored.Debt != 190 {
		t.Errorf("on disk: %+v, %v", restored.State, err)
	}
	due := channel.Payouts{terms().SellerAddress: 1000, address(30): 300}
	next, effects = must(t)(next.Apply(channel.Pay{Add: due, Base: base(70)}, at(71)))
	v := copied(t, sent(t, effects))
	take := channel.Accept{Voucher: v, Base: base(70), Tip: 71, Want: due}
	if _, _, err := nextSeller.Apply(take, at(71)); kindOf(err) != byteball.Transient {
		t.Errorf("the seller has not inherited yet: got %v, want Transient", err)
	}
	heir, _, err := nextSeller.Apply(channel.Inherit{Old: seller.State}, at(71))
	if err != nil {
		t.Fatal(err)
	}
	heir, _, err = heir.Apply(take, at(71))
	want := channel.Payouts{terms().SellerAddress: 810, address(30): 420, address(31): 70}
	if err != nil || !reflect.DeepEqual(heir.Payouts, want) || !reflect.DeepEqual(next.Payouts, want) || heir.Debt != 0 || len(next.Owed) != 0 {
		t.Errorf("seller has %v, buyer %v, debt %d, owed %v, %v", heir.Payouts, next.Payouts, heir.Debt, next.Owed, err)
	}
	greedy := take
	greedy.Voucher.Claims, _ = v.Claims.Plus(channel.Payouts{address(33): 150})
	if p, _, err := nextSeller.Apply(channel.Inherit{Old: seller.State}, at(71)); err != nil {
		t.Error(err)
	} else if p, _, err = p.Apply(greedy, at(71)); err == nil && p.Debt != 0 {
		t.Errorf("claims over the debt: %d left", p.Debt)
	}
	next, effects = must(t)(next.Apply(channel.Pay{Add: due, Base: base(71)}, at(72)))
	all, _ = heir.Payouts.Plus(due)
	if _, _, err = heir.Apply(channel.Accept{Voucher: sent(t, effects), Base: base(71), Tip: 72, Want: all}, at(72)); err != nil {
		t.Errorf("the next payment: %v", err)
	}
	if next.Claimed[address(30)] != 120 {
		t.Errorf("claimed %v", next.Claimed)
	}
}

// Without a final voucher the seller closes in time all the same, and the dust is in the buyer's change.
func TestSucceededWithoutAFinalVoucher(t *testing.T) {
	_, seller := opened(t)
	seller, _, err := seller.Apply(channel.Succeeded{Next: address(9)}, at(63))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tip   uint64
		phase channel.Phase
	}{{seller.Until - 1, channel.Open}, {seller.Until, channel.Closing}} {
		if p, _, err := seller.Apply(channel.Tip{MCI: c.tip}, at(c.tip)); err != nil || p.Phase != c.phase {
			t.Errorf("tip %d: got %s, %v, want %s", c.tip, p.Phase, err, c.phase)
		}
	}
	next, _ := successors(t)
	if _, _, err := next.Apply(channel.Inherit{Old: next.State}, at(70)); kindOf(err) != byteball.Invalid {
		t.Errorf("inherits from itself: %v", err)
	}
}
