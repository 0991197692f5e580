package ledger

import "time"

// Bounds that tests try to exceed.
const (
	MaxFrame   = maxFrame
	MaxWatched = maxWatched
	PauseAbove = pauseAbove
	Goodbye    = goodbye
)

// Lane is a lane.
type Lane struct{ q *lane }

// NewLane makes a lane.
func NewLane(slots int) Lane { return Lane{newLane(slots)} }

// Enter enters it.
func (l Lane) Enter(host string, over <-chan struct{}) bool { return l.q.enter(host, over) }

// Leave leaves it.
func (l Lane) Leave() { l.q.leave() }

// Waiting is how many wait.
func (l Lane) Waiting() (n int) {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	for _, h := range l.q.hosts {
		n += len(h.waiting)
	}
	return n
}

// Pause is how long a client has to wait that sends messages of a size and a command at an even pace for some seconds.
func Pause(perSecond, seconds, size int, command string) (longest time.Duration) {
	now := time.Unix(0, 0)
	bytes, work := newBucket(bytesPerSecond, bytesAtOnce, now), newBucket(workPerSecond, workAtOnce, now)
	for range perSecond * seconds {
		now = now.Add(time.Second / time.Duration(perSecond))
		longest = max(longest, bytes.take(float64(size), now), work.take(messageCost+costOf(command), now))
	}
	return longest
}

// Hold keeps the ledger locked until the returned func is called.
func (l *Ledger) Hold() (release func()) {
	l.mu.Lock()
	return l.mu.Unlock
}
