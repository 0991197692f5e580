package channel

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// MaxVoucher bounds an encoded voucher, in bytes; one with MaxOutputs outputs needs about 3,900, one with twelve 700.
const MaxVoucher = 8 << 10

const voucherForm = 1

// Voucher is a payment: the unit that closes the channel, signed by the buyer, with a place for the seller's signature.
// Each one repeats and raises all payouts, so only the newest counts. N, Final and Claims are not signed.
type Voucher struct {
	N     uint64     `json:"n"`               // 1, 2, … in the order of signing
	Final bool       `json:"final,omitempty"` // the buyer asks for the close
	Unit  *unit.Unit `json:"unit"`            // has no hash yet

	// Claims is all that this channel has paid so far of the debts of the one before it: amounts that the seller of that
	// one got because they were dust, paid to their owners out of what the seller would get here.
	Claims Payouts `json:"claims,omitempty"`
}

// wireVoucher is a voucher as it travels.
type wireVoucher struct {
	_        struct{} `cbor:",toarray"`
	Form     uint8
	Contract contract
	Promise  promise
}

// Fees returns what the closing costs: headers, payload, oversize and tps fee. Error: Invalid if the sum overflows.
func (v Voucher) Fees() (byteball.Bytes, error) { return unit.Fees(v.Unit) }

// Encode returns v as deterministic CBOR. What follows from the rest of a closing (the channel's address, sizes, hashes) is
// not written but computed by ParseVoucher; in a unit where it is wrong the mistake is not passed on. Error: Invalid if v's
// unit has not the parts of a closing signed by a buyer.
func (v Voucher) Encode() ([]byte, error) {
	w, err := v.wire()
	if err != nil {
		return nil, fmt.Errorf("voucher %d: %w", v.N, err)
	}
	data, err := encMode.Marshal(w)
	if err != nil || len(data) > MaxVoucher {
		return nil, fmt.Errorf("voucher %d of %d bytes, %d allowed (%v): %w", v.N, len(data), MaxVoucher, err, byteball.Invalid)
	}
	return data, nil
}

// wire packs v.
func (v Voucher) wire() (wireVoucher, error) {
	in, err := v.single()
	if err != nil {
		return wireVoucher{}, err
	}
	var p packer
	w := wireVoucher{Form: voucherForm, Contract: p.contractOf(v.Unit, in), Promise: p.promiseOf(v)}
	return w, p.err
}

// single returns the output that v spends if v's unit has the parts of a closing: one of each.
func (v Voucher) single() (unit.OutPoint, error) {
	u := v.Unit
	switch {
	case v.N == 0 || u == nil:
		return unit.OutPoint{}, fmt.Errorf("it is empty: %w", byteball.Invalid)
	case len(u.Authors) != 1:
		return unit.OutPoint{}, fmt.Errorf("it is not signed for one channel but by %d authors: %w", len(u.Authors), byteball.Invalid)
	case len(u.ParentUnits) != 1 || u.LastBall == "" || u.LastBallUnit == "":
		return unit.OutPoint{}, fmt.Errorf("%d parents and last ball %q, one of each is wanted: %w", len(u.ParentUnits), u.LastBall, byteball.Invalid)
	case len(u.Messages) != 1:
		return unit.OutPoint{}, fmt.Errorf("%d messages, one payment is wanted: %w", len(u.Messages), byteball.Invalid)
	}
	p, ok := u.Messages[0].Payload.(*unit.Payment)
	if !ok || len(p.Inputs) != 1 {
		return unit.OutPoint{}, fmt.Errorf("one payment with one input is wanted: %w", byteball.Invalid)
	}
	in := p.Inputs[0]
	return unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}, nil
}

// ParseVoucher decodes what Encode made; Read or a Payee checks what it says. Error: Invalid.
func ParseVoucher(data []byte) (Voucher, error) {
	if len(data) > MaxVoucher {
		return Voucher{}, fmt.Errorf("voucher of %d bytes, %d allowed: %w", len(data), MaxVoucher, byteball.Invalid)
	}
	var w wireVoucher
	if err := decode(data, &w); err != nil {
		return Voucher{}, fmt.Errorf("voucher is no voucher (%v): %w", err, byteball.Invalid)
	}
	if w.Form != voucherForm {
		return Voucher{}, fmt.Errorf("voucher of form %d, this program reads %d: %w", w.Form, voucherForm, byteball.Invalid)
	}
	v, err := w.Contract.voucher(&w.Promise)
	if err != nil {
		return Voucher{}, fmt.Errorf("voucher is no voucher (%v): %w", err, byteball.Invalid)
	}
	return v, nil
}

// Read returns what v pays to everybody but the change address. It checks that v's unit is exactly the closing that t, f
// and those payouts make, fees and all, and that the buyer signed it; so a third party can rely on it. What needs the
// chain it does not check: that the deposit exists and the parent is what it says. Errors: Invalid, with the reason.
func Read(t Terms, f Funding, v Voucher) (Payouts, error) {
	s, err := t.shape()
	if err != nil {
		return nil, err
	}
	pay, _, err := s.read(f, v)
	return pay, err
}

// read is Read; it also returns the unit, composed anew and signed by the buyer.
func (s *shape) read(f Funding, v Voucher) (Payouts, *unit.Unit, error) {
	pay, u, err := s.reread(f, v)
	if err != nil {
		return nil, nil, fmt.Errorf("channel %s, voucher %d: %w", s.address, v.N, err)
	}
	return pay, u, nil
}

