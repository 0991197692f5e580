package seller

import (
	"github.com/iotverse/iotverse/market/committee"
	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/merkle"
)

// asked opens batches of stamped windows to a validator: four of each of the last 24, drawn by the window's own ball, so
// that nobody picks what is convenient (MECHANISM 3.6).
func (c *Core) asked(from protocol.Identity, m *protocol.Ask) {
	if m.Seller != c.self() {
		c.refuse("seller: asked for the history of another: %w", protocol.NotFound)
		return
	}
	s, ok := c.streams[m.Prop]
	if !ok {
		c.refuse("seller: asked for the history of %.40q, which is not for sale: %w", m.Prop, protocol.NotFound)
		return
	}
	for _, want := range m.Wants {
		for _, w := range olderThan(s.rounds, ^uint64(0)) {
			r := s.rounds[w]
			if r.stamp != nil && (r.wid == want.Wid || (want.Wid == protocol.Hash{} && w >= want.From)) {
				s.openHistory(from, r, want.Held)
			}
		}
	}
}

// historyBatches is how many batches of an old window are opened.
const historyBatches = 4

func (s *stream) openHistory(to protocol.Identity, r *round, held uint64) {
	batches := s.box.Window(r.window)
	if len(batches) != r.wc.Batches() {
		return // no longer kept
	}
	leaves := make([][]byte, len(batches))
	for i := range batches {
		leaves[i] = batches[i].Header.Leaf()
	}
	ball, err := committee.ParseBall(r.stamp.Ball)
	if err != nil {
		return // not a stamp that this seller accepted
	}
	h := &protocol.History{}
	for _, i := range judge.HistorySample(ball, r.wid, len(batches), historyBatches) {
		if held&(1<<i) != 0 {
			continue
		}
		b := batches[i]
		h.Items = append(h.Items, protocol.Exhibit{WC: r.env.Raw, Head: b.Header, Path: merkle.Path(leaves, i),
			Batch: protocol.OpenBatch{Index: uint8(i), Salt: b.Salt, Pack: b.Pack}})
	}
	if len(h.Items) > 0 {
		s.c.send(to, h)
	}
}
