package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iotverse/iotverse/protocol/role"
)

// turn is one event of one node, with what its core made of it.
type turn struct {
	item
	taken   bool // the node was on and there was an event
	effects []role.Effect
	err     error
}

// together plays the events of nodes that lie closer than the shortest delay. None of them can be the cause of another at
// another node, so the nodes step side by side; their effects are carried out one by one, in the order of the events.
// The outcome does not depend on how many processors there are. A timer that is set for a moment within the stretch fires
// after it, as late as that.
func (e *Engine) together(until time.Time) {
	end := e.queue.first().at.Add(e.cfg.MinDelay)
	turns := e.turns[:0]
	var heavy []*Node
	for x := e.queue.first(); x != nil && x.do == nil && x.at.Before(end) && !x.at.After(until); x = e.queue.first() {
		turns = append(turns, turn{item: e.queue.pop()})
		if n := turns[len(turns)-1].node; !n.listed && !turns[len(turns)-1].light {
			n.listed, heavy = true, append(heavy, n)
		}
	}
	e.turns = turns
	e.spread(heavy, turns)
	for i := range turns {
		if t := &turns[i]; !t.node.listed {
			t.node.take(t)
		}
	}
	for _, n := range heavy {
		n.listed = false
	}
	for i := range turns {
		e.finish(&turns[i])
		turns[i] = turn{}
	}
}

// spread steps the listed nodes, each in the order of its events, on as many processors as there are.
func (e *Engine) spread(nodes []*Node, turns []turn) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(nodes)); i = next.Add(1) - 1 {
			for k := range turns {
				if turns[k].node == nodes[i] {
					nodes[i].take(&turns[k])
				}
			}
		}
	}
	var done sync.WaitGroup
	for range min(len(nodes), runtime.GOMAXPROCS(0)) - 1 {
		done.Go(work)
	}
	work()
	done.Wait()
}

// finish carries out what a turn asks for.
func (e *Engine) finish(t *turn) {
	e.now = t.at
	if t.err != nil {
		e.fail(t.err)
	}
	if t.taken {
		e.steps++
	}
	for _, effect := range t.effects {
		e.cfg.Observe(t.node, e.now, effect)
		t.node.perform(effect)
	}
	if t.next != nil {
		t.next()
	}
}
