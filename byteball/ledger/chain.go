package ledger

import (
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
)

// What definitions ask of the chain beyond definitions, authors and assets. Each answer comes from the facts that
// chain_facts.go keeps, so that it costs the same on a long chain; only a feed's values and an address's amounts are
// walked through, as the reference does.

// Template returns the definition template in a unit that was stable at mci (definition.js:321).
func (v chainView) Template(h byteball.Hash, mci uint64) (any, error) {
	n := v.l.node(h)
	if n == nil || !n.Stable || n.MCI > int64(mci) {
		return nil, v.l.x.err
	}
	u := v.l.unit(h)
	if u == nil {
		return nil, v.l.x.err
	}
	for i := range u.Messages {
		if u.Messages[i].App == "definition_template" {
			return u.Messages[i].Payload, v.l.x.err
		}
	}
	return nil, v.l.x.err
}

// ask lets f look at the facts up to mci. It reads beside the open transaction where that knows no more of them: a walk
// through a transaction sorts all that was written in it, for each walk.
func (v chainView) ask(mci uint64, f func(x *tx) bool) (bool, error) {
	t := v.l.db.NewTransaction(false)
	defer t.Discard()
	x := &tx{t: t}
	if number(x.get(factKey(factUpTo))) < mci {
		x = v.l.x
	}
	met := f(x)
	v.l.x.note(x.err)
	return met, v.l.x.err
}

// Changed looks at definition changes (definition.js:850).
func (v chainView) Changed(address, to byteball.Address, mci uint64) (bool, error) {
	return v.ask(mci, func(x *tx) bool { return x.firstBy(factKey(factChange, []byte(address), []byte(to)), mci) })
}

// Attested looks for an attestation after the last change of definition (storage.js:1951).
func (v chainView) Attested(address, attestor byteball.Address, mci uint64) (bool, error) {
	return v.ask(mci, func(x *tx) bool {
		changed := x.upTo(key(tChange, []byte(address)), mci)
		return x.upTo(factKey(factAttested, []byte(address), []byte(attestor)), mci) > changed
	})
}

// upTo returns the highest main chain index up to mci that follows prefix in a key, 0 if there is none.
func (x *tx) upTo(prefix []byte, mci uint64) (highest uint64) {
	x.back(prefix, append(prefix[:len(prefix):len(prefix)], num(mci+1)...), func(rest, _ []byte) bool {
		at := number(rest[:min(8, len(rest))])
		if at <= mci {
			highest = at
		}
		return at > mci
	})
	return highest
}

// firstBy says whether the fact at k first held at mci or before.
func (x *tx) firstBy(k []byte, mci uint64) bool {
	first := x.get(k)
	return first != nil && number(first) <= mci
}

// SeenCoin looks at the inputs and outputs of stable payments (definition.js:866).
func (v chainView) SeenCoin(c definition.Coin, mci uint64) (bool, error) {
	return v.ask(mci, func(x *tx) bool {
		switch {
		case c.Input:
			letters := []byte("tihw")
			if c.Type != "" {
				letters = []byte{inputLetter(c.Type)}
			}
			return slices.ContainsFunc(letters, func(letter byte) bool {
				return x.seenAsset(factKey(factInput, []byte(c.Address), []byte{letter}), c.Asset, mci)
			})
		case c.Min > 0 || c.Max > 0:
			return x.seenAmount(c, mci)
		}
		return x.seenAsset(factKey(factOutput, []byte(c.Address)), c.Asset, mci)
	})
}

// seenAsset says whether a fact that prefix begins first held, for an asset or if it is "" for any, at mci or before.
func (x *tx) seenAsset(prefix []byte, asset byteball.Hash, mci uint64) bool {
	if asset != "" {
		return x.firstBy(append(prefix, assetKey(asset)...), mci)
	}
	seen := false
	x.each(prefix, nil, func(_, first []byte) bool {
		seen = number(first) <= mci
		return !seen
	})
	return seen
}

// seenAmount walks through the amounts of outputs that are in question: those of an asset in their order, from the least.
func (x *tx) seenAmount(c definition.Coin, mci uint64) bool {
	most := uint64(c.Max)
	if most == 0 {
		most = 1<<64 - 1
	}
	prefix := factKey(factAmount, []byte(c.Address), assetKey(c.Asset))
	from := append(prefix[:len(prefix):len(prefix)], num(uint64(c.Min))...)
	seen := false
	x.each(prefix, from, func(rest, _ []byte) bool {
		amount, at := number(rest[:8]), number(rest[8:])
		seen = amount <= most && at <= mci
		return !seen && amount <= most
	})
	if seen || c.Asset != "" {
		return seen
	}
	x.each(factKey(factAmount, []byte(c.Address), []byte(assetOther)), nil, func(rest, _ []byte) bool {
		rest = rest[len(rest)-16:]
		amount, at := number(rest[:8]), number(rest[8:])
		seen = amount >= uint64(c.Min) && amount <= most && at <= mci
		return !seen
	})
	return seen
}

// Feed looks for a value of a data feed (data_feeds.js:113). The keys are the reference's, so that texts with control
// characters are in the same order.
func (v chainView) Feed(f definition.Feed, mci uint64) (bool, error) {
	if f.From > mci {
		return false, nil
	}
	kind, value := feedWord(f.Value)
	prefix := factKey(factFeed, []byte(f.Oracle), []byte("\n"+f.Name+"\n"), []byte{kind, '\n'})
	from, past := "", func(string) bool { return false }
	switch f.Relation {
	case "=":
		from = value + "\n" + feedIndex(mci)
		past = func(rest string) bool { return rest > value+"\n"+feedIndex(f.From) }
	case ">=":
		from = value
	case ">":
		from = value + "\ng" // all indexes come before
	case "<=":
		past = func(rest string) bool { return rest > value+"\nffffffff" }
	case "<":
		past = func(rest string) bool { return rest >= value }
	default:
		return false, refuse("unknown relation %q of data feeds", f.Relation)
	}
	return v.ask(mci, func(x *tx) (found bool) {
		x.each(prefix, append(prefix[:len(prefix):len(prefix)], from...), func(rest, _ []byte) bool {
			if past(string(rest)) {
				return false
			}
			at := string(rest[strings.LastIndexByte(string(rest), '\n')+1:])
			found = at >= feedIndex(mci) && at <= feedIndex(f.From)
			return !found
		})
		return found
	})
}
