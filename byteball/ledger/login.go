package ledger

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
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
	case "hub/delete":
		p.acknowledged(q)
	case "hub/repeat_challenge":
		p.say("hub/challenge", p.challenge)
	case "light/new_address_to_watch":
		p.newAddress(q)
	case "joint":
		p.say("error", strayJoint(q))
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
