package validator

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/iotverse/iotverse/market/deal"
	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/score"
)

// Recomputed is what came of repeating one judgement, and of counting the reveals of its round again.
type Recomputed struct {
	Wid     protocol.Hash
	Commit  *protocol.WindowCommit
	Scorer  uint32           // version that judged
	Mine    *protocol.Reveal // what this member revealed
	Stamp   *protocol.Stamp
	Reveals int      // that the stamp counts and that are kept
	Signed  int      // identities that signed the stamp
	Differs []string // what is not the same, in words
	Missing []string // what can not be repeated, and why, in words
}

// Same says whether all could be repeated and came out the same, bit by bit.
func (r *Recomputed) Same() bool { return len(r.Differs) == 0 && len(r.Missing) == 0 }

// Recompute repeats the judgements of the windows wids, all that can be disputed if there are none, from what a validator of
// this market has saved: its own reveal from the opened batches, the stamp from the reveals, the signatures. The order is
// that of windows. It takes the committee as this member drew it, and the other members' reveals as they are. Errors: NotFound for a window of which nothing is kept; Invalid for damaged rows and those of another
// market.
func Recompute(rules deal.Rules, saved map[string][]byte, wids ...protocol.Hash) ([]*Recomputed, error) {
	m := &rules.Manifest
	c := &Core{cfg: Config{Rules: rules}, cal: m.Calendar(), par: m.Params}
	history, err := c.readHistory(saved)
	if err != nil {
		return nil, err
	}
	kept, err := readDockets(saved)
	if err != nil {
		return nil, err
	}
	for _, wid := range wids {
		if !slices.ContainsFunc(kept, func(d named) bool { return d.wid == wid }) {
			return nil, fmt.Errorf("validator: no judgement of window %s is kept: it was not judged here, had no stamp, or is older than %d windows: %w", wid, c.disputeWindows(), protocol.NotFound)
		}
	}
	var list []*Recomputed
	for _, d := range kept {
		if len(wids) > 0 && !slices.Contains(wids, d.wid) {
			continue
		}
		r, err := c.repeat(&d.docket, d.wid, history)
		if err != nil {
			return nil, fmt.Errorf("validator: window %s: %w", d.wid, err)
		}
		list = append(list, r)
	}
	return list, nil
}

// named is a docket and the window that its key names.
type named struct {
	docket
	wid protocol.Hash
}

func readDockets(saved map[string][]byte) (list []named, err error) {
	for _, key := range slices.Sorted(maps.Keys(saved)) {
		name, ok := strings.CutPrefix(key, docketPrefix)
		if !ok {
			continue
		}
		var d named
		if _, d.wid, err = readDocketKey(name); err != nil {
			return nil, err
		}
		if d.docket, err = readDocket(saved[key]); err != nil {
			return nil, fmt.Errorf("validator: saved judgement of window %s: %w", d.wid, err)
		}
		list = append(list, d)
	}
	return list, nil
}

// entry is a batch of the history with its place in it.
type entry struct {
	*proof
	arrived int64
	order   uint64
}

// readHistory reads and proves all batches, in the order in which they came.
func (c *Core) readHistory(saved map[string][]byte) (list []entry, err error) {
	memo := make(map[string]*protocol.WindowCommit)
	for _, key := range slices.Sorted(maps.Keys(saved)) {
		if !strings.HasPrefix(key, "history/") {
			continue
		}
		k, err := readKept(saved[key])
		if err != nil {
			return nil, fmt.Errorf("validator: saved %.100q: %w", key, err)
		}
		x, err := c.show(&k.Item, memo)
		if err != nil {
			return nil, fmt.Errorf("validator: saved %.100q is damaged or of another market: %w", key, err)
		}
		list = append(list, entry{x, k.Arrived, k.Order})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.order, b.order) })
	return list, nil
}

