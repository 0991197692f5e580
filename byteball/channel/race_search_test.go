package channel_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The race of close, refund and double spend, searched through: the real sides, two vouchers and a final one, and time
// in the steps that matter. From each state every move is tried that a state still allows, until there is no new state.

// moments are the main chain indexes at which something can happen.
var moments = []uint64{
	40,                             // vouchers pass
	fundedAt + 359, fundedAt + 360, // 0.6 of the age: the adversary's last moment
	fundedAt + 420, fundedAt + 480, // time for the seller's close
	fundedAt + 606, fundedAt + 607, // last ball at the age, and one after it
	fundedAt + 757,                                                  // a quarter of the age later
	fundedAt + 820, fundedAt + 880, fundedAt + 940, fundedAt + 1000, // nobody interferes
}

const (
	lastTrick = 2 // index in moments
	ageAt     = 5
	quietFrom = 7
)

// spot is a state of everything. It is a value: play and the tricks change a copy.
type spot struct {
	sides [2]applier // buyer and seller
	disks [2][]byte
	heard [2]bool // at this moment
	dag   dag
	wire  []channel.Voucher
	now   int // index in moments
	left  tricks
}

// tricks is what the adversary may still do: each once, and so many in all.
type tricks struct {
	crash, refuse, archive, spike, race bool
	all                                 int8
}

// use reports whether a trick is left, and takes it.
func (t *tricks) use(one *bool) bool {
	if !*one || t.all == 0 {
		return false
	}
	*one, t.all = false, t.all-1
	return true
}

// key tells states apart. A side is its disk and what it has in memory only.
func (x *spot) key() [32]byte {
	h := sha256.New()
	fmt.Fprint(h, x.now, x.heard, x.left, x.dag.fee, x.dag.flaky, len(x.wire))
	for _, e := range x.dag.pool {
		fmt.Fprint(h, e.u.Unit, e.since, e.stuck, e.bad)
	}
	for _, u := range x.dag.lost {
		fmt.Fprint(h, "lost", u.Unit)
	}
	if x.dag.stable != nil {
		fmt.Fprint(h, "stable", x.dag.stable.Unit)
	}
	for _, set := range []map[byteball.Hash]bool{x.dag.bad, x.dag.gone} {
		fmt.Fprint(h, slices.Sorted(maps.Keys(set)))
	}
	for i, s := range x.sides {
		v := reflect.ValueOf(s.view()).Elem()
		fmt.Fprint(h, x.disks[i], v.FieldByName("Tip"), v.FieldByName("posted"), v.FieldByName("tries"), v.FieldByName("cheap"), v.FieldByName("load"))
	}
	return [32]byte(h.Sum(nil))
}

// fork is x with a ledger of its own.
func (x *spot) fork() *spot {
	y := *x
	y.dag.bad, y.dag.gone, y.dag.answers = maps.Clone(x.dag.bad), maps.Clone(x.dag.gone), map[byteball.Hash]error{}
	y.dag.pool, y.dag.lost, y.wire = slices.Clone(x.dag.pool), slices.Clip(x.dag.lost), slices.Clip(x.wire)
	return &y
}

// play applies ev and runs the effects, but for those from cut on: then the side is killed.
func (x *spot) play(side int, ev channel.Event, cut int) (effects int) {
	next, list, err := x.sides[side].apply(ev, x.dag.mci)
	if err != nil {
		for _, kind := range []error{byteball.Stale, byteball.Transient, byteball.Funds, byteball.NotFound} {
			if errors.Is(err, kind) {
				return 0
			}
		}
		panic(broken(fmt.Sprintf("an honest side meets: %v", err)))
	}
	x.sides[side] = next
	for i, e := range list {
		if i == cut {
			x.reboot(side)
			break
		}
		switch e := e.(type) {
		case channel.Save:
			x.disks[side] = e.Value
		case channel.Send:
			if !slices.ContainsFunc(x.wire, func(v channel.Voucher) bool { return v.N == e.Voucher.N }) {
				x.wire = append(x.wire, e.Voucher)
			}
		case channel.Post:
			if err := x.dag.post(e.Unit); err != nil {
				x.play(side, channel.PostRefused{Err: err}, -1)
			}
		case channel.Watch:
			x.look(side)
		}
	}
	return len(list)
}

func (x *spot) reboot(side int) {
	s, err := x.sides[side].restore(x.disks[side])
	if err != nil {
		panic(broken(err.Error()))
	}
	x.sides[side] = s
	x.play(side, channel.Restarted{}, -1)
}

