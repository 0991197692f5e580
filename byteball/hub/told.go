package hub

import (
	"context"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Told is what a hub says and nothing proves: the protocol has no proof of it. It may be shown to people; money must not
// hang on it.
type Told[T any] struct {
	Hub   string // that says so
	Value T
}

// tell is get with the name of whoever answered.
func tell[T any](ctx context.Context, c *Client, command string, params any) (Told[T], error) {
	v, conn, err := answerOf[T](ctx, c, command, params)
	if err != nil {
		return Told[T]{}, err
	}
	return Told[T]{Hub: conn.url, Value: v}, nil
}

// Stable is the last unit of the main chain that a hub holds for stable.
type Stable struct {
	Unit      byteball.Hash `json:"unit"`
	MCI       uint64        `json:"main_chain_index"`
	Timestamp int64         `json:"timestamp"` // Unix seconds
}

// LastStable returns what the hub holds for the last stable unit. Prove proves it a few units later.
func (c *Client) LastStable(ctx context.Context) (Told[Stable], error) {
	const command = "get_last_stable_unit_props"
	s, err := tell[Stable](ctx, c, command, nil)
	if err == nil && (len(s.Value.Unit) != unit.HashLength || s.Value.Timestamp < 0) {
		return Told[Stable]{}, c.garbledBy(s.Hub, command, fmt.Errorf("unit %.50q of time %d", s.Value.Unit, s.Value.Timestamp))
	}
	return s, err
}

// AssetBalances returns the balances of at most 100 addresses by asset; the asset of bytes is empty. Addresses and assets
// without outputs are absent.
func (c *Client) AssetBalances(ctx context.Context, addresses ...byteball.Address) (Told[map[byteball.Address]map[byteball.Hash]Balance], error) {
	const command = "light/get_balances"
	t, err := tell[map[byteball.Address]map[byteball.Hash]Balance](ctx, c, command, addresses)
	if err != nil {
		return t, err
	}
	for a, list := range t.Value {
		for asset, b := range list {
			if b.Stable > byteball.MaxBytes || b.Pending > byteball.MaxBytes || asset != "base" && len(asset) != unit.HashLength {
				return Told[map[byteball.Address]map[byteball.Hash]Balance]{}, c.garbledBy(t.Hub, command, fmt.Errorf("%s has %d of %.50q", a, uint64(b.Stable), asset))
			}
		}
		if b, ok := list["base"]; ok {
			delete(list, "base")
			list[""] = b
		}
	}
	return t, nil
}

// DefinitionHash returns the hash of the definition that address is bound to at main chain index maxMCI, 0 for now; it is
// address itself while it was never changed. A change can be proven by the unit that made it: see History.
func (c *Client) DefinitionHash(ctx context.Context, address byteball.Address, maxMCI uint64) (Told[byteball.Address], error) {
	const command = "light/get_definition_chash"
	t, err := tell[byteball.Address](ctx, c, command, struct {
		Address byteball.Address `json:"address"`
		MaxMCI  uint64           `json:"max_mci,omitempty"`
	}{address, maxMCI})
	if err == nil && !chash.Valid(t.Value) {
		return Told[byteball.Address]{}, c.garbledBy(t.Hub, command, fmt.Errorf("%.50q is no hash of a definition", t.Value))
	}
	return t, err
}

// Bound is the definition that an address is bound to.
type Bound struct {
	Hash       byteball.Address
	Definition any  // JSON tree that hashes to Hash; nil while no unit has shown it, then whoever spends must
	Stable     bool // no unit on the way changes or shows it
}

// DefinitionFor returns the definition that address is bound to now, also by units that are not stable. That Definition
// belongs to Hash is checked; that the address is bound to Hash and to no newer one is the hub's word, unless Hash is
// the address.
func (c *Client) DefinitionFor(ctx context.Context, address byteball.Address) (Told[Bound], error) {
	const command = "light/get_definition_for_address"
	t, err := tell[struct {
		Hash       byteball.Address `json:"definition_chash"`
		Definition any              `json:"definition"`
		Stable     bool             `json:"is_stable"`
	}](ctx, c, command, map[string]byteball.Address{"address": address})
	if err != nil {
		return Told[Bound]{}, err
	}
	v := t.Value
	if !chash.Valid(v.Hash) {
		return Told[Bound]{}, c.garbledBy(t.Hub, command, fmt.Errorf("%.50q is no hash of a definition", v.Hash))
	}
	if v.Definition != nil {
		if got, err := chash.Of(v.Definition); err != nil || got != v.Hash {
			return Told[Bound]{}, c.garbledBy(t.Hub, command, fmt.Errorf("definition of %s hashes to %s, not %s", address, got, v.Hash))
		}
	}
	return Told[Bound]{t.Hub, Bound{v.Hash, v.Definition, v.Stable}}, nil
}

// garbledBy is garbled for a hub known by its address.
func (c *Client) garbledBy(url, command string, err error) error {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	err = fmt.Errorf("hub %s answered %s wrongly: %w: %w", url, command, err, byteball.Invalid)
	if conn != nil && conn.url == url {
		c.distrust(conn, err)
	}
	return err
}
