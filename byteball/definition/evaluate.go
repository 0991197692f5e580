package definition

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// evaluation is one run over parsed conditions. All options are looked at, even where the outcome is clear, so that a
// wrong signature is found wherever it stands.
type evaluation struct {
	env      Env
	address  byteball.Address // "this address"; none in an asset's condition
	asset    byteball.Hash    // "this asset"; none in an address's definition
	auth     map[string]string
	used     []string                         // paths of the authentifiers looked at
	wrong    error                            // the last authentifier that was wrong
	resolved map[unit.OutPoint]*ResolvedInput // Env.Inputs, once they were needed
	complete bool                             // no input is missing among them
}

// take returns the authentifier at path and marks it as used.
func (e *evaluation) take(path string) (string, bool) {
	a := e.auth[path]
	if a == "" {
		return "", false
	}
	e.used = append(e.used, path)
	return a, true
}

// never is a condition that nothing meets.
type never struct{}

func (never) holds(*evaluation) (bool, error) { return false, nil }