// look shows a side what the ledger has.
func (x *spot) look(side int) {
	for _, e := range x.dag.pool {
		x.play(side, channel.UnitSeen{Unit: e.u}, -1)
		if own := x.sides[side].view().Own; e.bad && own != nil && own.Unit == e.u.Unit {
			x.play(side, channel.SerialConflict{}, -1)
		}
	}
	for _, u := range x.dag.lost {
		x.play(side, channel.UnitStable{Unit: u, MCI: x.dag.mci}, -1)
	}
	if x.dag.stable != nil {
		x.play(side, channel.UnitStable{Unit: x.dag.stable, MCI: x.dag.mci, Serial: true}, -1)
	}
}

func (x *spot) base() channel.Base { return base(x.dag.mci - stableAfter) }

// moves returns every state that may come next.
func (x *spot) moves() (next []*spot) {
	try := func(side int, ev channel.Event, then func(*spot)) {
		for cut := -1; ; {
			y := x.fork()
			if cut > 0 && !y.left.use(&y.left.crash) {
				return
			}
			n := y.play(side, ev, cut)
			if then != nil {
				then(y)
			}
			next = append(next, y)
			if cut = max(cut, 0) + 1; cut >= n || x.now >= quietFrom {
				return // killed before the first effect is killed before the event
			}
		}
	}
	for side := range x.sides {
		if !x.heard[side] && (x.now < quietFrom || side == 0 || x.heard[0]) {
			try(side, channel.Tip{MCI: x.dag.mci, Base: x.base(), Fee: x.dag.fee}, func(y *spot) { y.heard[side] = true; y.look(side) })
		}
		if y := x.fork(); x.now < quietFrom && y.left.use(&y.left.crash) {
			y.reboot(side)
			next = append(next, y)
		}
	}
	if x.now <= lastTrick {
		x.people(try)
	}
	next = append(next, x.adversary()...)
	if y := x.later(); y != nil {
		next = append(next, y)
	}
	return next
}

// people are the moves that buyer and seller wish for.
func (x *spot) people(try func(int, channel.Event, func(*spot))) {
	if x.now == 0 && len(x.wire) < 2 {
		add := channel.Payouts{sellerGets: 5000, jurorA: 150}
		try(0, channel.Pay{Add: add, Base: x.base()}, nil)
	}
	if x.now == 0 && len(x.wire) > 0 && x.sides[0].view().Phase == channel.Open {
		try(0, channel.CloseNow{Reason: "test", Base: x.base()}, nil)
	}
	if st := x.sides[1].view(); st.Phase == channel.Open && st.Newest != nil && x.now == 0 {
		try(1, channel.CloseNow{Reason: "test"}, nil)
	}
	for _, v := range x.wire {
		try(1, channel.Accept{Voucher: v, Base: base(indexOf(v.Unit.ParentUnits[0])), Tip: x.dag.mci}, nil)
	}
}

// adversary are the tricks that are left. At the age he has a refund of the buyer's, which comes by a peer.
func (x *spot) adversary() (next []*spot) {
	early := x.now <= lastTrick
	for _, trick := range []struct {
		may  bool
		take func(*tricks) bool
		do   func(*dag)
	}{
		{early, func(t *tricks) bool { return t.use(&t.refuse) }, func(d *dag) { d.flaky = true }},
		{early && len(x.dag.pool) > 0, func(t *tricks) bool { return t.use(&t.archive) }, (*dag).archive},
		{early, func(t *tricks) bool { return t.use(&t.spike) }, func(d *dag) { d.fee = 1000 }},
		{x.dag.fee > 0, func(*tricks) bool { return true }, func(d *dag) { d.fee = 0 }},
		{x.now == ageAt || x.now == ageAt+1, func(t *tricks) bool { return t.use(&t.race) }, func(d *dag) { d.push(x.refund()); d.wrong = nil }},
	} {
		if !trick.may {
			continue
		}
		if y := x.fork(); trick.take(&y.left) {
			trick.do(&y.dag)
			next = append(next, y)
		}
	}
	return next
}

// refund is one that the buyer signs apart from his side of the channel.
func (x *spot) refund() *unit.Unit {
	a := x.base().Anchor(at(x.dag.mci))
	a.TPSFee, a.LastBallMCI = 777, 1<<20
	u, err := channel.Refund(terms(), x.dag.funding(), a)
	if err == nil {
		err = u.SignWith(u.Authors[0].Address, "r.1.0", quickBuyer)
	}
	if err == nil {
		err = u.Seal()
	}
	if err != nil {
		panic(err)
	}
	return u
}

