package ledger

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// paidAfter is how many main chain indexes must pass before payload commissions can be spent (constants.js).
const paidAfter = 100

// spendable is the last main chain index whose commissions a unit with that last ball may spend; it can be negative.
func spendable(kind string, lastBallMCI int64) int64 {
	if kind == "witnessing" {
		return lastBallMCI - 1 - paidAfter
	}
	return lastBallMCI - 1
}

// payCommissions pays the headers commissions of the units at the index before m's to the children that won them
// (headers_commission.js:12), and notes the payload commissions of m's index, which the only order provider earns
// (paid_witnessing.js). units are those at m's index.
func (l *Ledger) payCommissions(m *node, units []*node) {
	var payload byteball.Bytes
	for _, n := range units {
		payload += n.Payload
	}
	if m.MCI > 0 {
		payload += byteball.Bytes(number(l.x.get(key(tPayload, num(uint64(m.MCI-1))))))
	}
	l.x.set(key(tPayload, num(uint64(m.MCI))), num(uint64(payload)))
	if m.MCI < 2 { // the headers commission of the genesis is lost
		return
	}
	earned := map[byteball.Address]byteball.Bytes{}
	children := map[byteball.Hash][]*node{}
	for _, c := range slices.Concat(l.settled, units) {
		for _, p := range c.Parents {
			children[p] = append(children[p], c)
		}
	}
	for _, payer := range l.settled {
		if winner := winnerOf(children[payer.Unit], m); winner != nil {
			share(winner, payer.Headers, earned)
		}
	}
	for a, amount := range earned {
		sum := byteball.Bytes(number(l.x.get(key(tHeadNow, []byte(a))))) + amount
		l.x.set(key(tHeadNow, []byte(a)), num(uint64(sum)))
		l.x.set(key(tHeaders, []byte(a), num(uint64(m.MCI-1))), num(uint64(sum)))
	}
}

// winnerOf draws which child of a unit earns its headers commission: chance hangs on the next unit of the main chain.
func winnerOf(children []*node, next *node) *node {
	var winner *node
	lowest := ""
	for _, c := range children {
		sum := sha1.Sum([]byte(c.Unit + next.Unit))
		if draw := hex.EncodeToString(sum[:]); winner == nil || draw < lowest {
			winner, lowest = c, draw
		}
	}
	return winner
}

func share(winner *node, amount byteball.Bytes, earned map[byteball.Address]byteball.Bytes) {
	if len(winner.Recipients) == 0 {
		earned[winner.Authors[0]] += amount
		return
	}
	for _, r := range winner.Recipients {
		earned[r.Address] += (amount*byteball.Bytes(r.Share) + 50) / 100
	}
}

// commissions returns what address earned from one main chain index to another, both included.
func (l *Ledger) commissions(kind string, address byteball.Address, from, to uint64) byteball.Bytes {
	if kind == "witnessing" {
		if address != l.op {
			return 0
		}
		sum := number(l.x.get(key(tPayload, num(to))))
		if from > 0 {
			sum -= number(l.x.get(key(tPayload, num(from-1))))
		}
		return byteball.Bytes(sum)
	}
	upTo := func(mci uint64) (sum uint64) {
		l.x.back(key(tHeaders, []byte(address)), key(tHeaders, []byte(address), num(mci)), func(_, value []byte) bool {
			sum = number(value)
			return false
		})
		return sum
	}
	sum := upTo(to)
	if from > 0 {
		sum -= upTo(from - 1)
	}
	return byteball.Bytes(sum)
}

// takenKey is where the first unspent index of a kind of commission stands.
func takenKey(kind string, address byteball.Address) []byte {
	return key(tTaken, []byte(kind[:1]), []byte(address))
}
