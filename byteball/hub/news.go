package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// News is what a hub says unasked: its word, nothing else. Exactly one field is set.
type News struct {
	Updates bool            // units of watched addresses became provable: History or a Follower shows them
	Joint   *unit.Unit      // a new unit of a watched address; its hashes are right
	Bad     []byteball.Hash // units that became double spends and lost; a proof (unit.Proven.Serial) comes later
}

const maxWatched = 500 // addresses that are remembered for the next hub: it is told of each by itself

// hear takes what a hub says unasked. Error: a fault that ends the connection.
func (c *Client) hear(conn *conn, f Frame) error {
	switch f.Subject {
	case "light/have_updates":
		c.wakeAll()
		c.tell(News{Updates: true})
	case "light/sequence_became_bad":
		var bad []byteball.Hash
		if json.Unmarshal(f.Body, &bad) != nil || slices.ContainsFunc(bad, func(h byteball.Hash) bool { return len(h) != unit.HashLength }) {
			return fault{fmt.Errorf("%s of what are no units: %w", f.Subject, byteball.Invalid)}
		}
		c.wakeAll()
		c.tell(News{Bad: bad})
	case "system_vars":
		c.varsChanged(f)
	case "joint":
		return c.joined(f)
	case "upgrade_required":
		return fault{fmt.Errorf("it wants a newer version than %s of protocol %s: %w", speaks, c.cfg.Network.Version, byteball.Invalid)}
	case "hub/challenge", "hub/message", "hub/message_box_status":
		return c.mail.hear(conn, f)
	case "error":
		c.cfg.Log.Debug("hub complains", "hub", conn.url, "text", short(f.Body))
	}
	return nil
}

// joined takes a new unit of a watched address.
func (c *Client) joined(f Frame) error {
	if c.cfg.News == nil {
		return nil
	}
	var j joint
	if err := json.Unmarshal(f.Body, &j); err != nil {
		return fault{fmt.Errorf("joint: %v: %w", err, byteball.Invalid)}
	}
	u, err := hashed(j.Unit)
	if err == nil {
		err = payloads(u)
	}
	if err != nil {
		return fault{err}
	}
	c.tell(News{Joint: u})
	return nil
}

func (c *Client) tell(n News) {
	if c.cfg.News != nil {
		c.cfg.News(n)
	}
}

// Watch asks the hub, and each hub after it, to say when something happens to addresses (Config.News, Follower). Those of
// a History are watched without it. At most 500 are remembered for the next hub; a hub may have a limit of its own.
func (c *Client) Watch(addresses ...byteball.Address) {
	c.mu.Lock()
	conn := c.conn
	for _, a := range addresses {
		if len(c.watched) < maxWatched {
			c.watched[a] = true
		}
	}
	c.mu.Unlock()
	if conn != nil {
		conn.watch(addresses)
	}
}

// watch tells the hub to report news of addresses.
func (c *conn) watch(addresses []byteball.Address) {
	for _, a := range addresses {
		body, err := json.Marshal(a)
		if err == nil {
			err = c.send(Frame{Type: "justsaying", Subject: "light/new_address_to_watch", Body: body})
		}
		if err != nil && !errors.Is(err, byteball.Invalid) {
			c.cut(err)
			return
		}
	}
}

// wakeAll wakes the followers.
func (c *Client) wakeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
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
