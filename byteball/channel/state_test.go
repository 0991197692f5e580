package channel_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// names lists the kinds of effects in order.
func names(effects []channel.Effect) string {
	var out []string
	for _, e := range effects {
		out = append(out, strings.TrimPrefix(fmt.Sprintf("%T", e), "channel."))
	}
	return strings.Join(out, " ")
}

// opened returns both sides after one payment that the seller has accepted.
func opened(tb testing.TB) (channel.Payer, channel.Payee) {
	tb.Helper()
	buyer, seller := pair(tb)
	add := channel.Payouts{terms().SellerAddress: 9000, address(20): 300}
	buyer, effects := must(tb)(buyer.Apply(channel.Pay{Add: add, Base: base(30)}, at(32)))
	seller, _, err := seller.Apply(accept(sent(tb, effects), base(30), 33), at(33))
	if err != nil {
		tb.Fatal(err)
	}
	return buyer, seller
}

func refundUnit(t *testing.T) *unit.Unit {
	t.Helper()
	buyer, _ := pair(t)
	_, effects := must(t)(buyer.Apply(channel.Tip{MCI: 700, Base: base(700)}, at(700)))
	return posted(t, effects)
}

func closeUnit(t *testing.T) *unit.Unit {
	t.Helper()
	_, seller := opened(t)
	_, effects, err := seller.Apply(channel.CloseNow{}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	return posted(t, effects)
}

func TestPayerTransitions(t *testing.T) {
	fresh, _, err := channel.NewPayer(terms(), buyerKey)
	if err != nil {
		t.Fatal(err)
	}
	open, _ := opened(t)
	closing, _ := must(t)(open.Apply(channel.CloseNow{Reason: "test", Base: base(35)}, at(35)))
	refunding, _ := must(t)(open.Apply(channel.Tip{MCI: 700, Base: base(700)}, at(700)))
	seen, _ := must(t)(open.Apply(channel.UnitSeen{Unit: closeUnit(t)}, at(40)))
	early, ripe, late := base(620), base(624), base(774)
	add := channel.Payouts{address(20): 1000}
	closed := channel.UnitStable{Unit: closeUnit(t), MCI: 44, Serial: true}
	back := channel.UnitStable{Unit: refundUnit(t), MCI: 704, Serial: true}
	double := channel.UnitStable{Unit: &unit.Unit{Unit: funding().Out.Unit}, MCI: 21}
	posting, _ := must(t)(fresh.Apply(channel.Funded{Out: funding().Out, Amount: terms().Deposit}, at(20)))
	for _, c := range []struct {
		name    string
		from    channel.Payer
		ev      channel.Event
		phase   channel.Phase
		effects string
		err     error
	}{
		{"deposit posted", fresh, channel.Funded{Out: funding().Out, Amount: terms().Deposit}, channel.Opening, "Save", nil},
		{"deposit posted, again", posting, channel.Funded{Out: funding().Out, Amount: terms().Deposit}, channel.Opening, "", nil},
		{"deposit stable", posting, funded(), channel.Open, "Save", nil},
		{"deposit stable at once", fresh, funded(), channel.Open, "Save", nil},
		{"wrong deposit", fresh, channel.Funded{Out: funding().Out, Amount: 1, MCI: 5, Stable: true}, channel.Opening, "", byteball.Invalid},
		{"stable at no index", fresh, channel.Funded{Out: funding().Out, Amount: terms().Deposit, Stable: true}, channel.Opening, "", byteball.Invalid},
		{"double-spent deposit", posting, double, channel.Lost, "Save", nil},
		{"another's double spend", fresh, double, channel.Opening, "", nil},
		{"pays too early", fresh, channel.Pay{Add: add, Base: base(30)}, channel.Opening, "", byteball.Transient},
		{"closes too early", fresh, channel.CloseNow{Base: base(30)}, channel.Opening, "", byteball.Transient},
		{"same deposit again", open, funded(), channel.Open, "", nil},
		{"second deposit", open, channel.Funded{Out: unit.OutPoint{Unit: hash(1)}, Amount: terms().Deposit, MCI: 44, Stable: true}, channel.Open, "", byteball.Stale},
		{"pays", open, channel.Pay{Add: add, Base: base(30)}, channel.Open, "Save Send", nil},
		{"renews", open, channel.Pay{Base: base(60)}, channel.Open, "Save Send", nil},
		{"hangs on nothing", open, channel.Pay{Add: add}, channel.Open, "", byteball.Invalid},
		{"hangs before the deposit", open, channel.Pay{Add: add, Base: base(19)}, channel.Open, "", byteball.Transient},
		{"tps fee over the reserve", open, channel.Pay{Add: add, Base: func() channel.Base { b := base(30); b.TPSFee = 5001; return b }()}, channel.Open, "", byteball.Transient},
		{"asks for the close", open, channel.CloseNow{Base: base(30)}, channel.Closing, "Save Send", nil},
		{"asks again", closing, channel.CloseNow{Base: base(35)}, channel.Closing, "Send", nil},
		{"asks again, renewed", closing, channel.CloseNow{Base: base(90)}, channel.Closing, "Save Send", nil},
		{"pays while closing", closing, channel.Pay{Add: add, Base: base(40)}, channel.Closing, "", byteball.Stale},
		{"sees the close", open, channel.UnitSeen{Unit: closeUnit(t)}, channel.Closing, "Save", nil},
		{"sees it again", seen, channel.UnitSeen{Unit: closeUnit(t)}, channel.Closing, "", nil},
		{"close is stable", open, closed, channel.Closed, "Save", nil},
		{"close is stable, as asked", closing, closed, channel.Closed, "Save", nil},
		{"close beats the refund", refunding, closed, channel.Closed, "Save", nil},
		{"refund too early", open, channel.Tip{MCI: 620, Base: early}, channel.Open, "", nil},
		{"refund in time", open, channel.Tip{MCI: 624, Base: ripe}, channel.Refunding, "Save Post", nil},
		{"refund after silence", closing, channel.Tip{MCI: 624, Base: ripe}, channel.Refunding, "Save Post", nil},
		{"refund waits for a close on its way", seen, channel.Tip{MCI: 624, Base: ripe}, channel.Closing, "", nil},
		{"but not for ever", seen, channel.Tip{MCI: 774, Base: late}, channel.Refunding, "Save Post", nil},
		{"no unit to hang on", open, channel.Tip{MCI: 9999}, channel.Open, "", nil},
		{"posts again", refunding, channel.Tip{MCI: 704, Base: base(704)}, channel.Refunding, "Save Post", nil},
		{"not at once", refunding, channel.Tip{MCI: 701, Base: base(701)}, channel.Refunding, "", nil},
		{"refund is stable", refunding, back, channel.Refunded, "Save", nil},
		{"restart", fresh, channel.Restarted{}, channel.Opening, "Watch", nil},
		{"restart while open", open, channel.Restarted{}, channel.Open, "Watch Send", nil},
		{"restart while refunding", refunding, channel.Restarted{}, channel.Refunding, "Watch", nil},
		{"not a buyer's event", open, channel.Accept{}, channel.Open, "", byteball.Invalid},
		{"no unit", open, channel.UnitStable{}, channel.Open, "", nil},
		{"nothing seen", open, channel.UnitSeen{}, channel.Open, "", nil},
	} {
		now := at(32)
		if tip, ok := c.ev.(channel.Tip); ok {
			now = at(tip.MCI)
		}
		before := c.from.State
		got, effects, err := c.from.Apply(c.ev, now)
		check(t, c.name, got.State, names(effects), err, c.phase, c.effects, c.err)
		if !reflect.DeepEqual(before, c.from.State) {
			t.Errorf("%s: Apply changed its receiver", c.name)
		}
	}
}

func check(t *testing.T, name string, st channel.State, effects string, err error, phase channel.Phase, wantEffects string, wantErr error) {
	t.Helper()
	if st.Phase != phase || effects != wantEffects || kindOf(err) != wantErr {
		t.Errorf("%s: got %s, [%s], %v, want %s, [%s], %v", name, st.Phase, effects, err, phase, wantEffects, wantErr)
	}
}

func TestPayeeTransitions(t *testing.T) {
	fresh, _, err := channel.NewPayee(terms(), sellerKey)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(p channel.Payee, ev channel.Event, now time.Time) channel.Payee {
		t.Helper()
		p, _, err := p.Apply(ev, now)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	buyer, open := opened(t)
	_, unpaid := pair(t)
	buyer2, effects := must(t)(buyer.Apply(channel.Pay{Add: channel.Payouts{address(20): 1000}, Base: base(33)}, at(34)))
	second := sent(t, effects)
	_, effects = must(t)(buyer2.Apply(channel.CloseNow{Base: base(34)}, at(34)))
	final := sent(t, effects)
	_, effects = must(t)(buyer.Apply(channel.Pay{Add: channel.Payouts{address(21): 1000}, Base: base(33)}, at(34)))
	fork := sent(t, effects)
	closing := apply(open, channel.CloseNow{Reason: "test"}, at(40))
	paidTwice := apply(open, accept(second, base(33), 35), at(35))
	first := *open.Newest
	cheat, _ := must(t)(buyer.Apply(channel.Tip{MCI: 700, Base: base(700)}, at(700)))
	for _, c := range []struct {
		name    string
		from    channel.Payee
		ev      channel.Event
		phase   channel.Phase
		effects string
		err     error
	}{
		{"deposit seen", fresh, channel.Funded{Out: funding().Out, Amount: terms().Deposit}, channel.Opening, "Save", nil},
		{"deposit stable", fresh, funded(), channel.Open, "Save", nil},
		{"voucher too early", fresh, accept(first, base(30), 33), channel.Opening, "", byteball.Transient},
		{"voucher", open, accept(second, base(33), 35), channel.Open, "Save", nil},
		{"voucher again", paidTwice, accept(second, base(33), 35), channel.Open, "", nil},
		{"old voucher", paidTwice, accept(first, base(30), 35), channel.Open, "", byteball.Stale},
		{"number used twice", paidTwice, accept(fork, base(33), 35), channel.Open, "", byteball.Invalid},
		{"final voucher", paidTwice, accept(final, base(34), 35), channel.Closing, "Save Post", nil},
		{"a voucher is lost on the way", open, accept(final, base(34), 35), channel.Closing, "Save Post", nil},
		{"voucher while closing", closing, accept(second, base(33), 35), channel.Closing, "", byteball.Stale},
		{"newest once more while closing", closing, accept(first, base(30), 35), channel.Closing, "", nil},
		{"close", open, channel.CloseNow{Reason: "test"}, channel.Closing, "Save Post", nil},
		{"close twice", closing, channel.CloseNow{}, channel.Closing, "", nil},
		{"close with nothing", unpaid, channel.CloseNow{}, channel.Open, "", byteball.NotFound},
		{"close while opening", fresh, channel.CloseNow{}, channel.Opening, "", byteball.NotFound},
		{"before the deadline", open, channel.Tip{MCI: fundedAt + 359}, channel.Open, "", nil},
		{"the deadline", open, channel.Tip{MCI: fundedAt + 360}, channel.Closing, "Save Post", nil},
		{"the deadline, nothing to close", unpaid, channel.Tip{MCI: fundedAt + 360}, channel.Open, "", nil},
		{"buyer's refund seen", open, channel.UnitSeen{Unit: cheat.Own}, channel.Closing, "Save Post", nil},
		{"buyer's refund seen, nothing to close", unpaid, channel.UnitSeen{Unit: cheat.Own}, channel.Open, "Save", nil},
		{"own close seen", closing, channel.UnitSeen{Unit: closing.Own}, channel.Closing, "", nil},
		{"own close stable", closing, channel.UnitStable{Unit: closing.Own, MCI: 45, Serial: true}, channel.Closed, "Save", nil},
		{"refund stable", unpaid, channel.UnitStable{Unit: cheat.Own, MCI: 705, Serial: true}, channel.Refunded, "Save", nil},
		{"refund lost", closing, channel.UnitStable{Unit: cheat.Own, MCI: 705}, channel.Closing, "", nil},
		{"restart while closing", closing, channel.Restarted{}, channel.Closing, "Watch", nil},
		{"restart", open, channel.Restarted{}, channel.Open, "Watch", nil},
		{"not a seller's event", open, channel.Pay{}, channel.Open, "", byteball.Invalid},
	} {
		now := at(40)
		before := c.from.State
		got, effects, err := c.from.Apply(c.ev, now)
		check(t, c.name, got.State, names(effects), err, c.phase, c.effects, c.err)
		if !reflect.DeepEqual(before, c.from.State) {
			t.Errorf("%s: Apply changed its receiver", c.name)
		}
	}
}

func TestVoucherMayNotFall(t *testing.T) {
	_, seller := opened(t)
	// A second buyer machine with the same key, as after a restored backup, promises less to one payee.
	again, _ := pair(t)
	again, _ = must(t)(again.Apply(channel.Pay{Base: base(30)}, at(32)))
	_, effects := must(t)(again.Apply(channel.Pay{Add: channel.Payouts{terms().SellerAddress: 90_000, address(20): 299}, Base: base(30)}, at(32)))
	_, _, err := seller.Apply(accept(sent(t, effects), base(30), 33), at(33))
	if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "299 bytes to "+string(address(20))+", after 300") {
		t.Errorf("got %v, want Invalid that names the payee", err)
	}
}

func TestFundsSayWhatIsMissing(t *testing.T) {
	buyer, _ := opened(t)
	room := buyer.Room(0)
	add := channel.Payouts{address(20): room}
	if _, _, err := buyer.Apply(channel.Pay{Add: add, Base: base(30)}, at(32)); err != nil {
		t.Errorf("all the room: %v", err)
	}
	add[address(20)] += 77
	_, _, err := buyer.Apply(channel.Pay{Add: add, Base: base(30)}, at(32))
	if !errors.Is(err, byteball.Funds) || !strings.Contains(err.Error(), "by 77 bytes") {
		t.Errorf("got %v, want Funds with 77 bytes missing", err)
	}
	if got, want := buyer.Room(2), room-106; got != want {
		t.Errorf("room with two more outputs: got %d, want %d", got, want)
	}
}

// The promises are kept in the final close: dust goes to the seller, who owes it.
func TestFinalCloseCarriesDust(t *testing.T) {
	buyer, seller := opened(t)
	buyer, _ = must(t)(buyer.Apply(channel.Pay{Add: channel.Payouts{address(30): 120, address(31): 70}, Base: base(33)}, at(33)))
	buyer, effects := must(t)(buyer.Apply(channel.CloseNow{Base: base(34)}, at(34)))
	_, effects, err := seller.Apply(accept(sent(t, effects), base(34), 35), at(35))
	if err != nil {
		t.Fatal(err)
	}
	u := posted(t, effects)
	if got := channel.Paid(u); got[terms().SellerAddress] != 9190 || got[address(20)] != 300 || len(got) != 3 {
		t.Errorf("pays %v", got)
	}
	if got, want := buyer.Waiting(), (channel.Payouts{address(30): 120, address(31): 70}); !reflect.DeepEqual(got, want) {
		t.Errorf("owed: got %v, want %v", got, want)
	}
	if err := conserved(u); err != nil {
		t.Error(err)
	}
}

func TestRefusedPosts(t *testing.T) {
	_, seller := opened(t)
	seller, effects, err := seller.Apply(channel.CloseNow{}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	first := posted(t, effects)
	for _, c := range []struct {
		name string
		ev   channel.Event
		same bool
	}{
		{"fees", channel.PostRefused{Err: fmt.Errorf("busy: %w", byteball.Transient)}, true},
		{"known", channel.PostRefused{Err: fmt.Errorf("known: %w", byteball.Stale)}, false},
		{"known bad", channel.PostRefused{Err: fmt.Errorf("known bad: %w", byteball.Invalid)}, false},
		{"conflict", channel.SerialConflict{}, false},
		{"lost a double spend", channel.UnitStable{Unit: first, MCI: 44}, false},
	} {
		p, effects, err := seller.Apply(c.ev, at(41))
		if err != nil || len(effects) > 0 {
			t.Errorf("%s: got %v, %v", c.name, effects, err)
		}
		_, effects, err = p.Apply(channel.Tip{MCI: 50}, at(50))
		if err != nil {
			t.Fatal(err)
		}
		u := posted(t, effects)
		if same := u.Unit == first.Unit; same != c.same {
			t.Errorf("%s: same unit again: got %v, want %v", c.name, same, c.same)
		}
		if err := unit.CheckForm(u); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !maps.Equal(channel.Paid(u), channel.Paid(first)) {
			t.Errorf("%s: pays %v, want %v", c.name, channel.Paid(u), channel.Paid(first))
		}
		if _, saved := effects[0].(channel.Save); saved == c.same {
			t.Errorf("%s: effects %s", c.name, names(effects))
		}
	}
}

// Posts are repeated, ever more slowly, as long as nothing is stable.
func TestPostsAreRepeated(t *testing.T) {
	_, seller := opened(t)
	seller, _, err := seller.Apply(channel.CloseNow{}, at(40))
	if err != nil {
		t.Fatal(err)
	}
	posts := 0
	for mci := uint64(41); mci < 41+600; mci++ {
		var effects []channel.Effect
		if seller, effects, err = seller.Apply(channel.Tip{MCI: mci}, at(mci)); err != nil {
			t.Fatal(err)
		}
		posts += len(effects)
	}
	if posts /= 2; posts < 12 || posts > 16 { // each with its Save
		t.Errorf("got %d posts in ten minutes, want 12 to 16", posts)
	}
}

// A clock that was set back keeps nobody from posting what the ledger did not take.
func TestPostsAreRepeatedWhenTheClockWasSetBack(t *testing.T) {
	buyer, seller := opened(t)
	seller, _, err := seller.Apply(channel.CloseNow{}, at(4000))
	if err != nil {
		t.Fatal(err)
	}
	if seller, _, err = seller.Apply(channel.PostRefused{Err: byteball.Transient}, at(4000)); err != nil {
		t.Fatal(err)
	}
	_, effects, err := seller.Apply(channel.Tip{MCI: 41}, at(41))
	if err != nil {
		t.Fatal(err)
	}
	posted(t, effects)

	end := buyer.RefundAfter() + 10
	buyer, effects, err = buyer.Apply(channel.Tip{MCI: end, Base: base(end)}, at(2*end))
	if err != nil {
		t.Fatal(err)
	}
	posted(t, effects)
	if _, effects, err = buyer.Apply(channel.Tip{MCI: end + 1, Base: base(end + 1)}, at(end+1)); err != nil {
		t.Fatal(err)
	}
	posted(t, effects)
}

// A refund that was dated by a clock far ahead is not posted until its time comes, but signed anew when the clock is right.
func TestARefundOfTheFutureIsSignedAnew(t *testing.T) {
	buyer, _ := opened(t)
	end := buyer.RefundAfter() + 10
	ahead := at(end).Add(24 * 365 * time.Hour)
	buyer, effects, err := buyer.Apply(channel.Tip{MCI: end, Base: base(end)}, ahead)
	if err != nil {
		t.Fatal(err)
	}
	posted(t, effects)
	if buyer, _, err = buyer.Apply(channel.PostRefused{Err: byteball.Transient}, ahead); err != nil { // "timestamp is too far into the future"
		t.Fatal(err)
	}
	if _, effects, err = buyer.Apply(channel.Tip{MCI: end + 1, Base: base(end + 1)}, at(end+1)); err != nil {
		t.Fatal(err)
	}
	if u := posted(t, effects); u.Timestamp > at(end+1).Unix()+5 {
		t.Errorf("the refund of %d is posted again at %d", u.Timestamp, at(end+1).Unix())
	}
}
