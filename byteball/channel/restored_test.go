package channel_test

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// counter is a key that counts what it signs.
type counter struct {
	*unit.Key
	signed *int
}

func (c counter) Sign(h [32]byte) ([64]byte, error) { *c.signed++; return c.Key.Sign(h) }
func (c counter) SignAgain(h [32]byte, n uint32) ([64]byte, error) {
	*c.signed++
	return c.Key.SignAgain(h, n)
}

// After Recovered the buyer signs nothing, whatever he is told, until the refund a quarter of the age after its time.
func TestRecoveredBuyerSignsNothing(t *testing.T) {
	signed := 0
	backup := onDisk(func() []channel.Effect {
		_, e := must(t)(payerOpened(t).Apply(channel.Pay{Base: base(30)}, at(32)))
		return e
	}())
	p, err := channel.RestorePayer(backup, counter{buyerKey, &signed})
	if err != nil {
		t.Fatal(err)
	}
	p, effects := must(t)(p.Apply(channel.Recovered{}, at(50)))
	if got := names(effects); got != "Save Watch Send Ask" || p.Phase != channel.Closing {
		t.Errorf("recovered: %s, %s", p.Phase, got)
	}
	for _, ev := range everyEvent(t) {
		if tip, ok := ev.(channel.Tip); ok && tip.MCI > 700 {
			continue
		}
		_, _, _ = p.Apply(ev, at(50))
		if signed > 0 {
			t.Fatalf("%T makes him sign", ev)
		}
	}
	if _, _, err := p.Apply(channel.Pay{Base: base(50)}, at(50)); kindOf(err) != byteball.Stale {
		t.Errorf("pay: got %v, want Stale", err)
	}
	for _, c := range []struct {
		lastBall uint64
		phase    channel.Phase
	}{{fundedAt + 601, channel.Closing}, {fundedAt + 750, channel.Closing}, {fundedAt + 751, channel.Refunding}} {
		next, _ := must(t)(p.Apply(channel.Tip{MCI: c.lastBall + 3, Base: base(c.lastBall + 3)}, at(c.lastBall+3)))
		if next.Phase != c.phase {
			t.Errorf("last ball %d: got %s, want %s", c.lastBall, next.Phase, c.phase)
		}
	}
	again, err := channel.RestorePayer(onDisk(effects), buyerKey)
	if err != nil || !again.Restored {
		t.Errorf("after a restart: %+v, %v", again.State, err)
	}
	if _, effects = must(t)(again.Apply(channel.Restarted{}, at(60))); names(effects) != "Watch Ask" {
		t.Errorf("restart: %s", names(effects))
	}
}

func payerOpened(tb testing.TB) channel.Payer { p, _ := opened(tb); return p }

// What the seller hands back is what the lost disk had signed, and only that.
func TestHeldVoucherIsTakenOver(t *testing.T) {
	old := payerOpened(t)
	_, effects := must(t)(old.Apply(channel.Pay{Add: channel.Payouts{address(21): 700, address(22): 50}, Base: base(33)}, at(34)))
	lost := sent(t, effects)
	p, _ := must(t)(old.Apply(channel.Recovered{}, at(50)))
	got, effects := must(t)(p.Apply(channel.Held{Voucher: lost}, at(51)))
	if got.Newest.N != lost.N || got.Payouts[address(21)] != 700 || names(effects) != "Save" {
		t.Errorf("got voucher %d, %v, %s", got.Newest.N, got.Payouts, names(effects))
	}
	forged := copied(t, lost)
	payment(forged).Outputs[0].Amount++
	if _, _, err := p.Apply(channel.Held{Voucher: forged}, at(51)); kindOf(err) != byteball.Invalid {
		t.Errorf("forged: got %v, want Invalid", err)
	}
	first := *old.Newest
	first.N = 99
	if same, effects := must(t)(got.Apply(channel.Held{Voucher: first}, at(52))); same.Newest.N != lost.N || len(effects) > 0 {
		t.Errorf("an old voucher with a new number was taken over")
	}
	if same, effects := must(t)(old.Apply(channel.Held{Voucher: lost}, at(51))); same.Newest.N != 1 || len(effects) > 0 {
		t.Errorf("taken over without need")
	}
}

