package channel_test

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// A channel that runs out has a successor: a world of its own between the same people, with the same time. What was dust in
// the first is claimed in the second. Each has the laws of any channel, and both have some together.

var quickNext = newQuickKey(3)

// all are the worlds whose time is that of w.
func (w *world) all() []*world {
	switch {
	case w.next != nil:
		return []*world{w, w.next}
	case w.before != nil:
		return []*world{w.before, w}
	}
	return []*world{w}
}

// succeed lets the two open the channel that comes after this one.
func (w *world) succeed() {
	if w.next != nil || w.before != nil || w.buyer.dead || w.seller.dead || w.buyer.side.view().Phase != channel.Open {
		return
	}
	t, err := w.dag.terms.Successor(quickNext.PublicKey(), w.dag.terms.Deposit)
	w.must(err)
	x := emptyWorld(w.Rand, t, w.dag.mci, w.trace)
	x.strict, x.direct, x.copied, x.before, w.next = w.strict, w.direct, w.copied, w, x
	x.keys, x.deposit = [2]unit.Signer{quickNext, w.keys[1]}, depositUnit(t, 8888)
	x.prices()
	x.open()
	x.buyer.evil, x.seller.evil = w.buyer.evil, w.seller.evil
}

// handOver tells each side what it knows itself: that its new channel is open, and that its old one is closed.
func (w *world) handOver() {
	if w.before != nil {
		w = w.before
	}
	if w.next == nil {
		return
	}
	to, err := w.next.dag.terms.Address()
	w.must(err)
	for i, n := range []*node{w.next.buyer, w.next.seller} {
		old := []*node{w.buyer, w.seller}[i]
		st, was := n.side.view(), old.side.view()
		if st.Phase == channel.Open && was.Phase == channel.Open && was.Next == "" {
			_, err := old.run(&w.dag, channel.Succeeded{Next: to, Base: w.base()})
			w.must(err, byteball.Transient, byteball.Stale, byteball.Funds)
		}
		if was := old.side.view(); was.Phase == channel.Closed && st.Phase <= channel.Open {
			fresh := !st.Inherited
			_, err := n.run(&w.next.dag, channel.Inherit{Old: *was}) // again and again
			w.must(err)
			if fresh && n == w.next.seller && n.side.view().Inherited {
				w.next.inherited(*was)
			}
		}
	}
}

// inherited notes what the seller holds for others when he takes over the channel before, whatever becomes of his disk.
func (w *world) inherited(old channel.State) {
	owed, held, err := old.Debts()
	w.must(err)
	total, err := owed.Total()
	w.must(err)
	w.held, w.heldFor = held, total
}

// debit is what the seller pays of v's claims: what he got for others in the channel before, at most.
func (w *world) debit(v channel.Voucher) byteball.Bytes {
	claims, err := v.Claims.Total()
	w.must(err)
	return min(claims, w.held, w.heldFor)
}

// withClaims is want with the debts of the channel before that the seller has paid up to now.
func (w *world) withClaims(want channel.Payouts) channel.Payouts {
	st := w.seller.side.view()
	if w.before == nil || len(st.Claimed) == 0 {
		return want
	}
	want, err := want.Plus(st.Claimed)
	w.must(err)
	want[sellerGets] -= w.held - st.Debt
	return want
}

// claimed is what the buyer pays on top of the batches; what stays dust may come to the seller in the end.
func (w *world) claimed() (more channel.Payouts, total byteball.Bytes) {
	total, err := w.claims.Total()
	w.must(err)
	more, err = w.claims.Plus(channel.Payouts{sellerGets: total})
	w.must(err)
	return more, total
}

// settledBoth are the laws of two channels together: nobody is paid twice, the buyer pays each batch once, the seller gives
// back of others' money what he got and no more.
func (w *world) settledBoth() {
	x := w.next
	if x == nil || w.dag.stable == nil || x.dag.stable == nil {
		return
	}
	got, err := channel.Paid(w.dag.stable).Plus(channel.Paid(x.dag.stable))
	w.must(err)
	if !w.buyer.evil && !w.buyer.revived && !x.buyer.revived {
		sum, err := w.sums[w.agreed].Plus(x.sums[x.agreed])
		w.must(err)
		for _, a := range []byteball.Address{jurorA, jurorB, fund} {
			if got[a] > sum[a] {
				w.break_("nobody is paid twice: %s gets %d of %d by two channels", a, got[a], sum[a])
			}
		}
		total, err := sum.Total()
		w.must(err)
		if spent := w.spent() + x.spent(); spent > total {
			w.break_("the buyer pays each batch once: %d of %d by two channels", spent, total)
		}
	}
	if w.honest(w.seller) && x.honest(x.seller) && !w.seller.revived && !x.seller.revived {
		if due := w.sums[w.released][sellerGets] + x.sums[x.released][sellerGets]; got[sellerGets] < due {
			w.break_("goods are paid for: the seller gets %d of %d by two channels", got[sellerGets], due)
		}
	}
}

// spent is what has left the deposit, but for fees.
func (w *world) spent() byteball.Bytes {
	fees, err := unit.Fees(w.dag.stable)
	w.must(err)
	return w.dag.terms.Deposit - channel.Paid(w.dag.stable)[changeGoes] - fees
}
