package channel_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// world is one channel with an adversary between its sides. He drops, repeats and reorders vouchers, kills either side at
// any effect, delays what they hear of the chain, has good units refused or thrown away, raises fees for a while, and
// tries a refund before its time, and sets the buyer's disk back.
type world struct {
	chain    chain
	buyer    *node
	seller   *node
	wire     []channel.Voucher // everything ever sent
	promised channel.Payouts   // the most the buyer has signed away, final or not
	credited channel.Payouts   // what the seller has acknowledged, and given goods for
	quiet    bool              // the adversary has had his time
	backup   bool              // the buyer's disk was set back, so he may sign a number twice
}

const maxLag = 60 // main chain units that a living side may be behind

func newWorld(t *rapid.T) *world {
	w := &world{chain: chain{mci: fundedAt + stableAfter, bad: map[byteball.Hash]bool{}}, promised: channel.Payouts{}, credited: channel.Payouts{}}
	p, effects, err := channel.NewPayer(terms(), buyerKey)
	check1(t, err)
	w.buyer = &node{side: payer{p}, fuse: -1, sent: w.send}
	for _, e := range effects {
		check1(t, w.buyer.do(&w.chain, e))
	}
	s, effects, err := channel.NewPayee(terms(), sellerKey)
	check1(t, err)
	w.seller = &node{side: payee{s}, fuse: -1}
	for _, e := range effects {
		check1(t, w.seller.do(&w.chain, e))
	}
	return w
}

