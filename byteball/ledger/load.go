package ledger

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// meta is what a chain on disk remembers of how it began.
type meta struct {
	_       struct{} `cbor:",toarray"`
	Schema  uint64
	Network string
	Genesis byteball.Hash
	OP      byteball.Address
	Vars    unit.SystemVars
}

var metaKey = key(tMeta, []byte("chain"))

// schemaKey stands alone, so that any version of the program can read it.
var schemaKey = key(tMeta, []byte("schema"))

func (l *Ledger) saveMeta(cfg Config) {
	l.x.set(schemaKey, num(schema))
	l.x.save(metaKey, meta{Schema: schema, Network: cfg.Network.Name, Genesis: l.genesis, OP: l.op, Vars: l.vars})
}

// loadMeta reads how the chain began, if it did, and holds it against cfg.
func (l *Ledger) loadMeta(cfg Config) (known bool, err error) {
	l.vars = cfg.Vars
	if l.vars == (unit.SystemVars{}) {
		l.vars = unit.DefaultVars(cfg.Network)
	}
	if v := l.x.get(schemaKey); v != nil && number(v) != schema {
		return false, fmt.Errorf("%s holds a ledger of schema %d, this program knows %d; use the program that wrote it or another directory: %w",
			cfg.Dir, number(v), schema, byteball.Invalid)
	}
	var m meta
	if !l.x.load(metaKey, &m) {
		return false, l.fail()
	}
	switch {
	case m.Network != cfg.Network.Name:
		err = fmt.Errorf("%s holds a ledger of network %s, not %s: %w", cfg.Dir, m.Network, cfg.Network.Name, byteball.Invalid)
	case cfg.Genesis != nil && (cfg.Genesis.Unit == nil || cfg.Genesis.Unit.Unit != m.Genesis):
		err = fmt.Errorf("%s holds the ledger that begins with unit %s, another genesis was given: %w", cfg.Dir, m.Genesis, byteball.Invalid)
	case cfg.Vars != unit.SystemVars{} && cfg.Vars != m.Vars:
		err = fmt.Errorf("%s holds a ledger with system variables %+v, they cannot become %+v: %w", cfg.Dir, m.Vars, cfg.Vars, byteball.Invalid)
	}
	l.genesis, l.op, l.vars = m.Genesis, m.OP, m.Vars
	return true, err
}

// load reads the end of a stored chain into memory.
func (l *Ledger) load() error {
	var last byteball.Hash
	l.x.back([]byte{tMain}, nil, func(_, unit []byte) bool {
		last = hashOf(unit)
		return false
	})
	l.last = l.node(last)
	if l.last == nil {
		return fmt.Errorf("ledger store has no main chain: %w", byteball.Invalid)
	}
	if err := l.catchUpFacts(); err != nil {
		return err
	}
	type row struct {
		seq  uint64
		unit byteball.Hash
	}
	var settled []byteball.Hash
	var tail []row
	l.x.each(key(tAt, num(uint64(l.last.MCI))), nil, func(unit, _ []byte) bool {
		settled = append(settled, hashOf(unit))
		return true
	})
	l.seq = 1
	l.x.each([]byte{tTail}, nil, func(seq, unit []byte) bool {
		tail = append(tail, row{number(seq), hashOf(unit)})
		l.seq = number(seq) + 1
		return true
	})
	var nodes []*node
	for _, h := range settled {
		nodes = append(nodes, l.node(h))
	}
	l.setLast(l.last, nodes)
	for _, r := range tail {
		if err := l.loadTail(r.unit, r.seq); err != nil {
			return err
		}
	}
	if len(tail) == 0 {
		l.free[l.last.Unit] = l.last
		return l.fail()
	}
	if err := l.grow(nil); err != nil {
		return err
	}
	l.advance() // a settlement may have been interrupted
	if err := l.fail(); err != nil {
		return err
	}
	return l.commit()
}

// loadTail puts a unit that was not stable back into the graph; they come in the order in which they were saved. seq is
// what its row is found by when it becomes stable.
func (l *Ledger) loadTail(h byteball.Hash, seq uint64) error {
	n, u := &node{}, l.unit(h)
	if !l.x.load(key(tNode, raw(h)), n) || u == nil {
		return fmt.Errorf("ledger store has lost unit %s: %w", h, byteball.Invalid)
	}
	if n.u, n.seq = u, seq; n.Stable {
		n.unsettle()
	}
	for _, p := range n.Parents {
		delete(l.free, p)
	}
	l.enter(n)
	l.free[h], l.loose[h] = n, n
	return nil
}
