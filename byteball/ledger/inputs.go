package ledger

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// coin is an output of a saved unit.
type coin struct {
	_       struct{} `cbor:",toarray"`
	Address byteball.Address
	Amount  byteball.Bytes
	Spender byteball.Hash // the unit that spends it
	Slot    uint64        // among the unspent coins of Address, while it is one
}

// source is where an input's money comes from. coin is nil for an output that does not exist and for a commission.
type source struct {
	point unit.OutPoint
	coin  *coin
	from  *node // unit of the output, nil if unknown
}

// spent is what a checked unit takes.
type spent struct {
	coins []source
	taken []unit.Input // commissions, each with its Address
}

func (l *Ledger) source(in *unit.Input) source {
	s := source{point: unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}}
	if in.Type != "" {
		return s
	}
	s.from = l.node(in.Unit)
	var c coin
	if s.from != nil && inRange(in.MessageIndex) && inRange(in.OutputIndex) && l.x.load(key(tCoin, pointKey(s.point)), &c) {
		s.coin = &c
	}
	return s
}

// inRange keeps an index from being cut to that of another output.
func inRange(i int) bool { return i >= 0 && int64(i) <= 1<<32-1 }

// payment checks the inputs of the payment of bytes and that it balances (validation.js:2230).
func (c *check) payment(p *unit.Payment) error {
	var total byteball.Bytes
	for i := range p.Inputs {
		amount, err := c.input(&p.Inputs[i], c.inputs[i])
		if err != nil {
			return err
		}
		if total += amount; total > byteball.MaxBytes {
			return refuse("total input too large: %d", uint64(total))
		}
	}
	return c.balance(p, total)
}

func (c *check) input(in *unit.Input, s source) (byteball.Bytes, error) {
	switch in.Type {
	case "":
		return c.transfer(s)
	case "issue":
		return 0, refuse("only genesis can issue base asset")
	}
	return c.commission(in)
}

func (c *check) transfer(s source) (byteball.Bytes, error) {
	switch {
	case s.from == nil:
		return 0, refuse("input unit %s not found", s.point.Unit)
	case s.coin == nil:
		return 0, refuse("output being spent %s not found", s.point.Unit)
	case !c.isAuthor(s.coin.Address):
		return 0, refuse("output owner is not among authors")
	}
	settled := s.from.MCI != none && s.from.MCI <= c.lastBall.MCI
	if !settled && !c.l.includes(c.parents, s.from) {
		return 0, refuse("input %s is not in your genes", s.point.Unit)
	}
	if s.coin.Spender != "" {
		other := c.l.node(s.coin.Spender)
		if other != nil && c.l.includes(c.parents, other) {
			return 0, byteball.Errorf(byteball.Stale, "%s: conflicting divisible input in inner unit %s", c.u.Unit, other.Unit)
		}
		c.double = true
	}
	c.spent.coins = append(c.spent.coins, s)
	return s.coin.Amount, nil
}

func (c *check) isAuthor(a byteball.Address) bool {
	return slices.ContainsFunc(c.u.Authors, func(b unit.Author) bool { return a == b.Address })
}

// commission checks an input that takes headers or payload commissions.
func (c *check) commission(in *unit.Input) (byteball.Bytes, error) {
	last := uint64(c.lastBall.MCI)
	if in.ToMainChainIndex > last {
		return 0, refuse("to_main_chain_index > last_ball_mci")
	}
	address := in.Address
	if address == "" {
		address = c.u.Authors[0].Address
	}
	if slices.ContainsFunc(c.spent.taken, func(t unit.Input) bool { return t.Type == in.Type && t.Address == address }) {
		return 0, refuse("input %s-%s already used", in.Type, address)
	}
	if in.FromMainChainIndex < number(c.l.x.get(takenKey(in.Type, address))) {
		if c.double { // the reference leaves out what conflicting units took
			return 0, errSerial
		}
		return 0, refuse("%s ranges must not overlap", in.Type)
	}
	if int64(in.ToMainChainIndex) > spendable(in.Type, c.lastBall.MCI) {
		return 0, refuse("%s to_main_chain_index is too large", in.Type)
	}
	amount := c.l.commissions(in.Type, address, in.FromMainChainIndex, in.ToMainChainIndex)
	if amount == 0 {
		return 0, refuse("zero %s commission", in.Type)
	}
	taken := *in
	taken.Address = address
	c.spent.taken = append(c.spent.taken, taken)
	return amount, nil
}

func (c *check) balance(p *unit.Payment, total byteball.Bytes) error {
	u := c.u
	var out byteball.Bytes
	for _, o := range p.Outputs {
		out += o.Amount
	}
	due, err := unit.Fees(u)
	if err != nil {
		return err
	}
	votes := byteball.Bytes(0)
	if slices.ContainsFunc(u.Messages, func(m unit.Message) bool { return m.App == "system_vote_count" }) {
		votes = voteCountFee
	}
	if total != out+due+votes {
		return refuse("inputs and outputs do not balance: %d !== %d + %d + %d + %d + %d + %d + %d", uint64(total), uint64(out),
			uint64(u.HeadersCommission), uint64(u.PayloadCommission), uint64(u.OversizeFee), uint64(*u.TPSFee), uint64(u.BurnFee), uint64(votes))
	}
	return nil
}

// voteCountFee is what a count of votes costs (constants.js).
const voteCountFee byteball.Bytes = 1e9

// definitionHash is the hash of a definition that was checked before.
func (l *Ledger) definitionHash(a *unit.Author) byteball.Address {
	h, err := chash.Of(a.Definition)
	l.x.note(err)
	return h
}
