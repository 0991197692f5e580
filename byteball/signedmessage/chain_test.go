package signedmessage_test

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
)

// chain is the ledger of the vectors: it knows some units and definitions, and nothing else is asked of it.
type chain struct {
	definition.Chain
	vectors vectors
}

func (c chain) LastBall(unit byteball.Hash) (uint64, int64, error) {
	for _, u := range c.vectors.Context.Units {
		if u.Unit == unit {
			return u.MCI, u.Timestamp, nil
		}
	}
	return 0, 0, byteball.NotFound
}

func (c chain) Definition(a byteball.Address, _ uint64) (any, byteball.Address, error) {
	for _, d := range c.vectors.Context.Known {
		if d.Address == a {
			return d.Definition, a, nil
		}
	}
	return nil, a, nil
}
