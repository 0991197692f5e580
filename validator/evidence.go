package validator

import (
	"fmt"
	"math"
	"slices"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/validator/score"
)

// maxEvidence is what a reveal holds, in bytes.
const maxEvidence = 60 << 10

// accuse returns the hard codes that the others can verify, and the evidence of the one that they cannot see for themselves.
// What the headers prove everybody finds; a reveal has room for one more proof: of a replay, of two commitments, of times
// that run backwards, in this order. Any one code makes the window worthless.
func (c *Core) accuse(r *round, in score.Input) (codes []uint8, evidence []byte) {
	codes = append(codes, r.faults...)
	for _, e := range []*protocol.Evidence{c.replayed(r, in), r.contradicted(), r.backwards()} {
		if e == nil {
			continue
		}
		data, err := protocol.Encode(e)
		if err != nil || len(data) > maxEvidence || e.Check() != nil || c.verify(r, e) != nil {
			continue
		}
		codes = append(codes, e.Code)
		evidence = data
		break
	}
	slices.Sort(codes)
	return slices.Compact(codes), evidence
}

// replayed is the evidence of code 5, if the scorer found one.
func (c *Core) replayed(r *round, in score.Input) *protocol.Evidence {
	found := r.result.Evidence
	if found == nil {
		return nil
	}
	this, ok := c.exhibits(r, found.This)
	earlier, ok2 := c.exhibits(r, found.Earlier)
	if !ok || !ok2 {
		return nil
	}
	return &protocol.Evidence{Code: uint8(score.CodeReplay), This: this, Earlier: earlier}
}

func (c *Core) exhibits(r *round, parts []score.Part) ([]protocol.Exhibit, bool) {
	var list []protocol.Exhibit
	for _, p := range parts {
		x, ok := r.exhibit(int(p.Seq - r.wc.Seq0))
		if p.Wid != r.wid {
			x, ok = c.archive.exhibit(p.Wid, p.Seq)
		}
		if !ok {
			return nil, false
		}
		list = append(list, x)
	}
	return list, true
}

// exhibit shows a batch of the round.
func (r *round) exhibit(i int) (protocol.Exhibit, bool) {
	open, held := r.batches[i]
	if !held || i < 0 || i >= len(r.headers) {
		return protocol.Exhibit{}, false
	}
	leaves := make([][]byte, len(r.headers))
	for j, h := range r.headers {
		leaves[j] = h.Leaf()
	}
	return protocol.Exhibit{WC: r.env.Raw, Head: r.headers[i], Path: merkle.Path(leaves, i), Batch: open}, true
}

// contradicted is the evidence of code 2 by two commitments: nothing but their envelopes.
func (r *round) contradicted() *protocol.Evidence {
	if r.rival == nil {
		return nil
	}
	return &protocol.Evidence{Code: uint8(score.CodeChain), This: []protocol.Exhibit{{WC: r.env.Raw}}, Earlier: []protocol.Exhibit{{WC: r.rival}}}
}

// backwards is the evidence of code 4 in the readings: one batch, or two whose readings go back from one to the other.
func (r *round) backwards() *protocol.Evidence {
	if !slices.Contains(r.result.Hard, score.CodeBackwards) {
		return nil
	}
	p, _ := protocol.PropertyOf(r.wc.Prop)
	before, last := -1, int64(math.MinInt64)
	for i := range r.headers {
		open, held := r.batches[i]
		if !held {
			continue
		}
		for _, v := range readings(p, open.Pack) {
			if v.T < last {
				e := &protocol.Evidence{Code: uint8(score.CodeBackwards)}
				for _, j := range slices.Compact([]int{before, i}) {
					x, _ := r.exhibit(j)
					e.This = append(e.This, x)
				}
				return e
			}
			before, last = i, v.T
		}
	}
	return nil
}

// proven says whether every hard code of another's reveal holds: the headers prove it, or its evidence does.
func (c *Core) proven(r *round, m *protocol.Reveal) bool {
	if ok, known := r.verdicts[m.Ticket]; known {
		return ok
	}
	ok := true
	var e protocol.Evidence
	if len(m.Evidence) > 0 {
		if protocol.Decode(m.Evidence, &e) != nil || e.Check() != nil || c.verify(r, &e) != nil {
			e.Code = 0
		}
	}
	for _, code := range m.Hard {
		ok = ok && (slices.Contains(r.faults, code) || code == e.Code && code != 0)
	}
	r.verdicts[m.Ticket] = ok
	return ok
}

