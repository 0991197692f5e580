package hub

import (
	"context"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Below what get_history reaches, the ledger itself is read: every unit of a span of the main chain, from its end along
// parents, each with its proof. Skip lists give places to begin at, so that many units are asked for at once.
const (
	span     = 1000   // indexes that are read at once: a step of skip lists
	batch    = 500    // units in one request
	maxScan  = 100000 // units of one span
	maxPosts = 1 << 20
)

// post is a unit of the main chain.
type post struct {
	mci  uint64
	unit byteball.Hash
}

// known gives units by name; each must be there and proven: ancestors of proven units are.
func (c *Client) known(ctx context.Context, units []byteball.Hash) ([]unit.Proven, map[byteball.Hash][]byteball.Hash, error) {
	h, err := c.fetch(ctx, units)
	if err != nil {
		return nil, nil, err
	}
	if len(h.Proven) < len(units) {
		return nil, nil, c.behind(fmt.Errorf("hub %s proves %d of %d units that proven ones are built on: %w",
			c.Hub(), len(h.Proven), len(units), byteball.Transient))
	}
	return h.Proven, h.skips, nil
}

// descend goes down from a proven unit and returns units of the main chain: one near it, the multiples of span on the way,
// and last one below low+span. All steps but the first few follow skip lists.
func (c *Client) descend(ctx context.Context, from byteball.Hash, low uint64) ([]post, error) {
	list, skips, err := c.known(ctx, []byteball.Hash{from})
	if err != nil {
		return nil, err
	}
	at, main := list[0], false // only last balls and units with a skip list are surely on the main chain
	var posts []post
	for len(posts) < maxPosts {
		skip := skips[at.Unit.Unit]
		main = main || len(skip) > 0 || at.MCI == 0
		if main && (len(posts) == 0 || at.MCI%span == 0) {
			posts = append(posts, post{at.MCI, at.Unit.Unit})
			if at.MCI < low+span {
				return posts, nil
			}
		}
		steps := slices.Concat(skip, at.Unit.ParentUnits)
		if at.Unit.LastBallUnit != "" {
			steps = append(steps, at.Unit.LastBallUnit)
		}
		slices.Sort(steps)
		below, lists, err := c.known(ctx, slices.Compact(steps))
		if err != nil {
			return nil, err
		}
		next, ok := down(at, below)
		if !ok {
			break
		}
		main = next.Unit.Unit == at.Unit.LastBallUnit
		at, skips = next, lists
	}
	return nil, fmt.Errorf("hub %s shows a main chain that does not lead from unit %s to index %d: %w", c.Hub(), from, low, byteball.Invalid)
}

// down chooses where to go on from a unit: as far as the next index that has a longer skip list, else to a parent of the
// same index, else as little beyond as can be. below is in the order of the main chain.
func down(at unit.Proven, below []unit.Proven) (next unit.Proven, ok bool) {
	step := uint64(10)
	for step < span && at.MCI%step == 0 {
		step *= 10
	}
	floor := max(at.MCI, 1) - 1
	floor -= floor % step
	var beside *unit.Proven
	for i, p := range below {
		switch {
		case p.MCI < floor:
			next, ok = p, true
		case p.MCI < at.MCI:
			return p, true
		case p.MCI == at.MCI && p.Unit.Unit != at.Unit.Unit:
			beside = &below[i]
		}
	}
	if beside != nil {
		return *beside, true
	}
	return next, ok
}

// scan returns the units from index lo to hi that want wants; top is a unit of the main chain at hi or above it.
func (c *Client) scan(ctx context.Context, top post, lo, hi uint64, want func(unit.Proven) bool) ([]unit.Proven, error) {
	var found []unit.Proven
	seen := map[byteball.Hash]bool{top.unit: true}
	for front := []byteball.Hash{top.unit}; len(front) > 0; {
		part := front[:min(batch, len(front))]
		units, skips, err := c.known(ctx, part)
		if err != nil {
			return nil, err
		}
		front = slices.Clone(front[len(part):])
		for _, p := range units {
			if p.MCI < lo {
				continue
			}
			if p.MCI <= hi && want(p) {
				found = append(found, p)
			}
			if p.MCI == 0 {
				continue
			}
			for _, h := range slices.Concat(p.Unit.ParentUnits, skips[p.Unit.Unit]) {
				if !seen[h] {
					seen[h] = true
					front = append(front, h)
				}
			}
		}
		if len(seen) > maxScan {
			return nil, fmt.Errorf("hub %s shows more than %d units between main chain indexes %d and %d: %w", c.Hub(), maxScan, lo, hi, byteball.Invalid)
		}
	}
	sortByChain(found)
	return found, nil
}
