package deal_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/price"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
)

// TestFeeSumsExactly: whoever is paid, first buyer or further one, the parts make F to the byte, and nobody gets 0.
func TestFeeSumsExactly(t *testing.T) {
	juries := map[int]int{1: 1, 3: 3, 5: 5, 7: 7}
	rapid.Check(t, func(t *rapid.T) {
		k := juries[rapid.SampledFrom([]int{1, 3, 5, 7}).Draw(t, "members")]
		d := deal.Deal{Match: &protocol.Match{Further: rapid.Bool().Draw(t, "further")}, Offer: &protocol.Offer{}}
		d.Offer.Price = byteball.Bytes(rapid.Uint64Range(1, uint64(protocol.MaxPrice)).Draw(t, "price"))
		c := jury(k)
		if rapid.Bool().Draw(t, "one payee has all seats") {
			for _, m := range c.Members {
				m.Payee = c.Members[0].Payee
			}
		}
		pay := d.Fee(rules, c)
		total, err := pay.Total()
		if want := price.Fee(&rules.Manifest.Params, d.Offer.Price, k); err != nil || total != want {
			t.Fatalf("the parts make %d, %v, want %d", total, err, want)
		}
		for a, n := range pay {
			if n == 0 {
				t.Fatalf("%s stands there for nothing", a)
			}
		}
		if pay[rules.Fund] == 0 || pay[c.Members[0].Payee] == 0 {
			t.Fatalf("fund %d, first member %d", pay[rules.Fund], pay[c.Members[0].Payee])
		}
	})
}

// stamp is one of the offered class.
func stamp(integrity uint16) *protocol.Stamp {
	return &protocol.Stamp{I: integrity, C: 1000, T: 1000, A: 1000, B: 3000, Class: protocol.Class{Prop: prop, Unit: "Cel", Cell: cell, Period: 250, Accuracy: "0.1"}}
}

// TestBatchGrowsWithItsFactors: the price of a batch is a pure function of match and stamp and never falls with integrity or
// reputation; nothing is sold under the least integrity or with a hard code.
func TestBatchGrowsWithItsFactors(t *testing.T) {
	d := open(t)
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Uint16Range(0, 1000).Draw(t, "lower integrity")
		hi := rapid.Uint16Range(lo, 1000).Draw(t, "higher integrity")
		a, b := stamp(lo), stamp(hi)
		a.A = rapid.Uint32Range(1000, 50_000).Draw(t, "good")
		b.A = rapid.Uint32Range(a.A, 60_000).Draw(t, "better")
		low, sold := d.Batch(rules, a)
		high, soldToo := d.Batch(rules, b)
		if sold != (lo >= 500) || soldToo != (hi >= 500) {
			t.Fatalf("integrity %d sold %t, %d sold %t", lo, sold, hi, soldToo)
		}
		better := reputation.Of(a).Rep() <= reputation.Of(b).Rep() // more good windows can round to one ‰ less
		if low > high && better || high > d.Offer.Price {
			t.Fatalf("%d for integrity %d, %d for %d, the price is %d", low, lo, high, hi, d.Offer.Price)
		}
		if again, _ := d.Batch(rules, b); again != high {
			t.Fatalf("%d, and %d the second time", high, again)
		}
	})
	bad := stamp(0)
	bad.Hard = []uint8{5}
	if n, sold := d.Batch(rules, bad); sold || n != 0 {
		t.Errorf("a window with a hard code costs %d", n)
	}
}

func TestBatchFollowsTheStampedClass(t *testing.T) {
	d := open(t)
	full, _ := d.Batch(rules, stamp(900))
	for what, change := range map[string]func(c *protocol.Class){
		"slower":       func(c *protocol.Class) { c.Period = 4000 },
		"less exact":   func(c *protocol.Class) { c.Accuracy = "0.2" },
		"further away": func(c *protocol.Class) { c.Cell = "u33d8" },
	} {
		s := stamp(900)
		change(&s.Class)
		if n, sold := d.Batch(rules, s); !sold || n >= full {
			t.Errorf("%s: %d, sold %t; as offered it is %d", what, n, sold, full)
		}
	}
	for what, change := range map[string]func(c *protocol.Class){
		"another property": func(c *protocol.Class) { c.Prop, c.Unit = "pm10", "ug/m3" },
		"another country":  func(c *protocol.Class) { c.Cell = "9q8yy" },
		"no cell at all":   func(c *protocol.Class) { c.Cell = "" },
		"no accuracy":      func(c *protocol.Class) { c.Accuracy = "?" },
		"no period":        func(c *protocol.Class) { c.Period = 0 },
	} {
		s := stamp(900)
		change(&s.Class)
		if n, sold := d.Batch(rules, s); sold {
			t.Errorf("%s: sold for %d", what, n)
		}
	}
}

