package channel_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// world is one channel of a buyer, a seller and two validators, with an adversary between them. He drops, delays, repeats
// and reorders messages, kills either side at any effect, delays what they hear of the ledger, has good units refused or
// thrown away, reorganises, raises fees, sets disks back; and he may have the keys of the buyer or of the seller, and then
// double-spends the deposit, tries refunds, signs what he likes and posts old states.
type world struct {
	*rand.Rand
	dag           dag
	buyer, seller *node
	jurors        [2]juror
	keys          [2]unit.Signer
	mail          []letter
	read          int  // how many of mail were delivered, when there is no adversary
	strict        bool // the seller says what he wants
	direct        bool // the validators get vouchers from the buyer, not from the seller
	copied        bool // somebody has a copy of the honest seller's disk and key
	stolen        bool // he has posted from it: the seller may lose money now, but must not look on
	quiet         bool // the adversary has had his time

	agreed   int             // batches that the buyer has signed for, at most
	got      int             // batches whose keys he has
	released int             // batches whose keys the seller has given
	credited channel.Payouts // what the seller has acknowledged
	sums     []channel.Payouts
	signed   map[uint64][32]byte            // what the buyer has signed, by number of voucher
	claims   channel.Payouts                // all debts of the channel before that he has signed for
	mute     bool                           // the buyer was restored: he signs nothing new
	contents []content                      // what the seller has posted
	shown    map[*unit.Unit]channel.Payouts // what the validators have read
	trace    func(string, ...any)

	deposit       *unit.Unit     // what the buyer will pay
	before, next  *world         // the channel that this one succeeds, and the one that succeeds it: see succession
	held, heldFor byteball.Bytes // what the seller got for others in the channel before, and what they are owed of it
}

// content is a closing whatever its second signature.
type content struct {
	hash [32]byte
	unit byteball.Hash // the last one posted
	pay  channel.Payouts
}

// juror is a validator. He relies on Read: he stamps a window when a voucher pays for it, or owes him dust.
type juror struct {
	address byteball.Address
	fee     byteball.Bytes
	stamped int
}

// letter is a message to one of the four.
type letter struct {
	to      string
	voucher *channel.Voucher
	tpsFee  byteball.Bytes
	key     int // of a batch
	ask     bool
}

// broken is a law that does not hold.
type broken string

func (w *world) break_(format string, args ...any) { panic(broken(fmt.Sprintf(format, args...))) }

// must stops at errors that an honest side never meets.
func (w *world) must(err error, unless ...error) {
	for _, kind := range unless {
		if errors.Is(err, kind) {
			return
		}
	}
	if err != nil {
		w.break_("an honest side meets: %v", err)
	}
}

const (
	maxLag    = 60   // main chain units that a living side may be behind
	windows   = 6    // that a validator stamps for one seller without having money on the ledger (24 in MECHANISM 6)
	feeBound  = 1600 // of a closing or refund, but for the tps fee
	maxBatch  = 64
	creditCap = 1_000_000 // the seller closes at half the deposit
)

func (w *world) honest(n *node) bool { return !n.evil && !n.dead && !(n == w.seller && w.stolen) }

func newWorld(seed uint64, trace func(string, ...any)) *world {
	w := emptyWorld(rand.New(rand.NewPCG(seed, 0xb17eba11)), terms(), fundedAt-5, trace)
	w.strict, w.direct, w.copied = w.IntN(4) > 0, w.IntN(2) == 0, w.IntN(8) == 0
	w.keys = [2]unit.Signer{quickBuyer, quickSeller}
	if w.IntN(16) == 0 {
		w.keys = [2]unit.Signer{buyerKey, sellerKey}
	}
	w.deposit = deposited
	w.prices()
	w.open()
	switch w.IntN(6) {
	case 0:
		w.buyer.evil = true
	case 1:
		w.seller.evil = true
	}
	return w
}

