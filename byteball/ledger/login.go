package ledger

import (
	"crypto/sha256"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// hear takes a justsaying; false ends the connection (network.js:2679). Other subjects are for full nodes.
func (p *peer) hear(f frame) bool {
	q, err := readParams(f.Body)
	if err != nil {
		p.say("error", err.Error())
		return true
	}
	switch f.Subject {
	case "version":
		return p.version(q)
	case "hub/login":
		p.login(q)
	case "hub/refresh":
		p.messages()
	case "light/new_address_to_watch":
		p.newAddress(q)
	case "joint":
		p.say("error", "this ledger takes units by post_joint only")
	}
	return true
}

func (p *peer) version(q params) bool {
	net := p.s.l.net
	protocol, alt := q.text("protocol_version"), q.text("alt")
	switch {
	case q.tree == nil:
		return true
	case q.text("library_version") == "":
		p.say("error", "invalid library_version")
	case !slices.Contains(net.Reads, protocol):
		p.say("error", "Incompatible versions, I support "+net.Version+", yours "+protocol)
	case alt != net.Alt:
		p.say("error", "Incompatible alts, mine "+net.Alt+", yours "+alt)
	default:
		return true
	}
	return false
}

func (p *peer) newAddress(q params) {
	a, ok := addressIn(q.tree)
	switch {
	case !ok:
		p.say("error", "address not valid")
	case !p.s.watch(p, []byteball.Address{a}, nil):
		p.say("error", "too many addresses are watched")
	default:
		p.say("info", "now watching "+string(a))
	}
}

// login makes the connection that of a device. Messages between devices are not kept here.
func (p *peer) login(q params) {
	if q.text("challenge") != p.challenge {
		p.say("error", "wrong challenge")
		return
	}
	if text := signed(q); text != "" {
		p.say("error", text)
		return
	}
	p.device = chash.DeviceAddress(q.text("pubkey"))
	p.say("system_vars", p.s.l.systemVars())
	p.say("hub/push_project_number", map[string]any{"projectNumber": 0, "hasKeyId": false})
	p.messages()
}

// messages answers that there are none.
func (p *peer) messages() {
	if p.device == "" {
		p.say("error", "please log in first")
		return
	}
	p.say("info", "0 messages sent")
	p.say("hub/message_box_status", "empty")
}

// tempKey takes a device's temporary key, for which there is no use while messages are not kept.
func tempKey(p *peer, q params) (any, error) {
	if p.device == "" {
		return nil, refuse("please log in first")
	}
	if text := signed(q); text != "" {
		return nil, refuse("%s", text)
	}
	if chash.DeviceAddress(q.text("pubkey")) != p.device {
		return nil, refuse("signed by another pubkey")
	}
	return "updated", nil
}

// signed checks the signature of a device's message over all its other fields; the text says what is wrong.
func signed(q params) string {
	const keyLength, sigLength = 44, 88
	pubkey, sig := q.text("pubkey"), q.text("signature")
	switch {
	case pubkey == "" || sig == "":
		return "no login params"
	case len(pubkey) != keyLength:
		return "wrong pubkey length"
	case len(sig) != sigLength:
		return "wrong signature length"
	}
	rest := map[string]any{}
	for k, v := range q.tree.(map[string]any) {
		if k != "signature" && v != nil {
			rest[k] = v
		}
	}
	source, err := objecthash.Source(rest)
	if err != nil {
		return "message hash failed: Error: " + err.Error()
	}
	if !unit.VerifySig(sha256.Sum256([]byte(source)), sig, pubkey) {
		return "wrong signature"
	}
	return ""
}
