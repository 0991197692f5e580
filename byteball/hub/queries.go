package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// get asks and reads the answer into T. A hub whose answer makes no sense is left for another.
func get[T any](ctx context.Context, c *Client, command string, params any) (T, error) {
	v, _, err := answerOf[T](ctx, c, command, params)
	return v, err
}

// answerOf is get; it returns who answered, too.
func answerOf[T any](ctx context.Context, c *Client, command string, params any) (T, *conn, error) {
	var v T
	body, conn, err := c.ask(ctx, command, params)
	if err != nil {
		return v, conn, err
	}
	if len(body) == 0 {
		return v, conn, fmt.Errorf("hub %s has no answer to %s: %w", conn.url, command, byteball.NotFound)
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, conn, c.garbled(conn, command, err)
	}
	return v, conn, nil
}

func (c *Client) garbled(conn *conn, command string, err error) error {
	err = fmt.Errorf("hub %s answered %s wrongly: %v: %w", conn.url, command, err, byteball.Invalid)
	c.distrust(conn, err)
	return err
}

// Witnesses returns the order providers that the hub believes in, in the order of their addresses.
// Error: Invalid if it names more or fewer than the network has; those of Client.
func (c *Client) Witnesses(ctx context.Context) ([]byteball.Address, error) {
	ops, err := get[[]byteball.Address](ctx, c, "get_witnesses", nil)
	if err != nil {
		return nil, err
	}
	slices.Sort(ops)
	if len(ops) != c.cfg.Network.OPs || len(slices.Compact(ops)) != len(ops) || slices.ContainsFunc(ops, func(a byteball.Address) bool { return !chash.Valid(a) }) {
		return nil, fmt.Errorf("hub names %d order providers, network %s has %d: %w", len(ops), c.cfg.Network.Name, c.cfg.Network.OPs, byteball.Invalid)
	}
	return ops, nil
}

// OPs returns the order providers that proofs are checked by: those of the Config, else those the first hub named.
func (c *Client) OPs(ctx context.Context) ([]byteball.Address, error) {
	c.mu.Lock()
	ops := c.ops
	c.mu.Unlock()
	if len(ops) > 0 {
		return slices.Clone(ops), nil
	}
	ops, err := c.Witnesses(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ops) == 0 {
		c.ops = ops
	}
	return slices.Clone(c.ops), nil
}

// SystemVars returns the voted numbers that fees follow, as they stand at the hub's last stable unit.
func (c *Client) SystemVars(ctx context.Context) (unit.SystemVars, error) {
	type vote[T any] []struct {
		Value T `json:"value"`
	}
	v, err := get[struct {
		ThresholdSize    vote[uint64]  `json:"threshold_size"`
		BaseTPSFee       vote[float64] `json:"base_tps_fee"`
		TPSInterval      vote[float64] `json:"tps_interval"`
		TPSFeeMultiplier vote[float64] `json:"tps_fee_multiplier"`
	}](ctx, c, "get_system_vars", nil)
	if err != nil {
		return unit.SystemVars{}, err
	}
	if len(v.ThresholdSize) == 0 || len(v.BaseTPSFee) == 0 || len(v.TPSInterval) == 0 || len(v.TPSFeeMultiplier) == 0 {
		return unit.SystemVars{}, fmt.Errorf("hub left out a system variable: %w", byteball.Invalid)
	}
	return unit.SystemVars{ThresholdSize: v.ThresholdSize[0].Value, BaseTPSFee: v.BaseTPSFee[0].Value,
		TPSInterval: v.TPSInterval[0].Value, TPSFeeMultiplier: v.TPSFeeMultiplier[0].Value}, nil
}

// LastMCI returns the last main chain index that the hub knows, not yet stable.
func (c *Client) LastMCI(ctx context.Context) (uint64, error) {
	return get[uint64](ctx, c, "get_last_mci", nil)
}

