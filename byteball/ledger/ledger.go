// Package ledger is a small Byteball node: one order provider, bytes only, on disk or in memory. It validates units in the
// reference's order and with its texts, keeps a real main chain with balls and skip lists, and proves its history to
// light wallets over the ordinary websocket protocol, so that other people's wallets work against it.
//
// The core (Open, Post, Anchor, Witness and the queries) has no clock, no socket and no goroutine: a simulator drives it
// under its own time. Serve puts the protocol around it. Facts: the reference node ocore, named by file in each part.
//
// A unit goes through these stages, a file each. Whoever posts it checks its form and most signatures by himself, so that
// many do so at the same time (post.go, keyring.go), and puts it in line (group.go). Whoever locks the ledger next takes all
// who stand in line as one group: each unit is checked against the chain (check*.go, inputs.go, tps.go), put into the graph
// (mainchain.go), written (save.go, coins.go), and what it makes stable gets balls, commissions and balances (stability.go,
// balls.go, commissions.go, fees.go). Then the group is committed, synced, and only then acknowledged. In memory are the
// units that are not stable and bounded caches; no step walks the chain: about 300 µs of processor time a payment
// after 1,000 units and 500 after 100,000, where the database merges larger tables, in 100-600 MB of heap, most of them badger's while it merges its tables
// (go test -run '^$' -bench Served -benchtime 1x -args -units=100000). Temporary data goes after a day (tidy.go).
//
// The server is for clients that nobody knows. What one may have is bounded: the size and nesting of a message, the bytes
// and the work a second, the addresses it watches, what waits for it; and so are the connections of one host, and all of
// them. Nobody is cut off for being fast: who overdraws is read more slowly, expensive requests take turns by host, and only
// who takes nothing or says nothing is dropped. An idle client costs about 24 kB, a busy one up to 2 MB more, one that does
// not take its news up to 8 MB for 10 s. A chain is copied by Export and Import.
//
// Left out: assets, autonomous agents and with them definitions that have a formula, votes on system variables, a change of
// the order provider's definition, private payments, synchronising with other full nodes. Units that need them are refused in
// clear words. Since a unit that would be a double spend is refused when it is posted, as the reference does with what light
// clients post, every unit on this ledger is serial.
//
// One order provider is assumed in four places, and Config.Validate says so: a unit's witnessed level is that of the nearest
// unit of the order provider (witnessed; with more of them, of the last unit by which a majority was met), stability asks for
// one of its units (stableFor), it alone earns payload commissions, and a witness proof needs one of its units.
package ledger

