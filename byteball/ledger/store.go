package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/fxamacker/cbor/v2"

	"github.com/iotverse/iotverse/byteball"
)

// The tables: the first byte of each key. Hashes stand in keys as 32 bytes, addresses as their 32 characters, numbers as
// 8 bytes big endian, so that the order of keys is that of the chain.
const (
	tMeta     = 'm' // name                          → value
	tJoint    = 'j' // unit                          → its JSON
	tNode     = 'n' // unit                          → node
	tTail     = 'x' // sequence                      → unit that is not stable
	tMain     = 'M' // index                         → unit of the stable main chain
	tAt       = 'k' // index, unit                   → nothing; stable units
	tChild    = 'b' // unit, unit whose best parent it is → nothing
	tCoin     = 'o' // unit, message, output         → coin
	tOwn      = 'a' // address, slot                 → output, amount; unspent coins fill the slots from 0 on
	tOwnCount = 'A' // address                       → how many slots are filled
	tUsed     = 'i' // address, index, level, unit   → nothing; stable units by or to the address
	tLast     = 'l' // address                       → last unit it wrote
	tSeen     = 'f' // address                       → index of the first stable unit it wrote
	tDef      = 'd' // definition hash               → shown
	tChange   = 'c' // address, index, level         → definition hash
	tChanged  = 'C' // address                       → nothing; there is a change
	tTPS      = 't' // address, index                → tpsThen
	tTPSNow   = 'T' // address                       → tpsNow
	tHeaders  = 'h' // address, index                → headers commissions up to here
	tHeadNow  = 'H' // address                       → the last of them
	tPayload  = 'w' // index                         → payload commissions up to here, the order provider's
	tTaken    = 'y' // letter, address               → first index whose commissions are unspent
	tAttested = 'z' // address, sequence             → attestation
	tField    = 'Z' // attestor, field, value        → unit of the last attestation
	tFeed     = 'D' // address, name, ^index         → feed
	tTemp     = 'p' // when it became stable, unit   → nothing; units whose temp_data has its data yet
	tProfile  = 'P' // address, sequence             → unit
)

// schema is the version of this layout.
const schema = 2

// openStore opens the database; see DESIGN 6 for the sizes. A transaction holds at most 15% of a memory table, which must
// exceed the largest frame.
func openStore(dir string) (*badger.DB, error) {
	opts := badger.DefaultOptions(dir).WithLogger(nil).WithInMemory(dir == "").WithSyncWrites(dir != "").
		WithMemTableSize(64 << 20).WithNumMemtables(2).WithNumLevelZeroTables(2).WithNumLevelZeroTablesStall(4).
		WithValueLogFileSize(64 << 20).WithNumCompactors(2).WithBlockCacheSize(8 << 20).
		WithDetectConflicts(false).WithMetricsEnabled(false)
	db, err := badger.Open(opts)
	if err != nil && strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return nil, fmt.Errorf("ledger in %s is in use by another process; stop it first: %w", dir, byteball.Transient)
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger in %q: %w", dir, err)
	}
	return db, nil
}

// tx is a transaction whose first error sticks: after it every read finds nothing and every write does nothing. Whoever
// commits or answers looks at err first.
type tx struct {
	t    *badger.Txn
	err  error
	size int // of what was written, about
}

func (x *tx) note(err error) {
	if x.err == nil && err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
		x.err = err
	}
}

// get returns a copy of the value, nil if there is none.
func (x *tx) get(key []byte) []byte {
	if x.err != nil {
		return nil
	}
	item, err := x.t.Get(key)
	if err != nil {
		x.note(err)
		return nil
	}
	value, err := item.ValueCopy(nil)
	x.note(err)
	if value == nil {
		value = []byte{}
	}
	return value
}

func (x *tx) has(key []byte) bool {
	if x.err != nil {
		return false
	}
	_, err := x.t.Get(key)
	x.note(err)
	return err == nil
}

// overhead is about what an entry takes beside its key and value.
const overhead = 32

func (x *tx) set(key, value []byte) {
	x.size += len(key) + len(value) + overhead
	if x.err == nil {
		x.note(x.t.Set(key, value))
	}
}

func (x *tx) del(key []byte) {
	x.size += len(key) + overhead
	if x.err == nil {
		x.note(x.t.Delete(key))
	}
}

// load reads a record into v, a pointer, and says whether there is one.
func (x *tx) load(key []byte, v any) bool {
	data := x.get(key)
	if data == nil {
		return false
	}
	x.note(cbor.Unmarshal(data, v))
	return x.err == nil
}

func (x *tx) save(key []byte, v any) {
	data, err := cbor.Marshal(v)
	x.note(err)
	x.set(key, data)
}

// each calls f for the entries whose key begins with prefix, from the first or, if from is not nil, from that key on;
// f gets what follows the prefix and ends the walk by returning false. It must not write or walk itself.
func (x *tx) each(prefix, from []byte, f func(rest, value []byte) bool) {
	x.walk(prefix, from, false, f)
}

// back is each in reverse: from the last entry, or the last one not after from.
func (x *tx) back(prefix, from []byte, f func(rest, value []byte) bool) {
	if from == nil {
		from = append(append([]byte{}, prefix...), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	}
	x.walk(prefix, from, true, f)
}

func (x *tx) walk(prefix, from []byte, reverse bool, f func(rest, value []byte) bool) {
	if x.err != nil {
		return
	}
	it := x.t.NewIterator(badger.IteratorOptions{Prefix: prefix, Reverse: reverse})
	defer it.Close()
	if from == nil {
		from = prefix
	}
	for it.Seek(from); it.ValidForPrefix(prefix); it.Next() {
		more := false
		err := it.Item().Value(func(value []byte) error {
			more = f(it.Item().KeyCopy(nil)[len(prefix):], value)
			return nil
		})
		x.note(err)
		if !more || err != nil {
			return
		}
	}
}

// key puts a key together.
func key(table byte, parts ...[]byte) []byte {
	k := append(make([]byte, 0, 96), table)
	for _, p := range parts {
		k = append(k, p...)
	}
	return k
}

// raw is the key form of a hash: 32 bytes, or the text itself if it is no hash, which no key matches.
func raw(h byteball.Hash) []byte {
	b, err := base64.StdEncoding.Strict().DecodeString(string(h))
	if err != nil || len(b) != 32 {
		return []byte("?" + h)
	}
	return b
}

// hashOf is the text form of a hash in a key.
func hashOf(b []byte) byteball.Hash {
	return byteball.Hash(base64.StdEncoding.EncodeToString(b))
}

func num(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// unmarshal reads a record.
func unmarshal(data []byte, v any) error { return cbor.Unmarshal(data, v) }
