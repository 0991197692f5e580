package ledger

import "sync"

// lane lets a few in at a time and shares itself fairly: hosts take turns, and the clients of a host in the order they
// came. So a host that floods with expensive requests waits for itself, not others for it.
type lane struct {
	mu    sync.Mutex
	free  int
	hosts []*laneHost // that wait, the next one first
}

type laneHost struct {
	name    string
	waiting []chan struct{} // each is closed when its owner may go
}

func newLane(slots int) *lane { return &lane{free: slots} }

// enter waits for a turn; it returns false, without one, when over is closed before.
func (q *lane) enter(host string, over <-chan struct{}) bool {
	q.mu.Lock()
	if q.free > 0 {
		q.free--
		q.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	q.host(host).add(turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return true
	case <-over:
	}
	q.mu.Lock()
	given := !q.drop(turn)
	q.mu.Unlock()
	if given {
		q.leave()
	}
	return false
}

// leave gives the turn to the next host.
func (q *lane) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.hosts) == 0 {
		q.free++
		return
	}
	h := q.hosts[0]
	turn := h.waiting[0]
	h.waiting = h.waiting[1:]
	q.hosts = q.hosts[1:]
	if len(h.waiting) > 0 {
		q.hosts = append(q.hosts, h)
	}
	close(turn)
}

// host returns the queue of a host; q is locked.
func (q *lane) host(name string) *laneHost {
	for _, h := range q.hosts {
		if h.name == name {
			return h
		}
	}
	h := &laneHost{name: name}
	q.hosts = append(q.hosts, h)
	return h
}

func (h *laneHost) add(turn chan struct{}) { h.waiting = append(h.waiting, turn) }

// drop takes a turn that was not given out of the queue and says whether it was there; q is locked.
func (q *lane) drop(turn chan struct{}) bool {
	for i, h := range q.hosts {
		for k, t := range h.waiting {
			if t != turn {
				continue
			}
			h.waiting = append(h.waiting[:k:k], h.waiting[k+1:]...)
			if len(h.waiting) == 0 {
				q.hosts = append(q.hosts[:i:i], q.hosts[i+1:]...)
			}
			return true
		}
	}
	return false
}
