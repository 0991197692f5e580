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
func CheckForm(u *Unit) error {
	for _, check := range []func(*Unit) error{
		(*Unit).checkHash, checkStrings, checkContent, checkVersion, checkPlace, checkAuthors, checkMessages,
	} {
		if err := check(u); err != nil {
			return err
		}
	}
	return nil
}

func checkStrings(u *Unit) error {
	if len(u.Authors) == 1 && len(u.Authors[0].Authentifiers) == 0 && u.ContentHash == "" {
		return byteball.Errorf(byteball.Transient, "possible AA")
	}
	for i := range u.Authors {
		a := &u.Authors[i]
		for path, sig := range a.Authentifiers {
			if !wellFormed(path) || !wellFormed(sig) {
				return objecthash.ErrString
			}
		}
		if !wellFormed(a.Definition) {
			return objecthash.ErrString
		}
	}
	for i := range u.Messages {
		m := &u.Messages[i]
		if !wellFormed(m.Payload) || !wellFormed(m.SpendProofs) || !wellFormed(m.App) || !wellFormed(m.PayloadURI) {
			return objecthash.ErrString
		}
	}
	return nil
}

// wellFormed reports whether no string of a tree holds a zero byte.
func wellFormed(v any) bool {
	switch v := v.(type) {
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
func checkContent(u *Unit) error {
	if u.ContentHash != "" {
		return checkVoid(u)
	}
	if err := checkStatedFees(u); err != nil {
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

func checkStatedFees(u *Unit) error {
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
	case *u.MaxAAResponses == 0:
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
	if headers+payload > MaxUnitLength && !u.isGenesis() {
		return refuse("unit too large")
	}
	return nil
}

func checkVersion(u *Unit) error {
	if len(u.Authors) == 0 {
		return refuse("missing or empty authors array")
	}
	switch series(u.Version) {
	case "1.0", "2.0", "3.0", "4.0":
	default:
		return refuse("wrong version")
	}
	if u.Alt != altOf(u.Version) {
		return refuse("wrong alt")
	}
	if !isLegacy(u.Version) && u.Timestamp <= 0 {
		return refuse("timestamp required in version %s", u.Version)
	}
	return nil
}

// altOf returns the letter of the network whose versions end like this one.
func altOf(version string) string {
	for _, n := range []byteball.Network{byteball.Live, byteball.Testnet, byteball.Dev} {
		if strings.TrimPrefix(version, series(version)) == strings.TrimPrefix(n.Version, series(n.Version)) {
			return n.Alt
		}
	}
	return ""
}

// isGenesis reports whether u has the form of a chain's first unit: no parents, and it issues the bytes.
func (u *Unit) isGenesis() bool {
	if u.ParentUnits != nil || u.LastBall != "" || u.LastBallUnit != "" {
		return false
	}
	for i := range u.Messages {
		p, ok := u.Messages[i].Payload.(*Payment)
		if ok && p.Asset == "" && len(p.Inputs) > 0 && p.Inputs[0].Type == "issue" {
			return true
		}
	}
	return false
}

// checkPlace checks parents, last ball and the fields that depend on the version.
func checkPlace(u *Unit) error {
	if u.isGenesis() {
		return checkGenesis(u)
	}
	switch {
	case len(u.ParentUnits) == 0:
		return refuse("missing or empty parent units array")
	case slices.ContainsFunc(u.ParentUnits, func(p byteball.Hash) bool { return len(p) != HashLength }):
		return refuse("wrong length of parent unit")
	case len(u.LastBall) != HashLength:
		return refuse("wrong length of last ball")
	case len(u.LastBallUnit) != HashLength:
		return refuse("wrong length of last ball unit")
	case u.WitnessListUnit != "" && u.Witnesses != nil:
		return refuse("ambiguous witnesses")
	}
	for i := range u.Authors {
		if !chash.Valid(u.Authors[i].Address) {
			return refuse("invalid author address")
		}
	}
	if u.ContentHash == "" {
		if err := checkRecipients(u); err != nil {
			return err
		}
	}
	if len(u.ParentUnits) > MaxParents {
		return refuse("too many parents: %d", len(u.ParentUnits))
	}
	for i := 1; i < len(u.ParentUnits); i++ {
		if u.ParentUnits[i] <= u.ParentUnits[i-1] {
			return refuse("parent units not ordered")
		}
	}
	return checkVersionFields(u)
}

func checkGenesis(u *Unit) error {
	switch {
	case u.OversizeFee != 0:
		return refuse("oversize_fee in genesis")
	case u.TPSFee != nil:
		return refuse("tps_fee in genesis")
	case u.BurnFee != 0:
		return refuse("burn_fee in genesis")
	case u.MaxAAResponses != nil:
		return refuse("max_aa_responses in genesis")
	}
	return checkRecipients(u)
}

func checkRecipients(u *Unit) error {
	if len(u.Authors) > 1 && u.Recipients == nil {
		return refuse("must specify earned_headers_commission_recipients when more than 1 author")
	}
	if u.Recipients == nil {
		return nil
	}
	total, previous := 0, byteball.Address("")
	for _, r := range u.Recipients {
		switch {
		case r.Share <= 0:
			return refuse("earned_headers_commission_share must be positive integer")
		case !chash.Valid(r.Address):
			return refuse("invalid recipient address checksum")
		case r.Address <= previous:
			return refuse("recipient list must be sorted by address")
		}
		total += min(r.Share, 101)
		previous = r.Address
	}
	if total != 100 {
		return refuse("sum of earned_headers_commission_share is not 100")
	}
	return nil
}

// checkVersionFields checks which fields a version has.
func checkVersionFields(u *Unit) error {
	if countsOversize(u.Version) {
		switch {
		case u.Witnesses != nil:
			return refuse("should have no per-unit witnesses since version 4.0")
		case u.WitnessListUnit != "":
			return refuse("should have no witness_list_unit since version 4.0")
		case u.TPSFee == nil && u.ContentHash == "":
			return refuse("no tps_fee field")
		}
		return nil
	}
	switch {
	case u.Witnesses == nil && u.WitnessListUnit == "":
		return refuse("should have either witnesses or witness_list_unit")
	case u.OversizeFee != 0:
		return refuse("oversize_fee not charged before version 4.0")
	case u.TPSFee != nil:
		return refuse("tps_fee not charged before version 4.0")
	case u.BurnFee != 0:
		return refuse("burn_fee not paid before version 4.0")
	}
	return nil
}

func checkAuthors(u *Unit) error {
	if len(u.Authors) > MaxAuthors {
		return refuse("too many authors")
	}
	for i := range u.Authors {
		if i > 0 && u.Authors[i].Address <= u.Authors[i-1].Address {
			return refuse("author addresses not sorted")
		}
	}
	for i := range u.Authors {
		if err := u.Authors[i].check(u.ContentHash != ""); err != nil {
			return err
		}
	}
	return nil
}

func (a *Author) check(void bool) error {
	if len(a.Authentifiers) == 0 && !void {
		return refuse("no authentifiers")
	}
	for _, sig := range a.Authentifiers {
		if sig == "" {
			return refuse("authentifiers must be nonempty strings")
		}
		if objecthash.StringLength(sig) > MaxAuthentifier {
			return refuse("authentifier too long")
		}
	}
	if a.Definition == nil {
		return nil
	}
	definition, _ := a.Definition.([]any)
	if len(definition) == 0 {
		return refuse("bad type of definition")
	}
	if definition[0] == "autonomous agent" {
		return refuse("AA cannot be defined in authors")
	}
	return nil
}
