package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/unit"
)

// watcher starts the watch of a folder as a process of its own.
func (d *trade) watcher(s *stage, name, market string) *process {
	d.Helper()
	return s.start("watch of "+name, "wallet", "watch", "--once", "--dir", d.folder(name), "--market", market)
}

// cut is a power cut.
func (p *process) cut() {
	p.signal(os.Kill)
	p.ended()
}

// finish waits for the end of a watch and wants it to have said words.
func (d *trade) finish(p *process, words ...string) {
	d.Helper()
	if err := p.ended(); err != nil {
		d.Fatalf("%s: %v\n%s", p.name, err, p.tail())
	}
	wants(d.T, p.text(), words...)
}

// final is how a side of the channel stands on disk.
func (d *trade) final(name string, side keeper.Side) channel.State {
	d.Helper()
	r := d.rig(name)
	defer r.Close()
	k, err := keepChannels(r.store, r.keys, os.Stderr)
	d.ok(err)
	st, err := k.State(keeper.ID{Side: side, Address: d.addr})
	d.ok(err)
	return st
}

// TestWatchAloneClosesUnderLoad: the seller is gone for good, and fees are high when its watch closes. The ledger refuses,
// the watch loses its power, and another one goes on until the close is final, long before the buyer may take a refund.
func TestWatchAloneClosesUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const age = 7000 // a stranger's units take indexes, too
	s := newProgram(t, "")
	d := newTrade(t, age, loaded)
	d.chain.hurry(t, age*6/10)
	d.chain.busy.Store(throng)
	for range 2 {
		w := d.watcher(s, "seller", d.market)
		w.wait("the ledger did not take its unit")
		wants(t, w.text(), "tps fee on address")
		w.cut()
	}
	last := d.watcher(s, "seller", d.market)
	last.wait("the ledger did not take its unit")
	d.chain.busy.Store(0)
	d.finish(last, "closed")
	st := d.final("seller", keeper.Seller)
	at, err := d.chain.Joint(st.Settled.Unit)
	d.ok(err)
	if mci := *at.Unit.MainChainIndex; mci > st.RefundAfter() {
		t.Errorf("closed at main chain index %d, the buyer could have taken a refund from %d on", mci, st.RefundAfter())
	}
	if got := d.has("seller"); got != d.paid {
		t.Errorf("the seller has %d, want %d", got, d.paid)
	}
}

// TestWatchAloneRefundsUnderLoad: the seller never closes, and fees are high when the buyer's watch takes the deposit back.
// The refund offers what the ledger asks for, also after a power cut.
func TestWatchAloneRefundsUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const age = 300
	s := newProgram(t, "")
	d := newTrade(t, age, loaded)
	d.chain.busy.Store(throng)
	d.chain.hurry(t, age+10)
	w := d.watcher(s, "buyer", d.market)
	w.wait("refunding")
	w.cut()
	d.finish(d.watcher(s, "buyer", d.market), "refunded")
	st := d.final("buyer", keeper.Buyer)
	if fee, calm := *st.Settled.TPSFee, *st.Newest.Unit.TPSFee; fee <= calm || fee > d.terms.Reserve {
		t.Errorf("the refund offers a tps fee of %d bytes, want more than %d and no more than the reserve, %d", fee, calm, d.terms.Reserve)
	}
	if got, least := d.has("buyer"), d.before+d.terms.Deposit-d.terms.Reserve-1_000; got < least {
		t.Errorf("the buyer has %d, want %d at least", got, least)
	}
}

// TestWatchAloneSignsAnew: a hub takes the close and loses it, as after a double spend that is purged, and the watch loses
// its power. Another one finds the unit gone, signs anew, and closes.
func TestWatchAloneSignsAnew(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const age = 3000
	s := newProgram(t, "")
	d := newTrade(t, age, calm)
	d.chain.hurry(t, age*6/10)
	lossy := newLossyHub(t, d.chain.url)
	market := d.through(lossy)
	lossy.lose.Store(1)
	w := d.watcher(s, "seller", market)
	gone := <-lossy.lost
	w.cut()
	d.finish(d.watcher(s, "seller", market), "signed anew, time 1", "closed")
	st := d.final("seller", keeper.Seller)
	if st.Settled.Unit == gone || st.Nonce < 1 {
		t.Errorf("settled by %s after %d new signatures; %s was lost", st.Settled.Unit, st.Nonce, gone)
	}
	if got := d.has("seller"); got != d.paid {
		t.Errorf("the seller has %d, want %d", got, d.paid)
	}
}

// TestWatchAlonePostsALostDeposit: the buyer's node pays the deposit, a hub takes it and loses it, and the node is gone for good.
// Its watch posts the deposit again, and takes it back after the age. No money is left in between.
func TestWatchAlonePostsALostDeposit(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const age = 50
	s := newProgram(t, "")
	d := newDeal(t, calm)
	lossy := newLossyHub(t, d.chain.url)
	market := d.market
	d.market = d.through(lossy)
	b, other := d.rig("buyer"), d.rig("seller")
	d.agree(b, other, age)
	d.before = d.settled(b)
	lossy.lose.Store(1)
	u, err := b.wallet.Pay(t.Context(), "deposit", []unit.Output{{Address: d.addr, Amount: d.terms.Deposit}}, nil)
	d.ok(err)
	b.Close()
	other.Close()
	if gone := <-lossy.lost; gone != u.Unit {
		t.Fatalf("%s was lost, want the deposit %s", gone, u.Unit)
	}
	if _, err := d.chain.Joint(u.Unit); !errors.Is(err, byteball.NotFound) {
		t.Fatalf("the ledger has the deposit: %v", err)
	}
	d.market = market
	d.finish(d.watcher(s, "buyer", market), "open", "refunding: the deposit is older than the age", "refunded")
	if st := d.final("buyer", keeper.Buyer); st.Funding.Out.Unit != u.Unit {
		t.Errorf("the deposit came by unit %s, want %s", st.Funding.Out.Unit, u.Unit)
	}
	if got := d.has("buyer"); got < d.before-3_000 {
		t.Errorf("the buyer has %d, want %d less the fees of a deposit and a refund", got, d.before)
	}
}

// through writes the market's manifest with another hub.
func (d *trade) through(h *lossyHub) string {
	d.Helper()
	text, err := os.ReadFile(d.market)
	d.ok(err)
	path := d.folder("lossy.yaml")
	d.ok(os.WriteFile(path, []byte(strings.ReplaceAll(string(text), d.chain.url, h.url)), 0o600))
	return path
}
