package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// What a node asks of a unit's tps fee beyond the ledger's rule, in times of the current fee (conf.js).
const (
	acceptable     = 1.5 // to take it
	acceptableBusy = 5.0 // to take it above busy units per second
	busy           = 15.0
	parentable     = 3 // to build on it
)

// payers returns who pays n's tps fee, with shares in percent.
func (n *node) payers() map[byteball.Address]int {
	u := unit.Unit{Recipients: n.Recipients}
	for _, a := range n.Authors {
		u.Authors = append(u.Authors, unit.Author{Address: a})
	}
	return unit.TPSFeeRecipients(&u)
}

// tpsNow is the last balance of tps fees of an address, tpsThen an earlier one. Each knows the index of the one before.
type tpsNow struct {
	_       struct{} `cbor:",toarray"`
	Balance int64
	MCI     int64
	Before  int64 // none for the first
}

type tpsThen struct {
	_       struct{} `cbor:",toarray"`
	Balance int64
	Before  int64
}

// maxBack is how many balances are followed back before the database is searched.
const maxBack = 100

// tpsBalance is what address had left of its tps fees at a main chain index; it can be negative.
func (l *Ledger) tpsBalance(address byteball.Address, mci int64) int64 {
	var now tpsNow
	if !l.x.load(key(tTPSNow, []byte(address)), &now) {
		return 0
	}
	if now.MCI <= mci {
		return now.Balance
	}
	at := now.Before
	for range maxBack {
		var then tpsThen
		if at == none || !l.x.load(key(tTPS, []byte(address), num(uint64(at))), &then) {
			return 0
		}
		if at <= mci {
			return then.Balance
		}
		at = then.Before
	}
	var then tpsThen
	prefix := key(tTPS, []byte(address))
	l.x.back(prefix, append(slices.Clone(prefix), num(uint64(mci))...), func(_, value []byte) bool {
		l.x.note(unmarshal(value, &then))
		return false
	})
	return then.Balance
}

// priceTPS finds the final tps fees of the units that become stable with m (storage.js:1230).
func (l *Ledger) priceTPS(m *node, units []*node) {
	ball := l.node(m.LastBallUnit)
	elapsed := l.elapsed(m.Timestamp, ball)
	less := without(units)
	for _, n := range units {
		count := m.Sum - ball.Sum
		if len(n.Parents) > 1 {
			count -= less.sideways(n)
		}
		n.Actual = l.fees.final(l.vars, float64(count)/elapsed)
	}
}

// chargeTPS takes those fees.
func (l *Ledger) chargeTPS(m *node, units []*node) {
	for _, n := range units {
		delta := int64(n.TPSFee) - int64(n.Actual)
		payers := n.payers()
		for _, a := range slices.Sorted(maps.Keys(payers)) {
			l.moveTPS(a, m.MCI, floorPercent(delta, payers[a]))
		}
	}
}

// moveTPS changes the balance of tps fees of an address.
func (l *Ledger) moveTPS(a byteball.Address, mci, delta int64) {
	now := tpsNow{MCI: none, Before: none}
	k := key(tTPSNow, []byte(a))
	l.x.load(k, &now)
	if now.MCI != mci {
		now.MCI, now.Before = mci, now.MCI
	}
	now.Balance += delta
	l.x.save(k, now)
	l.x.save(key(tTPS, []byte(a), num(uint64(mci))), tpsThen{Balance: now.Balance, Before: now.Before})
}

// floorPercent is a share of an amount, rounded down also below zero.
func floorPercent(amount int64, percent int) int64 {
	p := amount * int64(percent)
	q := p / 100
	if p%100 < 0 {
		q--
	}
	return q
}

// leastFee is the tps fee below which this node refuses a unit for the moment.
func (l *Ledger) leastFee(now time.Time) float64 {
	recent := 0
	for t, n := range l.times {
		if now.Unix()-t <= 60 {
			recent += n
		}
	}
	times := acceptable
	if float64(recent)/60 > busy {
		times = acceptableBusy
	}
	return times * float64(l.fees.final(l.vars, l.currentTPS(0, now)))
}

// feeToOffer is the tps fee that a new unit in that place should offer (parent_composer.js:535).
func (l *Ledger) feeToOffer(best, lastBall *node, now time.Time) byteball.Bytes {
	return max(
		l.fees.least(l.vars, l.localTPS(best, lastBall, now.Round(time.Second).Unix())),
		unit.OfferedTPSFee(l.vars, l.currentTPS(0, now)),
		unit.OfferedTPSFee(l.vars, l.currentTPS(1, now)))
}

// paidTPS is the tps fee that the poorest payer of a unit came up with, its balance included.
func (l *Ledger) paidTPS(n *node) float64 {
	if n.Unit == l.genesis {
		return 0
	}
	least := -1.0
	for a, percent := range n.payers() {
		paid := float64(l.tpsBalance(a, n.LastBallMCI))*100/float64(percent) + float64(n.TPSFee)
		if least < 0 || paid < least {
			least = paid
		}
	}
	return least
}
