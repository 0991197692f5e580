package faults_test

import (
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// offered notes the tps fee of every voucher and counts what the seller asks for.
func (w *world) offered() (newest *byteball.Bytes, renewals *int) {
	newest, renewals = new(byteball.Bytes), new(int)
	w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
		var data []byte
		switch m := env.Body.(type) {
		case *protocol.Renew:
			*renewals++
		case *protocol.Voucher:
			data = m.Data
		case *protocol.Close:
			data = m.Data
		}
		if v, err := channel.ParseVoucher(data); err == nil {
			*newest = *v.Unit.TPSFee
		}
		return []envelope.Envelope{env}
	}
	return newest, renewals
}

// need is what gets a unit onto the chain while a node sees so many main chain units in a second.
func (w *world) need(tps float64) byteball.Bytes { return 3 * unit.CurrentTPSFee(w.vars, tps) }

// TestABuyerOffersForTheLoad: it sees the load itself, so nobody has to ask.
func TestABuyerOffersForTheLoad(t *testing.T) {
	w := market(t)
	newest, renewals := w.offered()
	w.bought(3)
	if calm, need := *newest, w.need(8); calm >= need {
		t.Fatalf("vouchers of a calm ledger offer %d bytes, the test wants less than %d", calm, need)
	}
	w.buyer.ahead, w.dealer.ahead = 6, 6
	w.run(2 * time.Second)
	asked := *renewals
	w.bought(10)
	if *newest < w.need(8) || *renewals > asked {
		w.explain()
		t.Errorf("vouchers offer %d bytes, want %d; the seller asked %d times", *newest, w.need(8), *renewals-asked)
	}
	w.settle()
}

// TestASellerAsksForADearerVoucher: it alone sees the load. Trade goes on; between vouchers, too, it gets what it asks for.
func TestASellerAsksForADearerVoucher(t *testing.T) {
	for name, losing := range map[string]bool{"": false, "some messages are lost": true} {
		t.Run(name, func(t *testing.T) {
			w := market(t)
			newest, renewals := w.offered()
			w.bought(3)
			if losing {
				w.wire.lose = 5
			}
			w.dealer.ahead = 6
			w.until("a voucher is dear enough", 20*time.Second, func() bool { return *renewals > 0 && *newest >= w.need(8) })
			w.bought(10)
			w.settle()
		})
	}
}

