package wallet

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Coin is one unspent output of a wallet's address.
type Coin struct {
	unit.OutPoint
	Address byteball.Address `json:",omitempty"` // whose it is; may be left out where there is one address only
	Amount  byteball.Bytes
	Stable  bool   // of a proven unit; else of an own payment on its way
	MCI     uint64 `json:",omitempty"` // main chain index of its unit, once Stable, where it is known
}

// Definition is the definition of an address with one key.
func Definition(key unit.Signer) any {
	return []any{"sig", map[string]any{"pubkey": key.PublicKey()}}
}

// Compose makes the unit by which address, of one key, pays outputs and carries msgs, with the payment as message 0. It
// spends of coins, all of address, as many as are needed: the stable before the others, the large before the small, at
// most 128. What is left over goes to change, or into the tps fee where it is too little for an output of its own.
// definition is that of address if the ledger does not know it yet, else nil. The unit has a place for the signature at
// path r: SignWith and Seal follow. Outputs may be empty: then all is change. Pure.
// Errors: Funds, saying how much is missing; Invalid for an output of 0 or a payload that cannot be hashed.
func Compose(net byteball.Network, anchor unit.Anchor, coins []Coin, outputs []unit.Output, msgs []unit.Message,
	address byteball.Address, definition any, change byteball.Address) (*unit.Unit, error) {
	d := &draft{net: net, anchor: anchor, outputs: outputs, msgs: msgs, change: change, authors: []unit.Author{keyAuthor(address, definition)}}
	coins = slices.Clone(coins)
	for i := range coins {
		coins[i].Address = address
	}
	return d.pick(order(coins, nil))
}

// keyAuthor is an author of one key with a place for its signature.
func keyAuthor(address byteball.Address, definition any) unit.Author {
	return unit.Author{Address: address, Definition: definition, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
}

// draft is a payment whose coins are still to be chosen.
type draft struct {
	net     byteball.Network
	anchor  unit.Anchor
	outputs []unit.Output
	msgs    []unit.Message
	authors []unit.Author // all of them sign
	change  byteball.Address
}

// pick takes coins from the front, at least the first least of them.
func (d *draft) pick(coins []Coin, least int) (*unit.Unit, error) {
	var want, have byteball.Bytes
	for _, o := range d.outputs {
		if o.Amount == 0 {
			return nil, byteball.Errorf(byteball.Invalid, "output of 0 bytes to %s", o.Address)
		}
		var err error
		if want, err = byteball.Add(want, o.Amount); err != nil {
			return nil, err
		}
	}
	held := len(coins)
	coins = coins[:min(held, unit.MaxInputs)]
	for n, c := range coins {
		have += c.Amount
		if n+1 < least || have < want {
			continue
		}
		u, err := d.try(coins[:n+1], have, want, n+1 == len(coins))
		if u != nil || err != nil {
			return u, err
		}
	}
	return nil, d.missing(coins, held, have, want)
}

// try composes with exactly these coins, worth have. The unit is nil if they do not suffice. last says that no others
// are left, so that a rest too small for a change is given away.
func (d *draft) try(coins []Coin, have, want byteball.Bytes, last bool) (*unit.Unit, error) {
	u, fees, err := d.compose(coins, d.anchor, append(slices.Clip(d.outputs), unit.Output{Address: d.change}))
	if err != nil {
		return nil, err
	}
	if have > want+fees {
		return u, u.Balance(have, d.change)
	}
	if len(d.outputs) == 0 {
		return nil, nil
	}
	u, fees, err = d.compose(coins, d.anchor, d.outputs)
	switch {
	case err != nil || have == want+fees:
		return u, err
	case have < want+fees || !last || !d.net.TPSFees:
		return nil, nil
	}
	rich := d.anchor
	rich.TPSFee += have - want - fees
	u, _, err = d.compose(coins, rich, d.outputs)
	return u, err
}

func (d *draft) compose(coins []Coin, anchor unit.Anchor, outputs []unit.Output) (*unit.Unit, byteball.Bytes, error) {
	p := &unit.Payment{Outputs: outputs}
	for _, c := range coins {
		p.Inputs = append(p.Inputs, unit.Input{Unit: c.Unit, MessageIndex: c.MessageIndex, OutputIndex: c.OutputIndex})
	}
	msgs := append([]unit.Message{{App: "payment", Payload: p}}, d.msgs...)
	u, err := unit.Compose(d.net, anchor, d.authors, msgs)
	if err != nil {
		return nil, 0, err
	}
	fees, err := unit.Fees(u)
	return u, fees, err
}

// missing words the lack of money.
func (d *draft) missing(coins []Coin, held int, have, want byteball.Bytes) error {
	if len(coins) == 0 { // what the cheapest unit would cost
		coins = []Coin{{OutPoint: unit.OutPoint{Unit: d.anchor.LastBallUnit}}}
	}
	outputs := d.outputs
	if len(outputs) == 0 {
		outputs, want = []unit.Output{{Address: d.change, Amount: 1}}, 1
	}
	_, fees, err := d.compose(coins, d.anchor, outputs)
	if err != nil {
		return err
	}
	if want+fees < have { // the rest can only be a change, and that costs more than the rest
		_, fees, err = d.compose(coins, d.anchor, append(slices.Clip(outputs), unit.Output{Address: d.change, Amount: 1}))
		if err != nil {
			return err
		}
		want++
	}
	payer, bound := string(d.authors[0].Address)+" has", ""
	if len(d.authors) > 1 {
		payer = fmt.Sprintf("%d addresses of the wallet have", len(d.authors))
	}
	if held > unit.MaxInputs {
		bound = " in the 128 coins that one unit may spend"
	}
	return byteball.Errorf(byteball.Funds, "payment of %s with fees of %s, but %s %s%s: %d bytes missing",
		want, fees, payer, have, bound, uint64(want+fees-have))
}