// repeat judges one window again.
func (c *Core) repeat(d *docket, wid protocol.Hash, history []entry) (*Recomputed, error) {
	out := &Recomputed{Wid: wid, Scorer: d.Scorer, Mine: new(protocol.Reveal), Stamp: new(protocol.Stamp)}
	var err error
	if out.Commit, err = c.openCommit(d.Commit); err != nil {
		return nil, fmt.Errorf("its commitment is damaged or of another market: %w", err)
	}
	if out.Commit.ID() != wid || d.Stamped == nil {
		return nil, fmt.Errorf("the row is of window %s: %w", out.Commit.ID(), protocol.Invalid)
	}
	if err := protocol.Decode(d.Mine, out.Mine); err != nil {
		return nil, err
	}
	if err := protocol.Decode(d.Stamped.Body, out.Stamp); err != nil {
		return nil, err
	}
	c.archive, c.now = newArchive(&c.cfg.Rules.Manifest), time.UnixMilli(d.Arrived)
	packs := make(map[int]entry)
	for _, e := range history {
		if e.wid == wid {
			packs[int(e.Batch.Index)] = e
		}
		if e.order <= d.Order && e.wc.Prop == out.Commit.Prop {
			x := *e.Exhibit
			c.archive.add(&proof{Exhibit: &x, wc: e.wc, wid: e.wid, readings: e.readings}, e.arrived)
		}
	}
	c.rescore(d, out, packs)
	return out, c.recount(d, out, packs)
}

// rescore runs the scorer again and compares.
func (c *Core) rescore(d *docket, out *Recomputed, packs map[int]entry) {
	in, complete := c.restage(d, out, packs)
	if !complete {
		return
	}
	if d.Scorer != score.Version || out.Stamp.Scorer != d.Scorer {
		out.miss("judged by version %d of the scorer, stamped as %d; this program has version %d: take the iotverse of that time", d.Scorer, out.Stamp.Scorer, score.Version)
		return
	}
	res, said := score.Window(in), out.Mine
	for _, n := range []struct {
		what      string
		said, now int
	}{{"integrity", int(said.Score), res.I}, {"collection", int(said.C), res.C}, {"transport", int(said.T), res.T}} {
		if n.said != n.now {
			out.differ("%s: revealed %d, recomputed %d", n.what, n.said, n.now)
		}
	}
	c.reclass(d, out, in, res)
	if len(out.Differs) == 0 && digest(res) != d.Result {
		out.differ("a statistic behind the scores is not the same bits")
	}
}

// reclass finds the class and the reasons again and compares.
func (c *Core) reclass(d *docket, out *Recomputed, in score.Input, res score.Result) {
	if d.Class == nil {
		out.miss("judged by an iotverse that did not keep what the class hangs on: class and reasons are not repeated")
		return
	}
	offer := new(protocol.Offer)
	if err := protocol.Decode(d.Class.Offer, offer); err != nil {
		out.differ("the offer that was judged cannot be read: %v", err)
		return
	}
	found := c.class(out.Commit, in, res, offer, d.Class.Near)
	if found.Class != out.Mine.Class {
		out.differ("class: revealed %+v, recomputed %+v", out.Mine.Class, found.Class)
	}
	event := c.event(streamKey{out.Commit.Seller, out.Commit.Prop}, in, res)
	if now := reasons(res, len(found.Wrong) > 0, event); !slices.Equal(out.Mine.Reasons, now) {
		out.differ("soft codes: revealed %v, recomputed %v", out.Mine.Reasons, now)
	}
}

