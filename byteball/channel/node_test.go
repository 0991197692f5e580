package channel_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// net is a real ledger in memory with a wallet that can pay deposits. Its clock goes by a second with each unit of the
// order provider.
type net struct {
	*testing.T
	l      *ledger.Ledger
	op     ledger.Operator
	wallet *unit.Key
	now    time.Time
	ops    []byteball.Hash
}

func newNet(t *testing.T) *net {
	t.Helper()
	n := &net{T: t, op: ledger.Operator{Signer: key(200)}, wallet: key(201), now: start}
	g, err := ledger.MakeGenesis(byteball.Dev, n.op, []unit.Output{{Address: address(201), Amount: 50_000_000}}, n.now)
	n.ok(err)
	n.l, err = ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &g})
	n.ok(err)
	t.Cleanup(func() { n.ok(n.l.Close()) })
	n.witness(10)
	return n
}

func (n *net) ok(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func (n *net) witness(count int) {
	n.Helper()
	for range count {
		n.now = n.now.Add(time.Second)
		u, err := n.l.Witness(n.op, n.now)
		n.ok(err)
		n.ops = append(n.ops, u.Unit)
	}
}

// fund pays the deposit and returns where it is, stable.
func (n *net) fund(tt channel.Terms) channel.Funded {
	n.Helper()
	to, err := tt.Address()
	n.ok(err)
	from := address(201)
	coins, err := n.l.Unspent(from)
	n.ok(err)
	a, err := n.l.Anchor([]byteball.Address{from}, n.now)
	n.ok(err)
	author := unit.Author{Address: from, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	if _, _, err := n.l.Definition(from); err != nil {
		author.Definition = []any{"sig", map[string]any{"pubkey": n.wallet.PublicKey()}}
	}
	pay := &unit.Payment{
		Inputs:  []unit.Input{{Unit: coins[0].Unit, MessageIndex: coins[0].MessageIndex, OutputIndex: coins[0].OutputIndex}},
		Outputs: []unit.Output{{Address: to, Amount: tt.Deposit}, {Address: from}},
	}
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{author}, []unit.Message{{App: "payment", PayloadLocation: "inline", Payload: pay}})
	n.ok(err)
	n.ok(u.Balance(coins[0].Amount, from))
	n.ok(u.SignWith(from, "r", n.wallet))
	n.ok(u.Seal())
	n.ok(n.l.Post(u, n.now))
	mci := n.settle(u)
	for i, o := range u.Messages[0].Payload.(*unit.Payment).Outputs {
		if o.Address == to {
			return channel.Funded{Out: unit.OutPoint{Unit: u.Unit, OutputIndex: i}, Amount: o.Amount, MCI: mci, Stable: true}
		}
	}
	n.Fatal("no deposit")
	return channel.Funded{}
}

// settle makes u stable and returns its main chain index.
func (n *net) settle(u *unit.Unit) uint64 {
	n.Helper()
	for range 10 {
		n.witness(1)
		j, err := n.l.Joint(u.Unit)
		n.ok(err)
		if j.Ball != "" {
			return *j.Unit.MainChainIndex
		}
	}
	n.Fatalf("%s does not become stable", u.Unit)
	return 0
}

// base is the newest stable unit of the order provider, or one that many units before it.
func (n *net) base(before int) channel.Base {
	n.Helper()
	for i := len(n.ops) - 1; i >= 0; i-- {
		j, err := n.l.Joint(n.ops[i])
		n.ok(err)
		if j.Ball == "" {
			continue
		}
		if before--; before >= 0 {
			continue
		}
		last, err := n.l.Joint(j.Unit.LastBallUnit)
		n.ok(err)
		mci, lastMCI := *j.Unit.MainChainIndex, *last.Unit.MainChainIndex
		tps := float64(mci-lastMCI+2) / float64(max(j.Unit.Timestamp-last.Unit.Timestamp, 1))
		fee := unit.MinTPSFee(n.l.Vars(), tps, 1)
		b, err := channel.On(unit.Proven{Unit: j.Unit, Ball: j.Ball, MCI: mci, Serial: true}, lastMCI, fee)
		n.ok(err)
		return b
	}
	n.Fatal("no stable unit")
	return channel.Base{}
}

func (n *net) balance(a byteball.Address) byteball.Bytes {
	n.Helper()
	b, err := n.l.Balance(a)
	n.ok(err)
	return b.Stable
}

// open opens a channel on the ledger and makes three payments, the first n.base(before).
func (n *net) open(tt channel.Terms, before int) (channel.Payer, channel.Payee) {
	n.Helper()
	f := n.fund(tt)
	buyer, _, err := channel.NewPayer(tt, buyerKey)
	n.ok(err)
	seller, _, err := channel.NewPayee(tt, sellerKey)
	n.ok(err)
	buyer, _, err = buyer.Apply(f, n.now)
	n.ok(err)
	seller, _, err = seller.Apply(f, n.now)
	n.ok(err)
	n.witness(5)
	for range 3 {
		add := channel.Payouts{tt.SellerAddress: 30_000, address(20): 700, address(21): 250, address(22): 60}
		b := n.base(before)
		next, effects, err := buyer.Apply(channel.Pay{Add: add, Base: b}, n.now)
		n.ok(err)
		buyer = next
		v := copied(n.T, sent(n.T, effects))
		seller, _, err = seller.Apply(channel.Accept{Voucher: v, Base: b, Tip: n.l.TipMCI(), Want: next.Payouts}, n.now)
		n.ok(err)
		n.witness(1)
	}
	return buyer, seller
}

// The seller closes 80 main chain units after the last voucher; the ledger takes it and everybody has what he was promised.
func TestCloseOnLedger(t *testing.T) {
	n := newNet(t)
	tt := terms()
	buyer, seller := n.open(tt, 0)
	n.witness(80)
	seller, effects, err := seller.Apply(channel.CloseNow{Reason: "test"}, n.now)
	n.ok(err)
	u := posted(t, effects)
	n.ok(n.l.Post(u, n.now))
	ev := channel.UnitStable{Unit: u, MCI: n.settle(u), Serial: true}
	if seller, _, err = seller.Apply(ev, n.now); err != nil || seller.Phase != channel.Closed {
		t.Errorf("seller: got %s, %v, want closed", seller.Phase, err)
	}
	if buyer, _, err = buyer.Apply(ev, n.now); err != nil || buyer.Phase != channel.Closed {
		t.Errorf("buyer: got %s, %v, want closed", buyer.Phase, err)
	}
	fees, err := unit.Fees(u)
	n.ok(err)
	for a, want := range map[byteball.Address]byteball.Bytes{
		tt.SellerAddress: 90_000, address(20): 2100, address(21): 750, address(22): 0, buyer.Address(): 0,
		tt.ChangeAddress: tt.Deposit - 92_850 - fees,
	} {
		if got := n.balance(a); got != want {
			t.Errorf("%s has %d, want %d", a, got, want)
		}
	}
	if err := n.l.Post(u, n.now); !errors.Is(err, byteball.Stale) {
		t.Errorf("close again: got %v, want Stale", err)
	}
}

// Another signature of the seller gives another unit that is as good.
func TestSignedAnewOnLedger(t *testing.T) {
	n := newNet(t)
	_, seller := n.open(terms(), 0)
	seller, effects, err := seller.Apply(channel.CloseNow{}, n.now)
	n.ok(err)
	first := posted(t, effects)
	seller, _, err = seller.Apply(channel.PostRefused{Err: byteball.Errorf(byteball.Invalid, "known bad")}, n.now)
	n.ok(err)
	_, effects, err = seller.Apply(channel.Tip{MCI: n.l.TipMCI()}, n.now.Add(time.Minute))
	n.ok(err)
	second := posted(t, effects)
	n.ok(n.l.Post(second, n.now))
	if err := n.l.Post(first, n.now); !errors.Is(err, byteball.Stale) || !strings.Contains(err.Error(), "non-serial") {
		t.Errorf("the first one: got %v, want a double spend", err)
	}
	n.settle(second)
}

// A parent that is 40 units old does as well, at a lower tps fee; the final voucher closes at once.
func TestOldParentOnLedger(t *testing.T) {
	n := newNet(t)
	n.witness(50)
	f := n.fund(terms())
	n.witness(45)
	buyer, _, err := channel.NewPayer(terms(), buyerKey)
	n.ok(err)
	buyer, _, err = buyer.Apply(f, n.now)
	n.ok(err)
	seller, _, err := channel.NewPayee(terms(), sellerKey)
	n.ok(err)
	seller, _, err = seller.Apply(f, n.now)
	n.ok(err)
	b := n.base(38)
	_, effects, err := buyer.Apply(channel.CloseNow{Reason: "nothing to buy", Base: b}, n.now)
	n.ok(err)
	_, effects, err = seller.Apply(channel.Accept{Voucher: sent(t, effects), Base: b, Tip: n.l.TipMCI()}, n.now)
	n.ok(err)
	u := posted(t, effects)
	n.ok(n.l.Post(u, n.now))
	n.settle(u)
	fees, err := unit.Fees(u)
	n.ok(err)
	if got, want := n.balance(terms().ChangeAddress), terms().Deposit-fees; got != want {
		t.Errorf("the buyer has %d back, want %d", got, want)
	}
}

// The ledger takes a refund exactly when its last ball is more than the age after the deposit.
func TestRefundOnLedger(t *testing.T) {
	n := newNet(t)
	tt := terms()
	tt.Age = 30
	n.witness(40)
	buyer, _ := n.open(tt, 0)
	f := buyer.Funding
	refused := 0
	for range 100 {
		b := n.base(0)
		next, effects, err := buyer.Apply(channel.Tip{MCI: n.l.TipMCI(), Base: b}, n.now)
		n.ok(err)
		if len(effects) > 0 {
			if b.LastBallMCI != f.MCI+tt.Age+1 {
				t.Errorf("refund at last ball %d, want %d", b.LastBallMCI, f.MCI+tt.Age+1)
			}
			u := posted(t, effects)
			n.ok(n.l.Post(u, n.now))
			n.settle(u)
			if refused < 5 {
				t.Errorf("%d early refunds were refused, want more", refused)
			}
			if got, want := n.balance(tt.ChangeAddress), channel.Paid(u)[tt.ChangeAddress]; got != want || next.Phase != channel.Refunding {
				t.Errorf("the buyer has %d, want %d; phase %s", got, want, next.Phase)
			}
			return
		}
		// One that pretends to be in time is refused for its definition.
		early := f
		early.MCI -= tt.Age
		if u, err := channel.Refund(tt, early, b.Anchor(n.now)); err == nil {
			n.ok(u.SignWith(buyer.Address(), "r.1.0", buyerKey))
			n.ok(u.Seal())
			if err := n.l.Post(u, n.now); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "authentifier") {
				t.Fatalf("refund at last ball %d, deposit at %d: got %v, want a refusal", b.LastBallMCI, f.MCI, err)
			}
			refused++
		}
		n.witness(1)
	}
	t.Errorf("no refund, %d units after the deposit", n.l.TipMCI()-f.MCI)
}