func (s *shape) reread(f Funding, v Voucher) (Payouts, *unit.Unit, error) {
	pay, change, err := s.payouts(f, v)
	if err != nil {
		return nil, nil, err
	}
	u := v.Unit
	a := unit.Anchor{Parents: u.ParentUnits, LastBall: u.LastBall, LastBallUnit: u.LastBallUnit, Timestamp: u.Timestamp, TPSFee: tpsFee(u), WitnessListUnit: u.WitnessListUnit}
	want, err := s.close(f, a, pay)
	if err != nil {
		return nil, nil, fmt.Errorf("%v: %w", err, byteball.Invalid)
	}
	sig := u.Authors[0].Authentifiers[pathBuyer]
	want.Authors[0].Authentifiers[pathBuyer] = sig
	if err := s.same(u, want, change); err != nil {
		return nil, nil, err
	}
	h, err := want.HashToSign()
	if err != nil {
		return nil, nil, err
	}
	if !signedBy(s.buyer, h, sig) {
		return nil, nil, fmt.Errorf("the buyer's signature is wrong: %w", byteball.Invalid)
	}
	return pay, want, nil
}

// payouts reads the outputs of v, after the checks that make it safe to look at them, and the change.
func (s *shape) payouts(f Funding, v Voucher) (Payouts, byteball.Bytes, error) {
	p, err := s.payment(f, v)
	if err != nil {
		return nil, 0, err
	}
	if len(p.Outputs) > MaxOutputs {
		return nil, 0, fmt.Errorf("%d outputs, %d allowed: %w", len(p.Outputs), MaxOutputs, byteball.Invalid)
	}
	pay := make(Payouts, len(p.Outputs))
	for i, o := range p.Outputs {
		switch {
		case i > 0 && o.Address <= p.Outputs[i-1].Address:
			return nil, 0, fmt.Errorf("output %d is out of order: %w", i, byteball.Invalid)
		case o.Amount < s.Dust && o.Address != s.ChangeAddress:
			return nil, 0, fmt.Errorf("output of %d bytes to %s is dust: %w", o.Amount, o.Address, byteball.Invalid)
		}
		pay[o.Address] = o.Amount
	}
	change := pay[s.ChangeAddress]
	delete(pay, s.ChangeAddress)
	return pay, change, nil
}

// payment returns the one payment of v, if v has the parts of a closing of this channel at all.
func (s *shape) payment(f Funding, v Voucher) (*unit.Payment, error) {
	in, err := v.single()
	switch u := v.Unit; {
	case err != nil:
		return nil, err
	case u.Authors[0].Address != s.address:
		return nil, fmt.Errorf("it is not signed for this channel: %w", byteball.Invalid)
	case (u.TPSFee != nil) != s.Network.TPSFees || tpsFee(u) < s.TPSMargin:
		return nil, fmt.Errorf("tps fee is under the margin of %d bytes: %w", s.TPSMargin, byteball.Invalid)
	}
	p := v.Unit.Messages[0].Payload.(*unit.Payment)
	if in != f.Out || p.Inputs[0].Type != "" {
		return nil, fmt.Errorf("it spends another output than the deposit: %w", byteball.Invalid)
	}
	return p, nil
}

// same returns nil if u is want; otherwise an error that names the first difference that a person can use.
func (s *shape) same(u, want *unit.Unit, change byteball.Bytes) error {
	if identical(u, want) {
		return nil
	}
	left := Paid(want)[s.ChangeAddress]
	what := "it has other fields than a closing"
	switch {
	case u.Version != want.Version || u.Alt != want.Alt:
		what = fmt.Sprintf("version %q, network %q of another network", u.Version, u.Alt)
	case u.HeadersCommission != want.HeadersCommission || u.PayloadCommission != want.PayloadCommission || u.OversizeFee != want.OversizeFee:
		what = fmt.Sprintf("fees of %d, %d and %d bytes, %d, %d and %d are right", u.HeadersCommission, u.PayloadCommission, u.OversizeFee,
			want.HeadersCommission, want.PayloadCommission, want.OversizeFee)
	case change != left:
		what = fmt.Sprintf("change of %d bytes, %d balance the fees", change, left)
	case u.Messages[0].PayloadHash != want.Messages[0].PayloadHash:
		what = "its payload hash is wrong"
	case !reflect.DeepEqual(u.Authors, want.Authors):
		what = "its definition or signatures are not those of a voucher"
	}
	return fmt.Errorf("%s: %w", what, byteball.Invalid)
}

// identical is reflect.DeepEqual of two units with one author, one parent, one message and a payment with one input. What is
// long or behind pointers it compares faster.
func identical(u, want *unit.Unit) bool {
	x, y := u.Authors[0], want.Authors[0]
	m, n := u.Messages[0], want.Messages[0]
	p, q := *m.Payload.(*unit.Payment), *n.Payload.(*unit.Payment)
	if u.ParentUnits[0] != want.ParentUnits[0] || tpsFee(u) != tpsFee(want) || (u.TPSFee == nil) != (want.TPSFee == nil) ||
		x.Address != y.Address || !maps.Equal(x.Authentifiers, y.Authentifiers) || !sameTree(x.Definition, y.Definition) ||
		p.Inputs[0] != q.Inputs[0] || !slices.Equal(p.Outputs, q.Outputs) {
		return false
	}
	p.Inputs, q.Inputs, p.Outputs, q.Outputs, m.Payload, n.Payload = nil, nil, nil, nil, nil, nil
	return reflect.DeepEqual(p, q) && reflect.DeepEqual(m, n) && reflect.DeepEqual(bare(u), bare(want))
}

// bare is a copy of u without what identical has compared.
func bare(u *unit.Unit) unit.Unit {
	c := *u
	c.Authors, c.Messages, c.ParentUnits, c.TPSFee = nil, nil, nil, nil
	return c
}

// sameTree is reflect.DeepEqual of two definitions.
func sameTree(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameTree)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, sameTree)
	case string, float64, bool, nil:
		return a == b
	}
	return reflect.DeepEqual(a, b)
}
