package ledger

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// keepTempData is how long the data of temp_data must come with the unit, in seconds.
const keepTempData = 24 * 3600

// messages checks what the chain and the clock say about the messages; their form is known to be good. The payment of
// bytes comes first, then the others in their order (validation.js:1490).
func (c *check) messages() error {
	for i := range c.u.Messages {
		m := &c.u.Messages[i]
		if p, ok := m.Payload.(*unit.Payment); ok && p.Asset == "" {
			if err := c.payment(p); err != nil {
				return err
			}
		}
	}
	for i := range c.u.Messages {
		if err := c.message(i); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) message(i int) error {
	m := &c.u.Messages[i]
	payload, _ := m.Payload.(map[string]any)
	switch m.App {
	case "payment":
		p, inline := m.Payload.(*unit.Payment)
		if !inline {
			return refuse("private payments are not supported on this ledger")
		}
		if p.Asset != "" {
			return refuse("asset %s not found", p.Asset)
		}
	case "asset", "asset_attestors":
		return refuse("assets are not supported on this ledger")
	case "definition":
		return refuse("autonomous agents are not supported on this ledger")
	case "system_vote", "system_vote_count":
		return refuse("system variables cannot be voted on this ledger")
	case "address_definition_change":
		if address, _ := changeIn(c.u, i); address == c.l.op {
			return refuse("the order provider of this ledger cannot change its definition")
		}
	case "temp_data":
		_, given := payload["data"]
		if !given && c.now.Unix()-c.u.Timestamp < keepTempData {
			return later("data not found in temp_data")
		}
	case "vote":
		return c.vote(payload)
	}
	return nil
}

// vote checks that the poll exists before the last ball and has the choice.
func (c *check) vote(payload map[string]any) error {
	poll, _ := payload["unit"].(string)
	n := c.l.node(byteball.Hash(poll))
	if n == nil || !slices.Contains(c.l.choices(n), payload["choice"]) {
		return refuse("invalid choice %s or poll %s", payload["choice"], poll)
	}
	if n.MCI == none || n.MCI > c.lastBall.MCI {
		return refuse("poll unit must be before last ball")
	}
	return nil
}

// choices returns the choices of the poll in a unit, nil if it has none.
func (l *Ledger) choices(n *node) []any {
	u := l.unit(n.Unit)
	if u == nil {
		return nil
	}
	for _, m := range u.Messages {
		if payload, ok := m.Payload.(map[string]any); ok && m.App == "poll" {
			choices, _ := payload["choices"].([]any)
			return choices
		}
	}
	return nil
}

// unit reads a unit from the database, nil if it is unknown.
func (l *Ledger) unit(h byteball.Hash) *unit.Unit {
	if n := l.tail[h]; n != nil && n.u != nil {
		return n.u
	}
	data := l.x.get(key(tJoint, raw(h)))
	if data == nil {
		return nil
	}
	u, err := decode(data)
	l.x.note(err)
	return u
}