// After the close a refund is a double spend, and so is a close after the refund.
func TestRaceOnLedger(t *testing.T) {
	tt := terms()
	tt.Age = 30
	for _, closeFirst := range []bool{true, false} {
		n := newNet(t)
		buyer, seller := n.open(tt, 0)
		n.witness(45)
		b := n.base(0)
		_, effects, err := buyer.Apply(channel.Tip{MCI: n.l.TipMCI(), Base: b}, n.now)
		n.ok(err)
		refund := posted(t, effects)
		_, effects, err = seller.Apply(channel.CloseNow{}, n.now)
		n.ok(err)
		first, second := posted(t, effects), refund
		if !closeFirst {
			first, second = second, first
		}
		n.ok(n.l.Post(first, n.now))
		for range 6 {
			if err := n.l.Post(second, n.now); !errors.Is(err, byteball.Stale) || !strings.Contains(err.Error(), "non-serial") {
				t.Errorf("close first %v: got %v, want a double spend", closeFirst, err)
			}
			n.witness(1)
		}
	}
}

// A buyer proposes a channel key that an earlier channel with the same seller had, who has forgotten that one. The ledger knows
// the definition by now and takes no closing that shows it once more. So such an address never opens, whatever is paid to it.
func TestAnAddressIsNotUsedTwice(t *testing.T) {
	n := newNet(t)
	tt := terms()
	_, seller := n.open(tt, 0)
	_, effects, err := seller.Apply(channel.CloseNow{}, n.now)
	n.ok(err)
	first := posted(t, effects)
	n.ok(n.l.Post(first, n.now))
	before := channel.UnitStable{Unit: first, MCI: n.settle(first), Serial: true}

	tt.Deposit -= 1000
	again := n.fund(tt)
	buyer, _, err := channel.NewPayer(tt, buyerKey)
	n.ok(err)
	buyer, _, err = buyer.Apply(again, n.now)
	n.ok(err)
	n.witness(5)
	b := n.base(0)
	_, effects, err = buyer.Apply(channel.Pay{Add: channel.Payouts{tt.SellerAddress: 30_000}, Base: b}, n.now)
	n.ok(err)
	v := sent(t, effects)

	forgetful, _, err := channel.NewPayee(tt, sellerKey)
	n.ok(err)
	forgetful, _, err = forgetful.Apply(before, n.now) // the history of the address comes first
	n.ok(err)
	if forgetful.Phase != channel.Lost {
		t.Errorf("the seller is %s at an address that was closed before, want lost", forgetful.Phase)
	}
	forgetful, _, err = forgetful.Apply(again, n.now)
	if err != nil {
		return
	}
	if forgetful, _, err = forgetful.Apply(channel.Accept{Voucher: v, Base: b, Tip: n.l.TipMCI()}, n.now); err != nil {
		return
	}
	_, effects, err = forgetful.Apply(channel.CloseNow{}, n.now)
	n.ok(err)
	t.Errorf("the seller gave for a voucher; to its closing the ledger says: %v", n.l.Post(posted(t, effects), n.now))
}
