package ledger

import (
	"fmt"
	"math"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// tFact is the table of facts that definitions ask for. They are written when a unit becomes stable, and the value, where
// there is one, is the main chain index from which the fact holds.
const tFact = 'q'

// The second byte of a fact's key.
const (
	factUpTo     = 'U' //                                    → last main chain index whose facts are here; before feeds had units it was u
	factFeed     = 'f' // oracle \n name \n kind \n value \n index → unit; kind n or s, index inverted
	factAttested = 'a' // address, attestor, index            → nothing
	factChange   = 'c' // address, definition hash or nothing → index
	factInput    = 'i' // address, type, asset                → index
	factOutput   = 'o' // address, asset                      → index
	factAmount   = 'v' // address, asset, amount, index       → nothing; of an output
)

func factKey(kind byte, parts ...[]byte) []byte {
	return key(tFact, append([][]byte{{kind}}, parts...)...)
}

// settleFacts notes what a stable unit adds.
func (l *Ledger) settleFacts(n *node, u *unit.Unit) {
	for i := range u.Messages {
		m := &u.Messages[i]
		payload, _ := m.Payload.(map[string]any)
		switch m.App {
		case "payment":
			if p, ok := m.Payload.(*unit.Payment); ok {
				l.settlePayment(n, u, p)
			}
		case "data_feed":
			for name, v := range payload {
				l.settleFeed(n, name, v)
			}
		case "attestation":
			address, _ := payload["address"].(string)
			l.x.set(factKey(factAttested, []byte(address), []byte(u.Authors[0].Address), num(uint64(n.MCI))), nil)
		case "address_definition_change":
			if address, to := changeIn(u, i); address != "" {
				l.first(n, factKey(factChange, []byte(address)))
				l.first(n, factKey(factChange, []byte(address), []byte(to)))
			}
		}
	}
	if n.OnMain {
		l.x.set(factKey(factUpTo), num(uint64(n.MCI)))
	}
}

// maxNoted is how many keys of facts are remembered, of about 50 bytes.
const maxNoted = 16_384

// noted remembers facts that are in the table, so that a payment between known addresses reads nothing.
type noted struct{ new, old map[string]bool }

func (m *noted) add(k []byte) (known bool) {
	if m.new[string(k)] {
		return true
	}
	known = m.old[string(k)]
	if len(m.new) >= maxNoted/2 || m.new == nil {
		m.old, m.new = m.new, make(map[string]bool, maxNoted/2)
	}
	m.new[string(k)] = true
	return known
}

// first notes a fact unless it held before.
func (l *Ledger) first(n *node, k []byte) {
	if !l.noted.add(k) && !l.x.has(k) {
		l.x.set(k, num(uint64(n.MCI)))
	}
}

func (l *Ledger) settlePayment(n *node, u *unit.Unit, p *unit.Payment) {
	asset := assetKey(p.Asset)
	for i := range p.Inputs {
		if owner := l.inputOwner(u, &p.Inputs[i]); owner != "" {
			l.first(n, factKey(factInput, []byte(owner), []byte{inputLetter(p.Inputs[i].Type)}, asset))
		}
	}
	for i := range p.Outputs {
		o := &p.Outputs[i]
		l.first(n, factKey(factOutput, []byte(o.Address), asset))
		l.x.set(factKey(factAmount, []byte(o.Address), asset, num(uint64(o.Amount)), num(uint64(n.MCI))), nil)
	}
}

// inputOwner returns whose money an input takes (writer.js:343).
func (l *Ledger) inputOwner(u *unit.Unit, in *unit.Input) byteball.Address {
	switch {
	case len(u.Authors) == 1:
		return u.Authors[0].Address
	case in.Type != "":
		return in.Address
	}
	if s := l.source(in); s.coin != nil {
		return s.coin.Address
	}
	return ""
}

// The first byte of an asset in a key.
const (
	assetBytes = "\x00" // alone
	assetOther = "\x01" // before the hash
)

func assetKey(asset byteball.Hash) []byte {
	if asset == "" || asset == "base" {
		return []byte(assetBytes)
	}
	return append([]byte(assetOther), raw(asset)...)
}

// inputLetter is the type of an input in a key.
func inputLetter(kind string) byte {
	if kind == "" {
		return 't' // transfer
	}
	return kind[0] // issue, headers_commission, witnessing, transfer
}

func (l *Ledger) settleFeed(n *node, name string, v any) {
	index := []byte("\n" + feedIndex(uint64(n.MCI)))
	for _, a := range n.Authors {
		if text, ok := v.(string); ok {
			l.x.set(factKey(factFeed, []byte(a), []byte("\n"+name+"\ns\n"+text), index), raw(n.Unit))
		}
		if number, ok := definition.FeedNumber(v); ok {
			l.x.set(factKey(factFeed, []byte(a), []byte("\n"+name+"\nn\n"+feedNumber(number)), index), raw(n.Unit))
		}
	}
}

// feedWord is a value that is asked for, and its kind.
func feedWord(v any) (kind byte, value string) {
	if f, ok := v.(float64); ok {
		return 'n', feedNumber(f)
	}
	text, _ := v.(string)
	return 's', text
}

// feedNumber writes a number so that texts have the order of numbers (string_utils.js:141).
func feedNumber(f float64) string {
	bits := math.Float64bits(f + 0) // -0 becomes 0
	if bits>>63 == 0 {
		bits ^= 1 << 63
	} else {
		bits = ^bits
	}
	return fmt.Sprintf("%016x", bits)
}

// feedIndex writes a main chain index so that the latest comes first (string_utils.js:63).
func feedIndex(mci uint64) string {
	return fmt.Sprintf("%08x", math.MaxUint32-uint32(min(mci, math.MaxUint32)))
}

// catchUpFacts adds the facts of a chain that a program without them wrote, one main chain index after the other.
func (l *Ledger) catchUpFacts() error {
	from := uint64(0)
	if done := l.x.get(factKey(factUpTo)); done != nil {
		from = number(done) + 1
	}
	for mci := from; mci <= uint64(l.last.MCI); mci++ {
		var units []byteball.Hash
		l.x.each(key(tAt, num(mci)), nil, func(h, _ []byte) bool {
			units = append(units, hashOf(h))
			return true
		})
		for _, h := range units {
			n, u := l.node(h), l.unit(h)
			if n == nil || u == nil {
				return fmt.Errorf("ledger store has lost unit %s: %w", h, byteball.Invalid)
			}
			l.settleFacts(n, u)
		}
		if err := l.commit(); err != nil {
			return err
		}
		l.x = &tx{t: l.db.NewTransaction(true)}
	}
	return l.fail()
}
