package seller

import (
	"github.com/iotverse/iotverse/market/committee"
	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/merkle"
)

// asked opens batches of stamped windows to a validator: four of each of the last 24, drawn by the window's own ball, so
// that nobody picks what is convenient (MECHANISM 3.6). To others they are for sale.
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
	if len(c.view.Registry.Own(from, committee.Validator)) == 0 {
		c.refuse("seller: %s asks for a history and is no validator: %w", from, protocol.NotFound)
		return
	}
	if w, _ := c.cal.WindowAt(c.now); w != c.askedIn {
		c.askedIn = w
		clear(c.asks)
	}
	if c.asks[from]++; c.asks[from] > maxAsks {
		c.refuse("seller: %s has asked %d times in this window: %w", from, c.asks[from], protocol.Transient)
		return
	}
	for _, w := range olderThan(s.rounds, ^uint64(0)) {
		r := s.rounds[w]
		if wanted, held := wants(m, r); r.stamp != nil && wanted {
			s.openHistory(from, r, held)
		}
	}
}

// maxAsks bounds the questions of one validator in one window.
const maxAsks = 8

// wants says whether a window is asked for, and which of its batches the asker holds.
func wants(m *protocol.Ask, r *round) (wanted bool, held uint64) {
	for _, want := range m.Wants {
		if want.Wid == r.wid {
			return true, want.Held
		}
		wanted = wanted || (want.Wid == protocol.Hash{} && r.window >= want.From)
	}
	return wanted, 0
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
