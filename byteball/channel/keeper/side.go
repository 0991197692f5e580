package keeper

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/iotverse/iotverse/byteball/channel"
)

// side is one side of a channel. It is at rest, or awake: then one of payer and payee is set.
type side struct {
	id      ID
	used    atomic.Bool // since the ring looked last
	mu      sync.Mutex
	resting bool
	rest    channel.Resting
	payer   *channel.Payer
	payee   *channel.Payee
	failed  error // of the disk: what it holds is not known
}

func (s *side) state() channel.State {
	if s.payer != nil {
		return s.payer.State
	}
	return s.payee.State
}

func (s *side) apply(ev channel.Event, now time.Time) (*channel.Payer, *channel.Payee, []channel.Effect, error) {
	if s.payer != nil {
		p, effects, err := s.payer.Apply(ev, now)
		return &p, nil, effects, err
	}
	p, effects, err := s.payee.Apply(ev, now)
	return nil, &p, effects, err
}

// wake makes s awake, which is locked. Error: Invalid for bytes that contradict themselves.
func (k *Keeper) wake(s *side) error {
	if !s.resting {
		return nil
	}
	if s.id.Side == Buyer {
		p, err := s.rest.Payer()
		if err != nil {
			return err
		}
		s.payer = &p
	} else {
		p, err := s.rest.Payee()
		if err != nil {
			return err
		}
		s.payee = &p
	}
	s.resting, s.rest = false, channel.Resting{}
	k.awake.enter(s)
	return nil
}

// sleep puts s, which is locked, to rest. It reports whether s rests.
func (s *side) sleep() bool {
	if s.resting || s.failed != nil {
		return s.resting
	}
	if s.payer != nil {
		s.rest, s.resting = s.payer.Rest()
	} else {
		s.rest, s.resting = s.payee.Rest()
	}
	if s.resting {
		s.payer, s.payee = nil, nil
	}
	return s.resting
}

// ring is all sides that are awake. Who enters a full one puts to rest who had nothing for a round.
type ring struct {
	mu   sync.Mutex
	list []*side
	next int
}

// MaxAwake is how many sides are awake at most, but for those that have to be.
const MaxAwake = 1024

const maxLooks = 16 // at a time; if nobody can rest the ring grows

// enter takes in s. The caller may hold its lock.
func (r *ring) enter(s *side) {
	s.used.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, s)
	for look := 0; len(r.list) > MaxAwake && look < maxLooks; look++ {
		r.next = (r.next + 1) % len(r.list)
		other, last := r.list[r.next], len(r.list)-1
		if other.used.Swap(false) || !other.mu.TryLock() {
			continue
		}
		if other.sleep() {
			r.list[r.next], r.list[last], r.list = r.list[last], nil, r.list[:last]
		}
		other.mu.Unlock()
	}
}
