package channel_test

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

var (
	schedules = flag.Int("channel.schedules", 100_000, "schedules of the adversary; with -short a fiftieth of it")
	firstSeed = flag.Uint64("channel.first", 1, "seed of the first of these schedules, to play many in pieces")
	oneSeed   = flag.Uint64("channel.seed", 0, "play the schedule of this seed alone and say what happens")
)

// action is something that the adversary lets happen, some times in a hundred.
type action struct {
	name string
	odds int
	do   func(*world)
}

var actions = []action{
	{"pay", 22, (*world).pay},
	{"deliver", 32, (*world).post},
	{"succeed", 2, (*world).succeed},
	{"tick", 14, (*world).tick},
	{"jump", 4, (*world).jump},
	{"kill buyer", 4, func(w *world) { w.kill(w.buyer) }},
	{"kill seller", 4, func(w *world) { w.kill(w.seller) }},
	{"buyer asks", 1, func(w *world) { w.asks(w.buyer) }},
	{"seller asks", 1, func(w *world) { w.asks(w.seller) }},
	{"backup", 1, (*world).backup},
	{"refuse", 3, func(w *world) { w.dag.flaky = w.interferes() }},
	{"fees", 3, (*world).spike},
	{"archive", 3, (*world).archive},
	{"reorganise", 2, (*world).reorganise},
	{"evil", 4, (*world).mischief},
}

// play runs the schedule of a seed. Error: the law that it breaks.
func play(seed uint64, trace func(string, ...any)) (w *world, err error) {
	defer func() {
		if r := recover(); r != nil {
			law, ok := r.(broken)
			if !ok {
				panic(fmt.Sprintf("seed %d: %v", seed, r))
			}
			err = fmt.Errorf("%s", string(law))
		}
	}()
	w = newWorld(seed, trace)
	longer := false      // a channel and its successor need more time
	leaves := w.IntN(60) // when somebody is switched off for good, if ever
	for i, n := 0, 10+w.IntN(50); i < n; i++ {
		if i == leaves && w.IntN(3) == 0 {
			w.leave()
		}
		x := w
		if w.next != nil && w.IntN(3) > 0 {
			x = w.next
		}
		if x.step(); x == w && w.next != nil && !longer {
			n, longer = n+40, true
		}
	}
	trace("the adversary stops at %d", w.dag.mci)
	w.settle()
	return w, nil
}

func (w *world) step() {
	n := w.IntN(100)
	for _, a := range actions {
		if n -= a.odds; n < 0 {
			w.trace("%d %s", w.dag.mci, a.name)
			a.do(w)
			break
		}
	}
	for _, x := range w.all() {
		x.laws()
	}
}

// leave switches the buyer or the seller off.
func (w *world) leave() {
	who := w.IntN(2)
	for _, x := range w.all() {
		[]*node{x.buyer, x.seller}[who].dead = true
	}
	w.trace("buyer off %v, seller off %v", w.buyer.dead, w.seller.dead)
}

// post delivers any letter ever sent, mostly a late one.
func (w *world) post() {
	n := len(w.mail)
	if n == 0 {
		return
	}
	i := n - 1 - min(w.IntN(4), n-1)
	if w.IntN(5) == 0 {
		i = w.IntN(n)
	}
	w.trace("  %+v", w.mail[i])
	w.deliver(w.mail[i])
}

// advance lets time pass, and ends what the adversary may not go on with.
func (w *world) advance(n uint64) {
	for _, x := range w.all() {
		if x.dag.advance(n); !x.interferes() {
			x.dag.fee, x.dag.flaky = 0, false
		}
	}
}

func (w *world) tick() {
	w.advance(1 + w.Uint64N(20))
	for _, x := range w.all() {
		if x.dag.deposit == nil {
			x.dag.deposit, x.dag.paidAt = x.deposit, x.dag.mci
		}
	}
	w.hear()
}

// jump lets time pass until something is due.
func (w *world) jump() {
	st := w.buyer.side.view()
	if st.Funding.MCI == 0 {
		return
	}
	age := st.Terms.Age
	late := []uint64{age * 6 / 10, age*6/10 + 5, age - 2, age + 6, age + age/4 + 2}
	to := st.Funding.MCI + late[w.IntN(len(late))]
	for w.dag.mci < to {
		w.advance(min(20, to-w.dag.mci))
		w.hear()
		for _, x := range w.all() {
			x.laws()
		}
	}
}