// TestDepositCoversTheWorstCase: a channel with that deposit takes all fees and all batches of n windows at full price, each
// promised in a voucher of its own, whatever the committees of its epochs are.
func TestDepositCoversTheWorstCase(t *testing.T) {
	p := &rules.Manifest.Params
	rapid.Check(t, func(t *rapid.T) {
		o := offer()
		o.Price = byteball.Bytes(rapid.Uint64Range(1, uint64(protocol.MaxPrice)).Draw(t, "price"))
		n := rapid.Uint32Range(1, 72).Draw(t, "windows")
		deposit, err := deal.Deposit(rules, o, n)
		if err != nil || deposit < p.MinDeposit {
			t.Fatalf("deposit %d, %v", deposit, err)
		}
		m := match()
		m.Offer, m.Deposit = seal(seller, o), deposit
		d, err := deal.Open(rules, m)
		if err != nil {
			t.Fatal(err)
		}
		owed := channel.Payouts{d.PayTo: o.Price * byteball.Bytes(n) * byteball.Bytes(p.Batches)}
		for w := range n {
			c := jury(p.Members)
			for i, member := range c.Members { // a committee of strangers in each epoch
				member.Payee = strangers[(int(w)/p.EpochWindows*8+i)%len(strangers)]
			}
			if owed, err = owed.Plus(d.Fee(rules, c)); err != nil {
				t.Fatal(err)
			}
		}
		tps := p.Reserve // the most that a voucher may spend on it
		a := unit.Anchor{Parents: []byteball.Hash{hashOf(1)}, LastBall: hashOf(2), LastBallUnit: hashOf(3), Timestamp: t0, TPSFee: tps}
		if _, err := channel.Close(d.Terms, channel.Funding{Out: unit.OutPoint{Unit: hashOf(4)}}, a, owed); err != nil {
			t.Fatalf("%d windows at %d with %d payees: %v", n, o.Price, len(owed), err)
		}
	})
}

// strangers are as many payees as 12 epochs have.
var strangers = func() (list []byteball.Address) {
	for i := range 96 {
		list = append(list, newPerson(byte(120+i)).address)
	}
	return list
}()

// TestCap: half the deposit or the windows of the credit, and never less than one window in a channel made by Deposit.
func TestCap(t *testing.T) {
	p := &rules.Manifest.Params
	for _, c := range []struct{ price, deposit, want byteball.Bytes }{
		{36_000, 3_000_000, 1_500_000}, {36_000, 100_000_000, 120 * 5 * 36_000}, {1, 3_000_000, 600},
	} {
		o := offer()
		o.Price = c.price
		d := deal.Deal{Match: &protocol.Match{Deposit: c.deposit}, Offer: o}
		if got := d.Cap(rules); got != c.want {
			t.Errorf("price %d, deposit %d: cap %d, want %d", c.price, c.deposit, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		o := offer()
		o.Price = byteball.Bytes(rapid.Uint64Range(1, uint64(protocol.MaxPrice)).Draw(t, "price"))
		deposit, err := deal.Deposit(rules, o, rapid.Uint32Range(0, 100).Draw(t, "windows"))
		d := deal.Deal{Match: &protocol.Match{Deposit: deposit}, Offer: o}
		if err != nil || d.Cap(rules) < d.Window(rules) || d.Cap(rules) > deposit/2 || d.Window(rules) != o.Price*byteball.Bytes(p.Batches) {
			t.Fatalf("deposit %d, %v: cap %d, a window costs %d", deposit, err, d.Cap(rules), d.Window(rules))
		}
	})
}

func TestDepositOverflow(t *testing.T) {
	o := offer()
	o.Price = byteball.MaxBytes
	if n, err := deal.Deposit(rules, o, 100_000); err == nil {
		t.Errorf("a deposit of %d", n)
	}
}

func TestCarriedStaysInTheEpoch(t *testing.T) {
	for _, tt := range []struct {
		paid, w uint64
		want    bool
	}{{6, 7, true}, {6, 11, true}, {6, 12, false}, {7, 7, false}, {7, 6, false}, {5, 6, false}, {0, 5, true}} {
		if got := deal.Carried(rules, tt.paid, tt.w); got != tt.want {
			t.Errorf("the fee of window %d serves %d: %t, want %t", tt.paid, tt.w, got, tt.want)
		}
	}
}

func TestVerdictComesAfterAllDeadlines(t *testing.T) {
	p := rules.Manifest.Params
	end := time.Unix(t0, 0).Add(4 * p.Window())
	if got := deal.Verdict(rules, 3).Sub(end); got < p.Receipt+p.Commit+p.Reveal+time.Second {
		t.Errorf("the verdict on a window is final %v after its end", got)
	}
}
