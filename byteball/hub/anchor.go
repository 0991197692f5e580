package hub

import (
	"context"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// ahead is how far a hub's time for a new unit may lie ahead of our clock, or of the last ball if that is later.
const ahead = 10 * time.Minute

// anchored holds an anchor against what can be known of it, so that a false one costs no money: the fee is bounded, the
// time is not far from ours or the ledger's, and the last ball is the proven one of its unit. A last ball so new that no
// proof covers it yet is taken as the hub says: if it is false, the ledger refuses every unit that names it. Parents are
// the hub's choice: bad ones only delay.
func (c *Client) anchored(ctx context.Context, a unit.Anchor, now time.Time) error {
	if a.TPSFee > c.cfg.MaxTPSFee {
		return fmt.Errorf("hub %s asks a tps fee of %d, at most %d is paid: %w", c.Hub(), uint64(a.TPSFee), uint64(c.cfg.MaxTPSFee), byteball.Transient)
	}
	if !c.cfg.Network.Timestamps || c.cfg.Network.WitnessesInUnits {
		return nil
	}
	since, err := c.lastBall(ctx, a)
	if err != nil {
		return err
	}
	latest := max(now.Unix(), since) + int64(ahead/time.Second)
	if a.Timestamp < since || a.Timestamp > latest {
		return c.lied(fmt.Errorf("hub %s gives a new unit the time %d, which lies not between %d and %d: %w", c.Hub(), a.Timestamp, since, latest, byteball.Invalid))
	}
	return nil
}

// lastBall checks the last ball of a as far as it can be proven and returns the time of its unit.
func (c *Client) lastBall(ctx context.Context, a unit.Anchor) (int64, error) {
	c.mu.Lock()
	known := c.ball
	c.mu.Unlock()
	if known.LastBallUnit == a.LastBallUnit && known.LastBall == a.LastBall && known.LastBallMCI == a.LastBallMCI {
		return known.Timestamp, nil
	}
	h, err := c.once(ctx, query{Units: []byteball.Hash{a.LastBallUnit}})
	switch {
	case err != nil:
		return 0, err
	case len(h.Unstable) == 1:
		return h.Unstable[0].Timestamp, nil
	case len(h.Proven) != 1:
		return 0, fmt.Errorf("hub %s does not show unit %s, the last ball it names: %w", c.Hub(), a.LastBallUnit, byteball.Transient)
	}
	p := h.Proven[0]
	if p.Ball != a.LastBall || p.MCI != a.LastBallMCI || !p.Serial {
		return 0, c.lied(fmt.Errorf("hub %s names the last ball %s at main chain index %d, proven for its unit is %s at %d: %w",
			c.Hub(), a.LastBall, a.LastBallMCI, p.Ball, p.MCI, byteball.Invalid))
	}
	a.Timestamp = p.Unit.Timestamp
	c.mu.Lock()
	c.ball = a
	c.mu.Unlock()
	return a.Timestamp, nil
}

// lied leaves the hub in use for a false answer and returns err.
func (c *Client) lied(err error) error {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		c.distrust(conn, err)
	}
	return err
}