func (w *world) kill(n *node) {
	if n.fuse = w.IntN(5); n.fuse == 0 && !n.dead {
		n.fuse = -1
		w.must(n.reboot(&w.dag, channel.Restarted{}))
	}
}

// backup sets a disk back, which takes a second at least: what is signed after it is told apart by the clock. An honest side
// says so.
func (w *world) backup() {
	n := w.buyer
	if w.IntN(2) == 0 {
		n = w.seller
	}
	if n.dead {
		return
	}
	w.advance(1)
	n.disk, n.revived = n.old[w.IntN(len(n.old))], true
	var how channel.Event = channel.Recovered{}
	if n.evil {
		how = channel.Restarted{}
	}
	n.fuse = -1
	w.mute = w.mute || n == w.buyer && !n.evil
	w.must(n.reboot(&w.dag, how))
	if n == w.seller {
		w.credited = channel.Payouts{}
		if st := n.side.view(); st.Newest != nil && !w.late() {
			w.credited = channel.Paid(st.Newest.Unit)
			delete(w.credited, terms().ChangeAddress)
		}
	}
	w.trace("  buyer back %v, seller back %v", w.buyer.revived, w.seller.revived)
}

// interferes reports whether the adversary may keep good units from the ledger: if he could at any time, nobody could do
// anything, so he lets a seller close in the last third of the age.
func (w *world) interferes() bool {
	at := w.seller.side.view().CloseAt()
	return !w.honest(w.seller) || at == 0 || w.dag.mci < at+40
}

func (w *world) spike() {
	w.dag.fee = 0
	if w.interferes() {
		w.dag.fee = []byteball.Bytes{0, 250, 400, 1500, 3000, 50_000}[w.IntN(6)]
	}
}

// archive throws away what is not stable; and perhaps who posted it loses his disk just then.
func (w *world) archive() {
	if !w.interferes() {
		return
	}
	posted := len(w.dag.pool) > 0
	if w.dag.archive(); posted && w.IntN(2) == 0 {
		w.trace("%d backup", w.dag.mci)
		w.backup()
	}
}

// reorganise takes an unstable unit off the chain: it may come again. The deposit too.
func (w *world) reorganise() {
	switch d := &w.dag; {
	case d.deposit != nil && !d.funded() && !d.twice:
		d.deposit = nil
	case len(d.pool) > 1:
		d.win(w.IntN(len(d.pool)))
	case w.interferes():
		d.pool = nil
	}
}

// mischief is what somebody evil does with his own key.
func (w *world) mischief() {
	switch {
	case w.buyer.evil && w.dag.deposit != nil && w.dag.mci < w.dag.paidAt+stableAfter:
		if w.advanced(); w.IntN(2) == 0 {
			w.dag.twice = true
		}
	case w.buyer.evil && w.IntN(2) == 0:
		w.forge()
	case w.buyer.evil:
		w.refund()
	case w.seller.evil:
		w.oldState()
	case w.copied && w.oldState():
		w.stolen = true
	}
}

// advanced pays for the first batch by a deposit that is not stable.
func (w *world) advanced() {
	w.sell(channel.Voucher{N: 1}, w.dag.funding(), w.sums[1])
}

// forge offers the seller a voucher that takes something back, claims a debt that nobody has, or is not signed.
func (w *world) forge() {
	st := w.buyer.side.view()
	if st.Newest == nil {
		return
	}
	pay := channel.Paid(st.Newest.Unit)
	delete(pay, changeGoes)
	victim := []byteball.Address{sellerGets, jurorA, jurorB, fund}[w.IntN(4)]
	if pay[victim] -= min(pay[victim], byteball.Bytes(1+w.IntN(5000))); w.IntN(3) == 0 {
		pay[victim] += 500
		pay[sellerGets] -= min(pay[sellerGets], 500)
	}
	v := channel.Voucher{N: st.Newest.N + uint64(w.IntN(3)), Final: w.IntN(3) == 0, Claims: st.Claimed}
	if w.before != nil && w.IntN(2) == 0 {
		v.Claims, _ = st.Claimed.Plus(channel.Payouts{victim: byteball.Bytes(w.IntN(150))})
		pay = w.sums[min(w.released+1, maxBatch)].Visible(terms().Dust)
		pay[sellerGets] -= 150
	}
	w.sell(v, st.Funding, pay)
}

