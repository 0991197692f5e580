package engine

import "time"

// queue is a binary heap of what is to happen, by time and then by the order of push.
type queue struct {
	heap []item
	seq  uint64
}

type item struct {
	at  time.Time
	seq uint64
	do  func()
}

func (a *item) before(b *item) bool {
	if c := a.at.Compare(b.at); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

func (q *queue) push(at time.Time, do func()) {
	q.seq++
	q.heap = append(q.heap, item{at, q.seq, do})
	for i := len(q.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !q.heap[i].before(&q.heap[up]) {
			break
		}
		q.heap[i], q.heap[up] = q.heap[up], q.heap[i]
		i = up
	}
}

// pop takes the first item if it is due at until or before.
func (q *queue) pop(until time.Time) (time.Time, func(), bool) {
	if len(q.heap) == 0 || q.heap[0].at.After(until) {
		return time.Time{}, nil, false
	}
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
			return first.at, first.do, true
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}
