package hub

import (
	"context"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// FeedQuery asks for a value that an oracle posted (ocore data_feeds.js:348).
type FeedQuery struct {
	Oracles []byteball.Address `json:"oracles"` // 1..10
	Name    string             `json:"feed_name"`
	Value   any                `json:"feed_value,omitempty"` // nil for any
	MinMCI  uint64             `json:"min_mci,omitempty"`
	MaxMCI  uint64             `json:"max_mci,omitempty"` // 0 means up to the tip, unstable units too
}

// DataFeed returns the latest value, a string or float64, also of a unit that is not stable.
// Errors: NotFound if there is none; Invalid for a wrong query; those of Client.
func (c *Client) DataFeed(ctx context.Context, q FeedQuery) (Told[any], error) {
	return tell[any](ctx, c, "light/get_data_feed", q)
}

// Feed is a value that an oracle posted in a stable unit.
type Feed struct {
	Oracle byteball.Address
	Value  any // string or float64
	Unit   unit.Proven
}

// ProvenFeed returns the latest value with the proof that an oracle posted it. That no later one fits is the hub's word.
// Errors: NotFound if there is none; Transient if its unit is not stable yet (a MaxMCI below the tip avoids that);
// Invalid if the hub names a unit that does not have it; those of Client.
func (c *Client) ProvenFeed(ctx context.Context, q FeedQuery) (Feed, error) {
	const command = "light/get_data_feed"
	t, err := tell[byteball.Hash](ctx, c, command, struct {
		FeedQuery
		What string `json:"what"`
	}{q, "unit"})
	if err != nil {
		return Feed{}, err
	}
	p, err := c.stable(ctx, t.Value)
	if err != nil {
		return Feed{}, err
	}
	for _, a := range p.Unit.Authors {
		if !slices.Contains(q.Oracles, a.Address) {
			continue
		}
		for _, m := range p.Unit.Messages {
			payload, _ := m.Payload.(map[string]any)
			if v, ok := payload[q.Name]; ok && m.App == "data_feed" && (q.Value == nil || fmt.Sprint(v) == fmt.Sprint(q.Value)) {
				return Feed{Oracle: a.Address, Value: v, Unit: p}, nil
			}
		}
	}
	return Feed{}, c.garbledBy(t.Hub, command, fmt.Errorf("unit %s holds no such value of %q by these oracles", p.Unit.Unit, q.Name))
}

// stable proves one unit that counts.
func (c *Client) stable(ctx context.Context, h byteball.Hash) (unit.Proven, error) {
	proven, _, err := c.Prove(ctx, h)
	switch {
	case err != nil:
		return unit.Proven{}, err
	case len(proven) == 0:
		return unit.Proven{}, fmt.Errorf("unit %s is not stable yet: %w", h, byteball.Transient)
	case !proven[0].Serial:
		return unit.Proven{}, fmt.Errorf("unit %s was a double spend and lost: %w", h, byteball.Stale)
	}
	return proven[0], nil
}