func check1(t *rapid.T, err error) {
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func (w *world) send(v channel.Voucher) {
	w.wire = append(w.wire, v)
	for a, n := range channel.Paid(v.Unit) {
		if a != terms().ChangeAddress {
			w.promised[a] = max(w.promised[a], n)
		}
	}
}

// allowed lets the errors pass that an honest side may meet.
func allowed(t *rapid.T, err error, kinds ...error) {
	for _, k := range kinds {
		if errors.Is(err, k) {
			return
		}
	}
	check1(t, err)
}

func (w *world) pay(t *rapid.T) {
	add := channel.Payouts{}
	for range rapid.IntRange(0, 4).Draw(t, "payees") {
		add[address(byte(rapid.IntRange(10, 16).Draw(t, "payee")))] += byteball.Bytes(rapid.SampledFrom([]int{1, 60, 199, 200, 5000, 300_000}).Draw(t, "amount"))
	}
	delete(add, terms().ChangeAddress)
	_, err := w.buyer.run(&w.chain, channel.Pay{Add: add, Base: w.base()})
	allowed(t, err, byteball.Stale, byteball.Funds, byteball.Transient)
}

func (w *world) base() channel.Base { return base(w.chain.mci - stableAfter) }

// deliver hands any voucher ever sent to the seller. What he acknowledges he has given goods for.
func (w *world) deliver(t *rapid.T) {
	if len(w.wire) == 0 {
		return
	}
	i := len(w.wire) - 1
	if rapid.IntRange(0, 3).Draw(t, "old") == 0 {
		i = rapid.IntRange(0, i).Draw(t, "voucher")
	}
	v := w.wire[i]
	var parent uint64
	for hash(parent) != v.Unit.ParentUnits[0] {
		parent++
	}
	done, err := w.seller.run(&w.chain, channel.Accept{Voucher: v, Base: base(parent), Tip: w.chain.mci})
	if w.backup {
		allowed(t, err, byteball.Stale, byteball.Invalid)
	} else {
		allowed(t, err, byteball.Stale)
	}
	if err == nil && done {
		w.credit(t, v)
	}
}

func (w *world) credit(t *rapid.T, v channel.Voucher) {
	got, err := channel.Read(terms(), funding(), v)
	check1(t, err)
	for a, n := range w.credited {
		if got[a] < n {
			t.Fatalf("law: payees are monotone: %s falls from %d to %d", a, n, got[a])
		}
	}
	w.credited = got
}

func (w *world) tick(t *rapid.T) {
	step := uint64(7)
	if !w.quiet {
		step = rapid.Uint64Range(1, 20).Draw(t, "units")
	}
	w.chain.advance(step)
	for _, n := range []*node{w.buyer, w.seller} {
		if w.chain.mci-n.tip > maxLag || w.quiet || rapid.Bool().Draw(t, "hears") {
			allowed(t, n.hear(&w.chain))
			allowed(t, n.look(&w.chain))
		}
	}
}

// early posts a refund before its time, signed by the buyer: the definition stops it.
func (w *world) early(t *rapid.T) {
	f := funding()
	f.MCI = 1
	tt := terms()
	b := w.base()
	if b.LastBallMCI > fundedAt+tt.Age {
		return
	}
	a := b.Anchor(at(w.chain.mci))
	a.LastBallMCI = 1 << 20
	u, err := channel.Refund(tt, f, a)
	check1(t, err)
	check1(t, u.SignWith(u.Authors[0].Address, "r.1.0", buyerKey))
	check1(t, u.Seal())
	if err := w.chain.post(u); err == nil {
		t.Fatalf("the ledger took a refund at last ball %d", b.LastBallMCI)
	}
}

func (w *world) actions() map[string]func(*rapid.T) {
	kill := func(n *node) func(*rapid.T) {
		return func(t *rapid.T) {
			if n.fuse = rapid.IntRange(0, 3).Draw(t, "fuse"); n.fuse == 0 && !n.dead {
				n.fuse = -1
				check1(t, n.reboot(&w.chain))
			}
		}
	}
	ask := func(n *node) func(*rapid.T) {
		return func(t *rapid.T) {
			if rapid.IntRange(0, 5).Draw(t, "really") == 0 {
				_, err := n.run(&w.chain, channel.CloseNow{Reason: "test", Base: w.base()})
				allowed(t, err, byteball.NotFound, byteball.Stale)
			}
		}
	}
	return map[string]func(*rapid.T){
		"pay": w.pay, "pay 2": w.pay, "deliver": w.deliver, "deliver 2": w.deliver, "tick": w.tick, "early": w.early,
		"kill buyer": kill(w.buyer), "kill seller": kill(w.seller), "buyer asks": ask(w.buyer), "seller closes": ask(w.seller),
		"buyer's backup": func(t *rapid.T) {
			if rapid.IntRange(0, 9).Draw(t, "really") == 0 && !w.buyer.dead {
				w.buyer.disk, w.backup = rapid.SampledFrom(w.buyer.old).Draw(t, "disk"), true
				check1(t, w.buyer.reboot(&w.chain))
			}
		},
		"refuse": func(*rapid.T) { w.chain.flaky = true },
		"fees":   func(t *rapid.T) { w.chain.tpsFee = rapid.SampledFrom([]byteball.Bytes{0, 400, 3000}).Draw(t, "fee") },
		"archive": func(t *rapid.T) {
			if w.chain.pool == nil {
				return
			}
			w.chain.archive()
			for _, n := range []*node{w.buyer, w.seller} {
				_, err := n.run(&w.chain, channel.SerialConflict{})
				check1(t, err)
			}
		},
		"": w.laws,
	}
}

// laws hold after every step.
func (w *world) laws(t *rapid.T) {
	for _, u := range []*unit.Unit{w.chain.pool, w.chain.stable, w.buyer.side.view().Own, w.seller.side.view().Own} {
		if u != nil {
			if err := conserved(u); err != nil {
				t.Fatalf("law: deposit = payouts + change + fees: %v", err)
			}
		}
	}
	if w.chain.stable == nil {
		return
	}
	got := channel.Paid(w.chain.stable)
	for a, n := range got {
		if a != terms().ChangeAddress && n > w.promised[a] {
			t.Fatalf("law: the buyer pays what he signed: %s gets %d of %d", a, n, w.promised[a])
		}
	}
	if w.seller.dead {
		return // a seller that stays away loses what is unsettled
	}
	for a, n := range w.credited {
		if got[a] < n {
			t.Fatalf("law: goods are paid for: %s gets %d of %d", a, got[a], n)
		}
	}
}

// settle lets time pass without an adversary and checks that every living side comes to the end.
func (w *world) settle(t *rapid.T) {
	w.quiet = true
	w.chain.tpsFee, w.chain.flaky = 0, rapid.Bool().Draw(t, "one more refusal")
	w.buyer.fuse, w.seller.fuse = -1, -1
	for range 200 {
		w.tick(t)
		w.laws(t)
	}
	if w.chain.stable == nil && !(w.buyer.dead && (w.seller.dead || w.seller.side.view().Newest == nil)) {
		t.Fatalf("law: everything settles: buyer %s, seller %s at %d", w.buyer.side.view().Phase, w.seller.side.view().Phase, w.chain.mci)
	}
	for name, n := range map[string]*node{"buyer": w.buyer, "seller": w.seller} {
		if w.chain.stable != nil && !n.dead && !n.side.view().Phase.Over() {
			t.Fatalf("law: everybody sees the end: the %s is %s", name, n.side.view().Phase)
		}
	}
}

// Laws: nobody is below his bound, payees are monotone, sums are conserved, everything settles.
func TestNobodyLosesMoney(t *testing.T) {
	ends := map[channel.Phase]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		actions := w.actions()
		switch rapid.IntRange(0, 5).Draw(t, "who stays away") {
		case 0:
			actions["buyer goes"] = func(*rapid.T) { w.buyer.dead = true }
		case 1:
			actions["seller goes"] = func(*rapid.T) { w.seller.dead = true }
		}
		t.Repeat(actions)
		w.settle(t)
		ends[w.buyer.side.view().Phase]++
	})
	t.Logf("the buyer's ends: %v", ends)
}
