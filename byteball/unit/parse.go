package unit

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// Parse reads a unit from JSON. It accepts exactly what a Unit can hold and MarshalJSON would write again; whether the
// unit is in order is for CheckForm. Errors, all Invalid: those of objecthash.ParseTree and FromTree.
func Parse(data []byte) (*Unit, error) {
	if u := readQuick(data); u != nil {
		return u, nil
	}
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return nil, err
	}
	return FromTree(tree)
}

// CheckFields refuses a unit's tree with unknown or ill-typed fields, in the reference's words.
func CheckFields(tree any) error {
	_, err := FromTree(tree)
	return err
}

// FromTree makes a unit of a tree from objecthash.ParseTree, whose untyped parts it keeps. Amounts are integers of at
// most MaxBytes. Error: Invalid in the reference's words for an unknown or ill-typed field.
func FromTree(tree any) (*Unit, error) {
	m, ok := tree.(map[string]any)
	if !ok || len(m) == 0 {
		return nil, refuse("no unit")
	}
	r := reader{}
	u := r.unit(m)
	if r.err != nil {
		return nil, r.err
	}
	return u, nil
}

// reader keeps the first error of a tree.
type reader struct{ err error }

func (r *reader) refuse(format string, args ...any) {
	if r.err == nil {
		r.err = refuse(format, args...)
	}
}

// only refuses fields that are not named.
func (r *reader) only(m map[string]any, what string, fields ...string) {
	if r.err != nil {
		return
	}
	for k := range m {
		if !slices.Contains(fields, k) {
			r.refuse("unknown fields in %s", what)
			return
		}
	}
}

// text returns a string of at least one character, or "" where the field is absent.
func (r *reader) text(m map[string]any, key, complaint string) string {
	v, present := m[key]
	s, ok := v.(string)
	if present && (!ok || s == "") {
		r.refuse("%s", complaint)
	}
	return s
}

func asHash(r *reader, m map[string]any, key, complaint string) byteball.Hash {
	return byteball.Hash(r.text(m, key, complaint))
}

// whole returns an integer within bounds, 0 and false where the field is absent or refused.
func (r *reader) whole(m map[string]any, key string, low, high float64, complaint string) (uint64, bool) {
	v, present := m[key]
	if !present {
		return 0, false
	}
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || f < low || f > high {
		r.refuse("%s", complaint)
		return 0, false
	}
	return uint64(f), true
}

// must is whole for a field that has to be there.
func (r *reader) must(m map[string]any, key string, low, high float64, complaint string) uint64 {
	v, ok := r.whole(m, key, low, high, complaint)
	if !ok {
		r.refuse("%s", complaint)
	}
	return v
}

const (
	maxAmount  = float64(byteball.MaxBytes)
	maxIndex   = 1<<31 - 1 // of a message, an output or a main chain unit
	maxInteger = 1<<53 - 1
)

// fee reads an optional amount of at least low.
func (r *reader) fee(m map[string]any, key string, low float64, complaint string) *byteball.Bytes {
	v, ok := r.whole(m, key, low, maxAmount, complaint)
	if !ok {
		return nil
	}
	b := byteball.Bytes(v)
	return &b
}

func value(b *byteball.Bytes) byteball.Bytes {
	if b == nil {
		return 0
	}
	return *b
}

// texts reads a list of strings; nil where the field is absent.
func texts[T ~string](r *reader, m map[string]any, key, complaint string) []T {
	v, present := m[key]
	if !present {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		r.refuse("%s", complaint)
	}
	out := make([]T, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			r.refuse("%s", complaint)
		}
		out[i] = T(s)
	}
	return out
}

var (
	unitFields = []string{"unit", "version", "alt", "timestamp", "authors", "messages", "witness_list_unit", "witnesses",
		"earned_headers_commission_recipients", "last_ball", "last_ball_unit", "parent_units", "headers_commission",
		"payload_commission", "oversize_fee", "tps_fee", "burn_fee", "max_aa_responses", "main_chain_index",
		"actual_tps_fee"}
	voidFields = []string{"unit", "version", "alt", "timestamp", "authors", "witness_list_unit", "witnesses",
		"content_hash", "parent_units", "last_ball", "last_ball_unit", "main_chain_index", "actual_tps_fee"}
)