func emptyWorld(r *rand.Rand, t channel.Terms, mci uint64, trace func(string, ...any)) *world {
	return &world{Rand: r, trace: trace, credited: channel.Payouts{}, signed: map[uint64][32]byte{}, shown: map[*unit.Unit]channel.Payouts{},
		jurors: [2]juror{{address: jurorA, fee: 60}, {address: jurorB, fee: 130}},
		dag: dag{terms: t, mci: mci, bad: map[byteball.Hash]bool{}, gone: map[byteball.Hash]bool{}, answers: map[byteball.Hash]error{},
			judged: map[byteball.Hash]error{}, trace: trace}}
}

// prices draws what the batches cost.
func (w *world) prices() {
	w.sums = append(w.sums, channel.Payouts{})
	for k := range maxBatch {
		price := byteball.Bytes(2_000 + w.IntN(20_000))
		if w.IntN(8) == 0 {
			price = 400_000
		}
		sum, err := w.sums[k].Plus(channel.Payouts{sellerGets: price, jurorA: 60, jurorB: 130, fund: 9})
		w.must(err)
		w.sums = append(w.sums, sum)
	}
}

func (w *world) open() {
	b, buying, err := channel.NewPayer(w.dag.terms, w.keys[0])
	w.must(err)
	s, selling, err := channel.NewPayee(w.dag.terms, w.keys[1])
	w.must(err)
	w.buyer = &node{side: payer{b, w.keys[0]}, fuse: -1, out: w.fromBuyer, watch: w.buyerPosts}
	w.seller = &node{side: payee{s, w.keys[1]}, fuse: -1, out: w.fromSeller, watch: w.sellerPosts}
	for _, e := range buying {
		w.must(w.buyer.do(&w.dag, e))
	}
	for _, e := range selling {
		w.must(w.seller.do(&w.dag, e))
	}
}

// fromBuyer takes what the buyer sends.
func (w *world) fromBuyer(e channel.Effect) {
	switch e := e.(type) {
	case channel.Send:
		w.buyerSigned(e.Voucher)
		w.mail = append(w.mail, letter{to: "seller", voucher: &e.Voucher})
		if w.direct {
			w.mail = append(w.mail, letter{to: "validators", voucher: &e.Voucher})
		}
	case channel.Ask:
		w.mail = append(w.mail, letter{to: "seller", ask: true})
	}
}

// buyerSigned checks that an honest buyer signs one thing under one number, and nothing after his disk was set back.
func (w *world) buyerSigned(v channel.Voucher) {
	if w.buyer.evil {
		return
	}
	h, err := v.Unit.HashToSign()
	w.must(err)
	before, ok := w.signed[v.N]
	switch {
	case ok && before != h:
		w.break_("the buyer signs two vouchers with the number %d", v.N)
	case !ok && w.mute:
		w.break_("the buyer's disk was set back, and he signs voucher %d", v.N)
	}
	w.signed[v.N] = h
	if w.mute {
		return // it is an old one
	}
	w.claims = v.Claims
}

func (w *world) fromSeller(e channel.Effect) {
	switch e := e.(type) {
	case channel.Ask:
		w.mail = append(w.mail, letter{to: "buyer", ask: true})
	case channel.Renew:
		w.mail = append(w.mail, letter{to: "buyer", tpsFee: e.TPSFee})
	}
}

func (w *world) buyerPosts(u *unit.Unit) {
	w.must(conserved(u))
}

// sellerPosts checks that an honest seller posts one closing only; another one, with a higher fee, if the ledger did not
// take the one before.
func (w *world) sellerPosts(u *unit.Unit) {
	w.must(conserved(u))
	h, err := u.HashToSign()
	w.must(err)
	pay := channel.Paid(u)
	delete(pay, terms().ChangeAddress)
	if n := len(w.contents); n > 0 && w.honest(w.seller) && !w.seller.revived {
		last := &w.contents[n-1]
		if last.hash == h {
			last.unit = u.Unit
			return
		}
		if slices.ContainsFunc(w.contents, func(c content) bool { return c.hash == h }) {
			w.break_("the seller goes back to an older closing")
		}
		for a, amount := range last.pay {
			if pay[a] < amount {
				w.break_("the seller's second closing pays %d to %s, the first %d", pay[a], a, amount)
			}
		}
		if !errors.Is(w.dag.answers[last.unit], byteball.Transient) {
			w.break_("the seller posts a second closing while the first may be taken: %v", w.dag.answers[last.unit])
		}
	}
	w.contents = append(w.contents, content{h, u.Unit, pay})
}

