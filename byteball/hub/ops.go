package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// OPChange is a list of order providers that replaced another by a vote of the ledger's users.
type OPChange struct {
	From, To []byteball.Address // sorted
	Count    unit.Proven        // the unit that had the votes counted
	Votes    []unit.Proven      // units that voted for those who are new, one for each at least
}

// FollowOPs replaces the order providers that proofs are checked by if the ledger's users voted for others, and returns
// the change; nil if there is none. A Client with Config.FollowOPs does it by itself when a hub reports a vote. Whoever
// keeps the list stores To.
//
// What is proven, by the present list: that a stable unit had the votes counted at the main chain index the hub names,
// and that for each new provider a stable unit before it votes. What is the hub's word: the balances behind the votes,
// which the protocol cannot prove to a light client (ocore main_chain.js:1711). So that a lie is worth little, a
// majority of the present providers must stay in the list, and a count in an emergency, which needs no vote to be
// stable, is never followed.
// Errors: Transient while that is not proven yet; Invalid for a list that must not be followed, or a lie; those of
// Client.
func (c *Client) FollowOPs(ctx context.Context) (*OPChange, error) {
	now, err := c.OPs(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(now)
	vars, err := tell[struct {
		List []struct {
			MCI       int64              `json:"vote_count_mci"`
			Value     []byteball.Address `json:"value"`
			Emergency json.RawMessage    `json:"is_emergency"`
		} `json:"op_list"`
	}](ctx, c, "get_system_vars", nil)
	if err != nil {
		return nil, err
	}
	if len(vars.Value.List) == 0 {
		return nil, c.garbledBy(vars.Hub, "get_system_vars", fmt.Errorf("no list of order providers"))
	}
	last := vars.Value.List[0]
	slices.Sort(last.Value)
	if slices.Equal(last.Value, now) {
		return nil, nil
	}
	if err := c.followable(now, last.Value); err != nil {
		return nil, err
	}
	if e := string(last.Emergency); last.MCI < 0 || e != "0" && e != "" && e != "false" {
		return nil, fmt.Errorf("the order providers of main chain index %d came by an emergency count; whoever believes in them names them: %w", last.MCI, byteball.Invalid)
	}
	change := &OPChange{From: now, To: last.Value}
	if change.Count, err = c.counted(ctx, now, uint64(last.MCI)); err != nil {
		return nil, err
	}
	if change.Votes, err = c.votes(ctx, change); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.ops = change.To
	c.mu.Unlock()
	c.cfg.Log.Info("order providers changed", "from", change.From, "to", change.To, "mci", change.Count.MCI)
	return change, nil
}

// followable checks a list against the present one.
func (c *Client) followable(now, next []byteball.Address) error {
	net, stay := c.cfg.Network, 0
	for i, a := range next {
		if !chash.Valid(a) || i > 0 && a == next[i-1] {
			return c.lied(fmt.Errorf("hub %s names %.50q as an order provider: %w", c.Hub(), a, byteball.Invalid))
		}
		if slices.Contains(now, a) {
			stay++
		}
	}
	if len(next) != net.OPs || stay < net.Majority() {
		return fmt.Errorf("hub %s names %d order providers of whom %d are known, network %s has %d and %d must stay: %w",
			c.Hub(), len(next), stay, net.Name, net.OPs, net.Majority(), byteball.Invalid)
	}
	return nil
}

// counted finds the unit at a main chain index that had the votes for order providers counted.
func (c *Client) counted(ctx context.Context, ops []byteball.Address, mci uint64) (unit.Proven, error) {
	_, anchor, err := c.newest(ctx, ops)
	if err != nil {
		return unit.Proven{}, err
	}
	posts, err := c.descend(ctx, anchor, mci)
	if err != nil {
		return unit.Proven{}, err
	}
	top := posts[len(posts)-1]
	if top.mci < mci {
		return unit.Proven{}, fmt.Errorf("hub %s cannot prove main chain index %d yet: %w", c.Hub(), mci, byteball.Transient)
	}
	units, err := c.scan(ctx, top, mci, mci, func(p unit.Proven) bool {
		return p.Serial && slices.ContainsFunc(p.Unit.Messages, func(m unit.Message) bool {
			return m.App == "system_vote_count" && m.Payload == any("op_list")
		})
	})
	if err == nil && len(units) == 0 {
		err = c.lied(fmt.Errorf("hub %s says the votes were counted at main chain index %d, no unit there does: %w", c.Hub(), mci, byteball.Invalid))
	}
	if err != nil {
		return unit.Proven{}, err
	}
	return units[0], nil
}

const maxVotes = 10_000 // that are looked at

// votes proves a vote for each new order provider.
func (c *Client) votes(ctx context.Context, change *OPChange) ([]unit.Proven, error) {
	t, err := tell[struct {
		Votes struct {
			OPs []struct {
				Unit  byteball.Hash      `json:"unit"`
				Value []byteball.Address `json:"value"`
			} `json:"op_list"`
		} `json:"votes"`
	}](ctx, c, "get_system_var_votes", nil)
	if err != nil {
		return nil, err
	}
	var missing []byteball.Address
	for _, a := range change.To {
		if !slices.Contains(change.From, a) {
			missing = append(missing, a)
		}
	}
	wanted := map[byteball.Hash]bool{}
	for i, v := range t.Value.Votes.OPs {
		if i < maxVotes && slices.ContainsFunc(v.Value, func(a byteball.Address) bool { return slices.Contains(missing, a) }) {
			wanted[v.Unit] = true
		}
	}
	var units []byteball.Hash
	for h := range wanted {
		units = append(units, h)
	}
	slices.Sort(units)
	proven, _, err := c.Prove(ctx, units...)
	if err != nil {
		return nil, err
	}
	var votes []unit.Proven
	for _, p := range proven {
		named := voted(p.Unit)
		if !p.Serial || p.MCI > change.Count.MCI || len(named) == 0 {
			continue
		}
		votes = append(votes, p)
		missing = slices.DeleteFunc(missing, func(a byteball.Address) bool { return slices.Contains(named, a) })
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("hub %s proves no vote for order provider %s: %w", c.Hub(), missing[0], byteball.Transient)
	}
	return votes, nil
}

// voted is the list of order providers that a unit votes for.
func voted(u *unit.Unit) []byteball.Address {
	var list []byteball.Address
	for _, m := range u.Messages {
		p, _ := m.Payload.(map[string]any)
		value, _ := p["value"].([]any)
		if m.App != "system_vote" || p["subject"] != "op_list" {
			continue
		}
		for _, v := range value {
			if s, ok := v.(string); ok {
				list = append(list, byteball.Address(s))
			}
		}
	}
	return list
}

// varsChanged takes a hub's report of the voted numbers and lists.
func (c *Client) varsChanged(f Frame) {
	var v struct {
		List []struct {
			Value []byteball.Address `json:"value"`
		} `json:"op_list"`
	}
	if json.Unmarshal(f.Body, &v) != nil || len(v.List) == 0 {
		return
	}
	slices.Sort(v.List[0].Value)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := slices.Sorted(slices.Values(c.ops))
	c.voted = len(now) > 0 && !slices.Equal(now, v.List[0].Value)
}

// keepOPs follows a vote that a hub has reported, if the Config says so; nil if nothing changed. What cannot be followed
// is logged, once for each report.
func (c *Client) keepOPs(ctx context.Context) *OPChange {
	c.mu.Lock()
	voted := c.voted && c.cfg.FollowOPs
	c.voted = false
	c.mu.Unlock()
	if !voted {
		return nil
	}
	change, err := c.FollowOPs(ctx)
	if err != nil {
		c.cfg.Log.Warn("order providers are not followed", "err", err)
	}
	return change
}
