package hub

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	log       *slog.Logger
	heartbeat time.Duration
	say       func(Frame) // gets every justsaying

	writing sync.Mutex
	mu      sync.Mutex
	waiting map[string]chan json.RawMessage // by tag; capacity 1, so that the reader never waits
	heard   time.Time
	cause   error         // why it was cut, if by us
	gone    chan struct{} // closed when the reader has ended
}

// connect opens a websocket and checks that the hub is of network.
func connect(ctx context.Context, url string, network byteball.Network, heartbeat time.Duration, log *slog.Logger, say func(Frame)) (*conn, error) {
	dialer := websocket.Dialer{HandshakeTimeout: writeTime}
	ws, resp, err := dialer.DialContext(ctx, url, nil)
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	if err != nil {
		return nil, unreachable(url, err)
	}
	ws.SetReadLimit(MaxFrame)
	c := &conn{url: url, ws: ws, log: log, heartbeat: heartbeat, say: say, heard: time.Now(),
		waiting: map[string]chan json.RawMessage{}, gone: make(chan struct{})}
	if err := c.greet(ctx, network); err != nil {
		ws.Close()
		return nil, err
	}
	return c, nil
}

// greet waits for the hub's first frame, which says what network it is of (ocore network.js:4268).
func (c *conn) greet(ctx context.Context, network byteball.Network) error {
	until := time.Now().Add(writeTime)
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
		return fmt.Errorf("%s does not speak the hub protocol: it began with %.40q: %w", c.url, f.Type+" "+f.Command+f.Subject, byteball.Invalid)
	}
	if v.Alt != network.Alt {
		return fmt.Errorf("hub %s is of another network (alt %.8q, version %.8q) than %s (alt %s, version %s): %w",
			c.url, v.Alt, v.Protocol, network.Name, network.Alt, network.Version, byteball.Invalid)
	}
	return nil
}

func unreachable(url string, err error) error {
	return fmt.Errorf("hub %s is not reachable: %v: %w", url, err, byteball.Transient)
}

// read returns the next frame.
func (c *conn) read() (Frame, error) {
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			return Frame{}, err
		}
		c.mu.Lock()
		c.heard = time.Now()
		c.mu.Unlock()
		if kind == websocket.TextMessage {
			return ParseFrame(data)
		}
	}
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
			c.mu.Lock()
			w := c.waiting[f.Tag]
			delete(c.waiting, f.Tag)
			c.mu.Unlock()
			if w != nil {
				w <- f.Body
			}
		case "request":
			err = c.reply(f)
		default:
			c.say(f)
		}
		if err != nil {
			return err
		}
	}
}

// reply answers the two requests that a hub makes of a light client.
func (c *conn) reply(f Frame) error {
	switch f.Command {
	case "heartbeat":
		return c.send(Frame{Type: "response", Command: f.Command, Tag: f.Tag})
	case "subscribe":
		body := json.RawMessage(`{"error":"I'm light, cannot subscribe you to updates"}`)
		return c.send(Frame{Type: "response", Command: f.Command, Tag: f.Tag, Body: body})
	}
	return nil // like the reference: no answer to an unknown command
}

// beat asks a silent hub whether it is there and cuts it off after six times the silence.
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
		silent := time.Since(c.heard)
		c.mu.Unlock()
		switch {
		case silent > 6*c.heartbeat:
			c.cut(fmt.Errorf("silent for %s", silent.Round(time.Second)))
		case silent > c.heartbeat*9/10:
			if err := c.send(Frame{Type: "request", Command: "heartbeat", Tag: newTag()}); err != nil {
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

var errGone = errors.New("the connection broke")

// request sends one request and waits for its answer. Error: errGone, or that of ctx.
func (c *conn) request(ctx context.Context, command string, params json.RawMessage) (json.RawMessage, error) {
	tag, answer := newTag(), make(chan json.RawMessage, 1)
	c.mu.Lock()
	c.waiting[tag] = answer
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
	select {
	case body := <-answer:
		return body, nil
	case <-c.gone:
		return nil, errGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// newTag returns a fresh tag of 24 characters.
func newTag() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
