package ledger

import (
	"slices"
	"strings"
	"unicode"

	"github.com/fxamacker/cbor/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Bounds of what is found by light/get_attestation (constants.js).
const (
	maxProfileField = 50
	maxProfileValue = 100
)

// attestation is one entry of the table of attestations.
type attestation struct {
	_        struct{} `cbor:",toarray"`
	Unit     byteball.Hash
	Attestor byteball.Address
	Profile  []byte // JSON
}

// feed is one value of a data feed.
type feed struct {
	_     struct{} `cbor:",toarray"`
	Unit  byteball.Hash
	Value []byte // JSON
}

// saveNew writes a unit that was just added to the graph.
func (l *Ledger) saveNew(n *node, s spent) {
	data, err := encode(n.u)
	l.x.note(err)
	l.x.set(key(tJoint, raw(n.Unit)), data)
	l.x.save(key(tNode, raw(n.Unit)), n.fresh())
	if n.BestParent != "" {
		l.x.set(key(tTail, num(n.seq)), raw(n.Unit))
		l.x.set(key(tChild, raw(n.BestParent), raw(n.Unit)), nil)
	}
	for _, a := range n.Authors {
		l.x.set(key(tLast, []byte(a)), raw(n.Unit))
	}
	l.moveMoney(n.u, s)
	l.saveDefinitions(n.u)
	l.saveAttestations(n)
}

// fresh is n as it is stored while it is not stable: without what the main chain says of it.
func (n *node) fresh() *node {
	c := *n
	if !c.Stable {
		c.MCI, c.Included, c.OnMain = none, none, false
	}
	return &c
}

// saveAttestations writes what is found whether the unit is stable or not: attestations and profiles (writer.js:200).
func (l *Ledger) saveAttestations(n *node) {
	by := []byte(n.u.Authors[0].Address)
	for i := range n.u.Messages {
		m := &n.u.Messages[i]
		payload, ok := m.Payload.(map[string]any)
		switch {
		case m.App == "profile":
			l.x.set(key(tProfile, by, num(n.seq)), raw(n.Unit))
		case m.App == "attestation" && ok:
			address, _ := payload["address"].(string)
			profile, _ := payload["profile"].(map[string]any)
			record, err := cbor.Marshal(attestation{Unit: n.Unit, Attestor: n.u.Authors[0].Address, Profile: l.json(profile)})
			l.x.note(err)
			l.x.set(key(tAttested, []byte(address), num(n.seq), num(uint64(i))), record)
			for field, v := range profile {
				if value, ok := v.(string); ok && searchable(field, maxProfileField) && searchable(value, maxProfileValue) {
					l.x.set(fieldKey(by, field, value), raw(n.Unit))
				}
			}
		}
	}
}

// searchable says whether an attested field or value is kept for search.
func searchable(s string, longest int) bool {
	return short(s, longest) && s == trim(s)
}

func fieldKey(attestor []byte, field, value string) []byte {
	return key(tField, attestor, num(uint64(len(field))), []byte(field), []byte(value))
}

// json writes a tree.
func (l *Ledger) json(tree any) []byte {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	w.Tree(tree)
	l.x.note(w.Err())
	return slices.Clone(w.Bytes())
}

// indexStable writes what is looked up about stable units.
func (l *Ledger) indexStable(n *node) {
	for a := range addresses(n.u) {
		l.x.set(key(tUsed, []byte(a), num(uint64(n.MCI)), num(uint64(n.Level)), raw(n.Unit)), nil)
	}
	for _, a := range n.Authors {
		if k := key(tSeen, []byte(a)); !l.x.has(k) {
			l.x.set(k, num(uint64(n.MCI)))
		}
	}
	l.settleDefinitions(n)
	for i := range n.u.Messages {
		feeds, ok := n.u.Messages[i].Payload.(map[string]any)
		if !ok || n.u.Messages[i].App != "data_feed" {
			continue
		}
		for name, v := range feeds {
			record := feed{Unit: n.Unit, Value: l.json(v)}
			for _, a := range n.Authors {
				l.x.save(key(tFeed, []byte(a), feedName(name), num(^uint64(n.MCI))), record)
			}
		}
	}
}

// feedName is a name in a key: no name contains a line feed.
func feedName(name string) []byte { return append([]byte(name), '\n') }

// addresses returns the authors of u and those it pays to.
func addresses(u *unit.Unit) map[byteball.Address]bool {
	all := map[byteball.Address]bool{}
	for i := range u.Authors {
		all[u.Authors[i].Address] = true
	}
	for i := range u.Messages {
		if p, ok := u.Messages[i].Payload.(*unit.Payment); ok {
			for _, o := range p.Outputs {
				all[o.Address] = true
			}
		}
	}
	return all
}

// trim takes white space away as JavaScript's trim does.
func trim(s string) string { return strings.TrimFunc(s, isSpace) }

// isSpace differs from unicode.IsSpace in two characters.
func isSpace(r rune) bool { return r == '\ufeff' || r != '\u0085' && unicode.IsSpace(r) }

// short says whether s has at most so many UTF-16 code units.
func short(s string, longest int) bool { return objecthash.StringLength(s) <= longest }
