//lint:file-ignore ST1012 callers read errors.Is(err, byteball.Invalid); a prefix would only lengthen it

package byteball

import (
	"errors"
	"fmt"
)

// The kinds of error. Callers use errors.Is; everything else about an error is for people.
var (
	Invalid   = errors.New("invalid")          // wrong for everybody and for ever
	Stale     = errors.New("stale")            // too old, superseded or already known
	NotFound  = errors.New("not found")        // not here, perhaps elsewhere
	Funds     = errors.New("not enough money") // the text says how much is missing
	Transient = errors.New("try again later")  // the only kind that is worth a retry
)

// Errorf returns an error of the given kind whose text is exactly the formatted one. The ledger answers with the reference
// node's texts word for word; wrapping the kind with %w would add its name to them.
func Errorf(kind error, format string, args ...any) error {
	return &refusal{kind: kind, text: fmt.Sprintf(format, args...)}
}

type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }
