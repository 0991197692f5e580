// Package joint checks joints and units of the ledger, of every version, as far as that goes without a chain: the hash that
// names a unit, the hashes of its payloads, its sizes, its form by the rules of its version, and the signatures of the
// authors whose definition it brings along.
//
// It leaves to a full node (package ledger) what hangs on other units: parents, last ball, the money behind the inputs, tps
// fees, the definitions of authors that were disclosed before, balls. A unit is never called wrong for what a chain might
// make good. So a definition that does not hash to its author's address passes, since he may have changed his definition,
// and a unit that passes is not for that true: an author whose definition is not there is not asked for a signature.
//
// Called by iotverse ledger check, and by whoever takes units from a file or a stranger. The package is pure.
package joint

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Rules are what a check takes from outside. The zero Rules leave out what hangs on them.
type Rules struct {
	Now           int64  // Unix seconds; with it units of a time to come are refused, and new temporary data without the data
	ThresholdSize uint64 // bytes, what the network voted for (unit.ThresholdSize at first); with it oversize fees are checked
}

const (
	maxAhead  = 5         // seconds that a unit may be ahead of the clock
	tempLives = 24 * 3600 // seconds for which temporary data must be there
)

// Check checks one joint, or a unit alone, in JSON. It returns the hash that the unit should have, which is worked out from
// the text even if the unit is wrong; it is "" if there is nothing that can be hashed.
// Errors, in the reference's words (validation.js): byteball.Invalid for what is wrong for ever; byteball.Transient for
// what the reference might accept at another time.
func Check(data []byte, r Rules) (byteball.Hash, error) {
	j, err := unit.ParseJoint(data)
	if err != nil {
		return nameless(data, err)
	}
	if err := checkJoint(j, r); err != nil {
		h, _ := j.Unit.Hash()
		return h, err
	}
	return j.Unit.Unit, nil
}

// nameless is the answer about a text that cannot be read as a joint. As in the reference a wrong hash is found first.
func nameless(data []byte, cause error) (byteball.Hash, error) {
	tree, err := objecthash.ParseLoose(data)
	if err != nil {
		return "", cause
	}
	tree = unit.UnitTree(tree)
	m, _ := tree.(map[string]any)
	stated, _ := m["unit"].(string)
	h, err := unit.HashTree(tree)
	switch {
	case len(stated) != unit.HashLength:
		return h, cause
	case err != nil:
		return "", byteball.Errorf(byteball.Invalid, "failed to calc unit hash: Error: %s", err)
	case string(h) != stated:
		return h, byteball.Errorf(byteball.Invalid, "wrong unit hash: %s != %s", h, stated)
	}
	return h, cause
}

func checkJoint(j *unit.Joint, r Rules) error {
	if err := j.CheckForm(); err != nil {
		return err
	}
	u := j.Unit
	if r.Now != 0 && u.Version[:1] != "1" && u.Timestamp > r.Now+maxAhead {
		return byteball.Errorf(byteball.Transient, "timestamp is too far into the future")
	}
	if r.ThresholdSize != 0 && u.TPSFee != nil {
		if err := unit.CheckFees(u, unit.SystemVars{ThresholdSize: r.ThresholdSize}); err != nil {
			return err
		}
	}
	if err := checkAuthors(u); err != nil {
		return err
	}
	return checkTempData(u, r.Now)
}

// checkTempData wants temporary data to be there as long as nobody may have thrown it away.
func checkTempData(u *unit.Unit, now int64) error {
	if now == 0 || now-u.Timestamp >= tempLives {
		return nil
	}
	for i := range u.Messages {
		payload, _ := u.Messages[i].Payload.(map[string]any)
		if _, given := payload["data"]; u.Messages[i].App == "temp_data" && !given {
			return byteball.Errorf(byteball.Transient, "data not found in temp_data")
		}
	}
	return nil
}
