package hub

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
)

const writeTime = 10 * time.Second // a hub that takes no bytes for so long is gone

// conn is one connection to one hub.
type conn struct {
	url       string
	ws        *websocket.Conn
	heartbeat time.Duration
	hear      func(*conn, Frame) error // gets every justsaying

	writing sync.Mutex
	mu      sync.Mutex
	waiting map[string]chan json.RawMessage // by tag; capacity 1, so that the reader never waits
	heard   time.Time
	beaten  string        // tag of the last heartbeat that was sent
	answers int           // to requests
	missed  int           // requests that had no answer in time since the last answer to one made after them
	asleep  bool          // the hub wants no heartbeats
	cause   error         // why it was cut, if by us
	gone    chan struct{} // closed when the reader has ended
	big     bool          // why it ended: a frame was too large; may be read once gone is closed
	flood   bucket
}

// connect opens a websocket and checks that the hub is of the network of cfg.
func connect(ctx context.Context, url string, cfg Config, hear func(*conn, Frame) error) (*conn, error) {
	dialer := websocket.Dialer{HandshakeTimeout: min(writeTime, cfg.Answer)}
	ws, resp, err := dialer.DialContext(ctx, url, nil)
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	if err != nil {
		return nil, unreachable(url, err)
	}
	ws.SetReadLimit(MaxFrame)
	c := &conn{url: url, ws: ws, heartbeat: cfg.Heartbeat, hear: hear, heard: time.Now(),
		waiting: map[string]chan json.RawMessage{}, gone: make(chan struct{}), flood: newBucket(time.Now())}
	if err := c.greet(ctx, cfg); err != nil {
		ws.Close()
		return nil, err
	}
	return c, nil
}

// greet waits for the hub's first frame, which says what network it is of, and answers it (ocore network.js:4268, 2690).
func (c *conn) greet(ctx context.Context, cfg Config) error {
	network, until := cfg.Network, time.Now().Add(min(writeTime, cfg.Answer))
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	c.ws.SetReadDeadline(until)
	defer c.ws.SetReadDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { c.ws.SetReadDeadline(time.Now()) })
	defer stop()
	f, err := c.read()
	if err != nil {
		return unreachable(c.url, fmt.Errorf("it did not greet: %w", err))
	}
	var v struct {
		Protocol string `json:"protocol_version"`
		Alt      string `json:"alt"`
	}
	if f.Subject != "version" || json.Unmarshal(f.Body, &v) != nil {
		return fault{fmt.Errorf("%s does not speak the hub protocol: it began with %.40q: %w", c.url, f.Type+" "+f.Command+f.Subject, byteball.Invalid)}
	}
	if v.Alt != network.Alt || v.Protocol != network.Version { // it must take the units that we write
		return fault{fmt.Errorf("hub %s is of another network (alt %.8q, version %.8q) than %s (alt %s, version %s): %w",
			c.url, v.Alt, v.Protocol, network.Name, network.Alt, network.Version, byteball.Invalid)}
	}
	body, err := json.Marshal(map[string]string{"protocol_version": network.Version, "alt": network.Alt,
		"library": "iotverse", "library_version": speaks, "program": "iotverse", "program_version": "0.1.0"})
	if err != nil {
		return err
	}
	if err := c.send(Frame{Type: "justsaying", Subject: "version", Body: body}); err != nil {
		return unreachable(c.url, err)
	}
	return nil
}

// speaks is the version of the reference's library whose protocol this package speaks.
const speaks = "0.4.6"

func unreachable(url string, err error) error {
	return fmt.Errorf("hub %s is not reachable: %v: %w", url, err, byteball.Transient)
}

// read returns the next frame.
func (c *conn) read() (Frame, error) {
	for {
		kind, data, err := c.ws.ReadMessage()
		switch {
		case errors.Is(err, websocket.ErrReadLimit):
			return Frame{}, fault{errFrame}
		case err != nil:
			return Frame{}, err
		}
		now := time.Now()
		c.mu.Lock()
		c.heard = now
		c.mu.Unlock()
		if kind != websocket.TextMessage {
			if err := c.flood.take(now, len(data)); err != nil {
				return Frame{}, err
			}
			continue
		}
		f, err := ParseFrame(data)
		if err != nil {
			return Frame{}, fault{err}
		}
		if !c.awaited(f) {
			err = c.flood.take(now, len(data))
		}
		return f, err
	}
}

// awaited says whether f answers a request of ours.
func (c *conn) awaited(f Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.Type == "response" && (c.waiting[f.Tag] != nil || f.Tag == c.beaten)
}

// serve reads until the connection ends, says why, and wakes all who wait. Nobody else reads.
func (c *conn) serve() error {
	var beat sync.WaitGroup
	beat.Go(c.beat)
	err := c.readAll()
	c.mu.Lock()
	if c.cause != nil {
		err = c.cause
	}
	c.mu.Unlock()
	c.big = errors.Is(err, errFrame)
	close(c.gone)
	c.ws.Close()
	beat.Wait()
	return err
}

