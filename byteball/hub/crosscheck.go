package hub

import (
	"context"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// View is what one hub shows when all are asked the same.
type View struct {
	URL     string
	Stable  Stable          // the last stable unit, as the hub says
	Proven  int             // units of the addresses that it proved
	Missing []byteball.Hash // units that another hub proved, at an index this one says is stable, and that it left out
	Err     error           // it could not be asked, or lied
}

// CrossCheck asks each hub of the Config for the units of addresses from main chain index minMCI on and compares what
// they prove. A proof shows that a unit is there; that none is left out only another hub can show. A hub that
// misses a unit is put aside. The views are in the order of the Config.
//
// What cannot be noticed: a unit that all of the hubs hide; lies of several about what nothing proves (balances, what is
// spent, what a vote weighs); anything at all with one hub. Error: Invalid if fewer than two hubs answered well; those
// of Client.
func (c *Client) CrossCheck(ctx context.Context, minMCI uint64, addresses ...byteball.Address) ([]View, error) {
	ops, err := c.OPs(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]View, len(c.cfg.URLs))
	shown := make([]map[byteball.Hash]bool, len(views))
	all := map[byteball.Hash]uint64{} // index of each unit that anybody proved
	good := 0
	for i, url := range c.cfg.URLs {
		views[i].URL = url
		proven, unstable, err := c.view(ctx, &views[i], ops, minMCI, addresses)
		if views[i].Err = err; err != nil {
			continue
		}
		good++
		shown[i] = map[byteball.Hash]bool{}
		for _, p := range proven {
			shown[i][p.Unit.Unit] = true
			all[p.Unit.Unit] = p.MCI
		}
		for _, u := range unstable {
			shown[i][u.Unit] = true
		}
		views[i].Proven = len(proven)
	}
	for i := range views {
		v := &views[i]
		for h, mci := range all {
			if v.Err == nil && mci <= v.Stable.MCI && !shown[i][h] {
				v.Missing = append(v.Missing, h)
			}
		}
		if len(v.Missing) > 0 {
			c.expose(v.URL, fmt.Errorf("hub %s left out %d units that another hub proves, such as %s: %w", v.URL, len(v.Missing), v.Missing[0], byteball.Invalid))
		}
	}
	if good < 2 {
		return views, fmt.Errorf("%d of %d hubs could be compared: %w", good, len(views), byteball.Invalid)
	}
	return views, nil
}

// view asks one hub. Its last stable unit is asked for first: what it shows later may only be more.
func (c *Client) view(ctx context.Context, v *View, ops []byteball.Address, minMCI uint64, addresses []byteball.Address) ([]unit.Proven, []*unit.Unit, error) {
	cfg := c.cfg
	cfg.URLs, cfg.OPs, cfg.News = []string{v.URL}, ops, nil
	one, err := Dial(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	defer one.Close()
	s, err := one.LastStable(ctx)
	if err != nil {
		return nil, nil, err
	}
	v.Stable = s.Value
	return one.History(ctx, addresses, nil, minMCI)
}

// expose puts a hub aside and leaves it if it is in use.
func (c *Client) expose(url string, err error) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil && conn.url == url {
		c.distrust(conn, err)
		return
	}
	c.blame(url, fault{err}, time.Now())
}
