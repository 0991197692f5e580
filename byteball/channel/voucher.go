package channel

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// MaxVoucher bounds an encoded voucher, in bytes; one with MaxOutputs outputs needs about 11,000.
const MaxVoucher = 16 << 10

// Voucher is a payment: the unit that closes the channel, signed by the buyer, with a place for the seller's signature.
// Each one repeats and raises all payouts, so only the newest counts.
type Voucher struct {
	N     uint64     `json:"n"`               // 1, 2, … in the order of signing; not signed
	Final bool       `json:"final,omitempty"` // the buyer asks for the close
	Unit  *unit.Unit `json:"unit"`            // has no hash yet
}

// Fees returns what the closing costs: headers, payload, oversize and tps fee. Error: Invalid if the sum overflows.
func (v Voucher) Fees() (byteball.Bytes, error) { return unit.Fees(v.Unit) }

// Encode returns v as JSON. Error: Invalid if v is empty or longer than MaxVoucher.
func (v Voucher) Encode() ([]byte, error) {
	if v.N == 0 || v.Unit == nil {
		return nil, fmt.Errorf("voucher without a unit: %w", byteball.Invalid)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("voucher %d: %v: %w", v.N, err, byteball.Invalid)
	}
	if len(data) > MaxVoucher {
		return nil, fmt.Errorf("voucher %d is %d bytes long, %d allowed: %w", v.N, len(data), MaxVoucher, byteball.Invalid)
	}
	return data, nil
}

// ParseVoucher decodes what Encode made; Read or a Payee checks what it says. Error: Invalid.
func ParseVoucher(data []byte) (Voucher, error) {
	var v Voucher
	if len(data) > MaxVoucher {
		return v, fmt.Errorf("voucher of %d bytes, %d allowed: %w", len(data), MaxVoucher, byteball.Invalid)
	}
	err := strict(data, &v)
	if err != nil || v.N == 0 || v.Unit == nil {
		return Voucher{}, fmt.Errorf("voucher is no voucher (%v): %w", err, byteball.Invalid)
	}
	return v, nil
}

// UnmarshalJSON reads the unit with its own bounds and refuses unknown fields. Error: Invalid.
func (v *Voucher) UnmarshalJSON(data []byte) error {
	var w struct {
		N     uint64          `json:"n"`
		Final bool            `json:"final"`
		Unit  json.RawMessage `json:"unit"`
	}
	if err := strict(data, &w); err != nil {
		return err
	}
	u, err := unit.Parse(w.Unit)
	if err != nil {
		return err
	}
	*v = Voucher{N: w.N, Final: w.Final, Unit: u}
	return nil
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
func (s shape) read(f Funding, v Voucher) (Payouts, *unit.Unit, error) {
	pay, u, err := s.reread(f, v)
	if err != nil {
		return nil, nil, fmt.Errorf("channel %s, voucher %d: %w", s.address, v.N, err)
	}
	return pay, u, nil
}

func (s shape) reread(f Funding, v Voucher) (Payouts, *unit.Unit, error) {
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
	if !paidFor(sig) || !unit.VerifySig(h, sig, s.Buyer) {
		return nil, nil, fmt.Errorf("the buyer's signature is wrong: %w", byteball.Invalid)
	}
	return pay, want, nil
}

// paidFor reports whether sig is written as the size that is paid for supposes. The ledger takes other ways to write
// base64, but a closing with a shorter one would have wrong fees.
func paidFor(sig string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(sig)
	return err == nil && len(raw) == 64 && len(sig) == len(unit.PlaceholderSig)
}

// payouts reads the outputs of v, after the checks that make it safe to look at them, and the change.
func (s shape) payouts(f Funding, v Voucher) (Payouts, byteball.Bytes, error) {
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
func (s shape) payment(f Funding, v Voucher) (*unit.Payment, error) {
	u := v.Unit
	switch {
	case v.N == 0 || u == nil:
		return nil, fmt.Errorf("it is empty: %w", byteball.Invalid)
	case len(u.Authors) != 1 || u.Authors[0].Address != s.address:
		return nil, fmt.Errorf("it is not signed for this channel: %w", byteball.Invalid)
	case len(u.ParentUnits) != 1 || u.LastBall == "" || u.LastBallUnit == "":
		return nil, fmt.Errorf("%d parents and last ball %q, one of each is wanted: %w", len(u.ParentUnits), u.LastBall, byteball.Invalid)
	case (u.TPSFee != nil) != s.Network.TPSFees || tpsFee(u) < s.TPSMargin:
		return nil, fmt.Errorf("tps fee is under the margin of %d bytes: %w", s.TPSMargin, byteball.Invalid)
	case len(u.Messages) != 1:
		return nil, fmt.Errorf("%d messages, one payment is wanted: %w", len(u.Messages), byteball.Invalid)
	}
	p, ok := u.Messages[0].Payload.(*unit.Payment)
	if !ok || len(p.Inputs) != 1 {
		return nil, fmt.Errorf("one payment with one input is wanted: %w", byteball.Invalid)
	}
	if in := p.Inputs[0]; in.Type != "" || f.Out != (unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}) {
		return nil, fmt.Errorf("it spends another output than the deposit: %w", byteball.Invalid)
	}
	return p, nil
}

// same returns nil if u is want; otherwise an error that names the first difference that a person can use.
func (s shape) same(u, want *unit.Unit, change byteball.Bytes) error {
	if reflect.DeepEqual(u, want) {
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
