package hub

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// maxSeen is how many handled messages are remembered. A hub that repeats an older one could fool a mailbox only as long as
// the temporary key that the message was encrypted to is on the ring.
const maxSeen = 4096

// seen remembers the last messages that were handled.
type seen struct {
	store Store
	next  uint64
	ids   map[byteball.Hash]bool
	ring  [maxSeen]byteball.Hash
}

func seenKey(n uint64) string { return fmt.Sprintf("seen/%d", n%maxSeen) }

// seenEntry names a message and its place, so that the newest is found without a record of its own.
type seenEntry struct {
	N  uint64        `json:"n"`
	ID byteball.Hash `json:"id"`
}

// open reads what was remembered.
func (s *seen) open(store Store) error {
	s.store, s.ids = store, map[byteball.Hash]bool{}
	for slot := range uint64(maxSeen) {
		var e seenEntry
		ok, err := load(store, seenKey(slot), &e)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		s.ids[e.ID], s.ring[slot] = true, e.ID
		s.next = max(s.next, e.N+1)
	}
	return nil
}

func (s *seen) has(id byteball.Hash) bool { return s.ids[id] }

// add remembers one, on disk, and forgets the oldest.
func (s *seen) add(id byteball.Hash) error {
	if err := save(s.store, seenKey(s.next), seenEntry{s.next, id}); err != nil {
		return err
	}
	slot := s.next % maxSeen
	delete(s.ids, s.ring[slot])
	s.ids[id], s.ring[slot] = true, id
	s.next++
	return nil
}
