package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/iotverse/iotverse/protocol"
)

// PeekStore opens a copy of the store in dir, to look at it while a node runs there. It holds every write that was durable
// when it was called, and perhaps later ones; what is written to it is lost with Close. Errors: NotFound without a store;
// Transient if the node writes so much that no copy succeeds; Invalid as OpenStore.
func PeekStore(dir string) (*Store, error) {
	var failed error
	for range 5 {
		s, err := peek(dir)
		if err == nil || errors.Is(err, protocol.NotFound) || errors.Is(err, protocol.Invalid) {
			return s, err
		}
		failed = err
	}
	return nil, fmt.Errorf("store %s cannot be copied while a node writes to it (%v): %w", dir, failed, protocol.Transient)
}

func peek(dir string) (*Store, error) {
	if _, err := os.Stat(filepath.Join(dir, "MANIFEST")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no store in %s: %w", dir, protocol.NotFound)
	}
	to, err := os.MkdirTemp("", "iotverse-store-")
	if err != nil {
		return nil, err
	}
	s := &Store{copy: to}
	if err = copyStore(dir, to); err == nil {
		s.db, err = badger.Open(options(to).WithSyncWrites(false))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(to))
	}
	s.group.flush = s.flush
	if err := s.checkSchema(dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// order is that of the copy. Rows go from a log (.mem) into a table (.sst), which the manifest names before the log goes: with the
// logs first, no row falls between. A table that goes meanwhile makes the copy fail.
var order = []string{"*.mem", "MANIFEST", "KEYREGISTRY", "*.vlog", "*.sst"}

func copyStore(from, to string) error {
	for _, pattern := range order {
		files, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil {
			return err
		}
		slices.Sort(files)
		for _, f := range files {
			if err := copyFile(f, filepath.Join(to, filepath.Base(f))); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
