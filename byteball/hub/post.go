package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Refusal is a hub's own error text. Its kind (errors.Is) follows from the text: Transient for what may pass later,
// Stale for a double spend, Invalid else.
type Refusal struct {
	Hub     string
	Command string
	Text    string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("hub %s refused %s: %s", r.Hub, r.Command, r.Text)
}

// Refused returns the hub's words. An error that has this method is a hub's no; any other may hide a yes.
func (r *Refusal) Refused() string { return r.Text }

// Unwrap gives the kind of r.
func (r *Refusal) Unwrap() error {
	for _, k := range kinds {
		if strings.Contains(r.Text, k.text) {
			return k.kind
		}
	}
	if r.Command != "post_joint" && strings.Contains(r.Text, "not found") {
		return byteball.NotFound
	}
	return byteball.Invalid
}

// kinds are the beginnings or parts of the reference's error texts (validation.js, network.js, light.js) that are not
// final. All others are.
var kinds = []struct {
	text string
	kind error
}{
	{"would be non-serial", byteball.Stale},
	{": conflicting ", byteball.Stale}, // an input that a unit among the parents spends
	{"tps fee on address", byteball.Transient},
	{"timestamp is too far into the future", byteball.Transient},
	{"last ball just advanced", byteball.Transient},
	{"already handling this unit", byteball.Transient},
	{"is stable and before last ball", byteball.Transient},
	{"unknown parents", byteball.Transient},
	{"more than 1 primary AA trigger", byteball.Transient},
	{"try again", byteball.Transient},
	{"unable to find parents", byteball.Transient},
	{"underpay the tps fee", byteball.Transient},
	{"no usable free units", byteball.Transient},
	{"too few witness authored units", byteball.Transient},
	{"too many requests", byteball.Transient},
	{"busy", byteball.Transient},
	{"internal error", byteball.Transient},
}

// Post hands a signed unit to the hub and returns nil once the hub has it, also if it had it before. That it has it
// means nothing until the unit is stable.
// Errors: Stale: it would be a double spend in the hub's eyes; Transient: fees too low for the moment, parents unknown
// there, hub away; else Invalid with the hub's words, in a *Refusal.
func (c *Client) Post(ctx context.Context, u *unit.Unit) error {
	body, conn, err := c.ask(ctx, "post_joint", struct {
		Unit *unit.Unit `json:"unit"`
	}{u})
	var r *Refusal
	switch {
	case errors.As(err, &r) && (r.Text == "known" || strings.HasSuffix(r.Text, "already exists")):
		return nil
	case err != nil:
		return fmt.Errorf("post unit %s: %w", u.Unit, err)
	}
	var text string
	if json.Unmarshal(body, &text) != nil || text != "accepted" {
		return fmt.Errorf("post unit %s: hub %s answered %s: %w", u.Unit, conn.url, short(body), byteball.Transient)
	}
	return nil
}
