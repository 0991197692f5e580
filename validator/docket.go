package validator

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/validator/score"
)

// A docket is all that a member needs, beside its history, to repeat its judgement of a window bit by bit and to show how
// the stamp follows from the reveals. It is saved when the stamp is whole and kept for the dispute time (MECHANISM 5: an
// audit recomputes from what members keep). Recompute reads it.
type docket struct {
	_ struct{} `cbor:",toarray"`
	judged
	Class *classed // nil of a judgement whose class cannot be repeated: older ones did not keep it
}

type judged struct {
	_       struct{} `cbor:",toarray"`
	Scorer  uint32
	Commit  []byte // envelope of the WindowCommit
	Arrived int64  // Unix ms
	Headers []protocol.BatchHeader
	Faults  []uint8 // that the headers prove
	Common  []uint8 // batches held that all members were shown, of which custody is proven
	Judged  []uint8 // batches whose packs this member had
	Missing []uint8 // of all batches, those that counted as missing
	Order   uint64  // batches ever put into the history by then: those and no others were looked at for replays
	Past    []savedPast
	Input   score.Input // without batches, past and index
	Result  protocol.Hash
	Mine    []byte   // enc(Reveal)
	Reveals [][]byte // enc of each that this member had when it signed, its own too, ascending by ticket
	Seats   []seat   // of the committee as drawn, by rank
	Quorum  int
	Lone    bool // the committee is provisional
	Stamped *protocol.Stamped
}

type seat struct {
	_      struct{} `cbor:",toarray"`
	Ticket protocol.Hash
	Member protocol.Identity
}

// given is what a round was judged by, until its docket is written.
type given struct {
	in    score.Input
	order uint64
	near  map[string][]float64
}

const docketPrefix = "docket/"

// docketKey sorts by window, so that old ones can be dropped without being read.
func docketKey(window uint64, wid protocol.Hash) []byte {
	return fmt.Appendf(nil, "%s%016x/%s", docketPrefix, window, hex.EncodeToString(wid[:]))
}

// readDocketKey returns window and wid of a key without its prefix. Error: Invalid.
func readDocketKey(name string) (window uint64, wid protocol.Hash, err error) {
	number, id, _ := strings.Cut(name, "/")
	window, err = strconv.ParseUint(number, 16, 64)
	raw, errID := hex.DecodeString(id)
	if err != nil || errID != nil || len(raw) != len(wid) {
		return 0, wid, fmt.Errorf("validator: %.100q names no window: %w", name, protocol.Invalid)
	}
	return window, protocol.Hash(raw), nil
}

// readDocket reads a docket, also as it was written before it held what a class hangs on. Error: Invalid.
func readDocket(data []byte) (d docket, err error) {
	if err = protocol.Decode(data, &d); err == nil {
		return d, nil
	}
	if protocol.Decode(data, &d.judged) == nil {
		return docket{judged: d.judged}, nil
	}
	return d, err
}

// disputeWindows is for how many windows a judgement can be asked for again.
func (c *Core) disputeWindows() uint64 { return uint64(c.par.Dispute) * uint64(c.par.EpochWindows) }

// weigh has the window judged and remembers by what.
func (c *Core) weigh(r *round, in score.Input) score.Result {
	r.given = &given{in: in, order: c.archive.order}
	return c.cfg.Score(in)
}

// file writes the docket of a round that has a stamp.
func (c *Core) file(r *round) {
	if r.given == nil || r.mine == nil || r.final == nil {
		return
	}
	d := judged{Scorer: score.Version, Commit: r.env.Raw, Arrived: r.arrived.UnixMilli(), Headers: r.headers, Faults: r.faults,
		Order: r.given.order, Input: r.given.in, Result: digest(r.result), Stamped: r.final,
		Quorum: r.committee.Quorum, Lone: r.committee.Provisional}
	for _, i := range r.common {
		if _, held := r.batches[i]; held {
			d.Common = append(d.Common, uint8(i))
		}
	}
	for i, b := range d.Input.Batches {
		if b.Readings != nil || b.Refused {
			d.Judged = append(d.Judged, uint8(i))
		}
		if b.Missing {
			d.Missing = append(d.Missing, uint8(i))
		}
	}
	for _, p := range d.Input.Past {
		d.Past = append(d.Past, savedPast{Window: p.Window, Median: p.Median, Run: p.Run, Near: p.Near, Residual: p.Residual})
	}
	d.Input.Batches, d.Input.Past, d.Input.Index = nil, nil, nil
	var err error
	if d.Mine, err = protocol.Encode(r.mine); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	for _, t := range r.committee.Members {
		d.Seats = append(d.Seats, seat{Ticket: t.ID, Member: t.Binding.Identity})
	}
	if d.Reveals, err = r.ballots(); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	class := &classed{Near: r.given.near}
	if class.Offer, err = protocol.Encode(r.offer); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	r.given = nil
	if c.save(docketKey(r.wc.Window, r.wid), docket{judged: d, Class: class}) {
		c.dockets[r.wid] = r.wc.Window
	}
}

// ballots are the reveals that came, encoded, ascending by ticket.
func (r *round) ballots() (list [][]byte, err error) {
	tickets := make([]protocol.Hash, 0, len(r.reveals))
	for t := range r.reveals {
		tickets = append(tickets, t)
	}
	slices.SortFunc(tickets, func(a, b protocol.Hash) int { return slices.Compare(a[:], b[:]) })
	for _, t := range tickets {
		data, err := protocol.Encode(r.reveals[t])
		if err != nil {
			return nil, err
		}
		list = append(list, data)
	}
	return list, nil
}

// digest is a hash of every bit of a result but the sentences for people.
func digest(r score.Result) protocol.Hash {
	for i := range r.Soft {
		if i == 0 {
			r.Soft = slices.Clone(r.Soft)
		}
		r.Soft[i].Seen = ""
	}
	data, _ := protocol.Encode(r) // plain numbers encode
	return protocol.H("iv1/result", data)
}

// dropDockets forgets those that nobody can dispute any more.
func (c *Core) dropDockets(w uint64) {
	for _, wid := range c.old(w) {
		c.emit(role.Delete{Key: docketKey(c.dockets[wid], wid)})
		delete(c.dockets, wid)
	}
}

func (c *Core) old(w uint64) (list []protocol.Hash) {
	for wid, window := range c.dockets {
		if window+c.disputeWindows() < w {
			list = append(list, wid)
		}
	}
	slices.SortFunc(list, func(a, b protocol.Hash) int { return slices.Compare(a[:], b[:]) })
	return list
}

// drawn is the committee of a docket, as far as a tally needs it.
func (d *docket) drawn() *committee.Committee {
	com := &committee.Committee{Quorum: d.Quorum, Provisional: d.Lone}
	for _, s := range d.Seats {
		t := &committee.Ticket{ID: s.Ticket}
		t.Binding.Identity = s.Member
		com.Members = append(com.Members, t)
	}
	return com
}
