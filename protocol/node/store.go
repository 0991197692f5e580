package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// schema is the version of what a store holds. A program opens stores of its own version and older ones only.
const schema = 1

var schemaKey = []byte("schema")

// Store is a node's one database: a badger directory, or memory, tuned for a machine with little of it. Every write is
// synced before it returns; writes that wait at the same time share one sync. Prefixes keep packages apart. It is safe for
// concurrent use.
type Store struct {
	db    *badger.DB
	dir   string // empty in memory
	least uint64 // bytes that must be free there
	group committer
	copy  string // folder that goes with the store; empty for most
}

// ErrInUse says that another process holds a store. It is of kind Transient.
var ErrInUse = fmt.Errorf("in use by another process; stop it first: %w", protocol.Transient)

// OpenStore opens or makes the store in dir; an empty dir keeps it in memory. Errors: Invalid for a store that a newer
// program wrote; Transient for a disk that is nearly full, as of all that write; ErrInUse.
func OpenStore(dir string) (*Store, error) {
	opts := options(dir)
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		if err := enough(dir, leastRoom); err != nil {
			return nil, err
		}
	}
	db, err := badger.Open(opts)
	if err != nil {
		if strings.Contains(err.Error(), "Cannot acquire directory lock") {
			return nil, fmt.Errorf("store %s is %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	s := &Store{db: db, dir: dir, least: leastRoom}
	s.group.flush = s.flush
	if err := s.checkSchema(dir); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

func options(dir string) badger.Options {
	return badger.DefaultOptions(dir).WithLogger(nil).WithSyncWrites(dir != "").
		WithMemTableSize(8 << 20).WithNumMemtables(2).WithNumLevelZeroTables(2).WithNumLevelZeroTablesStall(4).
		WithValueLogFileSize(32 << 20).WithBlockCacheSize(4 << 20).WithIndexCacheSize(2 << 20).
		WithNumCompactors(2).WithCompression(0).WithInMemory(dir == "")
}

func (s *Store) checkSchema(dir string) error {
	v, err := s.Get(schemaKey)
	if errors.Is(err, protocol.NotFound) {
		return s.Put(schemaKey, binary.BigEndian.AppendUint32(nil, schema))
	}
	if err != nil {
		return err
	}
	if len(v) != 4 || binary.BigEndian.Uint32(v) > schema {
		return fmt.Errorf("store %s was written by a newer version of iotverse (schema %x, this program knows %d); update the program: %w", dir, v, schema, protocol.Invalid)
	}
	return nil
}

// Close flushes and closes the store.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.copy != "" {
		return errors.Join(err, os.RemoveAll(s.copy))
	}
	return err
}

// Get returns a value. Error: NotFound.
func (s *Store) Get(key []byte) (value []byte, err error) {
	err = s.db.View(func(tx *badger.Txn) error {
		item, err := tx.Get(key)
		if err != nil {
			return err
		}
		value, err = item.ValueCopy(nil)
		return err
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("store: key %q: %w", key, protocol.NotFound)
	}
	return value, err
}

// Put writes one value durably.
func (s *Store) Put(key, value []byte) error { return s.group.write([]row{{key, value, false}}) }

// Delete removes one key; a key that is not there is no error.
func (s *Store) Delete(key []byte) error { return s.group.write([]row{{key, nil, true}}) }

// All returns every pair under prefix, keys without it.
func (s *Store) All(prefix string) (map[string][]byte, error) {
	all := make(map[string][]byte)
	err := s.db.View(func(tx *badger.Txn) error {
		it := tx.NewIterator(badger.IteratorOptions{Prefix: []byte(prefix), PrefetchValues: true, PrefetchSize: 100})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			v, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			all[strings.TrimPrefix(string(it.Item().Key()), prefix)] = v
		}
		return nil
	})
	return all, err
}

// commit writes the Save and Delete effects under a prefix together: all of them are on disk, or none. A step may delete more
// than the store takes at once, after a node was off for days; then what it deletes goes first, part by part and in order,
// and the last part goes together with all that it saves.
func (s *Store) commit(prefix string, effects []role.Effect) error {
	rows := make([]row, 0, len(effects))
	kept := make(map[string]bool) // keys that are saved, too: they stay in order
	for _, e := range effects {
		switch e := e.(type) {
		case role.Save:
			rows = append(rows, row{append([]byte(prefix), e.Key...), e.Value, false})
			kept[prefix+string(e.Key)] = true
		case role.Delete:
			rows = append(rows, row{append([]byte(prefix), e.Key...), nil, true})
		}
	}
	for len(rows) > mostRows {
		part, rest := make([]row, 0, mostRows), make([]row, 0, len(rows))
		for _, r := range rows {
			if r.gone && len(part) < mostRows && !kept[string(r.key)] {
				part = append(part, r)
			} else {
				rest = append(rest, r)
			}
		}
		if len(part) == 0 {
			break
		}
		if err := s.group.write(part); err != nil {
			return err
		}
		rows = rest
	}
	if len(rows) == 0 {
		return nil
	}
	return s.group.write(rows)
}
