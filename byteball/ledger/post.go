package ledger

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
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
// Units that are posted at the same time share a write to disk. Post keeps u; nobody may change it afterwards.
// Errors, in the reference's words: Invalid; Stale for a known unit or a double spend; Transient for what may be accepted
// later (fees under load, unknown parents). A definite no has a method Refused() string, as with hub.Client; a known unit or
// a store that failed have none.
func (l *Ledger) Post(u *unit.Unit, now time.Time) error {
	if u == nil || u.Unit == "" {
		return no(refuse("no unit"))
	}
	return l.run(l.newJob(u, now))
}

// PostJoint is Post for a joint as it comes over the wire, a tree of objecthash.ParseTree: it knows what a Unit cannot
// hold and refuses it in the reference's words (network.js:1106, 3244).
func (l *Ledger) PostJoint(tree any, now time.Time) (*unit.Unit, error) {
	j, err := l.jointJob(tree, now)
	if err != nil {
		return nil, no(err)
	}
	if err := l.run(j); err != nil {
		return nil, err
	}
	return j.u, nil
}

// jointJob reads a joint from the wire. What is wrong with its form is in the job: that the unit is known is said first.
func (l *Ledger) jointJob(tree any, now time.Time) (*job, error) {
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
	delete(fields, "main_chain_index")
	delete(fields, "actual_tps_fee")
	u, err := unit.FromTree(fields)
	if err == nil && len(joint) > 1 {
		err = refuse("unknown fields in unit-joint")
	}
	if err != nil {
		return &job{name: byteball.Hash(hash), form: err, now: now}, nil
	}
	return l.newJob(u, now), nil
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
	l.enter(n)
	l.free[n.Unit], l.loose[n.Unit] = n, n
	if err := l.grow(n); err != nil {
		l.quit(n)
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
	if l.broken != nil {
		return l.broken
	}
	err := l.x.err
	if err == nil {
		err = l.x.t.Commit()
	}
	if err != nil {
		l.broken = byteball.Errorf(byteball.Transient, "ledger store failed, open it again: %v", err)
	}
	return l.broken
}

// split commits what was written and goes on with another transaction, if it is more than so many bytes.
func (l *Ledger) split(most int) {
	if l.x.size > most && l.commit() == nil {
		l.reopen(true)
	}
}