import (
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Config says where a ledger lives and how it begins.
type Config struct {
	Dir     string           // of its database; empty keeps everything in memory
	Network byteball.Network // must have one order provider
	Genesis *unit.Joint      // first unit, from MakeGenesis; nil opens the chain that Dir holds
	Vars    unit.SystemVars  // numbers that fees follow, fixed when the chain begins; zero means DefaultVars
}

// Validate checks what can be seen without opening anything. Error: Invalid.
func (c Config) Validate() error {
	v := c.Vars
	switch {
	case c.Network.OPs != 1:
		return fmt.Errorf("network %q has %d order providers, the embedded ledger works with one: %w", c.Network.Name, c.Network.OPs, byteball.Invalid)
	case c.Dir == "" && c.Genesis == nil:
		return fmt.Errorf("a ledger in memory needs a genesis unit: %w", byteball.Invalid)
	case v == unit.SystemVars{}:
		return nil
	case v.ThresholdSize < 1000 || !(v.BaseTPSFee > 0) || v.BaseTPSFee > 1e8 || !(v.TPSInterval >= 0.1) ||
		!(v.TPSFeeMultiplier >= 1) || v.TPSFeeMultiplier > 1000:
		return fmt.Errorf("system variables %+v are out of the ranges that can be voted: %w", v, byteball.Invalid)
	}
	return nil
}

// Ledger is one chain. It is safe for concurrent use: one call at a time works on it, but calls of Post share that time.
type Ledger struct {
	mu     sync.Mutex
	db     *badger.DB
	x      *tx   // the database as the present call sees it
	broken error // set when memory and database may differ; nothing is served after that

	net     byteball.Network
	vars    unit.SystemVars
	genesis byteball.Hash
	op      byteball.Address // the order provider

	tail      map[byteball.Hash]*node // units that are not stable yet
	old       map[byteball.Hash]*node // some stable ones, for speed
	oldRing   []byteball.Hash         // which, in the order they came
	oldNext   int
	free      map[byteball.Hash]*node // units without children
	tip       *node                   // the best of them
	loose     map[byteball.Hash]*node // units of the tail without main chain index
	at        map[int64][]*node       // units of the tail by main chain index
	times     map[int64]int           // how many units of the tail have a timestamp
	reach     int64                   // highest witnessed level that the order provider's units of the tail had
	fees      feeTable
	last      *node   // last stable unit of the main chain
	settled   []*node // all units of its main chain index
	settledAt int64   // the latest timestamp of settled
	seq       uint64  // of the next unit that is saved

	most  int           // bytes in one transaction of those that can be split
	clock time.Time     // of the caller whose unit is handled
	line  sync.Mutex    // of queue; taken with mu or without
	queue []*job        // units that wait for whoever locks the ledger next
	wake  chan struct{} // somebody stands in queue whom nobody serves; capacity 1: a wake is not counted
	known keyring

	bad   map[byteball.Hash]string // units that were refused for ever, until the next start
	noted noted                    // facts for definitions that are known to be stored
	hooks map[int]func(posted)     // called with the ledger locked and a transaction open
	hook  int

	mail mailbox // of devices; it has locks of its own
}

// posted is what listeners hear of a saved unit, while the ledger is locked.
type posted struct {
	unit     *unit.Unit
	from, to int64 // units after main chain index from, up to to, became provable with it
}

// Open opens or begins a chain. Errors: Invalid for a wrong Config, a Genesis or Vars other than those the chain began
// with, a store of a newer version of this program; Transient for a directory in use; else what the database says.
func Open(cfg Config) (*Ledger, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	db, err := openStore(cfg.Dir)
	if err != nil {
		return nil, err
	}
	l := &Ledger{
		db: db, net: cfg.Network, wake: make(chan struct{}, 1), most: splitAbove,
		tail: map[byteball.Hash]*node{}, old: map[byteball.Hash]*node{}, free: map[byteball.Hash]*node{},
		loose: map[byteball.Hash]*node{}, at: map[int64][]*node{}, times: map[int64]int{}, bad: map[byteball.Hash]string{},
		oldRing: make([]byteball.Hash, cachedNodes), hooks: map[int]func(posted){},
	}
	if err := l.start(cfg); err != nil {
		db.Close()
		return nil, err
	}
	return l, nil
}

// start loads the chain, or saves the genesis unit.
func (l *Ledger) start(cfg Config) error {
	l.begin(true)
	defer l.end()
	known, err := l.loadMeta(cfg)
	if err != nil {
		return err
	}
	if known {
		return l.load()
	}
	if cfg.Genesis == nil {
		return fmt.Errorf("%s holds no ledger yet, and no genesis unit was given: %w", cfg.Dir, byteball.Invalid)
	}
	return l.found(cfg)
}

// Close ends the use of l.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.Close()
}

// begin locks the ledger and opens a transaction; end closes both. Between them the methods in small letters may be called.
func (l *Ledger) begin(write bool) {
	l.mu.Lock()
	l.x = &tx{t: l.db.NewTransaction(write)}
}

func (l *Ledger) end() {
	l.close()
	l.mu.Unlock()
}

// reopen begins another transaction.
func (l *Ledger) reopen(write bool) {
	l.close()
	l.x = &tx{t: l.db.NewTransaction(write)}
}

func (l *Ledger) close() {
	l.x.t.Discard()
	l.x = nil
}

// fail returns why the ledger cannot answer: its database failed now or before.
func (l *Ledger) fail() error {
	if l.broken == nil && l.x.err != nil {
		return fmt.Errorf("ledger store: %w", l.x.err)
	}
	return l.broken
}

// listen calls f for each unit that is saved from now on, with the ledger locked, until the returned func is called.
func (l *Ledger) listen(f func(posted)) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := l.hook
	l.hook++
	l.hooks[id] = f
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.hooks, id)
	}
}
