package channel

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// frame makes a unit with one author, one input and those outputs, sizes and all, but not the hash of its payload: sizes
// depend on no amount and no hash, so the change is known before anything is hashed, and each unit is made only once.
// The result is what unit.Compose makes of the same (a test says so). It keeps the author and outs.
func frame(net byteball.Network, author unit.Author, out unit.OutPoint, a unit.Anchor, outs []unit.Output) (*unit.Unit, error) {
	if net.WitnessesInUnits != (a.WitnessListUnit != "") || len(a.Witnesses) > 0 {
		return nil, fmt.Errorf("order providers of unit %q on network %s: %w", a.WitnessListUnit, net.Name, byteball.Invalid)
	}
	u := &unit.Unit{
		Version: net.Version, Alt: net.Alt, ParentUnits: slices.Sorted(slices.Values(a.Parents)),
		LastBall: a.LastBall, LastBallUnit: a.LastBallUnit, Timestamp: a.Timestamp, WitnessListUnit: a.WitnessListUnit,
		Authors: []unit.Author{author},
		Messages: []unit.Message{{App: "payment", PayloadLocation: "inline", PayloadHash: blank, Payload: &unit.Payment{
			Inputs:  []unit.Input{{Unit: out.Unit, MessageIndex: out.MessageIndex, OutputIndex: out.OutputIndex}},
			Outputs: outs,
		}}},
	}
	switch fee := a.TPSFee; {
	case net.TPSFees:
		u.TPSFee = &fee
	case a.TPSFee != 0:
		return nil, fmt.Errorf("tps fee of %d bytes, network %s has none: %w", a.TPSFee, net.Name, byteball.Invalid)
	}
	var err error
	if u.HeadersCommission, err = u.HeadersSize(); err != nil {
		return nil, err
	}
	if u.PayloadCommission, err = u.PayloadSize(); err != nil {
		return nil, err
	}
	if net.TPSFees {
		u.OversizeFee = unit.OversizeFee(u.HeadersCommission + u.PayloadCommission)
	}
	return u, nil
}

// hashed fills the hash of u's payload.
func hashed(u *unit.Unit) (err error) {
	u.Messages[0].PayloadHash, err = u.Messages[0].HashPayload(u.Version)
	return err
}

// places returns authentifiers with places for signatures.
func places(paths ...string) map[string]string {
	m := make(map[string]string, len(paths))
	for _, p := range paths {
		m[p] = unit.PlaceholderSig
	}
	return m
}

// balanced makes a unit with outs and an output for the change that makes the fees exact.
func (s *shape) balanced(f Funding, a unit.Anchor, outs []unit.Output, paths ...string) (*unit.Unit, error) {
	if len(a.Parents) == 0 || a.LastBall == "" || a.LastBallUnit == "" || f.Out.Unit == "" {
		return nil, fmt.Errorf("channel %s: a unit needs funding, parents and a last ball: %w", s.address, byteball.Invalid)
	}
	outs = append(outs, unit.Output{Address: s.ChangeAddress})
	author := unit.Author{Address: s.address, Definition: s.definition, Authentifiers: places(paths...)}
	u, err := frame(s.Network, author, f.Out, a, outs)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", s.address, err)
	}
	spent, err := unit.Fees(u)
	for i := range outs {
		if err == nil {
			spent, err = byteball.Add(spent, outs[i].Amount)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", s.address, err)
	}
	if spent >= s.Deposit {
		return nil, fmt.Errorf("channel %s: deposit of %s, outputs and fees of %s: %s missing: %w", s.address, s.Deposit, spent, spent+1-s.Deposit, byteball.Funds)
	}
	outs[len(outs)-1].Amount = s.Deposit - spent
	slices.SortFunc(outs, func(a, b unit.Output) int { return cmp.Compare(a.Address, b.Address) })
	return u, hashed(u)
}

// signedBy reports whether sig, in base64 as the size that is paid for supposes, is key's signature over hash with a low S.
// The ledger takes other ways to write base64, but a closing with a shorter one would have wrong fees.
func signedBy(key *btcec.PublicKey, hash [32]byte, sig string) bool {
	raw, ok := rawSig(sig)
	var r, s btcec.ModNScalar
	if !ok || r.SetByteSlice(raw[:32]) || s.SetByteSlice(raw[32:]) || r.IsZero() || s.IsZero() || s.IsOverHalfOrder() {
		return false
	}
	return ecdsa.NewSignature(&r, &s).Verify(hash[:], key)
}

// rawSig decodes a signature that is written in full.
func rawSig(sig string) (raw [64]byte, ok bool) {
	var buf [66]byte
	if len(sig) != len(unit.PlaceholderSig) {
		return raw, false
	}
	n, err := base64.StdEncoding.Strict().Decode(buf[:], []byte(sig))
	return [64]byte(buf[:64]), err == nil && n == 64
}
