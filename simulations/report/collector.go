package report

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/simulations/engine"
)

// Collector sees every effect of every node. Make one with NewCollector, name the cast, then hand Observe to the engine.
type Collector struct {
	rules   *deal.Rules
	cast    []*member
	byID    map[protocol.Identity]*member
	stamps  []*stamp
	byWid   map[protocol.Hash]*stamp
	reveals map[judged]uint16 // what was revealed
	sent    uint64
}

// member is one actor and what was seen of it.
type member struct {
	node     *engine.Node
	role     string
	strategy string
	reveals  []judged // a validator's, in order
	prices   []byteball.Bytes
	readings int
	got      map[piece]bool // a buyer's batches
	dropped  int
}

type judged struct {
	by  protocol.Identity
	wid protocol.Hash
}

type piece struct {
	deal   protocol.Hash
	window uint64
	index  int
}

type stamp struct {
	protocol.Stamp
	sold int
}

// NewCollector makes an empty collector of a market.
func NewCollector(r *deal.Rules) *Collector {
	return &Collector{rules: r, byID: make(map[protocol.Identity]*member), byWid: make(map[protocol.Hash]*stamp), reveals: make(map[judged]uint16)}
}

// Cast names an actor; all are named before the run.
func (c *Collector) Cast(n *engine.Node, role, strategy string) {
	m := &member{node: n, role: role, strategy: strategy, got: make(map[piece]bool)}
	c.cast = append(c.cast, m)
	c.byID[n.Identity] = m
}

// Observe takes one effect; it is an engine's Config.Observe.
func (c *Collector) Observe(n *engine.Node, _ time.Time, effect role.Effect) {
	m := c.byID[n.Identity]
	switch x := effect.(type) {
	case role.Send:
		c.sent++
		if r, ok := x.Env.Body.(*protocol.Reveal); ok && x.Env.Signer == n.Identity {
			c.revealed(m, r)
		}
	case role.Publish:
		c.sent++
		if s, ok := x.Env.Body.(*protocol.Stamped); ok {
			c.published(s)
		}
	case role.Deliver:
		c.delivered(m, x)
	case role.Note:
		if x.Text == "seller dropped" {
			m.dropped++
		}
	}
}

// revealed counts a reveal once, though it goes to every member.
func (c *Collector) revealed(m *member, r *protocol.Reveal) {
	key := judged{m.node.Identity, r.Wid}
	if _, known := c.reveals[key]; !known {
		c.reveals[key] = r.Score
		m.reveals = append(m.reveals, key)
	}
}

func (c *Collector) published(s *protocol.Stamped) {
	var body protocol.Stamp
	if protocol.Decode(s.Body, &body) != nil || c.byWid[body.Wid] != nil {
		return
	}
	st := &stamp{Stamp: body}
	c.stamps, c.byWid[body.Wid] = append(c.stamps, st), st
}

// delivered counts a bought batch once, for buyer and seller.
func (c *Collector) delivered(m *member, d role.Deliver) {
	key := piece{d.Deal, d.Window, d.Index}
	if m.got[key] {
		return
	}
	m.got[key] = true
	m.prices, m.readings = append(m.prices, d.Price), m.readings+len(d.Readings)
	if s := c.byID[d.Seller]; s != nil {
		s.prices = append(s.prices, d.Price)
	}
	for _, st := range c.stamps {
		if st.Window == d.Window && st.Seller == d.Seller && st.Prop == d.Prop {
			st.sold++
		}
	}
}
