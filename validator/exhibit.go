package validator

import (
	"fmt"

	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/validator/score"
)

// proof is an exhibit that holds: its seller signed the commitment, the header stands in its tree, the pack is the header's.
type proof struct {
	*protocol.Exhibit
	wc       *protocol.WindowCommit
	wid      protocol.Hash
	readings []score.Reading
	median   *float64 // of readings, once asked for
}

// middle is the median of the readings.
func (x *proof) middle() float64 {
	if x.median == nil {
		m := middle(x.readings)
		x.median = &m
	}
	return *x.median
}

// show checks an exhibit. memo spares opening one commitment again for each of its batches; it may be nil. Error: Invalid.
func (c *Core) show(x *protocol.Exhibit, memo map[string]*protocol.WindowCommit) (*proof, error) {
	wc, known := memo[string(x.WC)]
	if !known {
		var err error
		if wc, err = c.openCommit(x.WC); err != nil {
			return nil, err
		}
		if memo != nil {
			memo[string(x.WC)] = wc
		}
	}
	s := &proof{Exhibit: x, wc: wc, wid: wc.ID()}
	i := int(x.Batch.Index)
	if !merkle.Verify(wc.Root, x.Head.Leaf(), i, wc.Batches(), x.Path) || x.Head.Seq != wc.Seq0+uint64(i) {
		return nil, fmt.Errorf("validator: batch %d is not in the tree of window %s: %w", i, s.wid, protocol.Invalid)
	}
	if x.Head.Commit != protocol.BatchCommit(x.Batch.Salt, x.Batch.Pack) {
		return nil, fmt.Errorf("validator: batch %d of window %s is not the one committed to: %w", i, s.wid, protocol.Invalid)
	}
	p, _ := protocol.PropertyOf(wc.Prop) // checked with the commitment
	if s.readings = readings(p, x.Batch.Pack); s.readings == nil {
		return nil, fmt.Errorf("validator: batch %d of window %s holds no readings of %s: %w", i, s.wid, wc.Prop, protocol.Invalid)
	}
	return s, nil
}

func (s *proof) run(committed int64) score.Run {
	return score.Run{Seller: s.wc.Seller.ID(), Wid: s.wid, Seq: s.Head.Seq, Committed: committed, Readings: s.readings}
}

// arrival says when a window was committed to, by this member's own clock if it was there; by the last moment at which a
// committee can have taken it, if it has a stamp; else it is news of this moment. A seller's word does not count: it could
// sign a window of long ago today and call the data of others a copy.
func (c *Core) arrival(s *proof) int64 {
	now := c.now.UnixMilli()
	if r, ok := c.rounds[s.wid]; ok {
		return r.arrived.UnixMilli()
	}
	if w, ok := c.archive.windows[s.wid]; ok {
		return w.arrived
	}
	if _, ok := c.stamped[s.wid]; ok {
		return min(deal.Verdict(c.cfg.Rules, s.wc.Window).Add(c.par.Window()).UnixMilli(), now)
	}
	return now
}
