package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// coverUnits is how many units Cover posts with one write to disk.
const coverUnits = 64

// Witness composes, signs and posts one unit of the order provider on top of all free units, as far as 16 parents go: its
// clock as a data feed and a payment to itself that pays its fees. Units become stable by that. Errors: Invalid if op is
// not this ledger's order provider; Funds when it has no coin left that pays the fees; those of Post.
func (l *Ledger) Witness(op Operator, now time.Time) (*unit.Unit, error) {
	units, err := l.witness(op, now, 1)
	if err != nil {
		return nil, err
	}
	return units[0], nil
}

// Cover posts as many units of the order provider as it takes to include all free units of others, and returns how many:
// 0 if there are none, at most 64. Errors are those of Witness.
func (l *Ledger) Cover(op Operator, now time.Time) (int, error) {
	units, err := l.witness(op, now, coverUnits)
	return len(units), err
}

// witness posts one unit, or, with a larger limit, so many as cover all.
func (l *Ledger) witness(op Operator, now time.Time, limit int) (units []*unit.Unit, err error) {
	address, err := op.Address()
	if err != nil {
		return nil, err
	}
	l.begin(true)
	defer l.end()
	if l.broken != nil {
		return nil, l.broken
	}
	if address != l.op {
		return nil, fmt.Errorf("%s is not the order provider of this ledger, %s is: %w", address, l.op, byteball.Invalid)
	}
	var jobs []*job
	for len(jobs) < limit && err == nil && (limit == 1 || l.waits()) {
		var j *job
		if j, err = l.witnessOne(op, now); err == nil {
			jobs = append(jobs, j)
		}
	}
	l.finish(jobs)
	for _, j := range jobs {
		units = append(units, j.u)
		if err == nil {
			err = j.err
		}
	}
	return units, err
}

// witnessOne adds one unit to the graph and the open transaction.
func (l *Ledger) witnessOne(op Operator, now time.Time) (*job, error) {
	u, err := l.composeWitness(op, now)
	if failed := l.fail(); failed != nil {
		return nil, failed
	}
	if err == nil {
		err = unit.CheckForm(u)
	}
	if err != nil {
		return nil, err
	}
	j := &job{u: u, now: now}
	return j, l.accept(j)
}

// waits says whether some free unit is not the order provider's.
func (l *Ledger) waits() bool {
	for _, n := range l.free {
		if !n.by(l.op) {
			return true
		}
	}
	return false
}

func (l *Ledger) composeWitness(op Operator, now time.Time) (*unit.Unit, error) {
	parents := l.waiting(now)
	if len(parents) == 0 {
		return nil, later("unable to find parents: no usable free units")
	}
	a, err := l.place(l.op, parents, now)
	if err != nil {
		return nil, err
	}
	coin, amount, err := l.ownCoin(parents, a.LastBallMCI)
	if err != nil {
		return nil, err
	}
	author := unit.Author{Address: l.op, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	u, err := unit.Compose(l.net, a, []unit.Author{author}, []unit.Message{
		{App: "data_feed", Payload: map[string]any{"timestamp": float64(now.UnixMilli())}},
		{App: "payment", Payload: &unit.Payment{
			Inputs:  []unit.Input{{Unit: coin.Unit, MessageIndex: coin.MessageIndex, OutputIndex: coin.OutputIndex}},
			Outputs: []unit.Output{{Address: l.op}},
		}},
	})
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return u.Balance(amount, l.op) },
		func() error { return u.SignWith(l.op, "r", op) },
		u.Seal,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// waiting returns the parents of the order provider's next unit: the best free unit, so that its witnessed level does not
// fall, its own last one, and those that have waited longest. Whatever fee they paid, they are taken.
func (l *Ledger) waiting(now time.Time) []*node {
	free := slices.DeleteFunc(l.tips(), func(n *node) bool { return n.Timestamp > now.Unix()+aheadSeconds })
	best := l.best(free)
	var parents []*node
	free = slices.DeleteFunc(free, func(n *node) bool {
		first := n == best || n.by(l.op)
		if first {
			parents = append(parents, n)
		}
		return first
	})
	return append(parents, oldest(free, max(unit.MaxParents-len(parents), 0))...)
}

// oldest returns the n nodes that came first.
func oldest(nodes []*node, n int) []*node {
	var first []*node
	for _, c := range nodes {
		if len(first) == n && (n == 0 || first[n-1].seq < c.seq) {
			continue
		}
		at, _ := slices.BinarySearchFunc(first, c, func(a, b *node) int { return cmp.Compare(a.seq, b.seq) })
		first = slices.Insert(first, at, c)
		first = first[:min(len(first), n)]
	}
	return first
}

// plenty is what a coin of the order provider should hold to be taken without looking for a larger one.
const plenty byteball.Bytes = 1e9

// ownCoin returns a coin of the order provider that a unit on parents may spend: what its last unit left, or its largest.
func (l *Ledger) ownCoin(parents []*node, lastBall uint64) (unit.OutPoint, byteball.Bytes, error) {
	for _, p := range parents {
		if !p.by(l.op) || p.u == nil {
			continue
		}
		for i := range p.u.Messages {
			point := unit.OutPoint{Unit: p.Unit, MessageIndex: i}
			var c coin
			if l.x.load(key(tCoin, pointKey(point)), &c) && c.Address == l.op && c.Spender == "" && c.Amount >= plenty {
				return point, c.Amount, nil
			}
		}
	}
	coins := l.unspent(l.op)
	slices.SortFunc(coins, func(a, b Coin) int { return cmp.Compare(b.Amount, a.Amount) })
	for _, c := range coins {
		n := l.node(c.Unit)
		if n != nil && (n.MCI != none && n.MCI <= int64(lastBall) || l.includes(parents, n)) {
			return c.OutPoint, c.Amount, nil
		}
	}
	return unit.OutPoint{}, 0, byteball.Errorf(byteball.Funds, "the order provider %s has no coin to pay fees with", l.op)
}
