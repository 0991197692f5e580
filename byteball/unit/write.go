package unit

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// form says which fields of a unit are written.
type form int

const (
	full   form = iota // all: what goes over the wire
	naked              // without hash, commissions and payloads: the content hash
	toSign             // naked without authentifiers
)

func isLegacy(version string) bool { return series(version) == "1.0" }
func countsKeys(version string) bool {
	s := series(version)
	return s != "1.0" && s != "2.0"
}

// series is the version without the letters of its network.
func series(version string) string {
	if len(version) > 3 {
		switch version[3:] {
		case "t", "dev":
			return version[:3]
		}
	}
	return version
}

// write writes u in the order of its keys.
func (u *Unit) write(w *objecthash.Writer, f form) {
	w.Object()
	if f == full && u.ActualTPSFee != nil {
		amount(w, "actual_tps_fee", *u.ActualTPSFee)
	}
	text(w, "alt", u.Alt)
	w.Key("authors")
	w.Array()
	for i := range u.Authors {
		u.Authors[i].write(w, f)
	}
	w.EndArray()
	optional(w, "burn_fee", u.BurnFee)
	hash(w, "content_hash", u.ContentHash)
	writeRecipients(w, u.Recipients)
	if f == full {
		optional(w, "headers_commission", u.HeadersCommission)
	}
	hash(w, "last_ball", u.LastBall)
	hash(w, "last_ball_unit", u.LastBallUnit)
	if f == full && u.MainChainIndex != nil {
		integer(w, "main_chain_index", int64(*u.MainChainIndex))
	}
	if u.MaxAAResponses != nil {
		integer(w, "max_aa_responses", *u.MaxAAResponses)
	}
	if u.Messages != nil {
		w.Key("messages")
		w.Array()
		for i := range u.Messages {
			u.Messages[i].write(w, f)
		}
		w.EndArray()
	}
	if f == full {
		optional(w, "oversize_fee", u.OversizeFee)
	}
	list(w, "parent_units", u.ParentUnits)
	if f == full {
		optional(w, "payload_commission", u.PayloadCommission)
	}
	if u.Timestamp != 0 && (f == full || !isLegacy(u.Version)) {
		integer(w, "timestamp", u.Timestamp)
	}
	if u.TPSFee != nil {
		amount(w, "tps_fee", *u.TPSFee)
	}
	if f == full {
		hash(w, "unit", u.Unit)
	}
	text(w, "version", u.Version)
	hash(w, "witness_list_unit", u.WitnessListUnit)
	list(w, "witnesses", u.Witnesses)
	w.EndObject()
}

func (a *Author) write(w *objecthash.Writer, f form) {
	w.Object()
	text(w, "address", string(a.Address))
	if f != toSign && a.Authentifiers != nil {
		w.Key("authentifiers")
		w.Object()
		writeAuthentifiers(w, a.Authentifiers)
		w.EndObject()
	}
	if a.Definition != nil {
		w.Key("definition")
		w.Tree(a.Definition)
	}
	w.EndObject()
}

func writeAuthentifiers(w *objecthash.Writer, sigs map[string]string) {
	if len(sigs) == 1 { // nearly always
		for path, sig := range sigs {
			text(w, path, sig)
		}
		return
	}
	for _, path := range slices.SortedFunc(maps.Keys(sigs), objecthash.Compare) {
		text(w, path, sigs[path])
	}
}

func writeRecipients(w *objecthash.Writer, recipients []Recipient) {
	if recipients == nil {
		return
	}
	w.Key("earned_headers_commission_recipients")
	w.Array()
	for _, r := range recipients {
		w.Object()
		text(w, "address", string(r.Address))
		integer(w, "earned_headers_commission_share", int64(r.Share))
		w.EndObject()
	}
	w.EndArray()
}

func (m *Message) write(w *objecthash.Writer, f form) {
	w.Object()
	text(w, "app", m.App)
	if f == full && m.Payload != nil {
		w.Key("payload")
		writePayload(w, m.Payload)
	}
	text(w, "payload_hash", string(m.PayloadHash))
	text(w, "payload_location", m.PayloadLocation)
	if f == full && m.PayloadURI != "" {
		text(w, "payload_uri", m.PayloadURI)
	}
	hash(w, "payload_uri_hash", m.PayloadURIHash)
	if m.SpendProofs != nil {
		w.Key("spend_proofs")
		w.Tree(m.SpendProofs)
	}
	w.EndObject()
}

func writePayload(w *objecthash.Writer, payload any) {
	if p, ok := payload.(*Payment); ok {
		p.write(w)
		return
	}
	w.Tree(payload)
}

func (p *Payment) write(w *objecthash.Writer) {
	w.Object()
	hash(w, "asset", p.Asset)
	if p.Definition != nil {
		w.Key("definition")
		w.Tree(p.Definition)
	}
	if p.Denomination != 0 {
		integer(w, "denomination", int64(p.Denomination))
	}
	if p.Inputs != nil {
		w.Key("inputs")
		w.Array()
		for i := range p.Inputs {
			p.Inputs[i].write(w)
		}
		w.EndArray()
	}
	w.Key("outputs")
	w.Array()
	for i := range p.Outputs {
		w.Object()
		text(w, "address", string(p.Outputs[i].Address))
		amount(w, "amount", p.Outputs[i].Amount)
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
}

func (in *Input) write(w *objecthash.Writer) {
	w.Object()
	switch in.Type {
	case "":
		integer(w, "message_index", int64(in.MessageIndex))
		integer(w, "output_index", int64(in.OutputIndex))
		text(w, "unit", string(in.Unit))
	case "issue":
		hash(w, "address", in.Address)
		amount(w, "amount", in.Amount)
		integer(w, "serial_number", int64(in.SerialNumber))
		text(w, "type", in.Type)
	default:
		hash(w, "address", in.Address)
		integer(w, "from_main_chain_index", int64(in.FromMainChainIndex))
		integer(w, "to_main_chain_index", int64(in.ToMainChainIndex))
		text(w, "type", in.Type)
	}
	w.EndObject()
}

func text(w *objecthash.Writer, key, value string) {
	w.Key(key)
	w.String(value)
}

// hash writes a text that is absent when empty.
func hash[T ~string](w *objecthash.Writer, key string, value T) {
	if value != "" {
		text(w, key, string(value))
	}
}

func integer(w *objecthash.Writer, key string, value int64) {
	w.Key(key)
	w.Int(value)
}

func amount(w *objecthash.Writer, key string, value byteball.Bytes) { integer(w, key, int64(value)) }

// optional writes an amount that is absent when 0.
func optional(w *objecthash.Writer, key string, value byteball.Bytes) {
	if value != 0 {
		amount(w, key, value)
	}
}

func list[T ~string](w *objecthash.Writer, key string, values []T) {
	if values == nil {
		return
	}
	w.Key(key)
	w.Array()
	for _, v := range values {
		w.String(string(v))
	}
	w.EndArray()
}
