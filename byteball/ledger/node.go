package ledger

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// cachedNodes is how many stable nodes stay in memory: more than lie between the tip and the oldest last ball in use.
const cachedNodes = 4096

// none is the main chain index of what has none.
const none int64 = -1

// node is what the graph knows of a unit. Of a stable one nothing changes any more; it is stored then.
type node struct {
	_            struct{} `cbor:",toarray"`
	Unit         byteball.Hash
	Parents      []byteball.Hash
	BestParent   byteball.Hash // empty for the genesis
	LastBallUnit byteball.Hash
	LastBallMCI  int64
	Level        int64 // longest way to the genesis
	Witnessed    int64 // level of the nearest unit by the order provider, going up best parents
	Included     int64 // highest main chain index among its ancestors on the main chain; none for the genesis
	MCI          int64 // none until a unit of the main chain includes it
	OnMain       bool
	Stable       bool
	Timestamp    int64
	Headers      byteball.Bytes
	Payload      byteball.Bytes
	TPSFee       byteball.Bytes // offered
	Actual       byteball.Bytes // charged, once stable
	Authors      []byteball.Address
	Recipients   []unit.Recipient
	Ball         byteball.Hash
	Skiplist     []byteball.Hash // units
	Sum          int64           // of a unit of the main chain: how many units have its index or a lower one

	u        *unit.Unit         // of the tail only
	touched  []byteball.Address // authors and those it pays to, if they were looked up
	seq      uint64
	children []byteball.Hash // units whose best parent it is, if allKids
	allKids  bool
	ball     byteball.Hash // count is known from this last ball on; see countAfter
	count    int64
}

func (n *node) by(a byteball.Address) bool { return slices.Contains(n.Authors, a) }

// node returns a known unit's node, nil if it is unknown.
func (l *Ledger) node(h byteball.Hash) *node {
	if n := l.tail[h]; n != nil {
		return n
	}
	if n := l.old[h]; n != nil {
		return n
	}
	n := &node{}
	if !l.x.load(key(tNode, raw(h)), n) {
		return nil
	}
	l.keep(n)
	return n
}

// keep puts a stable node into the cache, in place of the one that has been there longest.
func (l *Ledger) keep(n *node) {
	if l.old[n.Unit] != nil {
		return
	}
	delete(l.old, l.oldRing[l.oldNext])
	l.oldRing[l.oldNext] = n.Unit
	l.oldNext = (l.oldNext + 1) % len(l.oldRing)
	l.old[n.Unit] = n
}

// parents returns the nodes of n's parents; all are known.
func (l *Ledger) parents(n *node) []*node {
	ps := make([]*node, 0, len(n.Parents))
	for _, h := range n.Parents {
		if p := l.node(h); p != nil {
			ps = append(ps, p)
		}
	}
	return ps
}

// kids returns the units whose best parent is h.
func (l *Ledger) kids(h byteball.Hash) []*node {
	n := l.node(h)
	if n == nil {
		return nil
	}
	if !n.allKids {
		n.children = nil
		l.x.each(key(tChild, raw(h)), nil, func(rest, _ []byte) bool {
			n.children = append(n.children, hashOf(rest))
			return true
		})
		n.allKids = l.x.err == nil
	}
	nodes := make([]*node, 0, len(n.children))
	for _, c := range n.children {
		if k := l.node(c); k != nil {
			nodes = append(nodes, k)
		}
	}
	return nodes
}

// main returns the stable unit of the main chain at an index.
func (l *Ledger) main(mci int64) *node {
	if mci < 0 {
		return nil
	}
	h := l.x.get(key(tMain, num(uint64(mci))))
	if h == nil {
		return nil
	}
	return l.node(hashOf(h))
}

// includes says whether earlier is one of the later units or an ancestor of one (graph.js:130). The walk stays above the
// main chain: a later unit that includes a unit of it includes all that this one does.
func (l *Ledger) includes(later []*node, earlier *node) bool {
	highest := none
	for _, n := range later {
		if n.Unit == earlier.Unit {
			return true
		}
		highest = max(highest, n.Included)
	}
	if earlier.Unit == l.genesis {
		return true
	}
	if earlier.MCI != none && highest >= earlier.MCI {
		return true
	}
	if highest < earlier.Included || l.free[earlier.Unit] != nil {
		return false
	}
	seen := map[byteball.Hash]bool{}
	for todo := later; len(todo) > 0; {
		var next []*node
		for _, n := range todo {
			for _, p := range l.parents(n) {
				if p.Unit == earlier.Unit {
					return true
				}
				if !seen[p.Unit] && !p.OnMain && p.Level > earlier.Level && p.Included >= earlier.Included {
					seen[p.Unit] = true
					next = append(next, p)
				}
			}
		}
		todo = next
	}
	return false
}

// related says whether one of two units includes the other.
func (l *Ledger) related(a, b *node) bool {
	return l.includes([]*node{a}, b) || l.includes([]*node{b}, a)
}

// included is the highest index of the main chain that n includes; its parents are up to date.
func (l *Ledger) included(n *node) int64 {
	highest := none
	for _, p := range l.parents(n) {
		if p.OnMain {
			highest = max(highest, p.MCI)
		} else {
			highest = max(highest, p.Included)
		}
	}
	return highest
}