// TestACloseThatIsTooCheapGetsDearer: the ledger takes nothing cheap for a while, and nobody knows what it wants.
func TestACloseThatIsTooCheapGetsDearer(t *testing.T) {
	for name, begin := range map[string]func(w *world){
		"the buyer asks": func(w *world) {},
		"the seller closes by itself": func(w *world) {
			w.buyer.cut = true
			w.dealer.step(role.Stop{})
			w.until("the seller tries to close", time.Minute, func() bool { return w.dealer.heard("close refused by the ledger") })
			w.buyer.cut = false
			w.until("the channel is closed", time.Minute, func() bool { return w.only().closing != nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := market(t)
			newest, renewals := w.offered()
			w.bought(5)
			least := 3 * *newest
			if least > w.par.Reserve {
				t.Fatalf("vouchers offer %d bytes, thrice that is over the reserve", *newest)
			}
			w.ledger.fee = least
			begin(w)
			w.settle()
			if fee := *w.only().closing.TPSFee; fee < least || fee > w.par.Reserve || *renewals < 2 {
				w.explain()
				t.Errorf("closed with a tps fee of %d bytes after %d questions, want %d to %d after 2 or more", fee, *renewals, least, w.par.Reserve)
			}
		})
	}
}

// TestARenewalIsBounded: a seller that asks for more and more gets the reserve at most, and not a voucher for each question.
func TestARenewalIsBounded(t *testing.T) {
	w := market(t)
	newest, _ := w.offered()
	w.bought(3)
	id := w.only().deal.ID
	before := w.only().n
	for i := range 50 {
		env, err := envelope.Seal(w.dealer, w.rules.Market, &protocol.Renew{Deal: id, TPSFee: byteball.Bytes(1000 * (i + 1))})
		if err != nil {
			t.Fatal(err)
		}
		w.send(w.dealer, w.buyer.Identity(), env)
		w.run(20 * time.Millisecond)
	}
	if n := w.only().n - before; n > 6 {
		t.Errorf("%d vouchers were signed in a second, want only a few", n)
	}
	w.run(5 * time.Second)
	if *newest > w.par.Reserve {
		t.Errorf("a voucher offers %d bytes, %d are reserved", *newest, w.par.Reserve)
	}
	w.settle()
}

// TestTradeGoesOnAfterARenewal: the newest voucher paid for a batch whose key has come, so its renewal is answered otherwise.
func TestTradeGoesOnAfterARenewal(t *testing.T) {
	w := market(t)
	newest, _ := w.offered()
	w.until("a window is bought", time.Minute, func() bool { return len(w.buyer.got) == w.par.Batches })
	w.run(200 * time.Millisecond)
	env, err := envelope.Seal(w.dealer, w.rules.Market, &protocol.Renew{Deal: w.only().deal.ID, TPSFee: 4000})
	if err != nil {
		t.Fatal(err)
	}
	n := w.only().n
	w.send(w.dealer, w.buyer.Identity(), env)
	w.run(200 * time.Millisecond)
	if *newest != 4000 || w.only().n != n+1 {
		t.Errorf("voucher %d offers %d bytes, want voucher %d and 4000", w.only().n, *newest, n+1)
	}
	w.bought(2 * w.par.Batches)
	if len(w.dealer.refused)+len(w.buyer.refused) > 0 {
		t.Errorf("refused: %v, %v", w.dealer.refused, w.buyer.refused)
	}
	w.settle()
}

// TestTheKeyOfALatePaymentWaits: a payment for a batch comes when the seller has signed a closing without it, dear enough to
// be taken. Its key waits for the ledger, which takes either; the seller gives nothing that an older closing does not pay.
func TestTheKeyOfALatePaymentWaits(t *testing.T) {
	for name, older := range map[string]bool{"the payment is settled": false, "the older closing is settled": true} {
		t.Run(name, func(t *testing.T) {
			w := market(t)
			newest, _ := w.offered()
			w.bought(5)
			least := 3 * *newest
			var late *protocol.Voucher
			losing, keys, early := true, 0, false
			w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
				switch m := env.Body.(type) {
				case *protocol.Voucher:
					if losing && m.Index != protocol.Prepaid {
						late = m
						return nil
					}
				case *protocol.Close:
					if losing {
						return nil
					}
				case *protocol.Key:
					if late != nil && m.Window == late.Window && int(m.Index) == int(late.Index) {
						keys, early = keys+1, early || w.only().closing == nil
					}
				}
				return []envelope.Envelope{env}
			}
			w.until("a payment is lost", time.Minute, func() bool { return late != nil })
			if older {
				w.ledger.held = func(*unit.Unit) bool { return true }
				w.dealer.step(role.Stop{})
				w.until("a closing is taken", time.Minute, func() bool { return len(w.ledger.posted) > 0 })
				w.ledger.fee = least
			} else {
				w.ledger.fee = least
				w.dealer.step(role.Stop{})
			}
			w.until("the seller tries to close", time.Minute, func() bool { return w.dealer.heard("close refused by the ledger") })
			losing = false
			w.run(20 * time.Second) // the dearer voucher comes
			w.ledger.held = nil
			w.settle()
			if want := map[bool]int{true: 0, false: 1}[older]; keys != want || early || len(w.buyer.got) != 5+want {
				w.explain()
				t.Errorf("%d keys (before the closing was settled: %v), %d batches open, want %d and %d", keys, early, len(w.buyer.got), want, 5+want)
			}
		})
	}
}
