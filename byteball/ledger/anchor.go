package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// maxSteps bounds how far the choice of parents goes back behind units that paid too little.
const maxSteps = 100

// Anchor says where a new unit of the authors from, 1 to 16 of them, hangs: its parents, its last ball and the tps fee
// that from[0] still has to pay. Errors: Invalid for wrong addresses; Transient if there are no usable parents for the
// moment (parent_composer.js:375, light.js:590).
func (l *Ledger) Anchor(from []byteball.Address, now time.Time) (unit.Anchor, error) {
	l.begin(false)
	defer l.end()
	if err := checkFrom(from); err != nil {
		return unit.Anchor{}, err
	}
	a, err := l.anchor(from, l.usable(now), now)
	if failed := l.fail(); failed != nil {
		return unit.Anchor{}, failed
	}
	return a, err
}

// anchor finds the place on top of the free units given.
func (l *Ledger) anchor(from []byteball.Address, free []*node, now time.Time) (unit.Anchor, error) {
	parents, err := l.affordable(free, from, now)
	if err != nil {
		return unit.Anchor{}, err
	}
	return l.place(from[0], parents, now)
}

// place finds last ball and fee for a new unit on parents.
func (l *Ledger) place(payer byteball.Address, parents []*node, now time.Time) (unit.Anchor, error) {
	best := l.best(parents)
	ball := l.lastBallFor(parents, l.witnessed(best))
	if ball == nil {
		return unit.Anchor{}, later("unable to find parents: no last ball is stable in view of them")
	}
	a := unit.Anchor{LastBall: ball.Ball, LastBallUnit: ball.Unit, LastBallMCI: uint64(ball.MCI), Timestamp: now.Round(time.Second).Unix()}
	for _, p := range parents {
		a.Parents = append(a.Parents, p.Unit)
		a.Timestamp = max(a.Timestamp, p.Timestamp)
	}
	slices.Sort(a.Parents)
	due := int64(l.feeToOffer(best, ball, now)) - l.tpsBalance(payer, ball.MCI)
	a.TPSFee = byteball.Bytes(max(due, 0))
	return a, nil
}

// usable returns the free units that are not ahead of time, those with the latest last ball first, at most 16.
func (l *Ledger) usable(now time.Time) []*node {
	var free []*node
	for _, n := range l.free {
		if n.Timestamp <= now.Round(time.Second).Unix() {
			free = append(free, n)
		}
	}
	slices.SortFunc(free, func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.LastBallMCI, a.LastBallMCI), cmp.Compare(a.seq, b.seq))
	})
	return free[:min(len(free), unit.MaxParents)]
}

// affordable replaces units that paid too little for the present load by their parents (parent_composer.js:428).
func (l *Ledger) affordable(nodes []*node, from []byteball.Address, now time.Time) ([]*node, error) {
	least := parentable * float64(unit.CurrentTPSFee(l.vars, l.currentTPS(0, now)))
	if len(nodes) == 0 {
		return nil, later("unable to find parents: no usable free units")
	}
	for range maxSteps {
		var good, poor []*node
		for _, n := range nodes {
			own := slices.ContainsFunc(from, n.by)
			if own || l.paidTPS(n) >= least {
				good = append(good, n)
			} else {
				poor = append(poor, n)
			}
		}
		if len(poor) == 0 {
			return good, nil
		}
		if nodes = l.instead(good, poor); len(nodes) == len(good) {
			break
		}
	}
	if len(nodes) == 0 {
		return nil, later("unable to find parents: all potential parents underpay the tps fee")
	}
	return nodes[:min(len(nodes), unit.MaxParents)], nil
}

// instead adds to good those parents of poor that nothing else includes.
func (l *Ledger) instead(good, poor []*node) []*node {
	highest := none
	for _, n := range good {
		highest = max(highest, n.Included)
	}
	candidates := map[byteball.Hash]*node{}
	for _, n := range poor {
		for _, p := range l.parents(n) {
			if p.MCI == none || p.MCI > highest {
				candidates[p.Unit] = p
			}
		}
	}
	all := slices.Clone(good)
	for h, p := range candidates {
		others := slices.Clone(good)
		for other, q := range candidates {
			if other != h {
				others = append(others, q)
			}
		}
		if len(others) == 0 || !l.includes(others, p) {
			all = append(all, p)
		}
	}
	return all
}

// lastBallFor returns the latest stable unit of the main chain that is stable in view of parents (parent_composer.js:560).
func (l *Ledger) lastBallFor(parents []*node, witnessed int64) *node {
	lowest, highest, level := int64(0), int64(0), int64(0)
	for _, p := range parents {
		lowest = max(lowest, p.LastBallMCI)
		highest = max(highest, p.Included)
		level = max(level, p.Witnessed)
	}
	if witnessed < level {
		return nil
	}
	for mci := min(highest, l.last.MCI); mci >= lowest; mci-- {
		n := l.main(mci)
		if n == nil || mci <= lowest || l.stableFor(n, parents) {
			return n
		}
	}
	return nil
}
