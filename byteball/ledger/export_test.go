package ledger

import (
	"github.com/iotverse/iotverse/byteball"
)

// Place is where a unit stands on the chain.
type Place struct {
	Level, Witnessed, Included, MCI int64
	OnMain, Stable                  bool
	BestParent, Ball                byteball.Hash
	Actual                          byteball.Bytes
}

// Place returns the place of a unit.
func (l *Ledger) Place(h byteball.Hash) (Place, bool) {
	l.begin(false)
	defer l.end()
	n := l.node(h)
	if n == nil {
		return Place{}, false
	}
	return Place{n.Level, n.Witnessed, n.Included, n.MCI, n.OnMain, n.Stable, n.BestParent, n.Ball, n.Actual}, true
}

// SetSchema pretends that another version wrote the store.
func (l *Ledger) SetSchema(n uint64) error {
	l.begin(true)
	defer l.end()
	l.x.set(schemaKey, num(n))
	return l.commit()
}

// Hear hands a message to a new client's connection and returns what would be sent.
func (l *Ledger) Hear(data []byte) [][]byte {
	s := newServer(l, ServerConfig{})
	p := newPeer(s, "")
	if !s.join(p) {
		return nil
	}
	defer s.leave(p)
	p.greet()
	p.handle(data)
	for !l.drain(nil) {
	}
	return p.out
}

// Forget forgets which units were refused.
func (l *Ledger) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.bad)
}
