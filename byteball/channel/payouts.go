package channel

import (
	"fmt"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// MaxOutputs is how many outputs a closing may have, seller and change among them (MECHANISM 6: 12 epochs of payees).
const MaxOutputs = 111

// Payouts is what each address has been promised since the channel opened, in bytes. Amounts only grow.
type Payouts map[byteball.Address]byteball.Bytes

// Paid returns what u's payments of bytes pay to each address, change included.
func Paid(u *unit.Unit) Payouts {
	out := Payouts{}
	for i := range u.Messages {
		if p, ok := u.Messages[i].Payload.(*unit.Payment); ok && p.Asset == "" {
			for _, o := range p.Outputs {
				out[o.Address] += o.Amount
			}
		}
	}
	return out
}

// Total returns the sum. Error: Invalid if it is over byteball.MaxBytes.
func (p Payouts) Total() (byteball.Bytes, error) {
	var sum byteball.Bytes
	var err error
	for _, amount := range p {
		if sum, err = byteball.Add(sum, amount); err != nil {
			return 0, fmt.Errorf("payouts: %w", err)
		}
	}
	return sum, nil
}

// Plus returns p with more on top; neither is changed. Error: Invalid if an amount is over byteball.MaxBytes.
func (p Payouts) Plus(more Payouts) (Payouts, error) {
	sum := make(Payouts, len(p)+len(more))
	maps.Copy(sum, p)
	for a, amount := range more {
		s, err := byteball.Add(sum[a], amount)
		if err != nil {
			return nil, fmt.Errorf("payouts to %s: %w", a, err)
		}
		if s > 0 {
			sum[a] = s
		}
	}
	return sum, nil
}

// Visible returns what a closing pays of p: all but the amounts under dust, which wait in the change.
func (p Payouts) Visible(dust byteball.Bytes) Payouts {
	out := make(Payouts, len(p))
	for a, amount := range p {
		if amount >= dust {
			out[a] = amount
		}
	}
	return out
}

// Final returns p for the last closing: amounts under dust go to seller, who owes them to the payees from then on.
func (p Payouts) Final(seller byteball.Address, dust byteball.Bytes) (Payouts, error) {
	var small byteball.Bytes
	var err error
	for _, amount := range p {
		if amount >= dust {
			continue
		}
		if small, err = byteball.Add(small, amount); err != nil {
			return nil, fmt.Errorf("payouts: %w", err)
		}
	}
	return p.Visible(dust).Plus(Payouts{seller: small})
}

// falls returns the first address, in order, that gets less in next than in p.
func (p Payouts) falls(next Payouts) (byteball.Address, bool) {
	for _, a := range slices.Sorted(maps.Keys(p)) {
		if next[a] < p[a] {
			return a, true
		}
	}
	return "", false
}

// outputs returns p as outputs, in any order.
func (p Payouts) outputs() []unit.Output {
	outs := make([]unit.Output, 0, len(p)+1)
	for a, amount := range p {
		outs = append(outs, unit.Output{Address: a, Amount: amount})
	}
	return outs
}
