package ledger

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// maxWatched is how many addresses, and how many units, a client may watch.
const maxWatched = 10_000

// watch makes a client hear of addresses and units; it says whether there was room for all of them.
func (s *server) watch(p *peer, addresses []byteball.Address, units []byteball.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addresses {
		if len(p.watched) >= maxWatched && !p.watched[a] {
			return false
		}
		p.watched[a] = true
	}
	for _, u := range units {
		if len(p.units) >= maxWatched {
			return false
		}
		p.units[u] = true
	}
	return true
}

// saw is called by the ledger, locked, for each saved unit. The unit goes to those who watch its addresses, but not to the
// one who posted it (network.js:1655); then those are told whose units became provable.
func (s *server) saw(n posted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	touched := addresses(n.unit)
	for p := range s.peers {
		if p != s.sources[n.unit.Unit] && p.watches(maps.Keys(touched)) {
			p.say("joint", map[string]any{"unit": n.unit})
		}
	}
	if n.unit.Authors[0].Address != s.l.op {
		s.poke()
	}
	if n.to > n.from && len(s.peers) > 0 {
		s.announce(n.from, n.to)
	}
}

func (p *peer) watches(addresses func(func(byteball.Address) bool)) bool {
	for a := range addresses {
		if p.watched[a] {
			return true
		}
	}
	return false
}

// announce tells the clients that watch something after main chain index from, up to to; the ledger and s are locked.
func (s *server) announce(from, to int64) {
	told := map[*peer]bool{}
	for mci := from + 1; mci <= to; mci++ {
		for _, n := range s.l.nodesAt(mci) {
			touched := s.l.touched(n)
			for p := range s.peers {
				if !told[p] && (p.units[n.Unit] || p.watches(slices.Values(touched))) {
					told[p] = true
					p.say("light/have_updates", nil)
				}
				delete(p.units, n.Unit)
			}
		}
	}
}

// nodesAt returns the stable units at a main chain index.
func (l *Ledger) nodesAt(mci int64) []*node {
	var hashes []byteball.Hash
	l.x.each(key(tAt, num(uint64(mci))), nil, func(unit, _ []byte) bool {
		hashes = append(hashes, hashOf(unit))
		return true
	})
	nodes := make([]*node, 0, len(hashes))
	for _, h := range hashes {
		if n := l.node(h); n != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// touched returns the addresses of a unit.
func (l *Ledger) touched(n *node) []byteball.Address {
	if n.touched == nil {
		if u := l.unit(n.Unit); u != nil {
			n.touched = slices.Collect(maps.Keys(addresses(u)))
		}
	}
	return n.touched
}
