package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TotalBytes is all the money of a ledger.
const TotalBytes byteball.Bytes = 1e15

// Operator is the key of the order provider. Its address is defined by that key alone.
type Operator struct{ unit.Signer }

// Definition is the definition of the order provider's address.
func (o Operator) Definition() any {
	return []any{"sig", map[string]any{"pubkey": o.PublicKey()}}
}

// Address is the order provider's address. Error: Invalid for a key whose text cannot be hashed.
func (o Operator) Address() (byteball.Address, error) { return chash.Of(o.Definition()) }

// MakeGenesis makes the first unit of a new chain: op gets TotalBytes less outputs and fees, and is its only order
// provider. The unit votes for op and counts that vote, for 1e9 bytes, so that a full node of the reference that starts
// from it comes to the same order provider. Errors: Invalid; Funds if outputs leave op nothing.
func MakeGenesis(net byteball.Network, op Operator, outputs []unit.Output, now time.Time) (unit.Joint, error) {
	address, err := op.Address()
	if err != nil {
		return unit.Joint{}, err
	}
	u := &unit.Unit{
		Version: net.Version, Alt: net.Alt, Timestamp: now.Unix(),
		Authors: []unit.Author{{Address: address, Definition: op.Definition(), Authentifiers: map[string]string{"r": unit.PlaceholderSig}}},
		Messages: []unit.Message{
			{App: "payment", Payload: &unit.Payment{
				Inputs:  []unit.Input{{Type: "issue", SerialNumber: 1, Amount: TotalBytes}},
				Outputs: append(slices.Clone(outputs), unit.Output{Address: address}),
			}},
			{App: "system_vote", Payload: map[string]any{"subject": "op_list", "value": []any{string(address)}}},
			{App: "system_vote_count", Payload: "op_list"},
		},
	}
	for _, step := range []func() error{
		u.Measure,
		func() error { u.OversizeFee = 0; return nil },
		func() error { return u.Balance(TotalBytes-voteCountFee, address) },
		func() error { return u.SignWith(address, "r", op) },
		u.Seal,
		func() error { return unit.CheckForm(u) },
	} {
		if err := step(); err != nil {
			return unit.Joint{}, fmt.Errorf("genesis: %w", err)
		}
	}
	ball, err := unit.BallHash(u.Unit, nil, nil, false)
	return unit.Joint{Unit: u, Ball: ball}, err
}

// found begins the chain with the genesis unit of cfg.
func (l *Ledger) found(cfg Config) error {
	u := cfg.Genesis.Unit
	if err := l.checkGenesis(u); err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	l.genesis, l.op = u.Unit, u.Authors[0].Address
	ball, err := unit.BallHash(u.Unit, nil, nil, false)
	if err != nil {
		return err
	}
	n := &node{
		Unit: u.Unit, LastBallMCI: 0, Included: none, OnMain: true, Stable: true, Timestamp: u.Timestamp, Headers: u.HeadersCommission,
		Payload: u.PayloadCommission, Authors: []byteball.Address{l.op}, Ball: ball, Sum: 1, u: u, allKids: true,
	}
	l.saveNew(n, spent{})
	l.payCommissions(n, []*node{n})
	l.store(n)
	l.indexStable(n)
	n.u = nil
	l.x.set(key(tMain, num(0)), raw(n.Unit))
	l.saveMeta(cfg)
	l.keep(n)
	l.setLast(n, []*node{n})
	l.free[n.Unit], l.seq = n, 1
	return l.commit()
}

// checkGenesis checks a first unit: its form, its balance and its author's signature.
func (l *Ledger) checkGenesis(u *unit.Unit) error {
	if u == nil {
		return refuse("no unit")
	}
	if err := unit.CheckForm(u); err != nil {
		return err
	}
	p, issued := u.Messages[0].Payload.(*unit.Payment)
	switch {
	case u.Version != l.net.Version || u.Alt != l.net.Alt:
		return refuse("unit of version %s on network %s", u.Version, l.net.Name)
	case len(u.ParentUnits) > 0 || len(u.Authors) != 1 || !issued || len(p.Inputs) != 1:
		return refuse("it must have no parents, one author, and begin with the issue of all bytes")
	}
	hash, err := u.HashToSign()
	if err != nil {
		return err
	}
	a := u.Authors[0]
	if got, err := chash.Of(a.Definition); err != nil || got != a.Address {
		return refuse("wrong definition: %s!==%s", got, a.Address)
	}
	ok, err := definition.Evaluate(a.Definition, a.Address, a.Authentifiers, definition.Env{Unit: u, HashToSign: hash, NoReferences: true})
	if err != nil || !ok {
		return refuse("authentifier verification failed: %v", err)
	}
	var zero byteball.Bytes
	paid := *u
	paid.TPSFee = &zero
	return (&check{l: l, u: &paid}).balance(p, TotalBytes)
}