// Anchor returns where a new unit of the authors from (sorted, 1..16) that pays to outputs hangs: its parents, last ball
// and time, and the tps fee that from[0] still has to pay.
// The parents are the hub's choice; the fee is bounded by Config.MaxTPSFee, and the time and the last ball are held against what is
// proven: a hub that lies here delays a unit, it takes no money.
// Errors: Transient if the hub finds no parents for the moment or asks a larger fee; Invalid for wrong addresses or a lie.
func (c *Client) Anchor(ctx context.Context, from, outputs []byteball.Address) (unit.Anchor, error) {
	const command = "light/get_parents_and_last_ball_and_witness_list_unit"
	var params any = struct {
		From    []byteball.Address `json:"from_addresses"`
		Outputs []byteball.Address `json:"output_addresses"`
		Max     int                `json:"max_aa_responses"`
	}{from, outputs, 0}
	if c.cfg.Network.WitnessesInUnits {
		var err error
		if params, err = c.oldParams(ctx); err != nil {
			return unit.Anchor{}, err
		}
	}
	p, err := get[parents](ctx, c, command, params)
	if err != nil {
		return unit.Anchor{}, err
	}
	a, err := c.anchor(ctx, p)
	if err == nil {
		err = c.anchored(ctx, a, time.Now())
	}
	if err != nil {
		return unit.Anchor{}, err
	}
	return a, nil
}

// Definition returns the definition, a JSON tree, that hashes to address.
// Errors: NotFound while no unit has shown it; Invalid if it was changed since, which nothing here could prove.
func (c *Client) Definition(ctx context.Context, address byteball.Address) (any, error) {
	def, err := get[any](ctx, c, "light/get_definition", address)
	if err != nil {
		return nil, err
	}
	if def == nil {
		return nil, fmt.Errorf("definition of %s is not known: %w", address, byteball.NotFound)
	}
	if got, err := chash.Of(def); err != nil || got != address {
		return nil, fmt.Errorf("definition of %s hashes to %s: %w", address, got, byteball.Invalid)
	}
	return def, nil
}

// Joint returns the unit of that hash, checked by it alone: neither its stability nor its Ball is proven (see Prove).
// Error: NotFound.
func (c *Client) Joint(ctx context.Context, hash byteball.Hash) (unit.Joint, error) {
	j, conn, err := c.joint(ctx, hash)
	if err != nil {
		return unit.Joint{}, err
	}
	u, err := hashed(j.Unit)
	if err == nil && u.Unit != hash {
		err = fmt.Errorf("unit %s came for %s", u.Unit, hash)
	}
	if err == nil {
		err = payloads(u)
	}
	if err != nil {
		return unit.Joint{}, c.garbled(conn, "get_joint", err)
	}
	return unit.Joint{Unit: u, Ball: j.Ball, SkiplistUnits: j.Skiplist}, nil
}

func (c *Client) joint(ctx context.Context, hash byteball.Hash) (joint, *conn, error) {
	body, conn, err := c.ask(ctx, "get_joint", hash)
	if err != nil {
		return joint{}, nil, err
	}
	var a struct {
		Joint *joint `json:"joint"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return joint{}, nil, c.garbled(conn, "get_joint", err)
	}
	if a.Joint == nil {
		return joint{}, nil, fmt.Errorf("hub %s has no unit %s: %w", conn.url, hash, byteball.NotFound)
	}
	return *a.Joint, conn, nil
}

// Balance is what a hub says an address holds in bytes; nothing proves it.
type Balance struct {
	Stable  byteball.Bytes `json:"stable"`
	Pending byteball.Bytes `json:"pending"` // in units that are not stable yet
}

// Balances returns the balances of at most 100 addresses; one that never had outputs is absent.
func (c *Client) Balances(ctx context.Context, addresses ...byteball.Address) (map[byteball.Address]Balance, error) {
	all, err := get[map[byteball.Address]struct {
		Base Balance `json:"base"`
	}](ctx, c, "light/get_balances", addresses)
	if err != nil {
		return nil, err
	}
	balances := make(map[byteball.Address]Balance, len(all))
	for a, b := range all {
		if b.Base.Stable > byteball.MaxBytes || b.Base.Pending > byteball.MaxBytes {
			return nil, fmt.Errorf("hub says %s has %d bytes: %w", a, uint64(b.Base.Stable), byteball.Invalid)
		}
		balances[a] = b.Base
	}
	return balances, nil
}
