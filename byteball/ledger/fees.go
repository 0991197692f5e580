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

// tpsBalance is what address had left of its tps fees at a main chain index; it can be negative.
func (l *Ledger) tpsBalance(address byteball.Address, mci int64) int64 {
	var balance int64
	prefix := key(tTPS, []byte(address))
	l.x.back(prefix, append(slices.Clone(prefix), num(uint64(mci))...), func(_, value []byte) bool {
		balance = int64(number(value))
		return false
	})
	return balance
}

// chargeTPS takes the final tps fees of the units that become stable with m (storage.js:1230).
func (l *Ledger) chargeTPS(m *node, units []*node) {
	elapsed := l.elapsed(m.Timestamp, l.node(m.LastBallUnit))
	all := l.since(m, "", m.LastBallMCI)
	for _, n := range units {
		count := all
		if len(n.Parents) > 1 {
			count = l.since(m, n.Unit, m.LastBallMCI)
		}
		n.Actual = unit.FinalTPSFee(l.vars, float64(count)/elapsed)
		delta := int64(n.TPSFee) - int64(n.Actual)
		payers := n.payers()
		for _, a := range slices.Sorted(maps.Keys(payers)) {
			balance := int64(number(l.x.get(key(tTPSNow, []byte(a))))) + floorPercent(delta, payers[a])
			l.x.set(key(tTPSNow, []byte(a)), num(uint64(balance)))
			l.x.set(key(tTPS, []byte(a), num(uint64(m.MCI))), num(uint64(balance)))
		}
	}
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

// elapsed is the time in seconds since a last ball, at least 1.
func (l *Ledger) elapsed(timestamp int64, lastBall *node) float64 {
	if d := timestamp - lastBall.Timestamp; d != 0 {
		return float64(d)
	}
	return 1
}

// since counts top and its ancestors after a main chain index. Of the unit narrow only the best parent counts.
func (l *Ledger) since(top *node, narrow byteball.Hash, mci int64) int {
	seen := map[byteball.Hash]bool{top.Unit: true}
	for todo := []*node{top}; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		up := n.Parents
		if n.Unit == narrow {
			up = []byteball.Hash{n.BestParent}
		}
		for _, h := range up {
			p := l.node(h)
			if p != nil && !seen[h] && (p.MCI == none || p.MCI > mci) {
				seen[h] = true
				todo = append(todo, p)
			}
		}
	}
	return len(seen)
}

// localTPS is the load between a new unit's last ball and itself, in units per second (storage.js:1307).
func (l *Ledger) localTPS(best, lastBall *node, timestamp int64) float64 {
	count := 1
	if best.MCI == none || best.MCI > lastBall.MCI {
		count += l.since(best, "", lastBall.MCI)
	}
	return float64(count) / l.elapsed(timestamp, lastBall)
}

// currentTPS is the load that this node sees after its last stable unit, or after the index shift later (storage.js:1362).
func (l *Ledger) currentTPS(shift int64, now time.Time) float64 {
	after := l.last.MCI + shift
	count, start := 0, int64(0)
	ceil := now.Unix()
	if now.Nanosecond() > 0 {
		ceil++
	}
	for _, n := range l.tail {
		switch {
		case n.Timestamp > ceil:
		case n.MCI == none || n.MCI > after:
			count++
		case shift > 0 && n.MCI == after:
			start = max(start, n.Timestamp)
		}
	}
	if shift == 0 {
		for _, n := range l.settled {
			start = max(start, n.Timestamp)
		}
	}
	if count == 0 || start == 0 {
		return 0
	}
	elapsed := float64(now.Round(time.Second).Unix() - start)
	if elapsed == 0 {
		elapsed = 1
	}
	return float64(count+1) / elapsed
}

// leastFee is the tps fee below which this node refuses a unit for the moment.
func (l *Ledger) leastFee(now time.Time) float64 {
	recent := 0
	for _, n := range l.tail {
		if now.Unix()-n.Timestamp <= 60 {
			recent++
		}
	}
	times := acceptable
	if float64(recent)/60 > busy {
		times = acceptableBusy
	}
	return times * float64(unit.CurrentTPSFee(l.vars, l.currentTPS(0, now)))
}

// feeToOffer is the tps fee that a new unit in that place should offer (parent_composer.js:535).
func (l *Ledger) feeToOffer(best, lastBall *node, now time.Time) byteball.Bytes {
	return max(
		unit.MinTPSFee(l.vars, l.localTPS(best, lastBall, now.Round(time.Second).Unix()), 1),
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
