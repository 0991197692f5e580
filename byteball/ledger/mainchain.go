package ledger

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// better orders units as candidates for the best parent (storage.js:2031): highest witnessed level, then fewest levels
// above it, then those of the order provider, then smallest hash.
func (l *Ledger) better(a, b *node) int {
	rank := func(n *node) int {
		if n.by(l.op) {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.Witnessed, a.Witnessed),
		cmp.Compare(a.Level-a.Witnessed, b.Level-b.Witnessed),
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(a.Unit, b.Unit))
}

func (l *Ledger) best(nodes []*node) *node {
	if len(nodes) == 0 {
		return nil
	}
	return slices.MinFunc(nodes, l.better)
}

// witnessed is the witnessed level of a unit with that best parent: the level of the nearest unit by the order provider
// going up from there (storage.js:692).
func (l *Ledger) witnessed(best *node) int64 {
	if best.by(l.op) {
		return best.Level
	}
	return best.Witnessed
}

// grow finds the main chain anew after a unit was added, or with added nil after all of the tail was (main_chain.js:32).
// It works on memory only; on error nothing has changed. Error: Invalid if stable units would leave the main chain.
func (l *Ledger) grow(added *node) error {
	var path []*node // from the tip down to what is not on the main chain yet
	tip := l.bestTip(added)
	n := tip
	for ; n != nil && !n.OnMain; n = l.node(n.BestParent) {
		path = append(path, n)
	}
	if n == nil || n.MCI < l.last.MCI {
		return byteball.Errorf(byteball.Invalid, "removing stable units from MC")
	}
	l.tip = tip
	if len(path) == 0 {
		if added != nil {
			added.Included = l.included(added)
		}
		return nil
	}
	l.unwind(n.MCI)
	changed := make([]*node, 0, len(l.loose))
	for _, c := range l.loose {
		changed = append(changed, c)
	}
	index := n.MCI
	for _, m := range slices.Backward(path) {
		index++
		m.OnMain = true
		l.number(m, index)
	}
	slices.SortFunc(changed, func(a, b *node) int { return cmp.Compare(a.Level, b.Level) })
	for _, c := range changed {
		c.Included = l.included(c)
	}
	return nil
}

// bestTip is the best free unit. While the one before is free, only what was added can be better.
func (l *Ledger) bestTip(added *node) *node {
	if added == nil || l.tip == nil || l.free[l.tip.Unit] == nil {
		return l.best(l.tips())
	}
	return l.best([]*node{l.tip, added})
}

// tips returns the free units in no particular order.
func (l *Ledger) tips() []*node {
	nodes := make([]*node, 0, len(l.free))
	for _, n := range l.free {
		nodes = append(nodes, n)
	}
	return nodes
}

// unwind takes the index from all units after a main chain index.
func (l *Ledger) unwind(after int64) {
	for index := after + 1; len(l.at[index]) > 0; index++ {
		for _, n := range l.at[index] {
			n.MCI, n.OnMain = none, false
			l.loose[n.Unit] = n
		}
		delete(l.at, index)
	}
}

// number gives an index to a unit of the main chain and to all units that it is the first to include. In l.at it comes first.
func (l *Ledger) number(m *node, index int64) {
	m.MCI = index
	for todo := []*node{m}; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		delete(l.loose, n.Unit)
		l.at[index] = append(l.at[index], n)
		for _, p := range l.parents(n) {
			if p.MCI == none {
				p.MCI = index
				todo = append(todo, p)
			}
		}
	}
	m.Sum = l.node(m.BestParent).Sum + int64(len(l.at[index]))
}