// A recovered seller waits for the best voucher that others hold, and does not race his own lost closing.
func TestRecoveredSellerClosesWithTheBest(t *testing.T) {
	buyer, backup := opened(t)
	_, effects := must(t)(buyer.Apply(channel.Pay{Add: channel.Payouts{terms().SellerAddress: 5000}, Base: base(33)}, at(34)))
	newest := sent(t, effects)
	apply := func(p channel.Payee, ev channel.Event, mci uint64) (channel.Payee, string) {
		t.Helper()
		next, effects, err := p.Apply(ev, at(mci))
		if err != nil {
			t.Fatal(err)
		}
		return next, names(effects)
	}
	p, got := apply(backup, channel.Recovered{}, 200)
	if got != "Save Watch Ask" {
		t.Errorf("recovered: %s", got)
	}
	p, _ = apply(p, channel.Tip{MCI: 200}, 200)
	lostClose := *closeUnit(t)
	lostClose.Unit = hash(4242)
	if next, got := apply(p, channel.UnitSeen{Unit: &lostClose}, 201); next.Phase != channel.Open || got != "Save" {
		t.Errorf("his own lost closing: %s, %s", next.Phase, got)
	}
	if next, got := apply(p, channel.UnitSeen{Unit: refundUnit(t)}, 201); next.Phase != channel.Closing || got != "Save Post" {
		t.Errorf("a refund: %s, %s", next.Phase, got)
	}
	p, _ = apply(p, accept(newest, base(33), 250), 250) // its parent is long older than a fresh voucher's may be
	if p.Newest.N != 2 || p.Phase != channel.Open {
		t.Fatalf("holds voucher %d, %s", p.Newest.N, p.Phase)
	}
	if p, got = apply(p, channel.Tip{MCI: 299}, 299); p.Phase != channel.Open {
		t.Errorf("closes too soon: %s", got)
	}
	if p, got = apply(p, channel.Tip{MCI: 300}, 300); p.Phase != channel.Closing || got != "Save Post" || channel.Paid(p.Own)[terms().SellerAddress] != 14_000 {
		t.Errorf("closes: %s, %s", p.Phase, got)
	}
}

// Two restores within one second, as by a clock that went back, and still no second unit is the first one: a ledger that has
// archived that would take it and build nothing on it.
func TestRestoredSellerSignsAnotherUnitEachTime(t *testing.T) {
	_, backup := opened(t)
	closing := func(p channel.Payee, mci uint64) (channel.Payee, byteball.Hash) {
		t.Helper()
		p, _, err := p.Apply(channel.Recovered{}, at(83))
		if err != nil {
			t.Fatal(err)
		}
		p, effects, err := p.Apply(channel.CloseNow{Reason: "asked"}, at(mci))
		if err != nil {
			t.Fatal(err)
		}
		return p, posted(t, effects).Unit
	}
	once, first := closing(backup, 83)
	if _, second := closing(backup, 84); second == first {
		t.Errorf("two lives of one backup post %s", first)
	}
	if _, effects, err := once.Apply(channel.Tip{MCI: 90}, at(90)); err != nil || posted(t, effects).Unit == first {
		t.Errorf("%s is posted again, %v", first, err)
	}
}

// Laws: whoever is restored from whatever backup, the buyer pays no more than he ever signed, the seller gets at least what
// his backup knows, and both ends come to Closed or Refunded.
func TestAnyBackupSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world2{t: t, mci: 30}
		w.begin()
		for range rapid.IntRange(0, 6).Draw(t, "payments") {
			w.mci += 3
			w.pay(rapid.Bool().Draw(t, "arrives"))
		}
		if rapid.Bool().Draw(t, "seller has closed") && w.seller.Newest != nil {
			next, effects, err := w.seller.Apply(channel.CloseNow{}, at(w.mci))
			w.sellerDid(next, effects, err)
			if rapid.Bool().Draw(t, "and it was lost") {
				w.pool = nil
			}
		}
		who := rapid.IntRange(1, 3).Draw(t, "who is restored")
		talk := rapid.Bool().Draw(t, "they talk")
		if who&1 != 0 {
			w.restoreBuyer(rapid.SampledFrom(w.buyerDisks).Draw(t, "buyer's backup"))
		}
		least := channel.Payouts{}
		if who&2 != 0 {
			w.restoreSeller(rapid.SampledFrom(w.sellerDisks).Draw(t, "seller's backup"))
		}
		if w.seller.Newest != nil {
			maps.Copy(least, w.seller.Payouts.Visible(terms().Dust))
		}
		for w.mci < 1200 && w.stable == nil {
			w.mci += 10
			w.tick(talk)
		}
		w.tick(talk)
		if !w.buyer.Phase.Over() || !w.seller.Phase.Over() {
			t.Fatalf("buyer %s, seller %s at %d", w.buyer.Phase, w.seller.Phase, w.mci)
		}
		paid := channel.Paid(w.stable)
		for a, n := range paid {
			if a != terms().ChangeAddress && n > w.signed[a] {
				t.Fatalf("%s gets %d, the buyer signed %d", a, n, w.signed[a])
			}
		}
		for a, n := range least {
			if paid[a] < n {
				t.Fatalf("%s gets %d, the seller could have %d", a, paid[a], n)
			}
		}
	})
}

// world2 is a small world without an adversary: one ledger that takes the first unit, two sides, their disks.
type world2 struct {
	t                       *rapid.T
	mci                     uint64
	buyer                   channel.Payer
	seller                  channel.Payee
	buyerDisks, sellerDisks [][]byte
	signed                  channel.Payouts
	pool, stable            *unit.Unit
	final                   []channel.Voucher // on its way to the seller
	asked                   bool              // the seller is asked to close
}

