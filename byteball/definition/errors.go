package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/byteball"
)

// refusal is a text of the reference, word for word.
type refusal string

func (r refusal) Error() string { return string(r) }
func (r refusal) Unwrap() error { return byteball.Invalid }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// leftOut is an operator that the reference knows and this package does not.
type leftOut string

func (o leftOut) Error() string   { return fmt.Sprintf("operator %q is not supported", string(o)) }
func (o leftOut) Unwrap() []error { return []error{byteball.Invalid, errors.ErrUnsupported} }

func unsupported(op string) error { return leftOut(op) }

// unused says that some of auth satisfied nothing; ok is what the definition would have come to.
func unused(ok bool, used []string, auth map[string]string) error {
	return refuse("some authentifiers are not used, res=%v, used=%s, passed=%s", ok, strings.Join(used, ","), stringify(auth))
}

// stringify is JSON as the reference prints it in its texts. Keys come out sorted, as they mostly stand in a unit.
func stringify(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // what came out of JSON always encodes
	return strings.TrimSpace(b.String())
}
