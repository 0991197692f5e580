package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Embedded is the ledger of byteball/ledger under simulated time, with its order provider. Every unit that it takes is
// validated in full, signatures included.
type Embedded struct {
	*ledger.Ledger
	op      ledger.Operator
	pending []*unit.Unit // not stable yet
}

// Embed takes a new ledger in memory, whose first unit is genesis, and the key of its order provider.
func Embed(l *ledger.Ledger, genesis *unit.Unit, op ledger.Operator) *Embedded {
	return &Embedded{Ledger: l, op: op, pending: []*unit.Unit{genesis}}
}

// Anchor implements Ledger.
func (b *Embedded) Anchor(from, _ []byteball.Address, now time.Time) (unit.Anchor, error) {
	return b.Ledger.Anchor(from, now)
}

// Post implements Ledger.
func (b *Embedded) Post(u *unit.Unit, now time.Time) error {
	if err := b.Ledger.Post(u, now); err != nil {
		return err
	}
	b.pending = append(b.pending, u)
	return nil
}

// Advance implements Ledger.
func (b *Embedded) Advance(now time.Time) (uint64, []unit.Proven, error) {
	u, err := b.Witness(b.op, now)
	if err != nil {
		return 0, nil, err
	}
	b.pending = append(b.pending, u)
	var stable []unit.Proven
	waiting := b.pending[:0]
	for _, u := range b.pending {
		j, err := b.Joint(u.Unit)
		if err != nil {
			return 0, nil, err
		}
		if j.Ball == "" {
			waiting = append(waiting, u)
			continue
		}
		p := unit.Proven{Unit: u, Ball: j.Ball, Serial: true} // this ledger refuses double spends at once
		if j.Unit.MainChainIndex != nil {
			p.MCI = *j.Unit.MainChainIndex
		}
		stable = append(stable, p)
	}
	clear(b.pending[len(waiting):])
	b.pending = waiting
	slices.SortStableFunc(stable, func(x, y unit.Proven) int { return cmp.Compare(x.MCI, y.MCI) }) // parents came first
	return b.TipMCI(), stable, nil
}
