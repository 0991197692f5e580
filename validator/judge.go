package validator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/label"
	"github.com/iotverse/iotverse/validator/score"
)

// judge scores the window, saves the reveal, for there is only one, and commits to it.
func (c *Core) judge(r *round) {
	if c.now.After(r.drawn.Add(c.par.Commit)) {
		r.absent = true
		return
	}
	prop, _ := protocol.PropertyOf(r.wc.Prop)
	in := c.input(r, prop)
	r.result = c.weigh(r, in)
	near := c.nearby(r.stream, r.offer, r.wc.Window)
	r.given.near = near
	found := c.class(r.wc, in, r.result, r.offer, near)
	for _, w := range found.Wrong {
		c.note("a wrong label", "seller", r.wc.Seller, "property", r.wc.Prop, "window", r.wc.Window, "label", w.String())
	}
	m := &protocol.Reveal{
		Wid: r.wid, Ticket: r.seat.ID,
		Score: permille(r.result.I), C: permille(r.result.C), T: permille(r.result.T),
		Class: found.Class, Salt: c.salt(r.wid),
		Neighbor: 1<<min(len(in.Neighbours), 63) - 1,
	}
	m.Hard, m.Evidence = c.accuse(r, in)
	if len(m.Hard) == 0 && len(r.result.Hard) > 0 {
		c.note("a hard fault that cannot be shown to others", "seller", r.wc.Seller, "window", r.wc.Window, "codes", r.result.Hard)
	}
	if len(r.result.Soft) > 0 {
		c.note("reasons against a window", "seller", r.wc.Seller, "property", r.wc.Prop, "window", r.wc.Window, "integrity", r.result.I,
			"collection", r.result.C, "transport", r.result.T, "reasons", explained(r.result.Soft))
	}
	m.Reasons = reasons(r.result, len(found.Wrong) > 0, c.event(r.stream.streamKey, in, r.result))
	m.Custody = judge.Custody(r.seat.ID, m.Salt, r.packs())
	if !c.promise("reveal", r.wid, r.wc.Window, m) {
		r.absent = true
		return
	}
	r.mine = m
	r.reveals[r.seat.ID] = m
	c.commit(r)
}

// maxReasons is what a reveal holds.
const maxReasons = 16

// reasons are the soft codes of a reveal, ascending, as many as it holds: of a wrong label and of an event after the scorer's,
// for theirs are the largest.
func reasons(res score.Result, mislabelled, event bool) (codes []uint8) {
	for _, s := range res.Soft {
		codes = append(codes, uint8(s.Code))
	}
	if mislabelled {
		codes = append(codes, label.Code)
	}
	if event {
		codes = append(codes, protocol.CodeEvent)
	}
	return codes[:min(len(codes), maxReasons)]
}

// explained writes reasons for people.
func explained(list []score.Reason) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = score.Explain(s)
	}
	return strings.Join(texts, "; ")
}

func permille(n int) uint16 { return uint16(min(max(n, 0), 1000)) }

// salt hides a reveal until it is disclosed.
func (c *Core) salt(wid protocol.Hash) [16]byte {
	h := hmac.New(sha256.New, c.cfg.Secret)
	h.Write([]byte("iotverse/1/reveal"))
	h.Write(wid[:])
	return [16]byte(h.Sum(nil)[:16])
}

// packs are the common batches by index: what custody covers. All members that count hold all of them.
func (r *round) packs() [][]byte {
	list := make([][]byte, 0, len(r.common))
	for _, i := range r.common {
		if b, held := r.batches[i]; held {
			list = append(list, b.Pack)
		}
	}
	return list
}

// profile puts together what the scorer must know of a property in this market, and of an offer's period (0: unknown).
func (c *Core) profile(p protocol.Property, period uint32) score.Profile {
	day := 0
	if c.par.DailyPattern {
		day = int(24 * time.Hour / c.par.Window())
	}
	return score.Profile{
		Property: p.Slug, Unit: p.Unit, Units: units(p), Min: p.Min, Max: p.Max, MaxRate: p.Rate, Grid: p.Grid, NoiseFloor: p.Floor, BiasMax: p.BiasMax, Noise: p.Noise,
		Period: int64(period), Length: c.par.Window().Milliseconds(),
		DayWindows: day, MinWindows: 24, HistWindows: c.par.History, Baseline: c.par.Baseline,
	}
}

// units translates the units in which a property may be sent by mistake.
func units(p protocol.Property) []score.Unit {
	var list []score.Unit
	for _, u := range p.OtherUnits() {
		list = append(list, score.Unit(u))
	}
	return list
}

// input translates a round for the scorer.
func (c *Core) input(r *round, p protocol.Property) score.Input {
	neighbours, past := c.beside(r.stream, r.wc.Window)
	in := score.Input{
		Profile: c.profile(p, r.offer.Period), Seller: r.wc.Seller.ID(), Wid: r.wid, Window: int64(r.wc.Window),
		Committed: r.arrived.UnixMilli(), Arrived: r.arrived.UnixMilli(), Device: c.cfg.Device,
		Past: past, Index: c.archive.index(p), Neighbours: neighbours, ClassScale: c.classScale(r.wc.Prop),
	}
	missing, _ := r.withheld()
	for i, h := range r.headers {
		b := score.Batch{Seq: h.Seq, N: int(h.N), T0: h.T0, T1: h.T1}
		if r.sampled(i) {
			if open, held := r.batches[i]; held {
				b.Readings = readings(p, open.Pack)
				b.Refused = b.Readings == nil
			}
			b.Missing = b.Readings == nil || slices.Contains(missing, i)
		}
		in.Batches = append(in.Batches, b)
	}
	for _, f := range r.faults {
		in.Faults = append(in.Faults, score.Code(f))
	}
	if r.rival != nil {
		in.Faults = append(in.Faults, score.CodeChain)
	}
	return in
}

// readings translates a pack; nil if it is none of the property. Such a batch counts as missing.
func readings(p protocol.Property, pack []byte) []score.Reading {
	list, err := protocol.DecodePack(p, pack)
	if err != nil {
		return nil
	}
	out := make([]score.Reading, len(list))
	for i, r := range list {
		out[i] = score.Reading{T: r.Time, V: r.Value}
	}
	return out
}

// promise saves what is signed once and never otherwise: "reveal" or "signed" of a window.
func (c *Core) promise(kind string, wid protocol.Hash, window uint64, m protocol.Message) bool {
	body, err := protocol.Encode(m)
	if err != nil {
		c.refuse("validator: %s of window %s: %v: %w", kind, wid, err, protocol.Invalid)
		return false
	}
	return c.save(promiseKey(kind, wid), vow{Window: window, Body: body})
}

// vow is a promise on disk.
type vow struct {
	_      struct{} `cbor:",toarray"`
	Window uint64
	Body   []byte
}

func promiseKey(kind string, wid protocol.Hash) []byte {
	return []byte(kind + "/" + hex.EncodeToString(wid[:]))
}
