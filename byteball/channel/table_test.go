package channel_test

import (
	"os"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball/channel"
)

// The package comment holds the drawing of the table that the code goes by.
func TestDrawing(t *testing.T) {
	src, err := os.ReadFile("channel.go")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for line := range strings.Lines(channel.Drawing()) {
		want.WriteString("//\t" + strings.TrimRight(line, " \n") + "\n")
	}
	if !strings.Contains(string(src), want.String()) {
		t.Errorf("channel.go does not draw the transitions as they are:\n%s", want.String())
	}
}

// Every arrow of the table happens, and Apply lets no other happen: all events in all phases, from both sides.
func TestEveryTransition(t *testing.T) {
	missing := channel.Arrows()
	all := len(missing)
	note := func(role string, from, to channel.Phase, ev channel.Event) {
		if from == to {
			return
		}
		a := channel.Arrow(role, from, channel.EventName(ev), to)
		if !channel.Arrows()[a] {
			t.Errorf("%s is not in the table", a)
		}
		delete(missing, a)
	}
	buyers, sellers := everyPhase(t)
	for _, ev := range everyEvent(t) {
		now := at(800)
		for _, p := range buyers {
			if next, _, err := p.Apply(ev, now); err == nil {
				note("buyer", p.Phase, next.Phase, ev)
			}
		}
		for _, p := range sellers {
			if next, _, err := p.Apply(ev, now); err == nil {
				note("seller", p.Phase, next.Phase, ev)
			}
		}
	}
	for a := range missing {
		t.Errorf("%s never happens", a)
	}
	t.Logf("%d arrows", all)
}

// everyPhase returns both sides in all phases and modes.
func everyPhase(t *testing.T) (buyers []channel.Payer, sellers []channel.Payee) {
	t.Helper()
	fresh, _, err := channel.NewPayer(terms(), buyerKey)
	if err != nil {
		t.Fatal(err)
	}
	posting, _ := must(t)(fresh.Apply(channel.Funded{Out: funding().Out, Amount: terms().Deposit}, at(20)))
	lost, _ := must(t)(fresh.Apply(channel.Recovered{}, at(20)))
	lostOpen, _ := must(t)(lost.Apply(funded(), at(25)))
	buyers = []channel.Payer{fresh, posting, lost, lostOpen}
	open, seller := opened(t)
	unpaid, unpaidSeller := pair(t)
	closing, _ := must(t)(open.Apply(channel.CloseNow{Base: base(31)}, at(33)))
	buyers = append(buyers, open, unpaid, closing, refunding(t))
	freshSeller, _, err := channel.NewPayee(terms(), sellerKey)
	if err != nil {
		t.Fatal(err)
	}
	step := func(p channel.Payee, ev channel.Event) channel.Payee {
		t.Helper()
		next, _, err := p.Apply(ev, at(40))
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	sellers = []channel.Payee{freshSeller, step(freshSeller, channel.Funded{Out: funding().Out, Amount: terms().Deposit}),
		unpaidSeller, seller, step(seller, channel.Recovered{}), step(seller, channel.CloseNow{})}
	for _, end := range []channel.Event{channel.UnitStable{Unit: closeUnit(t), MCI: 44, Serial: true}, channel.UnitStable{Unit: refundUnit(t), MCI: 704, Serial: true}} {
		over, _ := must(t)(open.Apply(end, at(50)))
		buyers, sellers = append(buyers, over), append(sellers, step(seller, end))
	}
	return buyers, sellers
}

// everyEvent returns events that matter in some phase.
func everyEvent(t *testing.T) []channel.Event {
	t.Helper()
	deposit := closeUnit(t)
	double := *deposit
	double.Unit = funding().Out.Unit
	buyer, _ := opened(t)
	_, effects := must(t)(buyer.Apply(channel.CloseNow{Base: base(31)}, at(33)))
	final := sent(t, effects)
	u := fundingUnit(t)
	return []channel.Event{
		funded(), channel.Funded{Out: funding().Out, Amount: terms().Deposit},
		channel.UnitSeen{Unit: u}, channel.UnitStable{Unit: u, MCI: fundedAt, Serial: true}, channel.UnitStable{Unit: &double, MCI: 21},
		channel.UnitSeen{Unit: closeUnit(t)}, channel.UnitSeen{Unit: refundUnit(t)},
		channel.UnitStable{Unit: closeUnit(t), MCI: 44, Serial: true}, channel.UnitStable{Unit: refundUnit(t), MCI: 704, Serial: true},
		channel.UnitStable{Unit: closeUnit(t), MCI: 44}, channel.UnitStable{Unit: refundUnit(t), MCI: 704},
		channel.Pay{Add: channel.Payouts{address(20): 1000}, Base: base(31)}, channel.Pay{Base: base(31), TPSFee: 3000},
		accept(final, base(31), 33), accept(*mustOpen(t).Newest, base(30), 33),
		channel.CloseNow{Base: base(31)}, channel.Tip{MCI: 40}, channel.Tip{MCI: 400, Base: base(400)}, channel.Tip{MCI: 800, Base: base(800)},
		channel.PostRefused{Err: errBusy}, channel.PostRefused{Err: errBad}, channel.SerialConflict{},
		channel.Vanished{Unit: funding().Out.Unit}, channel.Vanished{Unit: closeUnit(t).Unit}, channel.Vanished{},
		channel.Restarted{}, channel.Recovered{}, channel.Held{Voucher: final}, channel.Held{},
		channel.Succeeded{Next: address(9), Base: base(31)}, channel.Inherit{Old: mustOpen(t).State}, channel.Inherit{},
	}
}
