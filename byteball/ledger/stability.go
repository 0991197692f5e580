package ledger

import "github.com/iotverse/iotverse/byteball"

// stableFor says whether earlier, a unit of the main chain, is stable in view of later units (main_chain.js:758): no
// unit that includes them can lead the main chain around it.
func (l *Ledger) stableFor(earlier *node, later []*node) bool {
	if earlier.Unit == l.genesis {
		return true
	}
	highest := none
	for _, n := range later {
		highest = max(highest, n.Included)
	}
	if !earlier.OnMain || l.free[earlier.Unit] != nil || highest < earlier.MCI {
		return false
	}
	view := l.above(later, l.node(earlier.BestParent).Level)
	var others []*node // roots of branches beside it
	for _, n := range l.kids(earlier.BestParent) {
		if n.Unit != earlier.Unit && view[n.Unit] {
			others = append(others, n)
		}
	}
	reached := none // highest witnessed level of the order provider's units on its branch
	for _, n := range l.branch([]*node{earlier}, later, view) {
		if n.by(l.op) {
			reached = max(reached, n.Witnessed)
		}
	}
	if reached < earlier.Level {
		return false
	}
	if len(others) == 0 {
		return true
	}
	return reached >= l.highestAlternative(l.branch(others, later, view), earlier.Level)
}

// above returns the hashes of later units and their ancestors above a level.
func (l *Ledger) above(later []*node, level int64) map[byteball.Hash]bool {
	seen := make(map[byteball.Hash]bool, len(l.tail))
	todo := make([]*node, 0, len(later))
	push := func(n *node) {
		if n.Level > level && !seen[n.Unit] {
			seen[n.Unit] = true
			todo = append(todo, n)
		}
	}
	for _, n := range later {
		push(n)
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range l.parents(n) {
			push(p)
		}
	}
	return seen
}

// branch returns the roots and the units that go down from them by best parents to the later units, as far as they are in
// view.
func (l *Ledger) branch(roots, later []*node, view map[byteball.Hash]bool) []*node {
	ends := make(map[byteball.Hash]bool, len(later))
	for _, n := range later {
		ends[n.Unit] = true
	}
	var all []*node
	for todo := roots; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		all = append(all, n)
		if ends[n.Unit] {
			continue
		}
		for _, k := range l.kids(n.Unit) {
			if view[k.Unit] {
				todo = append(todo, k)
			}
		}
	}
	return all
}

// highestAlternative is a level that the witnessed level of other branches will never reach (main_chain.js:700).
func (l *Ledger) highestAlternative(branch []*node, level int64) int64 {
	highest := int64(0)
	for _, n := range branch {
		if p := l.node(n.BestParent); p.Witnessed < n.Witnessed {
			highest = max(highest, p.Level)
		}
	}
	if highest == 0 {
		return level
	}
	return highest
}

// advance makes stable what the tail lets become stable and returns the main chain indexes.
func (l *Ledger) advance() []uint64 {
	var stable []uint64
	for l.x.err == nil {
		first := l.firstUnstable()
		if first == nil || !l.promising(first) || !l.stableFor(first, l.tips()) {
			break
		}
		l.settle(first)
		stable = append(stable, uint64(first.MCI))
	}
	return stable
}

// firstUnstable is the unit of the main chain after the last stable one.
func (l *Ledger) firstUnstable() *node {
	if units := l.at[l.last.MCI+1]; len(units) > 0 {
		return units[0]
	}
	return nil
}

// promising says whether stableFor has a chance: some unit of the order provider is witnessed high enough. What was so is
// never witnessed as high as what is not stable yet.
func (l *Ledger) promising(first *node) bool { return l.reach >= first.Level }
