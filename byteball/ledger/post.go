package ledger

import (
	"errors"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// maxBad is how many refused units are remembered.
const maxBad = 10_000

func refuse(format string, args ...any) error {
	return byteball.Errorf(byteball.Invalid, format, args...)
}

func later(format string, args ...any) error {
	return byteball.Errorf(byteball.Transient, format, args...)
}

// errSerial is the answer to a double spend.
var errSerial = byteball.Errorf(byteball.Stale, "The transaction would be non-serial (a double spend)")

// Post checks u as a full node checks what a light client posts, saves it and moves the main chain on. When Post returns
// nil, u is in the database and, with a directory, on disk. now is the node's clock: a unit may be at most 5 s ahead.
// Post keeps u; nobody may change it afterwards.
// Errors, in the reference's words: Invalid; Stale for a known unit or a double spend; Transient for what may be accepted
// later (fees under load, unknown parents).
func (l *Ledger) Post(u *unit.Unit, now time.Time) error {
	l.begin(true)
	defer l.end()
	if l.broken != nil {
		return l.broken
	}
	if u == nil || u.Unit == "" {
		return refuse("no unit")
	}
	switch {
	case l.node(u.Unit) != nil:
		return byteball.Errorf(byteball.Stale, "known")
	case l.bad[u.Unit] != "":
		return refuse("known bad")
	}
	if err := unit.CheckForm(u); err != nil {
		return err
	}
	return l.accept(u, now)
}

// PostJoint is Post for a joint as it comes over the wire, a tree of objecthash.ParseTree: it knows what a Unit cannot
// hold and refuses it in the reference's words (network.js:1106, 3244).
func (l *Ledger) PostJoint(tree any, now time.Time) (*unit.Unit, error) {
	u, err := l.readJoint(tree)
	if err != nil {
		return nil, err
	}
	return u, l.Post(u, now)
}

func (l *Ledger) readJoint(tree any) (*unit.Unit, error) {
	joint, _ := tree.(map[string]any)
	fields, _ := joint["unit"].(map[string]any)
	hash, _ := fields["unit"].(string)
	if hash == "" {
		return nil, refuse("no unit")
	}
	if truthy(joint["ball"]) {
		return nil, refuse("no ball via post_joint")
	}
	if _, unsigned := joint["unsigned"]; unsigned {
		return nil, refuse("unsigned unit")
	}
	version, isText := fields["version"].(string)
	if !isText {
		return nil, refuse("invalid version")
	}
	if version != "" && version[0] >= '0' && version[0] < '4' {
		return nil, later("version is too old")
	}
	if err := l.known(byteball.Hash(hash)); err != nil {
		return nil, err
	}
	delete(fields, "main_chain_index")
	delete(fields, "actual_tps_fee")
	u, err := unit.FromTree(fields)
	if err != nil {
		return nil, err
	}
	if len(joint) > 1 {
		return nil, refuse("unknown fields in unit-joint")
	}
	return u, nil
}

// known refuses a unit that was seen before.
func (l *Ledger) known(h byteball.Hash) error {
	l.begin(false)
	defer l.end()
	switch {
	case l.node(h) != nil:
		return byteball.Errorf(byteball.Stale, "known")
	case l.bad[h] != "":
		return refuse("known bad")
	}
	return l.fail()
}

func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case float64:
		return v != 0
	case bool:
		return v
	}
	return true
}

// accept checks the place of a unit of good form on the chain and saves it.
func (l *Ledger) accept(u *unit.Unit, now time.Time) error {
	c := &check{l: l, u: u, now: now}
	err := c.all()
	if failed := l.fail(); failed != nil {
		return failed
	}
	if err != nil {
		if c.final && errors.Is(err, byteball.Invalid) {
			l.remember(u.Unit, err)
		}
		return err
	}
	n := c.node()
	n.u = u
	if err := l.add(n); err != nil {
		return err
	}
	l.saveNew(n, c.spent)
	stable := l.advance()
	if err := l.commit(); err != nil {
		return err
	}
	if len(l.hooks) > 0 {
		l.x = &tx{t: l.db.NewTransaction(false)}
		p := l.provable(u, stable)
		for _, f := range l.hooks {
			f(p)
		}
	}
	return nil
}

// provable says what listeners want to know of a saved unit: a unit can be proven to a light client once the last ball of a
// stable unit of the main chain covers it (network.js:1699).
func (l *Ledger) provable(u *unit.Unit, stable []uint64) posted {
	p := posted{unit: u}
	if len(stable) > 0 {
		if before := l.main(int64(stable[0]) - 1); before != nil {
			p.from = before.LastBallMCI
		}
		p.to = l.last.LastBallMCI
	}
	return p
}

// remember notes a unit that is refused for ever, by its hash. Only what the hash commits to may count against it.
func (l *Ledger) remember(h byteball.Hash, err error) {
	if len(l.bad) >= maxBad {
		clear(l.bad)
	}
	l.bad[h] = err.Error()
}

// add puts a node into the graph in memory and finds the main chain. On error nothing has changed.
func (l *Ledger) add(n *node) error {
	n.seq = l.seq
	freed := make([]*node, 0, len(n.Parents))
	for _, h := range n.Parents {
		if p := l.free[h]; p != nil {
			freed = append(freed, p)
			delete(l.free, h)
		}
	}
	l.tail[n.Unit], l.free[n.Unit], l.loose[n.Unit] = n, n, n
	if err := l.grow(n); err != nil {
		delete(l.tail, n.Unit)
		delete(l.free, n.Unit)
		delete(l.loose, n.Unit)
		for _, p := range freed {
			l.free[p.Unit] = p
		}
		return err
	}
	if best := l.node(n.BestParent); best.allKids {
		best.children = append(best.children, n.Unit)
	}
	l.seq++
	return nil
}

// commit writes everything at once. If that fails, memory is ahead of the database and the ledger stops.
func (l *Ledger) commit() error {
	err := l.x.err
	if err == nil {
		err = l.x.t.Commit()
	}
	if err != nil {
		l.broken = byteball.Errorf(byteball.Transient, "ledger store failed, open it again: %v", err)
	}
	return l.broken
}

// encode is the stored form of a unit.
func encode(u *unit.Unit) ([]byte, error) { return u.MarshalJSON() }

// decode reads it.
func decode(data []byte) (*unit.Unit, error) {
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return nil, err
	}
	return unit.FromTree(tree)
}
