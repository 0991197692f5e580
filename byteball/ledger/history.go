package ledger

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Limits of a history (light.js:27).
const (
	maxItems     = 2000
	maxAsked     = 2000 // addresses, units and known units, each
	tooLargeText = "your history is too large, consider switching to a full client"
)

// HistoryQuery is what a light client asks for: units by or to addresses, and units by hash.
type HistoryQuery struct {
	Addresses []byteball.Address
	Units     []byteball.Hash
	Known     []byteball.Hash // units that are left out
	MinMCI    uint64          // of stable units by address
}

// History is the answer, with all that proves it. Without Joints there is nothing new and everything is empty.
type History struct {
	UnstableMC  []unit.Joint `json:"unstable_mc_joints,omitempty"`
	Definitions []unit.Joint `json:"witness_change_and_definition_joints,omitempty"`
	Joints      []unit.Joint `json:"joints,omitempty"`
	Balls       []Ball       `json:"proofchain_balls,omitempty"`
}

// Ball is one link of a proof chain.
type Ball struct {
	Unit     byteball.Hash   `json:"unit"`
	Ball     byteball.Hash   `json:"ball"`
	Parents  []byteball.Hash `json:"parent_balls,omitempty"`
	Skiplist []byteball.Hash `json:"skiplist_balls,omitempty"`
}

// History answers a query (light.js:28). Error: Invalid if there are more than 2000 units.
func (l *Ledger) History(q HistoryQuery) (History, error) {
	l.begin(false)
	defer l.end()
	h, err := l.history(q)
	if failed := l.fail(); failed != nil {
		return History{}, failed
	}
	return h, err
}

func (l *Ledger) history(q HistoryQuery) (History, error) {
	nodes := l.asked(q)
	switch {
	case len(nodes) == 0:
		return History{}, nil
	case len(nodes) > maxItems || sizeOf(nodes) > maxHistory:
		return History{}, refuse(tooLargeText)
	}
	var h History
	ball, err := l.witnessProof(&h)
	if err != nil {
		return History{}, err
	}
	after := ball.MCI + 1
	for _, n := range nodes {
		h.Joints = append(h.Joints, l.joint(n))
		if n.MCI == none || n.MCI > ball.MCI {
			continue
		}
		h.Balls = l.proofChain(h.Balls, after, n)
		after = n.MCI
	}
	return h, nil
}

// asked returns the units of a query, the latest first; one more than maxItems if there are too many.
func (l *Ledger) asked(q HistoryQuery) []*node {
	wanted := map[byteball.Hash]bool{}
	for _, u := range q.Known {
		wanted[u] = false
	}
	take := func(h byteball.Hash) {
		if _, named := wanted[h]; !named {
			wanted[h] = true
		}
	}
	known := len(wanted)
	for _, a := range q.Addresses {
		prefix := key(tUsed, []byte(a))
		l.x.each(prefix, append(slices.Clone(prefix), num(q.MinMCI)...), func(rest, _ []byte) bool {
			if len(rest) == 48 {
				take(hashOf(rest[16:]))
			}
			return len(wanted) <= known+maxItems
		})
	}
	of := map[byteball.Address]bool{}
	for _, a := range q.Addresses {
		of[a] = true
	}
	for _, n := range l.tailOf(of) {
		if n.MCI == none || n.MCI >= int64(q.MinMCI) {
			take(n.Unit)
		}
	}
	for _, u := range q.Units {
		take(u)
	}
	var nodes []*node
	for h, want := range wanted {
		if want && len(nodes) <= maxItems {
			if n := l.node(h); n != nil {
				nodes = append(nodes, n)
			}
		}
	}
	slices.SortFunc(nodes, func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.MCI, a.MCI), cmp.Compare(b.Level, a.Level), cmp.Compare(a.Unit, b.Unit))
	})
	return nodes
}

// tailOf returns the units that are not stable and belong to some of the addresses, in the order they came.
func (l *Ledger) tailOf(of map[byteball.Address]bool) []*node {
	var nodes []*node
	for _, n := range l.tail {
		for a := range addresses(n.u) {
			if of[a] {
				nodes = append(nodes, n)
				break
			}
		}
	}
	slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.seq, b.seq) })
	return nodes
}
