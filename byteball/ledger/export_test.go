package ledger

import "github.com/iotverse/iotverse/byteball"

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
