package ledger

import (
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// shown is a definition that a unit has shown.
type shown struct {
	_    struct{} `cbor:",toarray"`
	JSON []byte
	MCI  int64 // of the first stable unit that shows it; none while there is none
}

// definition returns the definition that address is bound to at a stable main chain index, and its hash. The definition is
// nil if no unit has shown it by then (storage.js:750).
func (l *Ledger) definition(address byteball.Address, mci int64) (def any, bound byteball.Address) {
	bound = address
	if l.x.has(key(tChanged, []byte(address))) {
		prefix := key(tChange, []byte(address))
		from := append(slices.Clone(prefix), num(uint64(mci)+1)...)
		l.x.back(prefix, from, func(_, value []byte) bool {
			bound = byteball.Address(value)
			return false
		})
	}
	var s shown
	if !l.x.load(key(tDef, []byte(bound)), &s) || s.MCI == none || s.MCI > mci {
		return nil, bound
	}
	def, err := objecthash.ParseTree(s.JSON)
	l.x.note(err)
	return def, bound
}

// saveDefinitions notes what a new unit shows.
func (l *Ledger) saveDefinitions(u *unit.Unit) {
	for i := range u.Authors {
		a := &u.Authors[i]
		if a.Definition == nil {
			continue
		}
		hash := l.definitionHash(a)
		if l.x.has(key(tDef, []byte(hash))) {
			continue
		}
		w := objecthash.NewJSONWriter()
		w.Tree(a.Definition)
		l.x.note(w.Err())
		l.x.save(key(tDef, []byte(hash)), shown{JSON: slices.Clone(w.Bytes()), MCI: none})
		w.Free()
	}
}

// settleDefinitions makes what a stable unit shows and changes count from its index on.
func (l *Ledger) settleDefinitions(n *node) {
	for i := range n.u.Authors {
		a := &n.u.Authors[i]
		if a.Definition == nil {
			continue
		}
		k := key(tDef, []byte(l.definitionHash(a)))
		var s shown
		if l.x.load(k, &s) && s.MCI == none {
			s.MCI = n.MCI
			l.x.save(k, s)
		}
	}
	for i := range n.u.Messages {
		if address, to := changeIn(n.u, i); address != "" {
			l.x.set(key(tChange, []byte(address), num(uint64(n.MCI)), num(uint64(n.Level))), []byte(to))
			l.x.set(key(tChanged, []byte(address)), nil)
		}
	}
	l.settleFacts(n, n.u)
}

// changeIn returns the address whose definition message i of u changes, and the hash of the new one.
func changeIn(u *unit.Unit, i int) (address, to byteball.Address) {
	m := &u.Messages[i]
	p, _ := m.Payload.(map[string]any)
	if m.App != "address_definition_change" || p == nil {
		return "", ""
	}
	hash, _ := p["definition_chash"].(string)
	if given, ok := p["address"].(string); ok {
		return byteball.Address(given), byteball.Address(hash)
	}
	return u.Authors[0].Address, byteball.Address(hash)
}
