package hub

import (
	"errors"
	"fmt"
	"time"
)

// Status is how one hub of the Config stands with the client.
type Status struct {
	URL       string
	Connected bool      // it is the one in use
	Aside     time.Time // until when it is not used; zero or past: it may be
	Faults    int       // wrong answers, missing answers, bad frames so far
	Reason    error     // the last fault, or why it could not be reached; nil if nothing was ever wrong

	failed time.Time // when Reason was noted
}

// fault is an error for which a hub is put aside; what only breaks a connection is none.
type fault struct{ error }

func (f fault) Unwrap() error { return f.error }

const (
	firstAside = time.Minute // for which a hub is put aside, doubled with each fault up to maxAside
	maxAside   = time.Hour
)

// Status returns how the hubs stand, in the order of the Config.
func (c *Client) Status() []Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Status, len(c.hubs))
	for i, s := range c.hubs {
		list[i] = *s
		list[i].Connected = c.conn != nil && c.conn.url == s.URL
	}
	return list
}

// blame notes why a connection to a hub failed or ended, and puts the hub aside if it was the hub's fault.
func (c *Client) blame(url string, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.hubs {
		if s.URL != url || err == nil {
			continue
		}
		s.Reason, s.failed = err, now
		var f fault
		if errors.As(err, &f) {
			s.Aside = now.Add(min(firstAside<<min(s.Faults, 10), maxAside))
			s.Faults++
		}
	}
}

// behind leaves a hub that lacks what was proven before, if there is another that may have it. It returns err.
func (c *Client) behind(err error) error {
	c.mu.Lock()
	conn, better := c.conn, false
	for _, s := range c.hubs {
		better = better || conn != nil && s.URL != conn.url && time.Since(s.failed) > firstAside
	}
	c.mu.Unlock()
	if better {
		conn.cut(err)
	}
	return err
}

// candidates are the numbers of the hubs to try, beginning with from: those that are not put aside, or, if all are, the
// one whose time is over first.
func (c *Client) candidates(from int, now time.Time) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []int
	first := 0
	for i := range c.hubs {
		at := (from + i) % len(c.hubs)
		if !c.hubs[at].Aside.After(now) {
			list = append(list, at)
		}
		if c.hubs[i].Aside.Before(c.hubs[first].Aside) {
			first = i
		}
	}
	if len(list) == 0 {
		return []int{first}
	}
	return list
}

// bucket bounds what a hub may send unasked: in the long run unaskedRate frames and unaskedBytes a second, and at once
// as much as in unaskedBurst.
type bucket struct {
	frames, bytes float64 // that may still come
	at            time.Time
}

const (
	unaskedRate  = 5000.0 // frames a second: a busy ledger reports each unit of a watched address
	unaskedBytes = 16e6   // a second
	unaskedBurst = 4.0    // seconds
)

func newBucket(now time.Time) bucket {
	return bucket{unaskedRate * unaskedBurst, unaskedBytes * unaskedBurst, now}
}

// take takes one frame out. Error: a fault, if there is no room.
func (b *bucket) take(now time.Time, size int) error {
	passed := max(0, now.Sub(b.at).Seconds())
	b.at = now
	b.frames = min(b.frames+passed*unaskedRate, unaskedRate*unaskedBurst) - 1
	b.bytes = min(b.bytes+passed*unaskedBytes, unaskedBytes*unaskedBurst) - float64(size)
	if b.frames < 0 || b.bytes < 0 {
		return fault{fmt.Errorf("it floods with what nobody asked for: more than %.0f frames or %.0f bytes a second", unaskedRate, unaskedBytes)}
	}
	return nil
}
