package channel

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// MaxBehind is how many main chain units a voucher's parent may be behind the tip when the voucher is signed; the seller
// grants twice as many, for the way.
const MaxBehind = 50

const clockSkew = 5 // seconds that clocks may differ: what the ledger grants (BYTEBALL F 3)

// Base is a stable main chain unit for a closing to hang on: its only parent, whose own last ball it takes too. Such a
// parent can never vanish (BYTEBALL C). The caller has it from proven history; an order provider's unit is best. One that
// is some way behind the tip is cheap: the least tps fee counts the units between Unit and its last ball over the time
// from that last ball to the voucher.
type Base struct {
	Unit         byteball.Hash  `json:"unit"`
	MCI          uint64         `json:"mci"`
	LastBall     byteball.Hash  `json:"last_ball"`
	LastBallUnit byteball.Hash  `json:"last_ball_unit"`
	LastBallMCI  uint64         `json:"last_ball_mci"` // 0 if not known; a refund needs it
	Timestamp    int64          `json:"timestamp"`     // of Unit, Unix seconds
	TPSFee       byteball.Bytes `json:"tps_fee"`       // least tps fee of a unit that hangs here, or a bound on it

	WitnessListUnit byteball.Hash `json:"witness_list_unit,omitempty"` // that of Unit, where units name their order providers
}

// On returns the Base that p makes; lastBallMCI is the main chain index of p's last ball unit, tpsFee the least fee of a
// unit that hangs there. Error: Invalid if p is not a serial unit with a ball and a last ball, or lists its order providers
// itself instead of naming a unit that does.
func On(p unit.Proven, lastBallMCI uint64, tpsFee byteball.Bytes) (Base, error) {
	if p.Unit == nil || !p.Serial || p.Ball == "" {
		return Base{}, fmt.Errorf("channel: a closing hangs on a stable unit only: %w", byteball.Invalid)
	}
	b := Base{Unit: p.Unit.Unit, MCI: p.MCI, LastBall: p.Unit.LastBall, LastBallUnit: p.Unit.LastBallUnit,
		LastBallMCI: lastBallMCI, Timestamp: p.Unit.Timestamp, TPSFee: tpsFee, WitnessListUnit: p.Unit.WitnessListUnit}
	if p.Unit.Witnesses != nil {
		return Base{}, fmt.Errorf("channel: unit %s lists its order providers, a closing has no room for them: %w", b.Unit, byteball.Invalid)
	}
	return b, b.check()
}

func (b Base) check() error {
	if b.Unit == "" || b.LastBall == "" || b.LastBallUnit == "" || b.LastBallMCI > b.MCI {
		return fmt.Errorf("channel: unit %q at main chain index %d is nothing to hang a closing on: %w", b.Unit, b.MCI, byteball.Invalid)
	}
	return nil
}

// Anchor returns where a unit written at the time at hangs on b. Its timestamp stays a little behind at, so that a seller
// whose clock is slow can post.
func (b Base) Anchor(at time.Time) unit.Anchor {
	return unit.Anchor{Parents: []byteball.Hash{b.Unit}, LastBall: b.LastBall, LastBallUnit: b.LastBallUnit,
		LastBallMCI: b.LastBallMCI, Timestamp: max(b.Timestamp, at.Unix()-clockSkew), TPSFee: b.TPSFee, WitnessListUnit: b.WitnessListUnit}
}

// carries returns nil if u, read as a voucher of a channel funded at f, hangs on b as the ledger wants it at the time now
// and with the tip at the main chain index tip.
func (b Base) carries(u *unit.Unit, f Funding, tip uint64, now time.Time) error {
	switch {
	case u.ParentUnits[0] != b.Unit:
		return fmt.Errorf("parent %s is not the proven unit %s: %w", u.ParentUnits[0], b.Unit, byteball.Transient)
	case u.LastBall != b.LastBall || u.LastBallUnit != b.LastBallUnit:
		return fmt.Errorf("last ball %s is not that of its parent, %s: %w", u.LastBall, b.LastBall, byteball.Invalid)
	case u.WitnessListUnit != b.WitnessListUnit:
		return fmt.Errorf("order providers of unit %q, its parent's are those of %q: %w", u.WitnessListUnit, b.WitnessListUnit, byteball.Invalid)
	case b.MCI < f.MCI:
		return fmt.Errorf("parent at main chain index %d does not include the funding at %d: %w", b.MCI, f.MCI, byteball.Invalid)
	case tip > b.MCI && tip-b.MCI > 2*MaxBehind:
		return fmt.Errorf("parent is %d main chain units old, %d allowed: %w", tip-b.MCI, 2*MaxBehind, byteball.Stale)
	case u.Timestamp < b.Timestamp:
		return fmt.Errorf("timestamp %d before its parent's %d: %w", u.Timestamp, b.Timestamp, byteball.Invalid)
	case u.Timestamp > now.Unix()+clockSkew:
		return fmt.Errorf("timestamp is %d s ahead of this clock: %w", u.Timestamp-now.Unix(), byteball.Transient)
	case tpsFee(u) < b.TPSFee:
		return fmt.Errorf("tps fee %d under the least, %d: %w", tpsFee(u), b.TPSFee, byteball.Invalid)
	}
	return nil
}

// tpsFee is what u offers, 0 where units do not say.
func tpsFee(u *unit.Unit) byteball.Bytes {
	if u.TPSFee == nil {
		return 0
	}
	return *u.TPSFee
}
