package engine

import (
	"time"

	"github.com/iotverse/iotverse/protocol/role"
)

// queue is a binary heap of what is to happen, by time and then by the order of push.
type queue struct {
	heap []item
	seq  uint64
}

// item is either something that happens to the world (do), or an event for one node (event, made when its time has come;
// nil is none after all).
type item struct {
	at    time.Time
	seq   uint64
	do    func()
	node  *Node
	event func() role.Event
	light bool   // takes microseconds
	next  func() // called after the event
}

func (a *item) before(b *item) bool {
	if c := a.at.Compare(b.at); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

func (q *queue) push(x item) {
	q.seq++
	x.seq = q.seq
	q.heap = append(q.heap, x)
	for i := len(q.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !q.heap[i].before(&q.heap[up]) {
			break
		}
		q.heap[i], q.heap[up] = q.heap[up], q.heap[i]
		i = up
	}
}

// first is the next item, nil if there is none.
func (q *queue) first() *item {
	if len(q.heap) == 0 {
		return nil
	}
	return &q.heap[0]
}

// pop takes the first item; there must be one.
func (q *queue) pop() item {
	first := q.heap[0]
	last := len(q.heap) - 1
	q.heap[0], q.heap[last] = q.heap[last], item{}
	q.heap = q.heap[:last]
	for i := 0; ; {
		least := i
		for down := 2*i + 1; down <= 2*i+2 && down < last; down++ {
			if q.heap[down].before(&q.heap[least]) {
				least = down
			}
		}
		if least == i {
			return first
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}