// later lets time pass, if everybody has heard who has to: the seller at 0.6 of the age and after, both in the end.
func (x *spot) later() *spot {
	if x.now+1 == len(moments) || x.now >= lastTrick && !x.heard[1] || x.now >= quietFrom && !x.heard[0] {
		return nil
	}
	y := x.fork()
	y.now++
	y.heard = [2]bool{}
	y.dag.advance(moments[y.now] - y.dag.mci)
	if y.now > lastTrick {
		y.dag.fee, y.dag.flaky = 0, false
	}
	return y
}

// laws hold in every state: what the seller has checked is paid, nobody is paid more than the buyer has promised, sums are
// conserved; and at the last moment all is settled.
func (x *spot) laws() {
	buyer, seller := x.sides[0].view(), x.sides[1].view()
	for _, u := range []*unit.Unit{buyer.Own, seller.Own, x.dag.stable} {
		if u != nil {
			if err := conserved(u); err != nil {
				panic(broken(err.Error()))
			}
		}
	}
	if x.dag.wrong != nil {
		panic(broken(fmt.Sprintf("somebody posts what the ledger can never take: %v", x.dag.wrong)))
	}
	if x.dag.stable != nil {
		got, promised := channel.Paid(x.dag.stable), final(buyer.Payouts)
		for a, n := range got {
			if a != changeGoes && n > promised[a] {
				panic(broken(fmt.Sprintf("%s gets %d of %d", a, n, promised[a])))
			}
		}
		if seller.Newest != nil {
			for a, n := range channel.Paid(seller.Newest.Unit) {
				if a != changeGoes && got[a] < n {
					panic(broken(fmt.Sprintf("%s gets %d, %d were acknowledged", a, got[a], n)))
				}
			}
		}
	}
	if x.now+1 == len(moments) && x.heard == [2]bool{true, true} && !(buyer.Phase.Over() && seller.Phase.Over()) {
		panic(broken(fmt.Sprintf("it does not settle: buyer %s, seller %s, pool %d", buyer.Phase, seller.Phase, len(x.dag.pool))))
	}
}

var trickCount = flag.Int("channel.tricks", 1, "how many tricks the adversary of the search may play, each once")

// raceStates is how many states the search finds, by the number of tricks; who changes the machine changes it, and looks why.
var raceStates = map[int8]int{0: 5345, 1: 100548, 2: 638634}

// Laws: as in laws, for all interleavings of two payments, a close, a refund, refusals, spikes, purges and crashes.
func TestRaceIsSearchedThrough(t *testing.T) {
	budget := tricks{crash: true, refuse: true, archive: true, spike: true, race: true, all: int8(*trickCount)}
	if testing.Short() {
		budget.all = 0
	}
	first := &spot{left: budget}
	first.dag = dag{terms: terms(), mci: moments[0], deposit: deposited, paidAt: fundedAt, trace: func(string, ...any) {},
		bad: map[byteball.Hash]bool{}, gone: map[byteball.Hash]bool{}, answers: map[byteball.Hash]error{}, judged: map[byteball.Hash]error{}}
	b, _, err := channel.NewPayer(terms(), quickBuyer)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := channel.NewPayee(terms(), quickSeller)
	if err != nil {
		t.Fatal(err)
	}
	first.sides = [2]applier{payer{b, quickBuyer}, payee{s, quickSeller}}
	for side := range first.sides {
		first.play(side, funded(), -1)
	}
	states, moves, ends := explore(t, first)
	t.Logf("%d states, %d moves, %d ends", states, moves, ends)
	if want := raceStates[budget.all]; want != 0 && states != want {
		t.Errorf("got %d states, want %d", states, want)
	}
}

// explore visits all states that can be reached.
func explore(t *testing.T, first *spot) (states, moves, ends int) {
	t.Helper()
	seen := map[[32]byte]bool{first.key(): true}
	at := first
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("after %d states, at %d, %+v, buyer %s, seller %s: law: %v", states, at.dag.mci, at.left,
				at.sides[0].view().Phase, at.sides[1].view().Phase, r)
		}
	}()
	for todo := []*spot{first}; len(todo) > 0; {
		at = todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		states++
		if at.laws(); at.now+1 == len(moments) {
			ends++
		}
		for _, y := range at.moves() {
			moves++
			if k := y.key(); !seen[k] {
				seen[k] = true
				todo = append(todo, y)
			}
		}
	}
	return states, moves, ends
}