// deliver gives a letter to whom it is for.
func (w *world) deliver(l letter) {
	switch {
	case l.to == "validators":
		w.show(*l.voucher)
	case l.to == "seller" && l.voucher != nil:
		w.offer(*l.voucher)
	case l.to == "seller":
		w.asked()
	case l.key > 0:
		if l.key == w.got+1 && !w.buyer.dead {
			w.got = l.key
		}
	case l.voucher != nil:
		_, err := w.buyer.run(&w.dag, channel.Held{Voucher: *l.voucher})
		w.must(err, byteball.Transient)
	case l.ask:
		w.asks(w.buyer)
	default:
		_, err := w.buyer.run(&w.dag, channel.Pay{Base: w.base(), TPSFee: l.tpsFee})
		w.must(err, byteball.Stale, byteball.Transient, byteball.Funds)
		w.askAgain(l.tpsFee)
	}
}

// askAgain renews the final voucher too, once the buyer has asked for the close.
func (w *world) askAgain(fee byteball.Bytes) {
	st := w.buyer.side.view()
	if st.Phase == channel.Closing && st.Newest != nil && st.Newest.Final {
		_, err := w.buyer.run(&w.dag, channel.CloseNow{Base: w.base(), TPSFee: fee, Reason: st.Reason})
		w.must(err, byteball.Stale, byteball.Funds)
	}
}

// show lets the validators read a voucher.
func (w *world) show(v channel.Voucher) {
	if w.dag.deposit == nil {
		return
	}
	pay, ok := w.shown[v.Unit]
	if !ok {
		var err error
		if pay, err = channel.Read(w.dag.terms, w.dag.funding(), v); err != nil {
			return
		}
		w.shown[v.Unit] = pay
	}
	for i := range w.jurors {
		j := &w.jurors[i]
		for j.stamped < windows && w.dag.funded() {
			due := byteball.Bytes(j.stamped+1) * j.fee
			if due >= terms().Dust && pay[j.address] < due+v.Claims[j.address] { // what pays an old debt pays no new one
				break
			}
			j.stamped++
		}
	}
}

// want is what the seller must have been promised if v is right, and for how many batches. What v claims the seller pays as
// far as he holds it; of that a buyer whose old channel was restored pays what he does not know of.
func (w *world) want(v channel.Voucher) (channel.Payouts, int) {
	last := min(w.released+1, maxBatch)
	pays := channel.Paid(v.Unit)[sellerGets]
	for k := w.released; k <= last; k++ {
		sum, err := w.sums[k].Plus(v.Claims)
		w.must(err)
		for _, most := range []byteball.Bytes{sum.Visible(terms().Dust)[sellerGets], final(sum)[sellerGets]} {
			if pays <= most && most-pays <= w.debit(v) {
				return w.sums[k], k
			}
		}
	}
	return w.sums[last], last
}

func final(p channel.Payouts) channel.Payouts {
	f, err := p.Final(terms().SellerAddress, terms().Dust)
	if err != nil {
		panic(err)
	}
	return f.Visible(terms().Dust)
}

// offer hands a voucher to the seller. When he has acknowledged it, he gives the key of what it pays for.
func (w *world) offer(v channel.Voucher) {
	if w.seller.dead {
		return
	}
	parent := indexOf(v.Unit.ParentUnits[0])
	if parent > w.dag.mci {
		return
	}
	ev := channel.Accept{Voucher: v, Base: base(parent), Tip: w.dag.mci}
	closing := w.seller.side.view().Phase == channel.Closing
	want, k := w.want(v)
	if w.strict && !w.seller.revived {
		ev.Want = w.withClaims(want)
	}
	done, err := w.seller.run(&w.dag, ev)
	if err != nil || !done {
		w.mayRefuse(err)
		return
	}
	got := channel.Paid(v.Unit)
	if due := want.Visible(terms().Dust)[sellerGets]; ev.Want != nil && got[sellerGets]+w.debit(v) < due {
		w.break_("the seller takes %d where %d are due", got[sellerGets], due)
	}
	delete(got, changeGoes)
	if w.monotone(got); !closing { // nothing is given for what comes then
		w.credit(got, k, v)
	}
}

