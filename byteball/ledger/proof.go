package ledger

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// witnessProof adds the order provider's part of a proof: the units of the main chain after the last ball of the last
// stable unit, and the genesis, which shows the order provider's definition. It returns the latest last ball that a unit of
// the order provider among them, or below one, names (witness_proof.js:13).
func (l *Ledger) witnessProof(h *History) (*node, error) {
	var ball *node
	met := false
	for mci := int64(l.tipMCI()); mci > l.last.LastBallMCI; mci-- {
		n := l.onMain(mci)
		if n == nil {
			break
		}
		j := l.joint(n)
		j.Ball, j.SkiplistUnits = "", nil
		h.UnstableMC = append(h.UnstableMC, j)
		met = met || n.by(l.op)
		if met && (ball == nil || n.LastBallMCI > ball.MCI) {
			ball = l.node(n.LastBallUnit)
		}
	}
	if ball == nil {
		return nil, refuse("your witness list might be too much off, too few witness authored units")
	}
	h.Definitions = []unit.Joint{l.joint(l.node(l.genesis))}
	return ball, nil
}

// onMain returns the unit of the main chain at an index, stable or not.
func (l *Ledger) onMain(mci int64) *node {
	if mci <= l.last.MCI {
		return l.main(mci)
	}
	if units := l.at[mci]; len(units) > 0 {
		return units[0]
	}
	return nil
}

// proofChain appends the balls that lead from the main chain below index after, which is proven, to n (proof_chain.js).
func (l *Ledger) proofChain(balls []Ball, after int64, n *node) []Ball {
	for mci := after - 1; after > n.MCI && mci >= n.MCI; {
		m := l.main(mci)
		if m == nil {
			return balls
		}
		balls = append(balls, l.ball(m))
		mci = l.nextDown(m, n.MCI)
	}
	for at := l.main(n.MCI); at != nil && at.Unit != n.Unit; {
		if at = l.towards(at, n); at != nil {
			balls = append(balls, l.ball(at))
		}
	}
	return balls
}

// nextDown is the furthest index below m that its ball leads to, not below lowest.
func (l *Ledger) nextDown(m *node, lowest int64) int64 {
	next := m.MCI - 1
	for _, h := range m.Skiplist {
		if s := l.node(h); s != nil && s.MCI < next && s.MCI >= lowest {
			next = s.MCI
		}
	}
	return next
}

// towards is the parent of at, with the same index, that is or includes n.
func (l *Ledger) towards(at, n *node) *node {
	for _, p := range l.parents(at) {
		if p.Unit == n.Unit {
			return p
		}
	}
	for _, p := range l.parents(at) {
		if p.MCI == n.MCI && l.includes([]*node{p}, n) {
			return p
		}
	}
	return nil
}

func (l *Ledger) ball(n *node) Ball {
	return Ball{Unit: n.Unit, Ball: n.Ball, Parents: l.parentBalls(n), Skiplist: l.skiplistBalls(n)}
}

// LinkProof links each unit to the next, which it must include: by joints and, where the earlier one was stable before,
// balls (light.js:655). Elements are unit.Joint or Ball. Error: Invalid.
func (l *Ledger) LinkProof(units []byteball.Hash) ([]any, error) {
	l.begin(false)
	defer l.end()
	if len(units) == 0 {
		return nil, refuse("no units array")
	}
	if len(units) == 1 {
		return nil, refuse("chain of one element")
	}
	var chain []any
	for i := range units[1:] {
		part, err := l.link(units[i], units[i+1])
		if err != nil {
			return nil, err
		}
		chain = append(chain, part...)
	}
	return chain, l.fail()
}

func (l *Ledger) link(laterUnit, earlierUnit byteball.Hash) ([]any, error) {
	n, e := l.node(laterUnit), l.node(earlierUnit)
	switch {
	case n == nil:
		return nil, refuse("later unit not found")
	case n.Unit == l.genesis:
		return nil, refuse("later unit is genesis")
	case e == nil:
		return nil, refuse("earlier unit not found")
	case n.Unit == e.Unit || !l.includes([]*node{n}, e):
		return nil, refuse("not included")
	}
	chain := []any{l.joint(n)}
	if e.MCI != none && n.LastBallMCI >= e.MCI {
		for _, b := range l.proofChain(nil, n.LastBallMCI+1, e) {
			chain = append(chain, b)
		}
		return chain, nil
	}
	for _, p := range l.path(n, e) {
		chain = append(chain, l.joint(p))
	}
	return chain, nil
}

// path returns the units between n and its ancestor e along parents, without both.
func (l *Ledger) path(n, e *node) []*node {
	var between []*node
	for at := n; ; {
		next := l.stepTo(at, e)
		if next == nil || next.Unit == e.Unit {
			return between
		}
		between = append(between, next)
		at = next
	}
}

// stepTo prefers the best parent, which leads down the main chain, while it includes e.
func (l *Ledger) stepTo(at, e *node) *node {
	if slices.Contains(at.Parents, e.Unit) {
		return e
	}
	if b := l.node(at.BestParent); b != nil && l.includes([]*node{b}, e) {
		return b
	}
	for _, p := range l.parents(at) {
		if l.includes([]*node{p}, e) {
			return p
		}
	}
	return nil
}
