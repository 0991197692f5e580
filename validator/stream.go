package validator

import (
	"cmp"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/validator/score"
)

// maxStreams bounds the sellers' properties that are remembered.
const maxStreams = 8192

type streamKey struct {
	seller protocol.Identity
	prop   string
}

// stream is what a validator remembers of one property of one seller.
type stream struct {
	streamKey
	cell      string
	raw       []byte                 // envelope of the newest commitment
	wc        *protocol.WindowCommit // its body, nil before the first
	last      *protocol.Stamp        // the newest stamp
	past      []score.Past           // ascending by window
	judged    map[int64]bool         // windows whose past is from an own judgement
	period    uint32                 // ms between readings, by the newest offer
	consulted uint64                 // 1 + epoch in which others were asked for the history
	touched   uint64                 // window
}

// stream returns the memory of a seller's property and makes one where there is none; the least recent gives room.
func (c *Core) stream(seller protocol.Identity, prop, cell string) *stream {
	key := streamKey{seller, prop}
	w, _ := c.cal.WindowAt(c.now)
	if s, ok := c.streams[key]; ok {
		s.cell, s.touched = cell, w
		return s
	}
	if len(c.streams) >= maxStreams {
		c.dropStream()
	}
	s := &stream{streamKey: key, cell: cell, judged: make(map[int64]bool), touched: w}
	c.streams[key] = s
	return s
}

func (c *Core) dropStream() {
	var oldest *stream
	for _, s := range c.known() {
		if oldest == nil || s.touched < oldest.touched {
			oldest = s
		}
	}
	delete(c.streams, oldest.streamKey)
	c.emit(role.Delete{Key: oldest.storeKey()})
}

// known lists the streams in a fixed order.
func (c *Core) known() []*stream {
	return slices.SortedFunc(maps.Values(c.streams), func(a, b *stream) int {
		return cmp.Or(cmp.Compare(a.seller, b.seller), cmp.Compare(a.prop, b.prop))
	})
}

// remember puts the numbers of a window into the stream's past.
func (s *stream) remember(p score.Past, judged bool, keep int) {
	if s.judged[p.Window] && !judged {
		return
	}
	if judged {
		s.judged[p.Window] = true
	}
	i, found := slices.BinarySearchFunc(s.past, p.Window, func(q score.Past, w int64) int { return cmp.Compare(q.Window, w) })
	if found {
		s.past[i] = p
	} else {
		s.past = slices.Insert(s.past, i, p)
	}
	for len(s.past) > keep {
		delete(s.judged, s.past[0].Window)
		s.past = s.past[1:]
	}
}

// excludes says whether two commitments of one seller and property cannot both be honest (hard code 2): of one window, over
// common batches, after the same predecessor, or the later one not after the earlier where nothing lies between. Both are
// signed, so anybody sees it from the two alone. That a predecessor is merely unknown proves nothing: another committee may
// have judged it.
func excludes(a, b *protocol.WindowCommit) bool {
	if a.Seller != b.Seller || a.Prop != b.Prop || a.ID() == b.ID() {
		return false
	}
	if a.Window > b.Window {
		a, b = b, a
	}
	return a.Window == b.Window || b.Seq0 <= a.Seq1 || a.Prev == b.Prev || (b.Seq0 == a.Seq1+1 && b.Prev != a.ID())
}

// record is the seller's record before a window, which its stamp must state. Every node finds the same from the newest stamp
// and the commitment: a predecessor without a stamp counts as one missing window, however many there were. It is false
// while the predecessor may still get its stamp.
func (c *Core) record(s *stream, wc *protocol.WindowCommit) (reputation.Record, bool) {
	missing := uint64(0)
	if wc.Prev != (protocol.Hash{}) && (s.last == nil || s.last.Wid != wc.Prev) {
		if wc.Window > 0 && !c.due(deal.Verdict(c.cfg.Rules, wc.Window-1)) {
			return reputation.Record{}, false
		}
		missing = 1
	}
	return reputation.Before(&c.cfg.Rules.Manifest, s.last, missing, wc.Window), true
}

// trust is the reputation by which the samples are sized, as the seller finds it too.
func (s *stream) trust() uint16 {
	if s.last == nil {
		return reputation.Newcomer.Rep()
	}
	return reputation.Of(s.last).After(s.last).Rep()
}