// mayRefuse checks that the seller refuses as wrong only what an honest buyer did not sign.
func (w *world) mayRefuse(err error) {
	if err == nil || errors.Is(err, byteball.Stale) || errors.Is(err, byteball.Transient) || w.buyer.evil || w.seller.revived {
		return
	}
	if b := w.before; b != nil && (b.seller.revived || b.seller.evil || b.stolen) {
		return // he does not know what of his money is others': his disk was lost, or his key closed behind his back
	}
	w.must(err)
}

func (w *world) monotone(got channel.Payouts) {
	for a, n := range w.credited {
		if got[a] < n {
			w.break_("payees are monotone: %s falls from %d to %d", a, n, got[a])
		}
	}
}

func (w *world) credit(got channel.Payouts, k int, v channel.Voucher) {
	if w.seller.revived && w.late() {
		return // he gave nothing for it
	}
	w.credited = got
	if st := w.seller.side.view(); k > w.released && got[terms().SellerAddress]+w.debit(v) >= w.sums[k][terms().SellerAddress] && !st.Restored {
		if !w.dag.funded() {
			w.break_("batch %d leaves before the deposit is stable", k)
		}
		w.released = k
	}
	if w.released > 0 {
		w.mail = append(w.mail, letter{to: "buyer", key: w.released})
	}
	w.mail = append(w.mail, letter{to: "validators", voucher: &v})
	if w.credited[terms().SellerAddress] >= creditCap {
		w.asks(w.seller)
	}
}

// late reports whether a voucher that comes now may be too late to be closed with.
func (w *world) late() bool {
	return w.dag.mci >= w.seller.side.view().CloseAt() || len(w.dag.pool) > 0 || w.dag.stable != nil
}

// asked answers a buyer who wants the close: he gets the newest voucher.
func (w *world) asked() {
	if st := w.seller.side.view(); st.Newest != nil && !w.seller.dead {
		w.mail = append(w.mail, letter{to: "buyer", voucher: st.Newest})
	}
	w.asks(w.seller)
}

// asks lets n ask for the close.
func (w *world) asks(n *node) {
	_, err := n.run(&w.dag, channel.CloseNow{Reason: "test", Base: w.base()})
	w.must(err, byteball.NotFound, byteball.Stale, byteball.Transient, byteball.Funds)
}

func (w *world) base() channel.Base { return base(w.dag.mci - stableAfter) }

// pay lets the buyer pay for the next batch, if he has the key of the one before.
func (w *world) pay() {
	st := w.buyer.side.view()
	k := w.batchOf(st.Payouts)
	if w.buyer.dead || st.Phase != channel.Open || k >= maxBatch || k > w.got && !w.buyer.evil {
		return
	}
	add := channel.Payouts{}
	for a, n := range w.sums[k+1] {
		add[a] = n - w.sums[k][a]
	}
	_, err := w.buyer.run(&w.dag, channel.Pay{Add: add, Base: w.base()})
	w.must(err, byteball.Stale, byteball.Funds, byteball.Transient)
	w.agreed = max(w.agreed, w.batchOf(w.buyer.side.view().Payouts))
}

// batchOf returns how many batches p pays for.
func (w *world) batchOf(p channel.Payouts) int {
	k, _ := slices.BinarySearchFunc(w.sums, p[terms().SellerAddress], func(s channel.Payouts, n byteball.Bytes) int {
		return int(s[terms().SellerAddress]) - int(n)
	})
	return k
}

// hear lets the living sides hear of the ledger; all of them must, some time.
func (w *world) hear() {
	for _, x := range w.all() {
		for _, n := range []*node{x.buyer, x.seller} {
			if x.dag.mci-n.tip > maxLag-20 || x.quiet || w.IntN(2) == 0 {
				x.must(n.hear(&x.dag, w.IntN(4) == 0))
				x.must(n.look(&x.dag))
			}
		}
	}
	w.handOver()
}
