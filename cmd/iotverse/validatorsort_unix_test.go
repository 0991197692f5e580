//go:build unix

package main

import (
	"os"
	"testing"
)

// While rows are sorted no file has a name, so a signal leaves none behind.
func TestSorterLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := rowSorter{limit: 2}
	for i := range int64(7) {
		if err := s.add(sentRow{key: 7 - i, order: i}); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("while sorting: %v, %v", list, err)
	}
	n, last := 0, int64(0)
	if err := s.each(func(r *sentRow) error {
		if r.key < last {
			t.Errorf("%d after %d", r.key, last)
		}
		n, last = n+1, r.key
		return nil
	}); err != nil || n != 7 {
		t.Errorf("%d rows, want 7: %v", n, err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}