func (w *world2) begin() {
	w.signed = channel.Payouts{}
	p, effects, err := channel.NewPayer(terms(), buyerKey)
	w.buyerDid(p, effects, err)
	s, effects, err := channel.NewPayee(terms(), sellerKey)
	w.sellerDid(s, effects, err)
	p, effects, err = p.Apply(funded(), at(25))
	w.buyerDid(p, effects, err)
	s, effects, err = s.Apply(funded(), at(25))
	w.sellerDid(s, effects, err)
}

func (w *world2) buyerDid(p channel.Payer, effects []channel.Effect, err error) {
	fine(w.t, err)
	w.buyer = p
	for _, e := range effects {
		switch e := e.(type) {
		case channel.Save:
			w.buyerDisks = append(w.buyerDisks, e.Value)
		case channel.Send:
			w.final = append(w.final, e.Voucher)
			for a, n := range channel.Paid(e.Voucher.Unit) {
				w.signed[a] = max(w.signed[a], n)
			}
		case channel.Ask:
			w.asked = true
		case channel.Post:
			w.post(e.Unit)
		}
	}
}

func (w *world2) sellerDid(p channel.Payee, effects []channel.Effect, err error) {
	fine(w.t, err)
	w.seller = p
	for _, e := range effects {
		switch e := e.(type) {
		case channel.Save:
			w.sellerDisks = append(w.sellerDisks, e.Value)
		case channel.Post:
			w.post(e.Unit)
		}
	}
}

func (w *world2) post(u *unit.Unit) {
	if w.pool == nil && w.stable == nil {
		w.pool = u
	}
}

func (w *world2) pay(arrives bool) {
	add := channel.Payouts{terms().SellerAddress: byteball.Bytes(rapid.IntRange(1, 9000).Draw(w.t, "to the seller")), address(20): 150}
	p, effects, err := w.buyer.Apply(channel.Pay{Add: add, Base: base(w.mci - 3)}, at(w.mci))
	w.buyerDid(p, effects, err)
	if arrives {
		s, effects, err := w.seller.Apply(accept(*w.buyer.Newest, base(w.mci-3), w.mci), at(w.mci))
		w.sellerDid(s, effects, err)
	}
	w.final = nil
}

func (w *world2) restoreBuyer(disk []byte) {
	p, err := channel.RestorePayer(disk, buyerKey)
	fine(w.t, err)
	p, effects, err := p.Apply(channel.Recovered{}, at(w.mci))
	w.buyerDid(p, effects, err)
}

func (w *world2) restoreSeller(disk []byte) {
	p, err := channel.RestorePayee(disk, sellerKey)
	fine(w.t, err)
	p, effects, err := p.Apply(channel.Recovered{}, at(w.mci))
	w.sellerDid(p, effects, err)
}

// tick lets both hear of the chain and, if they talk, of each other.
func (w *world2) tick(talk bool) {
	var events []channel.Event
	if w.buyer.Phase == channel.Opening || w.seller.Phase == channel.Opening {
		events = append(events, funded())
	}
	if w.pool != nil {
		events = append(events, channel.UnitSeen{Unit: w.pool})
	}
	events = append(events, channel.Tip{MCI: w.mci, Base: base(w.mci - 3)})
	if w.stable != nil {
		events = append(events, channel.UnitStable{Unit: w.stable, MCI: w.mci, Serial: true})
	}
	for _, ev := range events {
		p, effects, err := w.buyer.Apply(ev, at(w.mci))
		w.buyerDid(p, effects, err)
		s, effects, err := w.seller.Apply(ev, at(w.mci))
		w.sellerDid(s, effects, err)
	}
	if talk {
		w.talk()
	}
	if w.pool != nil {
		w.stable, w.pool = w.pool, nil
	}
}

// talk delivers what was asked and sent. Refusals are normal here: one side may know more than the other.
func (w *world2) talk() {
	for _, v := range w.final {
		var parent uint64
		for hash(parent) != v.Unit.ParentUnits[0] {
			parent++
		}
		if s, effects, err := w.seller.Apply(accept(v, base(parent), w.mci), at(w.mci)); err == nil {
			w.sellerDid(s, effects, nil)
		}
	}
	w.final = nil
	if w.seller.Newest != nil {
		if p, effects, err := w.buyer.Apply(channel.Held{Voucher: *w.seller.Newest}, at(w.mci)); err == nil {
			w.buyerDid(p, effects, nil)
		}
	}
	if w.asked && !w.seller.Restored {
		if s, effects, err := w.seller.Apply(channel.CloseNow{Reason: "asked"}, at(w.mci)); err == nil {
			w.sellerDid(s, effects, nil)
		}
	}
}

func fine(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}
