package unit

import (
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// maxResponses is how many answers of autonomous agents a unit may ask for.
const maxResponses = 10

// CheckHashes checks that u is named by its hash and that each payload has the hash that stands for it: all that a
// light client can check of a unit whose place it knows by a proof. Error: Invalid in the reference's words.
func (u *Unit) CheckHashes() error {
	if err := u.checkHash(); err != nil {
		return err
	}
	return u.checkPayloadHashes()
}

func (u *Unit) checkHash() error {
	if u.Unit == "" {
		return refuse("no unit")
	}
	if len(u.Unit) != HashLength {
		return refuse("wrong unit length")
	}
	h, err := u.Hash()
	if err != nil {
		return refuse("failed to calc unit hash: Error: %s", err)
	}
	if h != u.Unit {
		return refuse("wrong unit hash: %s != %s", h, u.Unit)
	}
	return nil
}

func (u *Unit) checkPayloadHashes() error {
	for i := range u.Messages {
		m := &u.Messages[i]
		if err := m.checkShape(); err != nil {
			return err
		}
		if m.PayloadLocation != "inline" {
			continue
		}
		h, err := m.HashPayload(u.Version)
		if err != nil {
			return refuse("failed to calc payload hash: Error: %s", err)
		}
		if h != m.PayloadHash {
			return refuse("wrong payload hash: expected %s, got %s", h, m.PayloadHash)
		}
	}
	return nil
}

func (m *Message) checkShape() error {
	switch {
	case m.PayloadLocation == "":
		return refuse("bad payload_location")
	case !slices.Contains([]string{"inline", "none", "uri"}, m.PayloadLocation):
		return refuse("invalid payload_location: %s", m.PayloadLocation)
	case len(m.PayloadHash) != HashLength:
		return refuse("wrong payload hash size")
	case m.PayloadLocation != "inline" && m.Payload != nil:
		return refuse("payload must be absent when payload_location is not inline")
	case m.PayloadLocation == "inline" && m.Payload == nil:
		return refuse("missing payload")
	}
	return nil
}

// CheckForm makes all checks of a new unit that need neither chain nor clock, in the reference's order and words: hashes,
// sizes, limits, shapes of fields, the rules of each app. It leaves to the ledger what depends on voted numbers
// (CheckFees), on time (a timestamp in the future, temporary data that is not there), on other units, and signatures.
// A unit without parents passes if it has the form of a genesis. Errors: Invalid; Transient for what the reference
// might accept another time.
func CheckForm(u *Unit) error { return checkForm(u, false) }

// checkForm checks a new unit, or a stable one, for which the rules of its time are left open.
func checkForm(u *Unit, stable bool) error {
	if err := u.checkHash(); err != nil {
		return err
	}
	agent := u.unsigned()
	if agent && !(stable && !isLegacy(u.Version)) {
		return byteball.Errorf(byteball.Transient, "possible AA")
	}
	if err := checkStrings(u); err != nil {
		return err
	}
	if err := checkContent(u, stable); err != nil {
		return err
	}
	if err := checkVersion(u); err != nil {
		return err
	}
	if err := checkPlace(u, agent); err != nil {
		return err
	}
	if err := checkAuthors(u, agent); err != nil {
		return err
	}
	return checkMessages(u, stable)
}

// unsigned reports whether u has one author who signed nothing: an autonomous agent, as far as one can see. Nodes make such
// units themselves and take them from nobody, but the chain holds them since version 2.0.
func (u *Unit) unsigned() bool {
	return len(u.Authors) == 1 && len(u.Authors[0].Authentifiers) == 0 && u.ContentHash == ""
}

func checkStrings(u *Unit) error {
	if !clean(u.Version, u.Alt, string(u.LastBall), string(u.LastBallUnit), string(u.WitnessListUnit), string(u.ContentHash)) ||
		!clean(u.ParentUnits...) || !clean(u.Witnesses...) {
		return objecthash.ErrString
	}
	for i := range u.Authors {
		a := &u.Authors[i]
		for path, sig := range a.Authentifiers {
			if !clean(path, sig) {
				return objecthash.ErrString
			}
		}
		if !clean(a.Address) || !wellFormed(a.Definition) {
			return objecthash.ErrString
		}
	}
	for i := range u.Messages {
		m := &u.Messages[i]
		if !wellFormed(m.Payload) || !wellFormed(m.SpendProofs) ||
			!clean(m.App, m.PayloadURI, string(m.PayloadURIHash), string(m.PayloadHash)) {
			return objecthash.ErrString
		}
	}
	return nil
}

// clean reports whether no text holds a zero byte.
func clean[T ~string](texts ...T) bool {
	for _, s := range texts {
		if strings.IndexByte(string(s), 0) >= 0 {
			return false
		}
	}
	return true
}

// clean reports whether no text of a payment holds a zero byte; addresses have none if they are valid.
func (p *Payment) clean() bool {
	for i := range p.Inputs {
		if !clean(p.Inputs[i].Unit) || !clean(p.Inputs[i].Address) {
			return false
		}
	}
	return clean(p.Asset)
}

// wellFormed reports whether no string of a tree holds a zero byte.
func wellFormed(v any) bool {
	switch v := v.(type) {
	case *Payment:
		return v.clean()
	case string:
		return strings.IndexByte(v, 0) < 0
	case []any:
		for _, e := range v {
			if !wellFormed(e) {
				return false
			}
		}
	case map[string]any:
		for k, e := range v {
			if strings.IndexByte(k, 0) >= 0 || !wellFormed(e) {
				return false
			}
		}
	}
	return true
}

// checkContent checks what a voided unit no longer has: commissions, messages, sizes.
func checkContent(u *Unit, stable bool) error {
	if u.ContentHash != "" {
		return checkVoid(u)
	}
	if err := checkStatedFees(u, stable); err != nil {
		return err
	}
	switch {
	case len(u.Messages) == 0:
		return refuse("missing or empty messages array")
	case len(u.Messages) > MaxMessages && !u.isGenesis():
		return refuse("too many messages")
	}
	if err := u.checkPayloadHashes(); err != nil {
		return err
	}
	for i := range u.Messages {
		if p, ok := u.Messages[i].Payload.(*Payment); ok && !p.wellShaped() {
			return refuse(badPayment)
		}
	}
	return checkSizes(u)
}

func checkVoid(u *Unit) error {
	if len(u.ContentHash) != HashLength {
		return refuse("wrong content_hash length")
	}
	if u.Messages != nil || u.Recipients != nil || u.HeadersCommission != 0 || u.PayloadCommission != 0 ||
		u.OversizeFee != 0 || u.TPSFee != nil || u.BurnFee != 0 || u.MaxAAResponses != nil {
		return refuse("unknown fields in nonserial unit")
	}
	return nil
}

func checkStatedFees(u *Unit, stable bool) error {
	switch {
	case u.HeadersCommission == 0:
		return refuse("no headers_commission")
	case u.PayloadCommission == 0:
		return refuse("no payload_commission")
	case u.MaxAAResponses == nil:
		return nil
	case *u.MaxAAResponses < 0:
		return refuse("bad max_aa_responses")
	case *u.MaxAAResponses > maxResponses:
		return byteball.Errorf(byteball.Transient, "max_aa_responses too large")
	case *u.MaxAAResponses == 0 && !stable:
		return byteball.Errorf(byteball.Transient, "max_aa_responses=0 not allowed in new units")
	}
	return nil
}

func (p *Payment) wellShaped() bool {
	if len(p.Outputs) == 0 || len(p.Inputs) == 0 || p.Asset != "" && len(p.Asset) != HashLength {
		return false
	}
	for i := range p.Outputs {
		if p.Outputs[i].Amount == 0 || !chash.Valid(p.Outputs[i].Address) {
			return false
		}
	}
	for i := range p.Inputs {
		switch p.Inputs[i].Type {
		case "", "issue", "headers_commission", "witnessing":
		default:
			return false
		}
	}
	return true
}

func checkSizes(u *Unit) error {
	headers, err := u.HeadersSize()
	if err != nil {
		return err
	}
	if headers != u.HeadersCommission {
		return refuse("wrong headers commission, expected %d", headers)
	}
	payload, err := u.PayloadSize()
	if err != nil {
		return err
	}
	if payload != u.PayloadCommission {
		return refuse("wrong payload commission, unit %s, expected %d", u.Unit, payload)
	}
	if headers+payload > MaxUnitLength && !u.isGenesis() && !u.unsigned() {
		return refuse("unit too large")
	}
	return nil
}
