package unit

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

func (r *reader) messages(m map[string]any) []Message {
	v, present := m["messages"]
	list, ok := v.([]any)
	if !present {
		return nil
	}
	if !ok {
		r.refuse("missing or empty messages array")
	}
	messages := make([]Message, len(list))
	for i, e := range list {
		messages[i] = r.message(e)
	}
	return messages
}

func (r *reader) message(v any) Message {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		r.refuse("all messages must be non-empty objects")
	}
	out := Message{
		PayloadLocation: r.location(m),
		PayloadHash:     asHash(r, m, "payload_hash", "wrong payload hash size"),
	}
	if out.PayloadHash == "" {
		r.refuse("wrong payload hash size")
	}
	payload, present := m["payload"]
	switch {
	case out.PayloadLocation != "inline" && present:
		r.refuse("payload must be absent when payload_location is not inline")
	case out.PayloadLocation == "inline" && payload == nil:
		r.refuse("missing payload")
	}
	out.App = r.text(m, "app", "no app")
	if out.App == "" {
		r.refuse("no app")
	}
	r.only(m, "message", "app", "payload_hash", "payload_location", "payload", "payload_uri", "payload_uri_hash",
		"spend_proofs")
	out.PayloadURI = r.text(m, "payload_uri", "no payload uri")
	out.PayloadURIHash = asHash(r, m, "payload_uri_hash", "wrong length of payload uri hash")
	if proofs, present := m["spend_proofs"]; present {
		if list, ok := proofs.([]any); !ok || len(list) == 0 {
			r.refuse("spend_proofs must be non-empty array max 128 elements")
		}
		out.SpendProofs = proofs
	}
	out.Payload = payload
	if out.App == "payment" && payload != nil {
		out.Payload = r.payment(payload)
	}
	return out
}

func (r *reader) location(m map[string]any) string {
	s, ok := m["payload_location"].(string)
	switch {
	case !ok:
		r.refuse("bad payload_location")
	case s != "inline" && s != "none" && s != "uri":
		r.refuse("invalid payload_location: %s", s)
	}
	return s
}

const badPayment = "invalid payment message"

func (r *reader) payment(v any) *Payment {
	m, _ := v.(map[string]any)
	inputs, haveInputs := m["inputs"].([]any)
	outputs, haveOutputs := m["outputs"].([]any)
	if !haveInputs || !haveOutputs {
		r.refuse(badPayment)
	}
	p := &Payment{
		Asset:   asHash(r, m, "asset", badPayment),
		Inputs:  make([]Input, len(inputs)),
		Outputs: make([]Output, len(outputs)),
	}
	for i, o := range outputs {
		p.Outputs[i] = r.output(o)
	}
	for i, in := range inputs {
		p.Inputs[i] = r.input(in)
	}
	if p.Asset == "" {
		r.only(m, "payment message", "inputs", "outputs")
		return p
	}
	r.only(m, "payment message", "inputs", "outputs", "asset", "denomination")
	p.Denomination, _ = r.whole(m, "denomination", 1, maxInteger, "no denomination")
	return p
}

func (r *reader) output(v any) Output {
	m, _ := v.(map[string]any)
	address := r.text(m, "address", badPayment)
	if address == "" {
		r.refuse(badPayment)
	}
	if f, ok := m["amount"].(float64); ok && f > maxAmount {
		r.refuse("output too large: %s", objecthash.AppendNumber(nil, f))
	}
	amount := r.must(m, "amount", 1, maxAmount, badPayment)
	if _, blinded := m["blinding"]; blinded {
		r.refuse("public output must not have blinding")
	}
	if _, hidden := m["output_hash"]; hidden {
		r.refuse("public output must not have output_hash")
	}
	r.only(m, "payment output", "address", "amount")
	return Output{byteball.Address(address), byteball.Bytes(amount)}
}

func (r *reader) input(v any) Input {
	m, _ := v.(map[string]any)
	in := Input{Type: r.text(m, "type", badPayment)}
	switch in.Type {
	case "":
		r.only(m, "payment input", "unit", "message_index", "output_index")
		if in.Unit = asHash(r, m, "unit", "wrong unit length in payment input"); in.Unit == "" {
			r.refuse("wrong unit length in payment input")
		}
		in.MessageIndex = int(r.must(m, "message_index", 0, maxIndex, "no message_index in payment input"))
		in.OutputIndex = int(r.must(m, "output_index", 0, maxIndex, "no output_index in payment input"))
	case "issue":
		r.only(m, "issue input", "type", "address", "amount", "serial_number")
		in.Amount = byteball.Bytes(r.must(m, "amount", 1, maxAmount, "amount must be positive"))
		in.SerialNumber = r.must(m, "serial_number", 1, maxInteger, "serial_number must be positive")
	case "headers_commission", "witnessing":
		r.only(m, "witnessing input", "type", "from_main_chain_index", "to_main_chain_index", "address")
		in.FromMainChainIndex = r.must(m, "from_main_chain_index", 0, maxIndex, "from_main_chain_index must be nonnegative int")
		in.ToMainChainIndex = r.must(m, "to_main_chain_index", 0, maxIndex, "to_main_chain_index must be nonnegative int")
	default:
		r.refuse(badPayment)
	}
	if in.Type != "" {
		in.Address = byteball.Address(r.text(m, "address", "bad address in "+in.Type+" input"))
	}
	return in
}
