package unit

import (
	"cmp"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// Anchor is the place where a new unit hangs: what a hub answers to a request for parents.
type Anchor struct {
	Parents      []byteball.Hash
	LastBall     byteball.Hash
	LastBallUnit byteball.Hash
	LastBallMCI  uint64
	Timestamp    int64 // Unix seconds; 0 if the network's units say no time
	TPSFee       byteball.Bytes

	// The order providers, where units name them (before 4.0): a stable unit that lists them, or else the list itself.
	WitnessListUnit byteball.Hash
	Witnesses       []byteball.Address // sorted
}

// Compose makes a unit of net's version with the given authors and messages, neither of which it keeps or changes.
// It sorts authors and outputs and fills payload hashes, sizes and fees. Each author names the paths it will sign at, with
// PlaceholderSig (or a final authentifier) in Authentifiers. With several authors the first earns the headers
// commission. The money must balance already, or Balance is called next; then SignWith for each path and Seal.
// Errors: Invalid for a payload that cannot be hashed, for a tps fee where the network has none, and for order providers
// that are not named where units name them, or the reverse.
func Compose(net byteball.Network, a Anchor, authors []Author, msgs []Message) (*Unit, error) {
	if err := a.suits(net); err != nil {
		return nil, err
	}
	u := &Unit{
		Version: net.Version, Alt: net.Alt,
		ParentUnits: slices.Sorted(slices.Values(a.Parents)),
		LastBall:    a.LastBall, LastBallUnit: a.LastBallUnit, Timestamp: a.Timestamp,
		WitnessListUnit: a.WitnessListUnit, Witnesses: slices.Clone(a.Witnesses),
		Authors: slices.Clone(authors), Messages: slices.Clone(msgs),
	}
	if net.TPSFees {
		u.TPSFee = &a.TPSFee
	}
	for i := range u.Authors {
		u.Authors[i].Authentifiers = maps.Clone(u.Authors[i].Authentifiers)
	}
	slices.SortFunc(u.Authors, func(a, b Author) int { return cmp.Compare(a.Address, b.Address) })
	if len(u.Authors) > 1 {
		u.Recipients = []Recipient{{u.Authors[0].Address, 100}}
	}
	for i := range u.Messages {
		if p, ok := u.Messages[i].Payload.(*Payment); ok {
			u.Messages[i].Payload = p.sorted()
		}
	}
	return u, u.Measure()
}

// suits checks that a has what net's units name, and nothing else.
func (a *Anchor) suits(net byteball.Network) error {
	listed, referred := len(a.Witnesses) > 0, a.WitnessListUnit != ""
	switch {
	case !net.TPSFees && a.TPSFee != 0:
		return refuse("tps fee of %d bytes, network %s has none", a.TPSFee, net.Name)
	case net.WitnessesInUnits && listed == referred:
		return refuse("units of network %s name their order providers once: the anchor has %d and unit %q", net.Name, len(a.Witnesses), a.WitnessListUnit)
	case !net.WitnessesInUnits && (listed || referred):
		return refuse("units of network %s do not name their order providers: the anchor has %d and unit %q", net.Name, len(a.Witnesses), a.WitnessListUnit)
	}
	return nil
}

// sorted returns a copy of p with its outputs in the ledger's order.
func (p *Payment) sorted() *Payment {
	c := *p
	c.Inputs = slices.Clone(p.Inputs)
	c.Outputs = slices.Clone(p.Outputs)
	slices.SortFunc(c.Outputs, func(a, b Output) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Amount, b.Amount))
	})
	return &c
}

// Measure fills what follows from the rest of a new unit: payload hashes, sizes and the oversize fee.
// Error: Invalid for a payload that cannot be hashed.
func (u *Unit) Measure() (err error) {
	for i := range u.Messages {
		m := &u.Messages[i]
		if m.Payload == nil {
			continue
		}
		m.PayloadLocation = "inline"
		if m.PayloadHash, err = m.HashPayload(u.Version); err != nil {
			return err
		}
	}
	if u.HeadersCommission, err = u.HeadersSize(); err != nil {
		return err
	}
	if u.PayloadCommission, err = u.PayloadSize(); err != nil {
		return err
	}
	if countsOversize(u.Version) {
		u.OversizeFee = OversizeFee(u.HeadersCommission + u.PayloadCommission - u.TempDataFee())
	}
	return nil
}

// countsOversize reports whether units of that version pay oversize and tps fees: since 4.0.
func countsOversize(version string) bool { return series(version) >= "4.0" }

// Balance sets the change in u's payment of bytes so that inputs worth total cover the outputs and the fees exactly. The
// change is the output to the address change that has amount 0; the size does not depend on its amount.
// Errors: Funds, saying how much is missing for a change of at least 1; Invalid if there is no such output.
func (u *Unit) Balance(total byteball.Bytes, change byteball.Address) error {
	fees, err := Fees(u)
	if err != nil {
		return err
	}
	m, at := u.findChange(change)
	if m == nil {
		return byteball.Errorf(byteball.Invalid, "no output of amount 0 to %s for the change", change)
	}
	p := m.Payload.(*Payment)
	spent := fees
	for _, o := range p.Outputs {
		if spent, err = byteball.Add(spent, o.Amount); err != nil {
			return err
		}
	}
	if total <= spent {
		return byteball.Errorf(byteball.Funds, "inputs of %s, outputs and fees of %s: %s missing", total, spent, spent+1-total)
	}
	p.Outputs[at].Amount = total - spent
	m.Payload = p.sorted()
	m.PayloadHash, err = m.HashPayload(u.Version)
	return err
}

func (u *Unit) findChange(change byteball.Address) (*Message, int) {
	for i := range u.Messages {
		p, ok := u.Messages[i].Payload.(*Payment)
		if !ok || p.Asset != "" {
			continue
		}
		for k, o := range p.Outputs {
			if o.Address == change && o.Amount == 0 {
				return &u.Messages[i], k
			}
		}
	}
	return nil, 0
}
