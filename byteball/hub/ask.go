package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

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

// ask makes one request and returns its answer and who gave it; every request of this package may be made twice (they
// read, and posting a unit is known by its hash), so one whose connection broke or that got no answer is made again, to the
// next hub if there is one. params is marshalled; nil means none.
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
		body, err := conn.request(ctx, command, data, c.cfg.Answer)
		switch {
		case errors.Is(err, errGone):
			c.away(conn)
			if conn.tooBig() && command == "light/get_history" {
				return nil, conn, errLarge
			}
			continue
		case errors.Is(err, errMissed):
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
	conn.cut(fault{err})
}
