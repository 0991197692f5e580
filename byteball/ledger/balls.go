package ledger

import (
	"cmp"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// settle makes the units of the next main chain index stable; m is the one on the main chain (main_chain.js:1270). There may
// be more of them than a transaction holds. So what can be written twice goes first, in as many as it takes, and all that adds
// up goes last, in one: a ledger that stops in between settles the same units again when it is opened.
func (l *Ledger) settle(m *node) {
	units := l.at[m.MCI]
	delete(l.at, m.MCI)
	slices.SortFunc(units, func(a, b *node) int { return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Unit, b.Unit)) })
	for _, n := range units {
		n.Stable = true
		l.giveBall(n)
	}
	l.priceTPS(m, units)
	for _, n := range units {
		l.store(n)
		l.indexStable(n)
		l.keepTemp(n)
		l.split(l.most)
	}
	l.split(maxTx - lastPart*len(units))
	l.chargeTPS(m, units)
	l.payCommissions(m, units)
	for _, n := range units {
		l.x.del(key(tTail, num(n.seq)))
		l.quit(n)
		l.keep(n)
		n.touched, n.u = slices.Collect(maps.Keys(addresses(n.u))), nil
	}
	l.x.set(key(tMain, num(uint64(m.MCI))), raw(m.Unit))
	l.setLast(m, units)
}

// lastPart is about what settle writes last for one unit: two balances, one commission, and what it deletes.
const lastPart = 400

// unsettle makes a node from a settlement that was not finished one that is not stable.
func (n *node) unsettle() {
	n.Stable, n.OnMain, n.MCI, n.Included = false, false, none, none
	n.Ball, n.Skiplist, n.Actual, n.Sum = "", nil, 0, 0
}

// setLast notes the last stable unit of the main chain and all units of its index.
func (l *Ledger) setLast(m *node, units []*node) {
	l.last, l.settled, l.settledAt = m, units, 0
	for _, n := range units {
		l.settledAt = max(l.settledAt, n.Timestamp)
	}
}

// giveBall computes the ball of a unit whose parents are stable.
func (l *Ledger) giveBall(n *node) {
	var skipped []byteball.Hash
	if n.OnMain {
		for _, mci := range similar(n.MCI) {
			if s := l.main(mci); s != nil {
				n.Skiplist = append(n.Skiplist, s.Unit)
				skipped = append(skipped, s.Ball)
			}
		}
	}
	slices.Sort(n.Skiplist)
	slices.Sort(skipped)
	ball, err := unit.BallHash(n.Unit, l.parentBalls(n), skipped, false)
	l.x.note(err)
	n.Ball = ball
}

// parentBalls returns the balls of n's parents in order.
func (l *Ledger) parentBalls(n *node) []byteball.Hash {
	var balls []byteball.Hash
	for _, p := range l.parents(n) {
		balls = append(balls, p.Ball)
	}
	slices.Sort(balls)
	return balls
}

// skiplistBalls returns the balls of n's skip list in order.
func (l *Ledger) skiplistBalls(n *node) []byteball.Hash {
	var balls []byteball.Hash
	for _, h := range n.Skiplist {
		if s := l.node(h); s != nil {
			balls = append(balls, s.Ball)
		}
	}
	slices.Sort(balls)
	return balls
}

// similar returns the main chain indexes that the skip list of an index names: one back by each power of ten that
// divides it.
func similar(mci int64) []int64 {
	var list []int64
	for d := int64(10); mci > 0 && mci%d == 0; d *= 10 {
		list = append(list, mci-d)
	}
	return list
}

// store writes a stable node.
func (l *Ledger) store(n *node) {
	l.x.save(key(tNode, raw(n.Unit)), n)
	l.x.set(key(tAt, num(uint64(n.MCI)), raw(n.Unit)), nil)
}
