package channel_test

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// laws hold after every step.
func (w *world) laws() {
	w.sellerActs()
	if w.dag.stable == nil {
		return
	}
	got := channel.Paid(w.dag.stable)
	w.must(conserved(w.dag.stable))
	if !w.buyer.evil {
		w.buyerIsSafe(got)
	}
	if w.honest(w.seller) {
		for a, n := range w.credited {
			if got[a] < n {
				w.break_("goods are paid for: %s gets %d of %d", a, got[a], n)
			}
		}
	}
	for i := range w.jurors {
		w.jurorIsSafe(&w.jurors[i], got)
	}
}

// sellerActs: once he sees that somebody else spends the deposit, he closes with what he has.
func (w *world) sellerActs() {
	n, st := w.seller, w.seller.side.view()
	if n.dead || st.Phase != channel.Open || st.Newest == nil || st.Restored {
		return
	}
	for _, e := range w.dag.pool {
		if slices.Contains(n.seen, e.u.Unit) {
			w.break_("the seller sees %s spend the deposit and looks on", e.u.Unit)
		}
	}
}

// buyerIsSafe: he pays what he signed and no more, and of that at most one batch and one window's fee for nothing.
func (w *world) buyerIsSafe(got channel.Payouts) {
	t := terms()
	sum := w.sums[w.agreed]
	total, err := sum.Total()
	w.must(err)
	most := final(sum)
	more, claims := w.claimed()
	for a, n := range got {
		if a != t.ChangeAddress && n > max(sum[a], most[a])+more[a] {
			w.break_("the buyer pays what he signed: %s gets %d of %d", a, n, sum[a])
		}
	}
	fees, err := unit.Fees(w.dag.stable)
	w.must(err)
	tps := *w.dag.stable.TPSFee
	if tps > max(t.Reserve, leastFee+t.TPSMargin) || fees-tps > feeBound {
		w.break_("fees of %d, %d of them tps fee", fees, tps)
	}
	if spent := t.Deposit - got[t.ChangeAddress] - fees; spent > total+claims {
		w.break_("no party is paid twice: %d leave the deposit, %d were promised", spent, total)
	}
	if w.agreed > w.got+1 {
		w.break_("the buyer has paid for %d batches and has %d", w.agreed, w.got)
	}
}

// jurorIsSafe: a validator loses at most his windows; with an honest seller at most dust, and one window if the buyer's
// voucher never reached the seller.
func (w *world) jurorIsSafe(j *juror, got channel.Payouts) {
	due := byteball.Bytes(j.stamped) * j.fee
	if due <= got[j.address] {
		return
	}
	lost := due - got[j.address]
	switch {
	case lost > windows*j.fee:
		w.break_("validator %s loses %d", j.address, lost)
	case w.honest(w.seller) && !w.buyer.evil && !w.seller.revived && lost > terms().Dust+j.fee:
		w.break_("validator %s loses %d with an honest seller", j.address, lost)
	}
}

// settle lets time pass without an adversary and checks that every living side comes to the end.
func (w *world) settle() {
	for _, x := range w.all() {
		x.quiet, x.buyer.fuse, x.seller.fuse = true, -1, -1
		x.dag.fee, x.dag.flaky, x.read = 0, w.IntN(2) == 0, len(x.mail)
	}
	for range 250 {
		w.advance(7)
		w.hear()
		settled := true
		for _, x := range w.all() {
			for ; x.read < len(x.mail); x.read++ {
				x.deliver(x.mail[x.read])
			}
			x.laws()
			settled = x.settled() && settled
		}
		if settled {
			w.settledBoth()
			return
		}
	}
	for _, x := range w.all() {
		if !x.settled() {
			w.break_("everything settles: buyer %s, seller %s, pool %d at %d", x.buyer.side.view().Phase, x.seller.side.view().Phase, len(x.dag.pool), x.dag.mci)
		}
	}
}

// settled reports whether everybody alive is at the end.
func (w *world) settled() bool {
	if w.dag.deposit != nil && w.dag.stable == nil && !w.dag.twice {
		return w.buyer.dead && (w.seller.dead || w.seller.side.view().Newest == nil) // nobody can
	}
	for _, n := range []*node{w.buyer, w.seller} {
		p := n.side.view().Phase
		if !n.dead && !p.Over() && w.dag.deposit != nil && !(w.dag.twice && p == channel.Opening) {
			return false
		}
	}
	if w.dag.twice && (w.released > 0 || w.jurors[0].stamped+w.jurors[1].stamped > 0) {
		w.break_("goods and stamps for a deposit that never was")
	}
	return true
}
