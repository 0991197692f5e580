package unit

import (
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

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
func checkPlace(u *Unit, agent bool) error {
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
	if err := checkAddresses(u); err != nil {
		return err
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
	return checkVersionFields(u, agent)
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
	if err := checkAddresses(u); err != nil {
		return err
	}
	if err := checkRecipients(u); err != nil {
		return err
	}
	return checkWitnesses(u)
}

func checkAddresses(u *Unit) error {
	for i := range u.Authors {
		if !chash.Valid(u.Authors[i].Address) {
			return refuse("invalid author address")
		}
	}
	return nil
}

// checkWitnesses checks the order providers that a unit names itself. How many there must be the network says.
func checkWitnesses(u *Unit) error {
	if u.Witnesses != nil && len(u.Witnesses) == 0 {
		return refuse("no witnesses or not enough witnesses")
	}
	for i, w := range u.Witnesses {
		switch {
		case w == "":
			return refuse("witness address must be a string")
		case !chash.Valid(w):
			return refuse("witness address %s is invalid", w)
		case i > 0 && w <= u.Witnesses[i-1]:
			return refuse("wrong order of witnesses, or duplicates")
		}
	}
	return nil
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
func checkVersionFields(u *Unit, agent bool) error {
	if countsOversize(u.Version) {
		switch {
		case u.Witnesses != nil:
			return refuse("should have no per-unit witnesses since version 4.0")
		case u.WitnessListUnit != "":
			return refuse("should have no witness_list_unit since version 4.0")
		case u.TPSFee == nil && u.ContentHash == "" && !agent:
			return refuse("no tps_fee field")
		case u.TPSFee != nil && agent:
			return refuse("tps_fee in AA response")
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
	return checkWitnesses(u)
}

func checkAuthors(u *Unit, agent bool) error {
	if len(u.Authors) > MaxAuthors {
		return refuse("too many authors")
	}
	for i := range u.Authors {
		if i > 0 && u.Authors[i].Address <= u.Authors[i-1].Address {
			return refuse("author addresses not sorted")
		}
	}
	for i := range u.Authors {
		if err := u.Authors[i].check(u.ContentHash != "" || agent); err != nil {
			return err
		}
	}
	return nil
}

func (a *Author) check(unsigned bool) error {
	if len(a.Authentifiers) == 0 && !unsigned {
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
