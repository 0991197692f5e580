package node

import "github.com/iotverse/iotverse/protocol/role"

// Commit is what a loop does with a step's effects.
func (s *Store) Commit(prefix string, effects []role.Effect) error { return s.commit(prefix, effects) }
