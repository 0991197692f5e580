package protocol

import (
	"fmt"
	"slices"
	"strings"
)

// Roles that a stream of readings can have, and media that a quantity can be of, as offers, demands and classes name them.
// An empty role is RoleMeasured, an empty medium is none or any. The words are those of package market/classify.
const RoleMeasured = "measured"

var (
	roles = []string{RoleMeasured, "setpoint", "command", "status", "alarm", "limit"}
	media = []string{"room", "supply", "return", "outside", "mixed", "exhaust", "water", "steam", "ground"}
)

// Roles and Media list the words that CheckLabels takes, beside the empty one.
func Roles() []string { return slices.Clone(roles) }

// Media lists the media.
func Media() []string { return slices.Clone(media) }

// RoleOf is a role with the empty one spelt out.
func RoleOf(role string) string {
	if role == "" {
		return RoleMeasured
	}
	return role
}

// MaxTitle bounds a title, in bytes; MaxNumber the digits of a number in it: enough for a floor or a room, too few for a
// serial number, a telephone or a house in a city.
const (
	MaxTitle  = 64
	MaxNumber = 3
)

// CheckTitle returns Invalid unless a title is short and of the few signs that names of points need: small letters, digits,
// and " -.,%/". Which words it may have is market/classify's to say (Impersonal).
func CheckTitle(title string) error {
	if len(title) > MaxTitle || strings.Trim(title, "abcdefghijklmnopqrstuvwxyz0123456789 -.,%/") != "" {
		return fmt.Errorf("title %.70q: want at most %d of a-z 0-9 space - . , %% /: %w", title, MaxTitle, Invalid)
	}
	digits := 0
	for _, c := range title {
		if digits++; c < '0' || c > '9' {
			digits = 0
		}
		if digits > MaxNumber {
			return fmt.Errorf("title %q: a number of more than %d digits: %w", title, MaxNumber, Invalid)
		}
	}
	return nil
}

// CheckLabels returns Invalid unless medium and role are empty or of the lists.
func CheckLabels(what, medium, role string) error {
	if medium != "" && !slices.Contains(media, medium) {
		return fmt.Errorf("%s: medium %.20q, want one of %v: %w", what, medium, media, Invalid)
	}
	if role != "" && !slices.Contains(roles, role) {
		return fmt.Errorf("%s: role %.20q, want one of %v: %w", what, role, roles, Invalid)
	}
	return nil
}
