package ledger

import "github.com/iotverse/iotverse/byteball/definition"

// Ask lets f ask the stable chain.
func (l *Ledger) Ask(f func(definition.Chain)) {
	l.begin(false)
	defer l.end()
	f(chainView{l})
}

// ForgetFacts makes the store one of a program that did not keep facts for definitions after main chain index upTo.
func (l *Ledger) ForgetFacts(upTo uint64) error {
	l.begin(true)
	defer l.end()
	var keys [][]byte
	l.x.each([]byte{tFact}, nil, func(rest, first []byte) bool {
		if number(first) > upTo || len(first) == 0 {
			keys = append(keys, key(tFact, rest))
		}
		return true
	})
	for _, k := range keys {
		l.x.del(k)
	}
	if upTo > 0 {
		l.x.set(factKey(factUpTo), num(upTo))
	}
	return l.commit()
}
