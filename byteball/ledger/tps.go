package ledger

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The load: how many units came since when. The fee of each unit hangs on it, so that it must not be counted anew for each:
// the main chain knows how many units it includes, and of other units it is remembered.

// elapsed is the time in seconds since a last ball, at least 1.
func (l *Ledger) elapsed(timestamp int64, lastBall *node) float64 {
	if d := timestamp - lastBall.Timestamp; d != 0 {
		return float64(d)
	}
	return 1
}

// localTPS is the load between a new unit's last ball, which is stable, and itself, in units per second (storage.js:1307).
func (l *Ledger) localTPS(best, lastBall *node, timestamp int64) float64 {
	return float64(1+l.countAfter(best, lastBall)) / l.elapsed(timestamp, lastBall)
}

// countAfter counts n and its ancestors after the index of ball, a stable unit of the main chain. Which they are never
// changes.
func (l *Ledger) countAfter(n, ball *node) int64 {
	var chain []*node // of units with one parent, down to one that can be counted
	for len(n.Parents) == 1 && !n.counts(ball) {
		chain = append(chain, n)
		n = l.node(n.Parents[0])
	}
	count := l.countOne(n, ball)
	for i := len(chain) - 1; i >= 0; i-- {
		count++
		chain[i].ball, chain[i].count = ball.Unit, count
	}
	return count
}

// counts says whether n can be counted without its parents.
func (n *node) counts(ball *node) bool {
	return n.OnMain || n.MCI != none && n.MCI <= ball.MCI || n.ball == ball.Unit
}

func (l *Ledger) countOne(n, ball *node) int64 {
	switch {
	case n.MCI != none && n.MCI <= ball.MCI:
		return 0
	case n.OnMain:
		return n.Sum - ball.Sum
	case n.ball != ball.Unit:
		n.ball, n.count = ball.Unit, l.walkAfter(n, ball)
	}
	return n.count
}

// walkAfter counts by the main chain up to where n includes it, and what lies above by walking.
func (l *Ledger) walkAfter(n, ball *node) int64 {
	count, above := int64(0), ball.MCI
	if n.Included > ball.MCI {
		above = n.Included
		count = l.onMain(above).Sum - ball.Sum
	}
	seen := map[byteball.Hash]bool{n.Unit: true}
	for todo := []*node{n}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, q := range l.parents(p) {
			if !seen[q.Unit] && (q.MCI == none || q.MCI > above) {
				seen[q.Unit] = true
				todo = append(todo, q)
			}
		}
	}
	return count + int64(len(seen))
}

// currentTPS is the load that this node sees after its last stable unit, or after the index shift later (storage.js:1362).
func (l *Ledger) currentTPS(shift int64, now time.Time) float64 {
	ceil := now.Unix()
	if now.Nanosecond() > 0 {
		ceil++
	}
	count, start := 0, l.settledAt
	for t, n := range l.times {
		if t <= ceil {
			count += n
		}
	}
	if shift > 0 {
		start = 0
		for _, n := range l.at[l.last.MCI+shift] {
			if n.Timestamp <= ceil {
				count--
				start = max(start, n.Timestamp)
			}
		}
	}
	if count == 0 || start == 0 {
		return 0
	}
	elapsed := float64(now.Round(time.Second).Unix() - start)
	if elapsed == 0 {
		elapsed = 1
	}
	return float64(count+1) / elapsed
}

// narrowed finds what the main chain would not include at an index if a unit had but its best parent.
type narrowed struct {
	units map[byteball.Hash]*node // of that index
	kids  map[byteball.Hash]int   // how many of them have it as a parent
}

func without(units []*node) narrowed {
	v := narrowed{make(map[byteball.Hash]*node, len(units)), make(map[byteball.Hash]int, len(units))}
	for _, n := range units {
		v.units[n.Unit] = n
	}
	for _, n := range units {
		for _, p := range n.Parents {
			if v.units[p] != nil {
				v.kids[p]++
			}
		}
	}
	return v
}

// sideways counts the units that are included only by way of n's parents other than the best. Units of lower indexes are
// included by the main chain anyway.
func (v narrowed) sideways(n *node) int64 {
	var gone int64
	lost := map[byteball.Hash]int{}
	cut := func(p byteball.Hash) *node {
		if v.units[p] == nil {
			return nil
		}
		if lost[p]++; lost[p] < v.kids[p] {
			return nil
		}
		gone++
		return v.units[p]
	}
	var todo []*node
	for _, p := range n.Parents {
		if p == n.BestParent {
			continue
		}
		if q := cut(p); q != nil {
			todo = append(todo, q)
		}
	}
	for len(todo) > 0 {
		q := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range q.Parents {
			if r := cut(p); r != nil {
				todo = append(todo, r)
			}
		}
	}
	return gone
}

// maxFees is how many fees are remembered.
const maxFees = 8192

// feeTable remembers fees by load: the exact exponential takes long. The zero table is empty.
type feeTable struct{ min, now map[float64]byteball.Bytes }

// least is unit.MinTPSFee of one unit.
func (t *feeTable) least(v unit.SystemVars, tps float64) byteball.Bytes {
	return remembered(&t.min, tps, func() byteball.Bytes { return unit.MinTPSFee(v, tps, 1) })
}

// final is unit.FinalTPSFee, which is unit.CurrentTPSFee too.
func (t *feeTable) final(v unit.SystemVars, tps float64) byteball.Bytes {
	return remembered(&t.now, tps, func() byteball.Bytes { return unit.FinalTPSFee(v, tps) })
}

func remembered(m *map[float64]byteball.Bytes, tps float64, fee func() byteball.Bytes) byteball.Bytes {
	if f, ok := (*m)[tps]; ok {
		return f
	}
	if len(*m) >= maxFees || *m == nil {
		*m = map[float64]byteball.Bytes{}
	}
	f := fee()
	(*m)[tps] = f
	return f
}

// enter and quit keep count of the units that are not stable.
func (l *Ledger) enter(n *node) {
	l.tail[n.Unit] = n
	l.times[n.Timestamp]++
	if n.by(l.op) {
		l.reach = max(l.reach, n.Witnessed)
	}
}

func (l *Ledger) quit(n *node) {
	delete(l.tail, n.Unit)
	if l.times[n.Timestamp]--; l.times[n.Timestamp] == 0 {
		delete(l.times, n.Timestamp)
	}
}