// restage puts together what the scorer was given, and says whether all of it is there.
func (c *Core) restage(d *docket, out *Recomputed, packs map[int]entry) (score.Input, bool) {
	p, _ := protocol.PropertyOf(out.Commit.Prop)
	in := d.Input
	in.Index = c.archive.index(p)
	if !reflect.DeepEqual(in.Profile, c.profile(p, uint32(in.Profile.Period))) {
		out.differ("the profile of %s (bounds, rates, units) is not that of this program and market", p.Slug)
	}
	for _, q := range d.Past {
		in.Past = append(in.Past, score.Past{Window: q.Window, Median: q.Median, Run: q.Run, Near: q.Near, Residual: q.Residual})
	}
	o := &protocol.Opening{Wid: out.Wid, Headers: d.Headers}
	var lost []int
	for i, h := range d.Headers {
		b := score.Batch{Seq: h.Seq, N: int(h.N), T0: h.T0, T1: h.T1, Missing: slices.Contains(d.Missing, uint8(i))}
		if slices.Contains(d.Judged, uint8(i)) {
			if e, held := packs[i]; held {
				b.Readings = e.readings
				o.Batches = append(o.Batches, e.Batch)
			} else {
				b.Refused = true // the history keeps what holds readings
			}
		}
		if b.Refused && !b.Missing {
			lost = append(lost, i)
		}
		in.Batches = append(in.Batches, b)
	}
	if len(lost) > 0 {
		out.miss("the opened batches %v of the window are not kept any more", lost)
		return in, false
	}
	if _, faults, err := judge.CheckOpening(out.Commit, o); err != nil || !bytes.Equal(faults, d.Faults) {
		out.differ("the headers are not those of the commitment, or prove other faults: %v", err)
	}
	return in, true
}

// recount counts the reveals again, and checks the signatures.
func (c *Core) recount(d *docket, out *Recomputed, held map[int]entry) error {
	com, reveals := d.drawn(), make(map[protocol.Hash]*protocol.Reveal)
	if _, err := judge.VerifyStamped(d.Stamped, c.cfg.Rules.Verifier, c.cfg.Rules.Market, com); err != nil {
		out.differ("the stamp's signatures: %v", err)
	}
	out.Signed = len(d.Stamped.Sigs)
	for _, data := range d.Reveals {
		m := new(protocol.Reveal)
		if err := protocol.Decode(data, m); err != nil {
			return err
		}
		if slices.Contains(out.Stamp.Tickets, m.Ticket) {
			reveals[m.Ticket] = m
		}
	}
	if out.Reveals = len(reveals); out.Reveals < len(out.Stamp.Tickets) {
		out.miss("the stamp counts %d reveals, %d of them are kept here", len(out.Stamp.Tickets), out.Reveals)
		return nil
	}
	var packs [][]byte
	for _, i := range d.Common {
		x, ok := held[int(i)]
		if !ok {
			out.miss("the common batch %d is not kept any more: custody cannot be shown", i)
			return nil
		}
		packs = append(packs, x.Batch.Pack)
	}
	r := &round{wc: out.Commit, wid: out.Wid, arrived: time.UnixMilli(d.Arrived), faults: d.Faults, verdicts: make(map[protocol.Hash]bool)}
	v, err := judge.Tally(judge.Ballot{Wid: out.Wid, Committee: com, Reveals: reveals, Packs: packs,
		Proven: func(m *protocol.Reveal) bool { return c.proven(r, m) }})
	if err != nil {
		out.differ("the reveals do not make a stamp: %v", err)
		return nil
	}
	out.compare(v)
	return nil
}

// compare holds a verdict against the stamp.
func (out *Recomputed) compare(v *judge.Verdict) {
	s := out.Stamp
	if root, err := judge.RevealsRoot(v.Counted); err != nil || root != s.RevealsRoot {
		out.differ("the reveals are not those that the stamp commits to")
	}
	for _, n := range []struct {
		what       string
		stamp, now any
	}{
		{"integrity", s.I, v.I}, {"collection", s.C, v.C}, {"transport", s.T, v.T}, {"class", s.Class, v.Class},
		{"hard codes", fmt.Sprint(s.Hard), fmt.Sprint(v.Hard)}, {"soft codes", fmt.Sprint(s.Reasons), fmt.Sprint(v.Reasons)},
		{"dispute", s.Disputed, v.Disputed},
	} {
		if n.stamp != n.now {
			out.differ("%s: the stamp says %v, the reveals make %v", n.what, n.stamp, n.now)
		}
	}
}

func (out *Recomputed) differ(format string, args ...any) {
	out.Differs = append(out.Differs, fmt.Sprintf(format, args...))
}

func (out *Recomputed) miss(format string, args ...any) {
	out.Missing = append(out.Missing, fmt.Sprintf(format, args...))
}