// sell offers the seller v with a unit that the buyer's own side did not make.
func (w *world) sell(v channel.Voucher, f channel.Funding, pay channel.Payouts) {
	a := w.base().Anchor(at(w.dag.mci))
	a.TPSFee += terms().TPSMargin
	u, err := channel.Close(w.dag.terms, f, a, pay)
	if err != nil {
		return
	}
	key := w.keys[0]
	if w.IntN(4) == 0 {
		key = quickSeller
	}
	w.must(u.SignWith(u.Authors[0].Address, "r.0.0", key))
	v.Unit = u
	w.offer(v)
}

// refund brings the ledger a refund, if need be one that is too early; by a peer if it takes it from no client.
func (w *world) refund() {
	if !w.dag.funded() {
		return
	}
	f, b := w.dag.funding(), w.base()
	early := b.LastBallMCI <= f.MCI+terms().Age
	a := b.Anchor(at(w.dag.mci))
	a.TPSFee, a.LastBallMCI, f.MCI = 500, 1<<20, 1
	u, err := channel.Refund(w.dag.terms, f, a)
	w.must(err)
	// Not one that was archived: see oldState.
	w.must(u.SignWith(u.Authors[0].Address, "r.1.0", another{w.keys[0], uint32(100 + len(w.dag.gone))}))
	w.must(u.Seal())
	if w.IntN(2) == 0 {
		w.dag.push(u)
	} else if err := w.dag.post(u); err == nil && early {
		w.break_("the ledger takes a refund at last ball %d", b.LastBallMCI)
	}
	if early && w.dag.known(u.Unit) {
		w.break_("the ledger takes a refund at last ball %d", b.LastBallMCI)
	}
}

// oldState signs any voucher that the seller ever had and brings it to the ledger, if there is one.
func (w *world) oldState() bool {
	if len(w.mail) == 0 {
		return false
	}
	v := w.mail[w.IntN(len(w.mail))].voucher
	if v == nil {
		return false
	}
	u := *v.Unit
	u.Authors = []unit.Author{u.Authors[0]}
	u.Authors[0].Authentifiers = map[string]string{"r.0.0": v.Unit.Authors[0].Authentifiers["r.0.0"], "r.0.1": unit.PlaceholderSig}
	// Not one that was archived: it would stick and block the address, until whom it harms finds a hub that does not have it.
	w.must(u.SignWith(u.Authors[0].Address, "r.0.1", another{w.keys[1], uint32(100 + len(w.dag.gone))}))
	w.must(u.Seal())
	if w.IntN(2) == 0 {
		w.dag.push(&u)
	} else if err := w.dag.post(&u); err != nil {
		w.trace("  %v", err)
	}
	return true
}

// Laws: nobody is below his bound, payees are monotone, no party is paid twice, sums are conserved, one number one voucher,
// everything settles.
func TestNobodyLosesMoney(t *testing.T) {
	if *oneSeed != 0 {
		if _, err := play(*oneSeed, t.Logf); err != nil {
			t.Fatalf("seed %d: law: %v", *oneSeed, err)
		}
		return
	}
	n := *schedules
	if testing.Short() {
		n /= 50
	}
	var next, done atomic.Uint64
	var failed atomic.Bool
	var ends [channel.Lost + 1]atomic.Uint64
	var followed, both, claims atomic.Uint64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !failed.Load() {
				i := next.Add(1) - 1
				if i >= uint64(n) {
					return
				}
				seed := *firstSeed + i
				w, err := play(seed, func(string, ...any) {})
				done.Add(1)
				if err != nil {
					failed.Store(true)
					t.Errorf("schedule of seed %d, number %d: law: %v\nreproduce it: go test ./byteball/channel -run TestNobodyLosesMoney -v -channel.seed=%d", seed, done.Load(), err, seed)
					return
				}
				ends[w.buyer.side.view().Phase].Add(1)
				if x := w.next; x != nil {
					followed.Add(1)
					if x.dag.stable != nil && w.dag.stable != nil {
						both.Add(1)
					}
					if len(x.buyer.side.view().Claimed) > 0 {
						claims.Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	for p := range ends {
		t.Logf("the buyer's end: %s %d times", channel.Phase(p), ends[p].Load())
	}
	t.Logf("%d schedules, %d with a successor, in %d of them both were settled, %d claimed dust", done.Load(), followed.Load(), both.Load(), claims.Load())
}