func (c *conn) readAll() error {
	for {
		f, err := c.read()
		if err != nil {
			return err
		}
		switch f.Type {
		case "response":
			c.answered(f)
		case "request":
			err = c.reply(f)
		default:
			err = c.hear(c, f)
		}
		if err != nil {
			return err
		}
	}
}

// answered gives a response to whoever waits for it. One that nobody waits for is late or has a wrong tag.
func (c *conn) answered(f Frame) {
	c.mu.Lock()
	w := c.waiting[f.Tag]
	delete(c.waiting, f.Tag)
	if w != nil {
		c.answers++
	}
	if f.Tag == c.beaten && string(f.Body) == `"sleep"` {
		c.asleep = true
	}
	c.mu.Unlock()
	if w != nil {
		w <- f.Body
	}
}

// reply answers the two requests that a hub makes of a light client.
func (c *conn) reply(f Frame) error {
	switch f.Command {
	case "heartbeat":
		c.mu.Lock()
		c.asleep = false // whoever sends heartbeats is awake (network.js:3167)
		c.mu.Unlock()
		return c.send(Frame{Type: "response", Command: f.Command, Tag: f.Tag})
	case "subscribe":
		body := json.RawMessage(`{"error":"I'm light, cannot subscribe you to updates"}`)
		return c.send(Frame{Type: "response", Command: f.Command, Tag: f.Tag, Body: body})
	}
	return nil // like the reference: no answer to an unknown command
}

// beat asks a silent hub whether it is there and cuts it off after six times the silence. One that went to sleep is
// left in peace; a request that it leaves without an answer wakes us.
func (c *conn) beat() {
	tick := time.NewTicker(c.heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-c.gone:
			return
		case <-tick.C:
		}
		c.mu.Lock()
		silent, asleep := time.Since(c.heard), c.asleep
		c.mu.Unlock()
		switch {
		case asleep:
		case silent > 6*c.heartbeat:
			c.cut(fault{fmt.Errorf("silent for %s", silent.Round(time.Second))})
		case silent > c.heartbeat*9/10:
			tag := newTag()
			c.mu.Lock()
			c.beaten = tag
			c.mu.Unlock()
			if err := c.send(Frame{Type: "request", Command: "heartbeat", Tag: tag}); err != nil {
				c.cut(err)
			}
		}
	}
}

// cut ends the connection; the first cause given is the one reported.
func (c *conn) cut(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	c.ws.Close()
}

// tooBig says whether the connection ended because of a frame beyond the limit.
func (c *conn) tooBig() bool {
	select {
	case <-c.gone:
		return c.big
	default:
		return false
	}
}

func (c *conn) send(f Frame) error {
	data, err := f.Bytes()
	if err != nil {
		return err
	}
	if len(data) > MaxFrame {
		return fmt.Errorf("request of %d bytes, at most %d: %w", len(data), MaxFrame, byteball.Invalid)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.ws.SetWriteDeadline(time.Now().Add(writeTime))
	return c.ws.WriteMessage(websocket.TextMessage, data)
}

var (
	errFrame  = fmt.Errorf("it sent a frame of more than %d bytes", MaxFrame)
	errGone   = errors.New("the connection broke")
	errMissed = errors.New("no answer")
)

// request sends one request and waits for its answer for at most patience. Errors: errGone, errMissed, or that of ctx.
func (c *conn) request(ctx context.Context, command string, params json.RawMessage, patience time.Duration) (json.RawMessage, error) {
	tag, answer := newTag(), make(chan json.RawMessage, 1)
	c.mu.Lock()
	c.waiting[tag] = answer
	before := c.answers
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, tag)
		c.mu.Unlock()
	}()
	if err := c.send(Frame{Type: "request", Command: command, Tag: tag, Body: params}); err != nil {
		if errors.Is(err, byteball.Invalid) {
			return nil, err
		}
		c.cut(err)
		return nil, errGone
	}
	begin, timer := time.Now(), time.NewTimer(patience)
	if d, ok := ctx.Deadline(); ok && d.Before(begin.Add(patience*11/10)) {
		timer.Stop()
	}
	defer timer.Stop()
	select {
	case body := <-answer:
		return body, nil
	case <-c.gone:
		return nil, errGone
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && time.Since(begin) >= patience*9/10 {
			c.miss(command, before)
		}
		return nil, ctx.Err()
	case <-timer.C:
		c.miss(command, before)
		return nil, errMissed
	}
}

// miss notes a request that was not answered in time. A hub that answered nothing meanwhile, or left out a second one,
// is cut off: it may live, but it is of no use.
func (c *conn) miss(command string, before int) {
	c.mu.Lock()
	c.missed++
	dead := c.missed > 1 || c.answers == before
	c.mu.Unlock()
	if dead {
		c.cut(fault{fmt.Errorf("it does not answer %s", command)})
	}
}

// newTag returns a fresh tag of 24 characters.
func newTag() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
