package committee

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Ball is a stable unit of an order provider, as the rules see it.
type Ball struct {
	Unit byteball.Hash
	Hash byteball.Hash // the ball
	Raw  protocol.Hash // its 32 bytes
	MCI  uint64
	Time int64 // Unix seconds
}

// ParseBall returns the 32 bytes of a ball's hash. Error: Invalid.
func ParseBall(h byteball.Hash) (raw protocol.Hash, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(string(h[:min(len(h), 44)]))
	if err != nil || len(h) != 44 || len(b) != 32 {
		return raw, fmt.Errorf("ball %.50q is no hash: %w", string(h), protocol.Invalid)
	}
	return protocol.Hash(b), nil
}

// Chain is the ledger as the rules see it: the stable units of the order providers in the order of main chain index, then
// unit hash. MECHANISM 0 speaks of main chain units; a light client cannot prove which units those are, but it can prove
// the providers' units and their timestamps, so "lowest MCI with timestamp ≥ start(e−1)" is read through them. It keeps
// the units of the last four epochs, and what seeded the last 256. A Chain has one user at a time.
type Chain struct {
	cal   params.Calendar
	ops   []byteball.Address
	from  uint64 // every unit from this MCI on has been added
	balls []Ball
	cuts  map[uint64]Ball // EpochBall's answers
	told  map[uint64]Ball // those of an earlier run, see Recall
}

// NewChain makes an empty chain. The caller promises to add every stable unit of the order providers with MCI ≥ from, in
// order or nearly so; epochs whose start lies before what it has seen have no ball. A new chain is followed from 0.
func NewChain(m *params.Manifest, from uint64) *Chain {
	return &Chain{cal: m.Calendar(), ops: slices.Clone(m.OPs), from: from, cuts: map[uint64]Ball{}, told: map[uint64]Ball{}}
}

// Add takes a proven unit and says whether it was an order provider's that was not known yet. Other units, double spends
// that lost, and units older than what is kept are left alone. Error: Invalid for a ball that is no hash.
func (c *Chain) Add(p unit.Proven) (bool, error) {
	if p.Unit == nil || !p.Serial || p.MCI < c.from || !c.byOP(p.Unit) {
		return false, nil
	}
	raw, err := ParseBall(p.Ball)
	if err != nil {
		return false, fmt.Errorf("unit %s: %w", p.Unit.Unit, err)
	}
	b := Ball{Unit: p.Unit.Unit, Hash: p.Ball, Raw: raw, MCI: p.MCI, Time: p.Unit.Timestamp}
	i, known := slices.BinarySearchFunc(c.balls, b, order)
	if known {
		return false, nil
	}
	if i < len(c.balls) {
		maps.DeleteFunc(c.cuts, func(_ uint64, cut Ball) bool { return order(cut, b) > 0 })
	}
	c.balls = slices.Insert(c.balls, i, b)
	c.trim()
	return true, nil
}

func order(a, b Ball) int { return cmp.Or(cmp.Compare(a.MCI, b.MCI), cmp.Compare(a.Unit, b.Unit)) }

func (c *Chain) byOP(u *unit.Unit) bool {
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return slices.Contains(c.ops, a.Address) })
}

// trim forgets the units that are older than four epochs, all but the last of them: it shows where the first of the rest
// stands. What they seeded stays known for keptCuts epochs.
func (c *Chain) trim() {
	e := c.cal.EpochAt(time.Unix(c.Last().Time, 0))
	if e < 4 {
		return
	}
	limit := c.cal.EpochStart(e - 4).Unix()
	n := 0
	for n+1 < len(c.balls) && c.balls[n+1].Time < limit {
		n++
	}
	if n == 0 {
		return
	}
	for old := max(c.cal.EpochAt(time.Unix(c.balls[0].Time, 0)), max(e, keptCuts)-keptCuts); old < e-2; old++ {
		c.EpochBall(old)
	}
	c.balls = c.balls[n:]
	c.from = max(c.from, c.balls[0].MCI)
	maps.DeleteFunc(c.cuts, func(old uint64, _ Ball) bool { return old+keptCuts < e })
}

const keptCuts = 256

// Last is the newest unit, the zero Ball before the first.
func (c *Chain) Last() Ball {
	if len(c.balls) == 0 {
		return Ball{}
	}
	return c.balls[len(c.balls)-1]
}

// Recall tells the chain a ball that an earlier run of this node found and saved, for an epoch whose start lies before what
// is followed now.
func (c *Chain) Recall(e uint64, b Ball) { c.told[e] = b }

// EpochBall returns ball_e: the first unit of the order providers with timestamp ≥ start(e−1); its MCI is cut_e. It is
// false while that unit is not stable yet, and for epochs before what the chain has seen.
func (c *Chain) EpochBall(e uint64) (Ball, bool) {
	if b, ok := c.cuts[e]; ok {
		return b, true
	}
	if b, ok := c.told[e]; ok {
		return b, true
	}
	start := c.cal.CutTime(e).UnixMilli()
	if c.Last().Time*1000 < start {
		return Ball{}, false // the usual case of an epoch to come; a provider's time does not fall
	}
	i := slices.IndexFunc(c.balls, func(b Ball) bool { return b.Time*1000 >= start })
	if i < 0 || (i == 0 && c.from > 0) {
		return Ball{}, false
	}
	c.cuts[e] = c.balls[i]
	return c.balls[i], true
}

// SampleBall returns the first unit of the order providers with MCI > tip + 1: nobody had seen it when the main chain ended
// at tip (MECHANISM 3.2). It is false while there is none, or if the chain starts later.
func (c *Chain) SampleBall(tip uint64) (Ball, bool) {
	i, _ := slices.BinarySearchFunc(c.balls, tip, func(b Ball, tip uint64) int {
		if b.MCI > tip && b.MCI-1 > tip {
			return 1
		}
		return -1
	})
	if i == len(c.balls) || (i == 0 && c.from > tip && c.from-1 > tip+1) {
		return Ball{}, false
	}
	return c.balls[i], true
}
