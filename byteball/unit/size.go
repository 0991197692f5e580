package unit

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// sizer adds up a size as the ledger counts (object_length.js).
type sizer struct {
	n    byteball.Bytes
	keys bool // since version 3.0
}

func (s *sizer) key(k string) {
	if s.keys {
		s.n += byteball.Bytes(len(k))
	}
}

func (s *sizer) text(key, value string) {
	s.key(key)
	s.n += byteball.Bytes(objecthash.StringLength(value))
}

func (s *sizer) number(key string) {
	s.key(key)
	s.n += 8
}

func (s *sizer) tree(key string, v any) {
	s.key(key)
	s.n += byteball.Bytes(objecthash.Length(v, s.keys))
}

// HeadersSize returns the headers commission that u must state, in bytes: everything but the messages, all parents
// together counting as two. Error: Invalid for a voided unit, whose headers are gone.
func (u *Unit) HeadersSize() (byteball.Bytes, error) {
	if u.ContentHash != "" {
		return 0, byteball.Errorf(byteball.Invalid, "trying to get headers size of stripped unit")
	}
	s := sizer{n: 2 * HashLength, keys: countsKeys(u.Version)}
	s.key("parent_units")
	s.text("version", u.Version)
	s.text("alt", u.Alt)
	s.key("authors")
	for i := range u.Authors {
		s.author(&u.Authors[i])
	}
	if u.LastBall != "" {
		s.text("last_ball", string(u.LastBall))
	}
	if u.LastBallUnit != "" {
		s.text("last_ball_unit", string(u.LastBallUnit))
	}
	for _, f := range []struct {
		key     string
		present bool
	}{
		{"timestamp", u.Timestamp != 0 && !isLegacy(u.Version)},
		{"tps_fee", u.TPSFee != nil},
		{"burn_fee", u.BurnFee != 0},
		{"max_aa_responses", u.MaxAAResponses != nil},
	} {
		if f.present {
			s.number(f.key)
		}
	}
	if u.Recipients != nil {
		s.key("earned_headers_commission_recipients")
	}
	for _, r := range u.Recipients {
		s.text("address", string(r.Address))
		s.number("earned_headers_commission_share")
	}
	if u.WitnessListUnit != "" {
		s.text("witness_list_unit", string(u.WitnessListUnit))
	}
	if u.Witnesses != nil {
		s.key("witnesses")
	}
	for _, w := range u.Witnesses {
		s.n += byteball.Bytes(objecthash.StringLength(string(w)))
	}
	return s.n, nil
}

func (s *sizer) author(a *Author) {
	s.text("address", string(a.Address))
	if a.Authentifiers != nil {
		s.key("authentifiers")
	}
	for path, sig := range a.Authentifiers {
		if s.keys {
			s.n += byteball.Bytes(objecthash.StringLength(path))
		}
		s.n += byteball.Bytes(objecthash.StringLength(sig))
	}
	if a.Definition != nil {
		s.tree("definition", a.Definition)
	}
}

// PayloadSize returns the payload commission that u must state, in bytes: the messages, with the data of temp_data at
// half price. Error: Invalid for a voided unit.
func (u *Unit) PayloadSize() (byteball.Bytes, error) {
	if u.ContentHash != "" {
		return 0, byteball.Errorf(byteball.Invalid, "trying to get payload size of stripped unit")
	}
	s := sizer{keys: countsKeys(u.Version)}
	s.key("messages")
	for i := range u.Messages {
		s.message(&u.Messages[i])
	}
	return s.n + u.TempDataFee(), nil
}

func (s *sizer) message(m *Message) {
	s.text("app", m.App)
	s.text("payload_hash", string(m.PayloadHash))
	s.text("payload_location", m.PayloadLocation)
	if m.PayloadURI != "" {
		s.text("payload_uri", m.PayloadURI)
	}
	if m.PayloadURIHash != "" {
		s.text("payload_uri_hash", string(m.PayloadURIHash))
	}
	if m.SpendProofs != nil {
		s.tree("spend_proofs", m.SpendProofs)
	}
	if m.Payload == nil {
		return
	}
	s.key("payload")
	switch p := m.Payload.(type) {
	case *Payment:
		s.payment(p)
	default:
		if _, isTemp := tempDataLength(m); isTemp && truthy(p.(map[string]any)["data"]) {
			p = withoutData(p)
		}
		s.n += byteball.Bytes(objecthash.Length(p, s.keys))
	}
}

func (s *sizer) payment(p *Payment) {
	if p.Asset != "" {
		s.text("asset", string(p.Asset))
	}
	if p.Definition != nil {
		s.tree("definition", p.Definition)
	}
	if p.Denomination != 0 {
		s.number("denomination")
	}
	if p.Inputs != nil {
		s.key("inputs")
	}
	for i := range p.Inputs {
		s.input(&p.Inputs[i])
	}
	s.key("outputs")
	for i := range p.Outputs {
		s.text("address", string(p.Outputs[i].Address))
		s.number("amount")
	}
}

func (s *sizer) input(in *Input) {
	if in.Type == "" {
		s.number("message_index")
		s.number("output_index")
		s.text("unit", string(in.Unit))
		return
	}
	s.text("type", in.Type)
	if in.Address != "" {
		s.text("address", string(in.Address))
	}
	if in.Type == "issue" {
		s.number("amount")
		s.number("serial_number")
		return
	}
	s.number("from_main_chain_index")
	s.number("to_main_chain_index")
}

// truthy is JavaScript's: the reference counts data that is 0, "" or false in full.
func truthy(v any) bool { return v != nil && v != false && v != "" && v != 0.0 }

// tempDataLength returns the stated length of m's temporary data with its key, and whether m has any.
func tempDataLength(m *Message) (float64, bool) {
	tree, _ := m.Payload.(map[string]any)
	length, ok := tree["data_length"].(float64)
	if m.App != "temp_data" || !ok {
		return 0, false
	}
	return length + float64(len("data")), true
}

// TempDataFee returns what u pays for its temporary data, part of its payload commission: half a byte for each byte, rounded
// up over the whole unit. It does not count towards the size from which an oversize fee is due.
func (u *Unit) TempDataFee() byteball.Bytes {
	var sum float64
	for i := range u.Messages {
		if n, ok := tempDataLength(&u.Messages[i]); ok && n > 0 && n <= MaxUnitLength*2 {
			sum += n
		}
	}
	return byteball.Bytes(sum+1) / 2
}
