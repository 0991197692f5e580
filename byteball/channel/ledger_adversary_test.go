package channel_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// real is a channel on the ledger itself: fewer tricks than world has, but nothing about the ledger is a model.
type real struct {
	*net
	*rand.Rand
	sides    [2]applier // buyer and seller
	disks    [2][]byte
	wire     []channel.Accept
	posted   []*unit.Unit
	credited channel.Payouts
}

// do applies ev and runs the effects; some time it kills the side before one of them.
func (r *real) do(side int, ev channel.Event) error {
	next, effects, err := r.sides[side].apply(ev, uint64(r.now.Sub(start).Seconds()))
	if err != nil {
		return err
	}
	r.sides[side] = next
	for _, e := range effects {
		if r.IntN(12) == 0 {
			s, err := r.sides[side].restore(r.disks[side])
			r.ok(err)
			r.sides[side] = s
			return r.do(side, channel.Restarted{})
		}
		switch e := e.(type) {
		case channel.Save:
			r.disks[side] = e.Value
		case channel.Send:
			r.wire = append(r.wire, channel.Accept{Voucher: e.Voucher, Base: r.baseOf(e.Voucher)})
		case channel.Post:
			if err := r.l.Post(e.Unit, r.now); err != nil {
				if errors.Is(err, byteball.Invalid) {
					r.Fatalf("an honest side posts what the ledger can never take: %v", err)
				}
				return r.do(side, channel.PostRefused{Err: err})
			}
			r.posted = append(r.posted, e.Unit)
		}
	}
	return nil
}

// baseOf finds the unit that v hangs on.
func (r *real) baseOf(v channel.Voucher) channel.Base {
	for before := 0; ; before++ {
		if b := r.base(before); b.Unit == v.Unit.ParentUnits[0] {
			return b
		}
	}
}

// may lets errors pass that honest sides meet.
func (r *real) may(err error) {
	r.Helper()
	for _, kind := range []error{byteball.Stale, byteball.Transient, byteball.Funds, byteball.NotFound} {
		if errors.Is(err, kind) {
			return
		}
	}
	r.ok(err)
}

func (r *real) deliver() {
	if len(r.wire) == 0 {
		return
	}
	ev := r.wire[len(r.wire)-1-min(r.IntN(3), len(r.wire)-1)]
	ev.Tip = r.l.TipMCI()
	err := r.do(1, ev)
	r.may(err)
	if st := r.sides[1].view(); st.Newest != nil {
		r.credited = channel.Paid(st.Newest.Unit)
		delete(r.credited, changeGoes)
	}
}

// tick lets the chain grow and both hear of it.
func (r *real) tick() {
	r.witness(1 + r.IntN(3))
	for side := range r.sides {
		for _, u := range r.posted {
			if j, err := r.l.Joint(u.Unit); err == nil && j.Ball != "" {
				r.may(r.do(side, channel.UnitStable{Unit: u, MCI: *j.Unit.MainChainIndex, Serial: true}))
			} else if err == nil {
				r.may(r.do(side, channel.UnitSeen{Unit: u}))
			}
		}
		r.may(r.do(side, channel.Tip{MCI: r.l.TipMCI(), Base: r.base(0)}))
	}
}

// Laws: what the seller has acknowledged is what the ledger pays, the buyer gets all the rest but fees, everything settles;
// the same as in TestNobodyLosesMoney, on the ledger itself.
func TestNobodyLosesMoneyOnLedger(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		playOnLedger(t, seed)
	}
}

func playOnLedger(t *testing.T, seed uint64) {
	r := &real{net: newNet(t), Rand: rand.New(rand.NewPCG(seed, 1))}
	tt := terms()
	tt.Age = 60
	f := r.fund(tt)
	b, effects, err := channel.NewPayer(tt, buyerKey)
	r.ok(err)
	r.disks[0] = effects[0].(channel.Save).Value
	s, effects, err := channel.NewPayee(tt, sellerKey)
	r.ok(err)
	r.disks[1] = effects[0].(channel.Save).Value
	r.sides = [2]applier{payer{b, buyerKey}, payee{s, sellerKey}}
	r.witness(5)
	for side := range r.sides {
		for r.sides[side].view().Phase == channel.Opening {
			r.ok(r.do(side, f))
		}
	}
	for range 30 + r.IntN(30) {
		switch n := r.IntN(20); {
		case n < 7:
			r.may(r.do(0, channel.Pay{Add: channel.Payouts{sellerGets: 5000, jurorA: 150, jurorB: 60}, Base: r.base(0)}))
		case n < 14 && seed%4 > 0: // each fourth time nothing reaches the seller
			r.deliver()
		case n < 18:
			r.tick()
		case n == 18 && r.IntN(4) == 0:
			r.may(r.do(0, channel.CloseNow{Base: r.base(0)}))
		}
	}
	for range 150 {
		if r.sides[0].view().Phase.Over() && r.sides[1].view().Phase.Over() {
			break
		}
		r.tick()
	}
	st := r.sides[0].view()
	if !st.Phase.Over() || !r.sides[1].view().Phase.Over() {
		t.Fatalf("seed %d: law: everything settles: buyer %s, seller %s", seed, st.Phase, r.sides[1].view().Phase)
	}
	fees, err := unit.Fees(st.Settled)
	r.ok(err)
	total := fees
	for a, n := range channel.Paid(st.Settled) {
		if got := r.balance(a); got != n || n < r.credited[a] {
			t.Errorf("seed %d: law: goods are paid for: %s has %d, is paid %d, was acknowledged %d", seed, a, got, n, r.credited[a])
		}
		total += n
	}
	if total != tt.Deposit {
		t.Errorf("seed %d: law: sums are conserved: %d of %d", seed, total, tt.Deposit)
	}
	t.Logf("seed %d: %s, %d vouchers", seed, st.Phase, len(r.wire))
}
