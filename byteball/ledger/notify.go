package ledger

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// watch makes a client hear of addresses and units; it says whether there was room for all of them. Until the client ends
// or, for a unit, until it could be proven, each takes a place: of the client's, of its host's and of all.
func (s *server) watch(p *peer, addresses []byteball.Address, units []byteball.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addresses {
		if !s.watchOne(p, string(a)) {
			return false
		}
	}
	for _, u := range units {
		if !s.watchOne(p, string(u)) {
			return false
		}
	}
	return true
}

// watchOne makes a client hear of an address or a unit, which differ in length.
func (s *server) watchOne(p *peer, name string) bool {
	if p.watched[name] {
		return true
	}
	if len(p.watched) >= maxWatched || s.watching >= maxAllWatched || p.shared.watching >= maxAllWatched/4 {
		return false
	}
	p.watched[name] = true
	s.watchers[name] = append(s.watchers[name], p)
	s.watching++
	p.shared.watching++
	return true
}

// unwatch ends all that a client watches; s is locked.
func (s *server) unwatch(p *peer) {
	for name := range p.watched {
		rest := slices.DeleteFunc(s.watchers[name], func(q *peer) bool { return q == p })
		if len(rest) == 0 {
			delete(s.watchers, name)
		} else {
			s.watchers[name] = rest
		}
		s.watching--
		p.shared.watching--
	}
	p.watched = nil
}

// saw is called by the ledger, locked, for each saved unit. The unit goes to those who watch its addresses, but not to the
// one who posted it (network.js:1655); then those are told whose units became provable. Nobody is ever told that a unit
// became bad (light/sequence_became_bad): a double spend is refused when it is posted, so that no unit becomes one later.
func (s *server) saw(n posted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if told := s.watchersOf(maps.Keys(addresses(n.unit))); len(told) > 0 {
		delete(told, s.sources[n.unit.Unit])
		s.tell(told, "joint", map[string]any{"unit": n.unit})
	}
	if n.unit.Authors[0].Address != s.l.op {
		s.poke()
	}
	if n.to > n.from && s.watching > 0 {
		s.announce(n.from, n.to)
	}
}

// tell says the same to several clients.
func (s *server) tell(peers map[*peer]bool, subject string, body any) {
	if len(peers) == 0 {
		return
	}
	data := s.message("justsaying", saying(subject, body))
	if data == nil {
		return
	}
	for p := range peers {
		p.queue(data)
	}
}

// watchersOf returns who watches one of some addresses.
func (s *server) watchersOf(addresses func(func(byteball.Address) bool)) map[*peer]bool {
	told := map[*peer]bool{}
	for a := range addresses {
		for _, p := range s.watchers[string(a)] {
			told[p] = true
		}
	}
	return told
}

// announce tells the clients that watch something after main chain index from, up to to (network.js:1717); the ledger and s
// are locked.
func (s *server) announce(from, to int64) {
	told := map[*peer]bool{}
	for mci := from + 1; mci <= to; mci++ {
		for _, n := range s.l.nodesAt(mci) {
			maps.Copy(told, s.watchersOf(slices.Values(s.l.touched(n))))
			for _, p := range s.watchers[string(n.Unit)] {
				told[p] = true
				delete(p.watched, string(n.Unit))
				s.watching--
				p.shared.watching--
			}
			delete(s.watchers, string(n.Unit))
		}
	}
	s.tell(told, "light/have_updates", nil)
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
