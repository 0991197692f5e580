package node

import (
	"errors"
	"fmt"
	"sync"
)

// row is one key that is written or removed.
type row struct {
	key, value []byte
	gone       bool
}

// write is what one caller wants on disk, all or nothing.
type write struct {
	rows []row
	size int
	done bool // err says how it went
	err  error
}

// committer groups writes: who gets to the disk first writes for all that wait by then, with one sync, and the others find
// their writes done. Nobody returns before his own is durable. A burst costs few syncs, a single write waits for nobody.
type committer struct {
	flush func([]*write) error // writes all, synced, or none

	mu      sync.Mutex
	waiting []*write   // in the order they came
	disk    sync.Mutex // held by who writes
	broken  error      // the disk failed
}

func (c *committer) write(rows []row) error {
	w := &write{rows: rows}
	for _, r := range rows {
		w.size += len(r.key) + len(r.value)
	}
	c.mu.Lock()
	c.waiting = append(c.waiting, w)
	c.mu.Unlock()
	c.disk.Lock()
	defer c.disk.Unlock()
	for !w.done {
		c.serve(c.take())
	}
	return w.err
}

// take is the next group, in the order of arrival and bounded by what one write can hold.
func (c *committer) take() []*write {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, rows, size := 0, 0, 0
	for ; n < len(c.waiting); n++ {
		rows, size = rows+len(c.waiting[n].rows), size+c.waiting[n].size
		if n > 0 && (size > fullWrite || rows > maxRows) {
			break
		}
	}
	group := c.waiting[:n:n]
	if c.waiting = c.waiting[n:]; len(c.waiting) == 0 {
		c.waiting = nil
	}
	return group
}

// maxRows bounds the rows that strangers put together, mostRows those of one caller; the store takes about 13,000 at once.
const (
	maxRows  = 4096
	mostRows = 12_000
)

// serve writes a group. If a row cannot be written each write is tried alone, so that it harms its own caller only. A disk
// that fails is not trusted again: what it says of later writes means nothing.
func (c *committer) serve(group []*write) {
	err := c.broken
	if err == nil {
		err = c.flush(group)
	}
	for _, w := range group {
		if w.err = err; isRow(err) && len(group) > 1 {
			w.err = c.flush([]*write{w})
		}
		if w.err != nil && !isRow(w.err) {
			c.broken = w.err
		}
		w.done = true
	}
}

// rowError says that the rows cannot be written, whatever the disk does.
type rowError struct{ error }

func (e rowError) Unwrap() error { return e.error }

func isRow(err error) bool { return errors.As(err, new(rowError)) }

// flush writes a group in one synced transaction.
func (s *Store) flush(group []*write) error {
	failpoint("Save")
	if s.dir != "" {
		if err := enough(s.dir, s.least); err != nil {
			return err
		}
	}
	tx := s.db.NewTransaction(true)
	defer tx.Discard()
	for _, w := range group {
		for _, r := range w.rows {
			var err error
			if r.gone {
				err = tx.Delete(r.key)
			} else {
				err = tx.Set(r.key, r.value)
			}
			if err != nil {
				return rowError{fmt.Errorf("store: %w", err)}
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	failpoint("Saved")
	return nil
}
