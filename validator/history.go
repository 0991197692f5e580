package validator

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/score"
)

// maxArchive bounds the packs that are kept, in bytes.
const maxArchive = 256 << 20

// archive is the history: every batch that was opened to this validator and proven, for Params.History windows, by window;
// and for each property the index in which replays are looked for.
type archive struct {
	m       *params.Manifest
	windows map[protocol.Hash]*shelf
	byRaw   map[string]*shelf      // the same by the commitment's envelope
	streams map[streamKey][]*shelf // ascending by window
	indexes map[string]*score.Index
	size    int
	order   uint64 // batches ever put in
}

// shelf is one window of the archive.
type shelf struct {
	streamKey
	wid     protocol.Hash
	wc      *protocol.WindowCommit
	raw     []byte
	arrived int64 // when it was committed to, Unix milliseconds
	items   []protocol.Exhibit
	proofs  []*proof // of the same items
}

func newArchive(m *params.Manifest) *archive {
	return &archive{m: m, windows: make(map[protocol.Hash]*shelf), byRaw: make(map[string]*shelf), streams: make(map[streamKey][]*shelf), indexes: make(map[string]*score.Index)}
}

// kept is a batch on disk.
type kept struct {
	_       struct{} `cbor:",toarray"`
	Arrived int64
	Item    protocol.Exhibit
	Order   uint64 // how many were put in before it, and it
}

func historyKey(wid protocol.Hash, index uint8) []byte {
	return fmt.Appendf(nil, "history/%s/%02d", hex.EncodeToString(wid[:]), index)
}

// index is the replay index of a property; nil where its grid is not known.
func (a *archive) index(p protocol.Property) *score.Index {
	if x, ok := a.indexes[p.Slug]; ok {
		return x
	}
	horizon := a.m.Params.Window().Milliseconds() * int64(a.m.Params.History)
	x, err := score.NewIndex(p.Grid, score.Limits{Horizon: horizon})
	if err != nil {
		return nil
	}
	a.indexes[p.Slug] = x
	return x
}

// add puts a proven batch in and says whether it is new. It keeps the exhibit.
func (a *archive) add(x *proof, arrived int64) bool {
	w, ok := a.windows[x.wid]
	if !ok {
		w = &shelf{streamKey: streamKey{x.wc.Seller, x.wc.Prop}, wid: x.wid, wc: x.wc, raw: x.WC, arrived: arrived}
		a.windows[x.wid], a.byRaw[string(w.raw)] = w, w
		list := a.streams[w.streamKey]
		i, _ := slices.BinarySearchFunc(list, x.wc.Window, func(s *shelf, n uint64) int { return cmp.Compare(s.wc.Window, n) })
		a.streams[w.streamKey] = slices.Insert(list, i, w)
	}
	i, known := slices.BinarySearchFunc(w.items, x.Batch.Index, func(e protocol.Exhibit, n uint8) int { return cmp.Compare(e.Batch.Index, n) })
	if known {
		return false
	}
	x.WC = w.raw // one copy for all
	w.items = slices.Insert(w.items, i, *x.Exhibit)
	w.proofs = slices.Insert(w.proofs, i, x)
	a.size += len(x.Batch.Pack)
	p, _ := protocol.PropertyOf(x.wc.Prop)
	if index := a.index(p); index != nil {
		_ = index.Add(x.run(w.arrived)) // too old for the index: it is kept for others all the same
	}
	return true
}

// exhibit shows a batch by its sequence number.
func (a *archive) exhibit(wid protocol.Hash, seq uint64) (protocol.Exhibit, bool) {
	w, ok := a.windows[wid]
	if !ok {
		return protocol.Exhibit{}, false
	}
	i := slices.IndexFunc(w.items, func(e protocol.Exhibit) bool { return e.Head.Seq == seq })
	if i < 0 {
		return protocol.Exhibit{}, false
	}
	return w.items[i], true
}

// has says whether this very batch is kept already, before anything of it is checked.
func (a *archive) has(x *protocol.Exhibit) bool {
	w, ok := a.byRaw[string(x.WC)]
	if !ok {
		return false
	}
	i, known := slices.BinarySearchFunc(w.items, x.Batch.Index, func(e protocol.Exhibit, n uint8) int { return cmp.Compare(e.Batch.Index, n) })
	return known && w.items[i].Head == x.Head && w.items[i].Batch.Salt == x.Batch.Salt && bytes.Equal(w.items[i].Batch.Pack, x.Batch.Pack)
}

// held is the mask of the batches that are kept of a window.
func (s *shelf) held() (mask uint64) {
	for _, e := range s.items {
		mask |= 1 << e.Batch.Index
	}
	return mask
}

// forget drops the windows before one, and the oldest of the rest while there is too much. It returns the store's keys of
// what is gone, in a fixed order. The index drops by its own horizon.
func (a *archive) forget(before uint64) (gone [][]byte) {
	all := make([]*shelf, 0, len(a.windows))
	for _, s := range a.windows {
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y *shelf) int {
		return cmp.Or(cmp.Compare(x.wc.Window, y.wc.Window), slices.Compare(x.wid[:], y.wid[:]))
	})
	for _, s := range all {
		if s.wc.Window >= before && a.size <= maxArchive {
			break
		}
		for _, e := range s.items {
			a.size -= len(e.Batch.Pack)
			gone = append(gone, historyKey(s.wid, e.Batch.Index))
		}
		delete(a.windows, s.wid)
		delete(a.byRaw, string(s.raw))
		rest := slices.DeleteFunc(a.streams[s.streamKey], func(o *shelf) bool { return o == s })
		if a.streams[s.streamKey] = rest; len(rest) == 0 {
			delete(a.streams, s.streamKey)
		}
	}
	return gone
}

// shelve keeps what was opened in a round.
func (c *Core) shelve(r *round) {
	for i := range r.headers {
		x, ok := r.exhibit(i)
		if !ok {
			continue
		}
		p, _ := protocol.PropertyOf(r.wc.Prop)
		proven := &proof{Exhibit: &x, wc: r.wc, wid: r.wid, readings: readings(p, x.Batch.Pack)}
		if proven.readings != nil {
			c.archived(proven, r.arrived.UnixMilli())
		}
	}
}

// archived puts a batch into the history, in memory and on disk, and says whether it is new.
func (c *Core) archived(x *proof, arrived int64) bool {
	if !c.archive.add(x, arrived) {
		return false
	}
	c.archive.order++
	c.save(historyKey(x.wid, x.Batch.Index), kept{Arrived: arrived, Item: *x.Exhibit, Order: c.archive.order})
	return true
}
