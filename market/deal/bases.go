package deal

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Bases keeps the newest proven units of the order providers: what vouchers hang on (BYTEBALL C: a stable main chain unit
// as the only parent, and that unit's own last ball).
type Bases struct {
	ops  []byteball.Address
	vars unit.SystemVars
	ring []channel.Base // ascending by main chain index
	seen map[byteball.Hash]spot
	fees map[float64]byteball.Bytes // by units per second: the exponential is dear, and loads repeat
	load map[float64]byteball.Bytes // likewise, for Load
	paid byteball.Bytes             // tps fee that the newest base was charged
}

// spot is where and when a unit stands.
type spot struct {
	mci  uint64
	time int64 // Unix seconds
}

// keptBases bounds the ring: twice what a seller grants a voucher's parent, and then some.
const keptBases = 4 * channel.MaxBehind

// NewBases starts empty; vars are the ledger's voted system variables.
func NewBases(ops []byteball.Address, vars unit.SystemVars) *Bases {
	return &Bases{ops: ops, vars: vars, seen: make(map[byteball.Hash]spot),
		fees: make(map[float64]byteball.Bytes), load: make(map[float64]byteball.Bytes)}
}

// Add takes in a proven unit; units of others than the order providers are passed over.
func (b *Bases) Add(p unit.Proven) {
	if p.Unit == nil || len(p.Unit.Authors) != 1 || !slices.Contains(b.ops, p.Unit.Authors[0].Address) {
		return
	}
	if n := len(b.ring); n > 0 && p.MCI <= b.ring[n-1].MCI {
		return
	}
	b.seen[p.Unit.Unit] = spot{p.MCI, p.Unit.Timestamp}
	behind, known := b.seen[p.Unit.LastBallUnit]
	if !known || len(p.Unit.ParentUnits) > 1 {
		return // its tps fee cannot be told; the next one's can
	}
	base, err := channel.On(p, behind.mci, b.tpsFee(p, behind))
	if err != nil {
		return
	}
	b.ring, b.paid = append(b.ring, base), 0
	if fee := p.Unit.ActualTPSFee; fee != nil {
		b.paid = *fee
	}
	if len(b.ring) > keptBases {
		b.ring = slices.Delete(b.ring, 0, 1)
		first := b.ring[0].LastBallMCI
		maps.DeleteFunc(b.seen, func(_ byteball.Hash, at spot) bool { return at.mci < first })
	}
}

// tpsFee bounds the least tps fee of a unit that hangs on p: the fee for p, all the units between p's last ball and p, and
// itself, as if no more time had passed than between those two (BYTEBALL B; ocore storage.js, getLocalTps).
func (b *Bases) tpsFee(p unit.Proven, behind spot) byteball.Bytes {
	elapsed := float64(max(p.Unit.Timestamp-behind.time, 1))
	count := max(float64(p.MCI-behind.mci), b.charged(p.Unit, elapsed)) + 1
	return remember(b.fees, count/elapsed, func(tps float64) byteball.Bytes { return unit.MinTPSFee(b.vars, tps, 1) })
}

// charged returns the most units that can stand between u's last ball and u, itself included, given the fee that u was
// charged once it was stable: the ledger counts all of them, those beside the main chain too, in elapsed seconds (ocore
// storage.js, getFinalTps). Of a unit with several parents it would leave out what only the others include, though a unit that
// hangs on it pays for those as well: such a unit is no base, since a voucher there could offer too little for ever. It is 0
// if the hub did not tell the fee; a lie costs no more than a channel's reserve.
func (b *Bases) charged(u *unit.Unit, elapsed float64) float64 {
	if u.ActualTPSFee == nil || b.vars.BaseTPSFee == 0 {
		return 0
	}
	tps := float64(b.vars.TPSInterval) * math.Log1p((float64(*u.ActualTPSFee)+.5)/float64(b.vars.BaseTPSFee))
	return math.Floor(tps*elapsed + 1e-9)
}

// remember returns f of a load, computed once while it is among the last that were asked for.
func remember(known map[float64]byteball.Bytes, tps float64, f func(float64) byteball.Bytes) byteball.Bytes {
	fee, ok := known[tps]
	if !ok {
		if len(known) >= keptBases {
			clear(known)
		}
		fee = f(tps)
		known[tps] = fee
	}
	return fee
}

// Load returns the tps fee of a unit at the time now, as far as it can be told without the whole ledger; 0 if nothing is
// known. tip is the last main chain index. It is the larger of what the newest base was charged, which counts every unit but
// is a little old, and the fee for so many units as main chain indexes have come since, which is new but does not see units
// beside the main chain (unit.CurrentTPSFee; BYTEBALL B). Both are a hub's word; a channel grants no more than its reserve.
func (b *Bases) Load(tip uint64, now time.Time) byteball.Bytes {
	base, ok := b.Newest()
	if !ok || b.vars.TPSInterval <= 0 {
		return 0
	}
	count := float64(max(tip, base.MCI)-base.MCI) + 1
	elapsed := float64(max(now.Unix()-base.Timestamp, 1))
	fee := remember(b.load, count/elapsed, func(tps float64) byteball.Bytes { return unit.CurrentTPSFee(b.vars, tps) })
	return max(fee, b.paid)
}

// Within returns how many main chain units come in a time of d, at the pace of the bases that are kept; 0 if it is not known.
func (b *Bases) Within(d time.Duration) uint64 {
	if len(b.ring) < 2 {
		return 0
	}
	first, last := b.ring[0], b.ring[len(b.ring)-1]
	elapsed := max(last.Timestamp-first.Timestamp, 1)
	return uint64(float64(last.MCI-first.MCI)*d.Seconds()/float64(elapsed)) + 1
}

// Newest returns the newest base.
func (b *Bases) Newest() (channel.Base, bool) {
	if len(b.ring) == 0 {
		return channel.Base{}, false
	}
	return b.ring[len(b.ring)-1], true
}

// Of returns the base that a voucher names as its parent.
func (b *Bases) Of(parent byteball.Hash) (channel.Base, bool) {
	i := slices.IndexFunc(b.ring, func(x channel.Base) bool { return x.Unit == parent })
	if i < 0 {
		return channel.Base{}, false
	}
	return b.ring[i], true
}
