package device

import (
	"strings"

	"github.com/iotverse/iotverse/byteball/objecthash"
)

// Pairing is what one device gives another, as text or as QR code, so that the other can write to it.
type Pairing struct {
	Pubkey string // permanent key, base64
	Hub    string // where its box is, without scheme: "obyte.org/bb"
	Secret string // proves to it that the other one has the code
}

// String is the code: pubkey@hub#secret.
func (p Pairing) String() string { return p.Pubkey + "@" + p.Hub + "#" + p.Secret }

// ParsePairing reads a code, with or without a scheme as in "obyte:pubkey@hub#secret". Error: Invalid says what is wrong.
func ParsePairing(code string) (Pairing, error) {
	code = strings.TrimSpace(code)
	if scheme, rest, ok := strings.Cut(code, ":"); ok && (scheme == "obyte" || scheme == "byteball" || scheme == "obyte-tn" || scheme == "byteball-tn") {
		code = rest
	}
	pubkey, rest, ok := strings.Cut(code, "@")
	key, err := decode(pubkey)
	if !ok || err != nil || len(key) != 33 || encode(key) != pubkey {
		return Pairing{}, refuse("pairing code %.60q: it begins with a key of 44 base64 characters and @", code)
	}
	hub, secret, ok := strings.Cut(strings.Replace(rest, "%23", "#", 1), "#")
	if !ok || secret == "" || len(secret) > maxName {
		return Pairing{}, refuse("pairing code %.60q: it ends with # and a secret of 1 to %d characters", code, maxName)
	}
	if err := CheckHub(hub); err != nil {
		return Pairing{}, err
	}
	return Pairing{pubkey, hub, secret}, nil
}

// CheckHub checks the name of a hub: host, port and path, no scheme, at most 200 letters, digits and .:/_- or [] of an IPv6
// address. Error: Invalid.
func CheckHub(hub string) error {
	if hub == "" || len(hub) > maxHub {
		return refuse("hub of %d characters, want 1 to %d", len(hub), maxHub)
	}
	for _, c := range hub {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-[]", c) {
			return refuse("hub %.60q: %q does not belong there", hub, c)
		}
	}
	if strings.Contains(hub, "//") || hub[0] == '/' || hub[0] == ':' {
		return refuse("hub %.60q: want host, port and path, such as obyte.org/bb", hub)
	}
	return nil
}

// SubjectPairing is the subject of a pairing message.
const SubjectPairing = "pairing"

// Introduction is the body of a pairing message: who has a code introduces himself.
type Introduction struct {
	Secret  string `json:"pairing_secret"`                   // of the code
	Name    string `json:"device_name"`                      // for people, 1..100 characters
	Reverse string `json:"reverse_pairing_secret,omitempty"` // asks for a pairing message in return, with this secret
}

// Tree is the body as a message carries it.
func (i Introduction) Tree() any {
	t := map[string]any{"pairing_secret": i.Secret, "device_name": i.Name}
	if i.Reverse != "" {
		t["reverse_pairing_secret"] = i.Reverse
	}
	return t
}

// Introduction reads a pairing message; whether its secret is right is for the caller. Error: Invalid with the reference's
// text (device.js:798).
func (m Message) Introduction() (Introduction, error) {
	f, _ := m.Body.(map[string]any)
	i := Introduction{Secret: text(f, "pairing_secret"), Name: text(f, "device_name"), Reverse: text(f, "reverse_pairing_secret")}
	_, reverse := f["reverse_pairing_secret"]
	switch {
	case i.Secret == "":
		return i, refuse("correspondent not known and no pairing secret")
	case m.Hub == "":
		return i, refuse("no device_hub when pairing")
	case len(m.Hub) > maxHub:
		return i, refuse("device_hub too long")
	case CheckHub(m.Hub) != nil:
		return i, refuse("invalid device_hub URL")
	case i.Name == "":
		return i, refuse("no device_name when pairing")
	case len(i.Name) > maxName && objecthash.StringLength(i.Name) > maxName:
		return i, refuse("device_name too long")
	case reverse && i.Reverse == "":
		return i, refuse("bad reverse pairing secret")
	}
	return i, nil
}