// verify recomputes an evidence from its exhibits alone. Error: Invalid.
func (c *Core) verify(r *round, e *protocol.Evidence) error {
	switch score.Code(e.Code) {
	case score.CodeChain:
		return c.verifyConflict(r, e)
	case score.CodeBackwards:
		return c.verifyBackwards(r, e)
	case score.CodeReplay:
		return c.verifyReplay(r, e)
	}
	return fmt.Errorf("validator: nothing proves code %d: %w", e.Code, protocol.Invalid)
}

func (c *Core) verifyConflict(r *round, e *protocol.Evidence) error {
	if len(e.This) != 1 || len(e.Earlier) != 1 {
		return fmt.Errorf("validator: %d and %d commitments: %w", len(e.This), len(e.Earlier), protocol.Invalid)
	}
	this, err := c.openCommit(e.This[0].WC)
	if err != nil {
		return err
	}
	other, err := c.openCommit(e.Earlier[0].WC)
	if err != nil {
		return err
	}
	if this.ID() != r.wid || !excludes(this, other) {
		return fmt.Errorf("validator: two commitments that do not exclude each other: %w", protocol.Invalid)
	}
	return nil
}

func (c *Core) verifyBackwards(r *round, e *protocol.Evidence) error {
	last, index := int64(math.MinInt64), -1
	for i := range e.This {
		x, err := c.show(&e.This[i], nil)
		if err != nil {
			return err
		}
		if x.wid != r.wid || int(x.Batch.Index) <= index {
			return fmt.Errorf("validator: exhibit %d is not of this window, or out of order: %w", i, protocol.Invalid)
		}
		index = int(x.Batch.Index)
		for _, v := range x.readings {
			if v.T < last {
				return nil
			}
			last = v.T
		}
	}
	return fmt.Errorf("validator: no time runs backwards: %w", protocol.Invalid)
}

// verifyReplay looks for the replay in the exhibits alone, as the scorer would.
func (c *Core) verifyReplay(r *round, e *protocol.Evidence) error {
	p, _ := protocol.PropertyOf(r.wc.Prop)
	profile := c.profile(p, 0)
	profile.Noise = false // nothing but the replay is asked for
	past, err := score.NewIndex(p.Grid, score.Limits{Horizon: math.MaxInt64 / 4})
	if err != nil {
		return err
	}
	in := score.Input{Profile: profile, Seller: r.wc.Seller.ID(), Wid: r.wid, Window: int64(r.wc.Window), Committed: r.arrived.UnixMilli(), Index: past}
	memo := make(map[string]*protocol.WindowCommit)
	for _, list := range [][]protocol.Exhibit{e.This, e.Earlier} {
		for i := range list {
			x, err := c.show(&list[i], memo)
			if err != nil {
				return err
			}
			if x.wc.Prop != r.wc.Prop {
				return fmt.Errorf("validator: exhibit of %s in a replay of %s: %w", x.wc.Prop, r.wc.Prop, protocol.Invalid)
			}
			if x.wid == r.wid {
				in.Batches = append(in.Batches, score.Batch{Seq: x.Head.Seq, N: len(x.readings), T0: x.Head.T0, T1: x.Head.T1, Readings: x.readings})
				continue
			}
			if err := past.Add(x.run(c.arrival(x))); err != nil {
				return err
			}
		}
	}
	if score.Window(in).Evidence == nil {
		return fmt.Errorf("validator: the runs are no replay: %w", protocol.Invalid)
	}
	return nil
}

// openCommit opens the envelope of a commitment. Error: Invalid.
func (c *Core) openCommit(raw []byte) (*protocol.WindowCommit, error) {
	env, err := envelope.Open(c.cfg.Rules.Verifier, c.cfg.Rules.Market, raw)
	if err != nil {
		return nil, err
	}
	wc, ok := env.Body.(*protocol.WindowCommit)
	if !ok || env.Signer != wc.Seller {
		return nil, fmt.Errorf("validator: a %s by %s is no seller's commitment: %w", env.Kind(), env.Signer, protocol.Invalid)
	}
	return wc, nil
}
