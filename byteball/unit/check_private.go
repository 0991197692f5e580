package unit

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// Opened is the output of a private payment in an asset of fixed denominations that is shown to its receiver.
type Opened struct {
	Index    int              // among the outputs of the payload
	Address  byteball.Address // who may spend it
	Blinding string           // 16 characters that only payer and payee know
}

// CheckPrivate checks a private payment, whose payload travels beside its unit, against the message that stands for it
// there: the payload is a tree from objecthash.ParseTree. With opened the asset has fixed denominations (indivisible_asset.js),
// without it any amounts (divisible_asset.js). What the ledger knows of the asset and of the coins that are spent is left to
// it. Error: Invalid, mostly in the reference's words.
func CheckPrivate(m *Message, version string, payload any, opened *Opened) error {
	tree, _ := payload.(map[string]any)
	if m.App != "payment" || m.PayloadLocation != "none" || m.SpendProofs == nil {
		return refuse("private payment must come with spend proof(s)")
	}
	whole := Message{App: m.App, Payload: payload}
	h, err := whole.HashPayload(version)
	switch {
	case err != nil:
		return refuse("failed to calc payload hash: Error: %s", err)
	case h != m.PayloadHash:
		return refuse("payload hash does not match")
	case hasOthers(tree, "inputs", "outputs", "asset", "denomination"):
		return refuse("unknown fields in payment message")
	}
	r := reader{}
	if asset := r.text(tree, "asset", "invalid asset"); len(asset) != HashLength {
		r.refuse("invalid asset")
	}
	inputs, _ := tree["inputs"].([]any)
	if len(inputs) == 0 || len(inputs) > MaxInputs {
		r.refuse("no inputs, or too many inputs")
	}
	for _, in := range inputs {
		if r.input(in).Type != "" && r.input(in).Type != "issue" {
			r.refuse("non-base input can have only type=issue")
		}
	}
	denomination := uint64(1)
	if opened != nil {
		denomination = r.must(tree, "denomination", 1, maxInteger, "no denomination")
		if len(inputs) != 1 {
			r.refuse("fixed denominations payment must have 1 input")
		}
	} else if _, given := tree["denomination"]; given {
		r.refuse("denomination in arbitrary-amounts asset")
	}
	r.privateOutputs(tree, denomination, opened)
	return r.err
}

// privateOutputs checks the hidden outputs of fixed denominations, or the single open one of any amount.
func (r *reader) privateOutputs(tree map[string]any, denomination uint64, opened *Opened) {
	outputs, _ := tree["outputs"].([]any)
	if len(outputs) == 0 || len(outputs) > MaxOutputs {
		r.refuse("no outputs, or too many outputs")
	}
	var total byteball.Bytes
	for i, e := range outputs {
		o, _ := e.(map[string]any)
		amount := r.must(o, "amount", 1, maxAmount, "amount must be positive integer")
		if r.err == nil && amount%denomination != 0 {
			r.refuse("output amount must be divisible by denomination")
		}
		if total += byteball.Bytes(amount); total > byteball.MaxBytes {
			r.refuse("total output too large: %d", uint64(total))
			return
		}
		if opened == nil {
			r.only(o, "payment output", "address", "amount", "blinding")
			r.opens(byteball.Address(r.text(o, "address", "no blinding or address")), r.text(o, "blinding", "no blinding or address"))
			continue
		}
		r.only(o, "payment output", "amount", "output_hash")
		if hidden := r.text(o, "output_hash", "invalid output hash"); len(hidden) != HashLength {
			r.refuse("invalid output hash")
		} else if i == opened.Index {
			r.opens(opened.Address, opened.Blinding)
			h, err := objecthash.Hash(map[string]any{"address": string(opened.Address), "blinding": opened.Blinding})
			if err != nil || string(h) != hidden {
				r.refuse("output hash doesn't match, hash=%s", hidden)
			}
		}
	}
	switch {
	case opened == nil && len(outputs) != 1:
		r.refuse("found %d open outputs, expected 1", len(outputs))
	case opened != nil && (opened.Index < 0 || opened.Index >= len(outputs)):
		r.refuse("no output at output_index")
	}
}

func (r *reader) opens(address byteball.Address, blinding string) {
	if objecthash.StringLength(blinding) != 16 {
		r.refuse("bad blinding")
	}
	if !isAddress(string(address)) {
		r.refuse("output address %q invalid", address)
	}
}
