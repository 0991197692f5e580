package hub

import (
	"context"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// parents is the answer to a request for parents (ocore light.js:590; byteballcore 0.2.93 light.js:502, without time and
// fee but with the order providers).
type parents struct {
	Timestamp       int64           `json:"timestamp"`
	Parents         []byteball.Hash `json:"parent_units"`
	LastBall        byteball.Hash   `json:"last_stable_mc_ball"`
	LastBallUnit    byteball.Hash   `json:"last_stable_mc_ball_unit"`
	LastBallMCI     uint64          `json:"last_stable_mc_ball_mci"`
	TPSFee          uint64          `json:"tps_fee"`
	WitnessListUnit byteball.Hash   `json:"witness_list_unit"` // absent while no stable unit lists them
}

// oldParams are the parameters of a request for parents before 4.0.
func (c *Client) oldParams(ctx context.Context) (any, error) {
	ops, err := c.OPs(ctx)
	return struct {
		Witnesses []byteball.Address `json:"witnesses"`
	}{ops}, err
}

// anchor checks the form of p and takes of it what units of the network name.
func (c *Client) anchor(ctx context.Context, p parents) (unit.Anchor, error) {
	net := c.cfg.Network
	bad := len(p.Parents) == 0 || len(p.Parents) > unit.MaxParents || net.Timestamps && p.Timestamp <= 0 ||
		byteball.Bytes(p.TPSFee) > byteball.MaxBytes
	hashes := append([]byteball.Hash{p.LastBall, p.LastBallUnit}, p.Parents...)
	if p.WitnessListUnit != "" {
		hashes = append(hashes, p.WitnessListUnit)
	}
	for _, h := range hashes {
		bad = bad || len(h) != unit.HashLength
	}
	if bad {
		return unit.Anchor{}, fmt.Errorf("hub gave no usable parents: %w", byteball.Invalid)
	}
	slices.Sort(p.Parents)
	a := unit.Anchor{Parents: p.Parents, LastBall: p.LastBall, LastBallUnit: p.LastBallUnit, LastBallMCI: p.LastBallMCI}
	if net.Timestamps {
		a.Timestamp = p.Timestamp
	}
	if net.TPSFees {
		a.TPSFee = byteball.Bytes(p.TPSFee)
	}
	if !net.WitnessesInUnits {
		return a, nil
	}
	if a.WitnessListUnit = p.WitnessListUnit; a.WitnessListUnit == "" {
		ops, err := c.OPs(ctx)
		if err != nil {
			return unit.Anchor{}, err
		}
		slices.Sort(ops)
		a.Witnesses = ops
	}
	return a, nil
}
