package validator

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/validator/score"
)

// round is one window on its way to a stamp, as one member sees it.
type round struct {
	stream    *stream
	wc        *protocol.WindowCommit
	env       envelope.Envelope
	wid       protocol.Hash
	committee *committee.Committee
	seat      *committee.Ticket
	offer     *protocol.Offer // of the deal that pays
	arrived   time.Time
	rival     []byte // envelope of a commitment that this one contradicts

	receipt envelope.Envelope // zero while nobody pays
	listed  bool
	tip     uint64

	ball        committee.Ball
	drawn       time.Time // when this member knew the ball; zero before
	common, own []int
	headers     []protocol.BatchHeader
	faults      []uint8 // that the headers prove
	batches     map[int]protocol.OpenBatch
	missed      map[protocol.Hash]*protocol.Unserved
	passed      map[protocol.Identity]bool // members to whom common batches were passed on
	complained  bool

	commits  map[protocol.Hash]protocol.Hash
	reveals  map[protocol.Hash]*protocol.Reveal
	mine     *protocol.Reveal
	given    *given // what mine was judged by, until the docket is written
	result   score.Result
	absent   bool // too late, or not served
	revealed time.Time
	verdicts map[protocol.Hash]bool // of the evidence in reveals, by ticket

	signed bool
	ballot map[protocol.Identity]string            // which body a member signed
	votes  map[string]map[protocol.Identity][]byte // body -> signer -> signature
	final  *protocol.Stamped
	stamp  *protocol.Stamp
	closed time.Time // when the stamp was whole; zero before
	heard  bool      // somebody has published it
	shared bool      // others were asked for what they were shown
	over   bool
}

func newRound(s *stream, env envelope.Envelope, wc *protocol.WindowCommit, com *committee.Committee, seat *committee.Ticket, now time.Time) *round {
	return &round{
		stream: s, wc: wc, env: env, wid: wc.ID(), committee: com, seat: seat, arrived: now,
		batches: make(map[int]protocol.OpenBatch), missed: make(map[protocol.Hash]*protocol.Unserved), passed: make(map[protocol.Identity]bool),
		commits: make(map[protocol.Hash]protocol.Hash), reveals: make(map[protocol.Hash]*protocol.Reveal), verdicts: make(map[protocol.Hash]bool),
		ballot: make(map[protocol.Identity]string), votes: make(map[string]map[protocol.Identity][]byte),
	}
}

// live lists the rounds that are not over, in a fixed order.
func (c *Core) live() []*round {
	var list []*round
	for _, r := range c.rounds {
		if !r.over {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *round) int { return bytes.Compare(a.wid[:], b.wid[:]) })
	return list
}

// others are the identities of a round's committee without this one, each once, by rank.
func (c *Core) others(r *round) []protocol.Identity {
	var list []protocol.Identity
	for _, t := range r.committee.Members {
		if id := t.Binding.Identity; id != c.self() && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// advance does what is due in a round.
func (c *Core) advance(r *round) {
	if r.receipt.Raw == nil {
		c.giveReceipt(r)
	}
	if r.over || r.receipt.Raw == nil {
		return
	}
	if !r.closed.IsZero() {
		c.finish(r)
		return
	}
	if c.due(deal.Verdict(c.cfg.Rules, r.wc.Window)) {
		c.fail(r, "the time is over")
		return
	}
	if r.listed && r.drawn.IsZero() {
		c.draw(r)
	}
	if r.drawn.IsZero() || r.absent {
		return
	}
	if r.mine == nil {
		c.collect(r)
	}
	if r.mine != nil && r.revealed.IsZero() {
		c.disclose(r)
	}
	if !r.revealed.IsZero() && !r.signed {
		c.tally(r)
	}
}

// fail ends a round without a stamp. What was opened is kept all the same.
func (c *Core) fail(r *round, why string) {
	c.note("window without a stamp", "seller", r.wc.Seller, "property", r.wc.Prop, "window", r.wc.Window, "why", why)
	c.shelve(r)
	r.over = true
}

// draw fixes the samples once the ball is stable that nobody had seen when the receipts were given.
func (c *Core) draw(r *round) {
	ball, ok := c.view.Chain.SampleBall(r.tip)
	if !ok {
		return
	}
	r.ball, r.drawn = ball, c.now
	c.sample(r)
}

// clean forgets what is two epochs old: rounds and the promises made in them, unfunded channels; and what is beyond the
// history horizon.
func (c *Core) clean(w uint64) {
	old := w - min(w, 2*uint64(c.par.EpochWindows))
	horizon := w - min(w, uint64(max(c.par.History, 2*c.par.EpochWindows)))
	for _, k := range slices.SortedFunc(maps.Keys(c.rounds), func(a, b protocol.Hash) int { return bytes.Compare(a[:], b[:]) }) {
		if r := c.rounds[k]; r.over && r.wc.Window < old {
			delete(c.rounds, k)
			if r.mine != nil {
				c.emit(role.Delete{Key: promiseKey("reveal", k)})
			}
			if r.signed {
				c.emit(role.Delete{Key: promiseKey("signed", k)})
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.promises), func(a, b protocol.Hash) int { return bytes.Compare(a[:], b[:]) }) {
		if c.promises[k] < old {
			delete(c.promises, k)
			c.emit(role.Delete{Key: promiseKey("reveal", k)}, role.Delete{Key: promiseKey("signed", k)})
		}
	}
	for _, a := range c.ledger() {
		if a.settled && a.touched < horizon || a.funding == nil && a.touched < old {
			delete(c.accounts, a.ID)
			c.emit(role.Delete{Key: a.storeKey()})
		}
	}
	maps.DeleteFunc(c.stamped, func(_ protocol.Hash, at uint64) bool { return at < horizon })
	clear(c.given)
	c.dropDockets(w)
	for _, key := range c.archive.forget(horizon - min(horizon, c.disputeWindows())) { // a judgement to be repeated looks that far back
		c.emit(role.Delete{Key: key})
	}
}
