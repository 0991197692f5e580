// Package hub is the client of a Byteball hub: a websocket that a light wallet keeps to a full node. It asks for what it
// needs, posts units and follows addresses, and it checks every history by the order providers' signatures and the
// proof chain before it calls a unit stable.
//
// Left out: device messages (package device) and everything that only a full node does. Used by wallets, by the roles of
// a market and by whoever wants to read the ledger; it is the only package that opens a socket to a hub.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
)

const (
	firstPause = 100 * time.Millisecond // between two attempts to connect to any hub, doubled up to maxPause
	maxPause   = 30 * time.Second
	goodTime   = 10 * time.Second // a connection that lasted so long was good: the next one is made without a pause
)

// Config says where the hubs are and whom to believe.
type Config struct {
	URLs      []string           // e.g. "wss://obyte.org/bb"; tried in this order, the next one when one fails
	Network   byteball.Network   // what the hubs must belong to
	OPs       []byteball.Address // order providers that proofs are checked by; none: those the hub names first, for as long as the client lives
	Timeout   time.Duration      // for one request whose context has no earlier deadline; 0 means 30 s
	Heartbeat time.Duration      // of silence before the hub is asked whether it is there; 0 means 10 s; at six times that it is cut off
	Log       *slog.Logger       // nil means discard
}

// Validate checks c. Error: Invalid.
func (c Config) Validate() error {
	switch {
	case len(c.URLs) == 0:
		return fmt.Errorf("no hub is named: %w", byteball.Invalid)
	case c.Network.Alt == "":
		return fmt.Errorf("no network is named: %w", byteball.Invalid)
	case len(c.OPs) != 0 && len(c.OPs) != c.Network.OPs:
		return fmt.Errorf("%d order providers, network %s has %d: %w", len(c.OPs), c.Network.Name, c.Network.OPs, byteball.Invalid)
	case c.Timeout < 0 || c.Heartbeat < 0:
		return fmt.Errorf("negative time: %w", byteball.Invalid)
	}
	return nil
}

// Client keeps one connection to one of several hubs. It is safe for concurrent use. A request made while no hub is
// there waits for one until its time is over; then the error is Transient and names the hub.
type Client struct {
	cfg    Config
	cancel context.CancelFunc
	over   <-chan struct{} // closed by Close
	done   sync.WaitGroup

	mu      sync.Mutex
	conn    *conn         // nil while there is none
	changed chan struct{} // closed and renewed when conn changes
	lost    error         // why there is no conn
	ops     []byteball.Address
	wakes   map[chan struct{}]bool // followers; capacity 1 each: a wake is not counted
}

// Dial connects to the first hub of cfg that answers and keeps the connection up until Close.
// Errors: Invalid for a wrong cfg or a hub of another network; Transient if no hub is reachable.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 10 * time.Second
	}
	c := &Client{cfg: cfg, ops: cfg.OPs, changed: make(chan struct{}), wakes: map[chan struct{}]bool{}}
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

// try connects to the first hub that answers, beginning with number from.
func (c *Client) try(ctx context.Context, from int) (int, *conn, error) {
	var errs []error
	for i := range c.cfg.URLs {
		at := (from + i) % len(c.cfg.URLs)
		conn, err := connect(ctx, c.cfg.URLs[at], c.cfg.Network, c.cfg.Heartbeat, c.cfg.Log, c.heard)
		if err == nil {
			return at, conn, nil
		}
		errs = append(errs, err)
	}
	return 0, nil, errors.Join(errs...)
}

// set notes the present connection and tells those who wait for one.
func (c *Client) set(conn *conn, lost error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.lost = conn, lost
	close(c.changed)
	c.changed = make(chan struct{})
	if conn != nil {
		c.wakeAll()
	}
}

// heard takes what a hub says unasked: only the news that something became provable matters here.
func (c *Client) heard(f Frame) {
	switch f.Subject {
	case "light/have_updates", "light/sequence_became_bad":
		c.mu.Lock()
		c.wakeAll()
		c.mu.Unlock()
	case "error":
		c.cfg.Log.Debug("hub complains", "text", short(f.Body))
	}
}

// wakeAll wakes the followers; c.mu is held.
func (c *Client) wakeAll() {
	for w := range c.wakes {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func short(body json.RawMessage) string {
	if len(body) > maxText {
		return string(body[:maxText]) + "…"
	}
	return string(body)
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

// current waits for a connection.
func (c *Client) current(ctx context.Context) (*conn, error) {
	for {
		c.mu.Lock()
		conn, changed, lost := c.conn, c.changed, c.lost
		c.mu.Unlock()
		if conn != nil {
			return conn, nil
		}
		select {
		case <-changed:
		case <-c.over:
			return nil, fmt.Errorf("client of hub %s is closed: %w", c.cfg.URLs[0], context.Canceled)
		case <-ctx.Done():
			if lost == nil || errors.Is(ctx.Err(), context.Canceled) {
				return nil, ctx.Err()
			}
			return nil, lost
		}
	}
}

// ask makes one request and returns its answer and who gave it; every request of this package may be made twice, so one
// whose connection broke is made again on the next. params is marshalled; nil means none.
// Errors: Transient when time is over; context.Canceled; *Refusal, the hub's own words.
func (c *Client) ask(ctx context.Context, command string, params any) (json.RawMessage, *conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	var data json.RawMessage
	if params != nil {
		var err error
		if data, err = json.Marshal(params); err != nil {
			return nil, nil, fmt.Errorf("%s: %v: %w", command, err, byteball.Invalid)
		}
	}
	for {
		conn, err := c.current(ctx)
		if err != nil {
			return nil, nil, c.late(ctx, command, err)
		}
		body, err := conn.request(ctx, command, data)
		switch {
		case errors.Is(err, errGone):
			c.away(conn)
			continue
		case err != nil:
			return nil, conn, c.late(ctx, command, fmt.Errorf("hub %s: %w", conn.url, err))
		}
		if text, refused := refusal(body); refused {
			return nil, conn, &Refusal{Hub: conn.url, Command: command, Text: text}
		}
		return body, conn, nil
	}
}

// away waits until a broken connection is no longer the present one.
func (c *Client) away(conn *conn) {
	c.mu.Lock()
	changed, still := c.changed, c.conn == conn
	c.mu.Unlock()
	if still {
		<-changed
	}
}

// late words an error by what ended the wait.
func (c *Client) late(ctx context.Context, command string, err error) error {
	switch {
	case errors.Is(err, byteball.Transient), errors.Is(err, byteball.Invalid), errors.Is(err, context.Canceled):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("no answer to %s in time: %v: %w", command, err, byteball.Transient)
	}
	return fmt.Errorf("%s: %v: %w", command, err, byteball.Transient)
}

// distrust ends a connection whose hub gave a wrong answer, so that another one is tried.
func (c *Client) distrust(conn *conn, err error) {
	c.cfg.Log.Warn("hub gave a wrong answer", "hub", conn.url, "err", err)
	conn.cut(err)
}
