// Package hub is the client of a Byteball hub: a websocket that a light wallet keeps to a full node. It asks for what it
// needs, posts units and follows addresses, and it checks every history by the order providers' signatures and the
// proof chain before it calls a unit stable.
//
// What is proven and what is not shows in the types. A unit.Proven (of History, Prove, Sync, Follow, Attestations,
// ProvenFeed, Profiles) is proven but for its main chain index, of which only the order is. Told, Balance, SystemVars and
// LastMCI are a hub's word. That a hub leaves something out no proof can show; CrossCheck compares hubs. A hub that is
// caught with a lie, or is of no use, is put aside and the next one asked (Status). What nobody can notice: what all hubs
// hide, and lies about what has no proof.
//
// A Mailbox sends and receives the encrypted messages of a device over the same connection.
//
// Left out: autonomous agents, private payments and everything that only a full node does. Used by wallets, by the roles
// of a market and by whoever wants to read the ledger; it is the only package that opens a socket to a hub.
package hub

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

const (
	firstPause = 100 * time.Millisecond // between two attempts to connect to any hub, doubled up to maxPause
	maxPause   = 30 * time.Second
	goodTime   = 10 * time.Second // a connection that lasted so long was good: the next one is made without a pause
)

// Client keeps one connection to one of several hubs. It is safe for concurrent use. A request made while no hub is
// there waits for one until its time is over; then the error is Transient and names the hub.
type Client struct {
	cfg    Config // filled
	cancel context.CancelFunc
	over   <-chan struct{} // closed by Close
	done   sync.WaitGroup
	mail   mailLink
	memory *memory
	lanes  chan struct{} // capacity lanes

	mu      sync.Mutex
	conn    *conn         // nil while there is none
	changed chan struct{} // closed and renewed when conn changes
	lost    error         // why there is no conn
	ops     []byteball.Address
	wakes   map[chan struct{}]bool // followers; capacity 1 each: a wake is not counted
	watched map[byteball.Address]bool
	hubs    []*Status   // in the order of cfg
	voted   bool        // a hub reported other order providers than ours
	ball    unit.Anchor // last ball that was proven last, with the time of its unit
}

// Dial connects to the first hub of cfg that answers and keeps the connection up until Close.
// Errors: Invalid for a wrong cfg or a hub of another network; Transient if no hub is reachable.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	c := &Client{cfg: cfg, ops: cfg.OPs, changed: make(chan struct{}), wakes: map[chan struct{}]bool{},
		watched: map[byteball.Address]bool{}, memory: &memory{good: map[signature]bool{}}, lanes: make(chan struct{}, lanes)}
	for _, url := range cfg.URLs {
		c.hubs = append(c.hubs, &Status{URL: url})
	}
	at, first, err := c.try(ctx, 0)
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.Background())
	c.cancel, c.over = cancel, run.Done()
	c.set(first, nil)
	c.done.Go(func() { c.run(run, at, first) })
	return c, nil
}

// Close ends the connection and waits until nothing of the client runs any more.
func (c *Client) Close() error {
	c.cancel()
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		conn.cut(context.Canceled)
	}
	c.done.Wait()
	return nil
}

// run serves one connection after the other.
func (c *Client) run(ctx context.Context, at int, conn *conn) {
	pause := firstPause
	for {
		begin := time.Now()
		err := conn.serve()
		if ctx.Err() == nil {
			c.blame(conn.url, err, time.Now())
		}
		c.set(nil, unreachable(conn.url, err))
		if ctx.Err() != nil {
			return
		}
		c.cfg.Log.Warn("hub lost", "hub", conn.url, "err", err)
		if time.Since(begin) > goodTime {
			pause = 0
		}
		if at, conn, pause = c.again(ctx, at, pause); conn == nil {
			return
		}
		c.set(conn, nil)
		c.cfg.Log.Info("hub connected", "hub", conn.url)
		if ctx.Err() != nil {
			conn.cut(context.Canceled)
		}
	}
}

// again tries the hubs in turn, beginning with the one after at, with a pause before each round. It returns the pause
// for the next time. The conn is nil when ctx is over.
func (c *Client) again(ctx context.Context, at int, pause time.Duration) (int, *conn, time.Duration) {
	for {
		if pause > 0 {
			select {
			case <-ctx.Done():
				return at, nil, 0
			case <-time.After(pause/2 + rand.N(pause)):
			}
		}
		pause = min(max(2*pause, firstPause), maxPause)
		next, conn, err := c.try(ctx, at+1)
		if err == nil {
			return next, conn, pause
		}
		if ctx.Err() != nil {
			return at, nil, 0
		}
		c.mu.Lock()
		c.lost = err
		c.mu.Unlock()
	}
}

// try connects to the first hub that answers, beginning with number from. One that was put aside is left out while there
// are others.
func (c *Client) try(ctx context.Context, from int) (int, *conn, error) {
	var errs []error
	for _, at := range c.candidates(from, time.Now()) {
		conn, err := connect(ctx, c.cfg.URLs[at], c.cfg, c.hear)
		if err == nil {
			return at, conn, nil
		}
		if ctx.Err() == nil {
			c.blame(c.cfg.URLs[at], err, time.Now())
		}
		errs = append(errs, err)
	}
	return 0, nil, errors.Join(errs...)
}

// set notes the present connection and tells those who wait for one.
func (c *Client) set(conn *conn, lost error) {
	c.mu.Lock()
	c.conn, c.lost = conn, lost
	close(c.changed)
	c.changed = make(chan struct{})
	watched := slices.Sorted(maps.Keys(c.watched))
	c.mu.Unlock()
	if conn != nil {
		conn.watch(watched)
		c.wakeAll()
	}
}

// Hub is the address of the hub that the client is connected to, empty while there is none.
func (c *Client) Hub() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return ""
	}
	return c.conn.url
}
