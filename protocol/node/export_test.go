package node

import "github.com/iotverse/iotverse/protocol/role"

// Commit is what a loop does with a step's effects.
func (s *Store) Commit(prefix string, effects []role.Effect) error { return s.commit(prefix, effects) }

// Disk puts a disk between the store and its writes: before each of them disk is asked, with the number of callers that share
// it. An error of disk is that of the write, which then does not happen.
func (s *Store) Disk(disk func(callers int) error) {
	flush := s.group.flush
	s.group.flush = func(group []*waiter) error {
		if err := disk(len(group)); err != nil {
			return err
		}
		return flush(group)
	}
}

type waiter = write

// Waiting is how many writes wait for the disk.
func (s *Store) Waiting() int {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	return len(s.group.waiting)
}

// Least sets how many bytes must be free on the disk.
func (s *Store) Least(bytes uint64) { s.least = bytes }
