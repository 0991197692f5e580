package hub

import (
	"context"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// CoinQuery asks for coins to pay with.
type CoinQuery struct {
	Addresses   []byteball.Address `json:"addresses"` // whose coins, 1..16
	LastBallMCI uint64             `json:"last_ball_mci"`
	Amount      byteball.Bytes     `json:"amount"` // without fees
	Asset       byteball.Hash      `json:"asset,omitempty"`
	Unconfirmed string             `json:"spend_unconfirmed"` // of units that are not stable: "none" (also if empty), "own" or "all"
}

// Coin is an output to spend.
type Coin struct {
	unit.OutPoint
	Address byteball.Address
	Amount  byteball.Bytes
	Proven  bool // the output stands in a stable unit, proven; else the hub alone says that the unit exists
}

// Coins lets the hub choose coins worth the amount and about 2,000 bytes for fees. Each output is then read from its
// unit: that it pays this amount to one of the addresses is checked, and proven where Proven says so. That nobody has
// spent it yet is the hub's word; if it lied, the ledger refuses the unit that spends it, and nothing is lost.
// Errors: Funds if the coins are worth less than the amount; Invalid for a wrong query, and if the hub names an output
// that is not there.
func (c *Client) Coins(ctx context.Context, q CoinQuery) ([]Coin, error) {
	const command = "light/pick_divisible_coins_for_amount"
	if q.Unconfirmed == "" {
		q.Unconfirmed = "none"
	}
	t, err := tell[struct {
		Inputs []struct {
			Input unit.Input `json:"input"`
		} `json:"inputs_with_proofs"`
	}](ctx, c, command, q)
	if err != nil {
		return nil, err
	}
	if len(t.Value.Inputs) > 2*unit.MaxInputs {
		return nil, c.garbledBy(t.Hub, command, fmt.Errorf("%d inputs", len(t.Value.Inputs)))
	}
	var points []unit.OutPoint
	var units []byteball.Hash
	for _, i := range t.Value.Inputs {
		if in := i.Input; in.Type == "" { // commissions and issues are left: nothing would prove their amounts
			points = append(points, unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex})
			units = append(units, in.Unit)
		}
	}
	slices.Sort(units)
	proven, unstable, err := c.Prove(ctx, slices.Compact(units)...)
	if err != nil {
		return nil, err
	}
	coins, err := q.outputs(points, proven, unstable)
	if err != nil {
		return nil, c.garbledBy(t.Hub, command, err)
	}
	var total byteball.Bytes
	for _, coin := range coins {
		if total, err = byteball.Add(total, coin.Amount); err != nil {
			return nil, err
		}
	}
	if total < q.Amount {
		return nil, fmt.Errorf("coins of %d, wanted %d: %w", uint64(total), uint64(q.Amount), byteball.Funds)
	}
	return coins, nil
}

// outputs reads the coins from the units that hold them.
func (q CoinQuery) outputs(points []unit.OutPoint, proven []unit.Proven, unstable []*unit.Unit) ([]Coin, error) {
	units, stable := map[byteball.Hash]*unit.Unit{}, map[byteball.Hash]bool{}
	for _, p := range proven {
		if p.Serial {
			units[p.Unit.Unit], stable[p.Unit.Unit] = p.Unit, true
		}
	}
	for _, u := range unstable {
		if q.Unconfirmed != "none" {
			units[u.Unit] = u
		}
	}
	var coins []Coin
	seen := map[unit.OutPoint]bool{}
	for _, at := range points {
		u := units[at.Unit]
		switch {
		case seen[at]:
			return nil, fmt.Errorf("output %v twice", at)
		case u == nil:
			return nil, fmt.Errorf("unit %s is not stable or lost", at.Unit)
		}
		seen[at] = true
		o, ok := output(u, at, q.Asset)
		if !ok || !slices.Contains(q.Addresses, o.Address) {
			return nil, fmt.Errorf("output %v does not pay to the addresses", at)
		}
		coins = append(coins, Coin{OutPoint: at, Address: o.Address, Amount: o.Amount, Proven: stable[at.Unit]})
	}
	return coins, nil
}

// output finds an output of an asset in u.
func output(u *unit.Unit, at unit.OutPoint, asset byteball.Hash) (unit.Output, bool) {
	if at.MessageIndex < 0 || at.MessageIndex >= len(u.Messages) {
		return unit.Output{}, false
	}
	p, ok := u.Messages[at.MessageIndex].Payload.(*unit.Payment)
	if !ok || p.Asset != asset || at.OutputIndex < 0 || at.OutputIndex >= len(p.Outputs) {
		return unit.Output{}, false
	}
	return p.Outputs[at.OutputIndex], true
}
