package committee

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Ticket is a registered bond: a validator's is one lot in every draw, a seller's is its licence to sell.
type Ticket struct {
	Registration
	ID      protocol.Hash    // SHA-256 of the bond's address
	Bond    byteball.Address // the bond's address
	Payee   byteball.Address // the wallet's first address, where fees go
	Unit    byteball.Hash    // that registered it
	Outputs []unit.OutPoint  // the slices
	MCI     uint64           // of the unit
	Time    time.Time        // of the unit
	spent   uint64           // MCI of the first spend of a slice
	live    bool             // no slice is spent
}

// TicketID is SHA-256 of a bond's address.
func TicketID(bond byteball.Address) protocol.Hash { return sha256.Sum256([]byte(bond)) }

// ParseRegistration reads the registration in a proven unit and checks all of it: form, market, binding with both
// signatures, that the wallet of the binding wrote the unit, the slices at the very address of the bond, the fee to the
// list of the unit's period or the one before.
// Errors: NotFound if the unit registers nothing, Invalid.
func ParseRegistration(p unit.Proven, m *params.Manifest, v protocol.Verifier) (*Ticket, error) {
	payload, ok := registrationIn(p)
	if !ok {
		return nil, fmt.Errorf("registration: unit without one: %w", protocol.NotFound)
	}
	r, err := readRegistration(payload, m.Hash())
	if err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	if err := r.Binding.Check(v); err != nil {
		return nil, fmt.Errorf("registration: %w", err)
	}
	payee, err := r.Binding.Address()
	if err != nil {
		return nil, fmt.Errorf("registration: %w", err)
	}
	if !slices.ContainsFunc(p.Unit.Authors, func(a unit.Author) bool { return a.Address == payee }) {
		return nil, fmt.Errorf("registration: unit %s is not by the wallet %s of its binding: %w", p.Unit.Unit, payee, protocol.Invalid)
	}
	t := &Ticket{Registration: *r, Bond: r.Bond(m), Payee: payee, Unit: p.Unit.Unit, MCI: p.MCI, Time: time.Unix(p.Unit.Timestamp, 0), live: true}
	t.ID = TicketID(t.Bond)
	if err := t.findMoney(p.Unit, m); err != nil {
		return nil, err
	}
	return t, nil
}

// findMoney looks for the bond's slices and the fee among the outputs of the unit.
func (t *Ticket) findMoney(u *unit.Unit, m *params.Manifest) error {
	n, slice := t.slices(m)
	period := Period(m, t.Time)
	lists := []byteball.Address{Reg(period), Reg(period - min(period, 1))}
	paid := false
	for i, msg := range u.Messages {
		pay, ok := msg.Payload.(*unit.Payment)
		if !ok || msg.App != "payment" || pay.Asset != "" {
			continue
		}
		for j, o := range pay.Outputs {
			if o.Address == t.Bond && o.Amount == slice && len(t.Outputs) < n {
				t.Outputs = append(t.Outputs, unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: j})
			}
			paid = paid || (slices.Contains(lists, o.Address) && o.Amount >= m.Params.RegFee)
		}
	}
	if len(t.Outputs) < n {
		return fmt.Errorf("registration: unit %s has %d outputs of %d bytes at the bond %s, want %d: %w", u.Unit, len(t.Outputs), uint64(slice), t.Bond, n, protocol.Invalid)
	}
	if !paid {
		return fmt.Errorf("registration: unit %s pays no %d bytes to the list %s: %w", u.Unit, uint64(m.Params.RegFee), lists[0], protocol.Invalid)
	}
	return nil
}

func registrationIn(p unit.Proven) (map[string]any, bool) {
	if p.Unit == nil || !p.Serial {
		return nil, false
	}
	for _, msg := range p.Unit.Messages {
		payload, ok := msg.Payload.(map[string]any)
		if ok && msg.App == "data" && payload["iv1"] == "registration" {
			return payload, true
		}
	}
	return nil, false
}

func readRegistration(payload map[string]any, market protocol.Hash) (*Registration, error) {
	f := fields{tree: payload}
	r := &Registration{Role: Role(f.text("role", 20)), Key: f.text("k", 44)}
	if in := f.hash("market"); f.err == nil && in != market {
		return nil, fmt.Errorf("registration: of another market %s: %w", in, protocol.Invalid)
	}
	if err := protocol.Decode(f.bytes("binding", 400), &r.Binding); f.err == nil && err != nil {
		return nil, fmt.Errorf("registration: %w", err)
	}
	if r.Role == Validator {
		r.NonceRoot = f.hash("nonce_root")
	}
	end, _ := payload["end"].(float64)
	if !(end >= 1 && end < 1<<53) || end != float64(uint64(end)) {
		f.fail("end")
	}
	r.End = uint64(end)
	r.Streams = f.streams()
	known := 5
	for _, optional := range []string{"k", "nonce_root", "streams"} {
		if _, ok := payload[optional]; ok {
			known++
		}
	}
	if f.err == nil && len(payload) != known {
		return nil, fmt.Errorf("registration: %d fields, %d of them known: %w", len(payload), known, protocol.Invalid)
	}
	return r, f.err
}

// fields reads a JSON tree and keeps the first error.
type fields struct {
	tree map[string]any
	err  error
}

func (f *fields) fail(name string) {
	if f.err == nil {
		f.err = fmt.Errorf("registration: field %s is missing or malformed: %w", name, protocol.Invalid)
	}
}

func (f *fields) text(name string, most int) string {
	v, ok := f.tree[name]
	s, isText := v.(string)
	if ok && (!isText || len(s) > most) {
		f.fail(name)
		return ""
	}
	return s
}

func (f *fields) bytes(name string, most int) []byte {
	b, err := base64.StdEncoding.Strict().DecodeString(f.text(name, base64.StdEncoding.EncodedLen(most)))
	if err != nil || len(b) == 0 {
		f.fail(name)
		return nil
	}
	return b
}

func (f *fields) hash(name string) (h protocol.Hash) {
	b := f.bytes(name, len(h))
	if copy(h[:], b) != len(h) {
		f.fail(name)
	}
	return h
}

func (f *fields) streams() []Stream {
	v, ok := f.tree["streams"]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) > MaxStreams {
		f.fail("streams")
		return nil
	}
	streams := make([]Stream, len(list))
	for i, item := range list {
		pair, _ := item.([]any)
		if len(pair) != 2 {
			f.fail("streams")
			return nil
		}
		streams[i].Prop, _ = pair[0].(string)
		streams[i].Cell, _ = pair[1].(string)
	}
	return streams
}