func (r *reader) unit(m map[string]any) *Unit {
	u := &Unit{
		Unit:        asHash(r, m, "unit", "invalid unit"),
		Version:     r.text(m, "version", "invalid version"),
		ContentHash: asHash(r, m, "content_hash", "wrong content_hash length"),
	}
	if u.Version == "" {
		r.refuse("invalid version")
	}
	if u.ContentHash != "" {
		r.only(m, "nonserial unit", voidFields...)
	} else {
		r.only(m, "unit", unitFields...)
		r.fees(m, u)
		u.Messages = r.messages(m)
	}
	r.served(m, u)
	u.Authors = r.authors(m)
	u.Alt = r.text(m, "alt", "wrong alt")
	if u.Alt == "" {
		r.refuse("wrong alt")
	}
	complaint := "timestamp required in version " + u.Version
	if isLegacy(u.Version) {
		complaint = "bad timestamp"
	}
	timestamp, _ := r.whole(m, "timestamp", 1, maxInteger, complaint)
	u.Timestamp = int64(timestamp)
	u.ParentUnits = texts[byteball.Hash](r, m, "parent_units", "missing or empty parent units array")
	u.LastBall = asHash(r, m, "last_ball", "wrong length of last ball")
	u.LastBallUnit = asHash(r, m, "last_ball_unit", "wrong length of last ball unit")
	u.WitnessListUnit = asHash(r, m, "witness_list_unit", "bad witness_list_unit")
	u.Witnesses = texts[byteball.Address](r, m, "witnesses", "bad witnesses")
	u.Recipients = r.recipients(m)
	return u
}

func (r *reader) fees(m map[string]any, u *Unit) {
	u.HeadersCommission = value(r.fee(m, "headers_commission", 1, "wrong headers commission"))
	u.PayloadCommission = value(r.fee(m, "payload_commission", 1, "wrong payload commission"))
	u.OversizeFee = value(r.fee(m, "oversize_fee", 1, "bad oversize_fee"))
	u.TPSFee = r.fee(m, "tps_fee", 0, "bad tps_fee")
	u.BurnFee = value(r.fee(m, "burn_fee", 1, "bad burn_fee"))
	if n, ok := r.whole(m, "max_aa_responses", 0, maxIndex, "bad max_aa_responses"); ok {
		responses := int64(n)
		u.MaxAAResponses = &responses
	}
}

// served reads what a node adds to a unit; a null stands for nothing there.
func (r *reader) served(m map[string]any, u *Unit) {
	if m["main_chain_index"] != nil {
		if n, ok := r.whole(m, "main_chain_index", 0, maxIndex, "bad main_chain_index"); ok {
			u.MainChainIndex = &n
		}
	}
	if m["actual_tps_fee"] != nil {
		u.ActualTPSFee = r.fee(m, "actual_tps_fee", 0, "bad actual_tps_fee")
	}
}

func (r *reader) authors(m map[string]any) []Author {
	list, ok := m["authors"].([]any)
	if !ok {
		r.refuse("missing or empty authors array")
	}
	authors := make([]Author, len(list))
	for i, e := range list {
		a, _ := e.(map[string]any)
		r.only(a, "author", "address", "authentifiers", "definition")
		authors[i].Address = byteball.Address(r.text(a, "address", "invalid author address"))
		if authors[i].Address == "" {
			r.refuse("invalid author address")
		}
		authors[i].Authentifiers = r.authentifiers(a)
		if v, present := a["definition"]; present {
			if definition, _ := v.([]any); len(definition) == 0 {
				r.refuse("bad type of definition")
			}
			authors[i].Definition = v
		}
	}
	return authors
}

func (r *reader) authentifiers(author map[string]any) map[string]string {
	v, present := author["authentifiers"]
	if !present {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		r.refuse("no authentifiers")
	}
	sigs := make(map[string]string, len(m))
	for path := range m {
		sigs[path] = r.text(m, path, "authentifiers must be nonempty strings")
	}
	return sigs
}

func (r *reader) recipients(m map[string]any) []Recipient {
	v, present := m["earned_headers_commission_recipients"]
	if !present {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		r.refuse("empty earned_headers_commission_recipients array")
	}
	recipients := make([]Recipient, len(list))
	for i, e := range list {
		recipient, _ := e.(map[string]any)
		share := r.must(recipient, "earned_headers_commission_share", 1, maxIndex,
			"earned_headers_commission_share must be positive integer")
		r.only(recipient, "recipient", "address", "earned_headers_commission_share")
		address := r.text(recipient, "address", "invalid recipient address checksum")
		if address == "" {
			r.refuse("invalid recipient address checksum")
		}
		recipients[i] = Recipient{byteball.Address(address), int(share)}
	}
	return recipients
}
