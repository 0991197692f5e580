package ledger

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// OP is the address of the order provider.
func (l *Ledger) OP() byteball.Address { return l.op }

// Genesis is the hash of the first unit.
func (l *Ledger) Genesis() byteball.Hash { return l.genesis }

// Vars are the numbers that fees follow.
func (l *Ledger) Vars() unit.SystemVars { return l.vars }

// TipMCI is the highest main chain index, of units that are not stable yet.
func (l *Ledger) TipMCI() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tipMCI()
}

func (l *Ledger) tipMCI() uint64 {
	return uint64(l.last.MCI) + uint64(len(l.at))
}

// StableMCI is the highest main chain index that will never change.
func (l *Ledger) StableMCI() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(l.last.MCI)
}

// Joint returns a unit; of a stable one with its ball, skip list, main chain index and the tps fee it really paid.
// Error: NotFound.
func (l *Ledger) Joint(h byteball.Hash) (unit.Joint, error) {
	l.begin(false)
	defer l.end()
	n := l.node(h)
	if n == nil {
		return unit.Joint{}, fmt.Errorf("unit %s is not on this ledger: %w", h, byteball.NotFound)
	}
	j := l.joint(n)
	return j, l.fail()
}

// joint returns a copy of a unit with what the chain says of it.
func (l *Ledger) joint(n *node) unit.Joint {
	stored := l.unit(n.Unit)
	if stored == nil {
		return unit.Joint{}
	}
	u := *stored
	if n.MCI != none {
		mci := uint64(n.MCI)
		u.MainChainIndex = &mci
	}
	if n.Stable && n.Unit != l.genesis {
		actual := n.Actual
		u.ActualTPSFee = &actual
	}
	return unit.Joint{Unit: &u, Ball: n.Ball, SkiplistUnits: n.Skiplist}
}

// Balance is what an address holds.
type Balance struct {
	Stable, Pending           byteball.Bytes
	StableCoins, PendingCoins int
}

// Balance returns the money of an address, in stable units and in others.
func (l *Ledger) Balance(address byteball.Address) (Balance, error) {
	l.begin(false)
	defer l.end()
	b := l.balance(address)
	return b, l.fail()
}

func (l *Ledger) balance(address byteball.Address) Balance {
	var b Balance
	for _, c := range l.unspent(address) {
		if c.Stable {
			b.Stable += c.Amount
			b.StableCoins++
		} else {
			b.Pending += c.Amount
			b.PendingCoins++
		}
	}
	return b
}

// TPSBalance is what address has left of its tps fees for units with the given last ball; it can be negative.
func (l *Ledger) TPSBalance(address byteball.Address, lastBallMCI uint64) (int64, error) {
	l.begin(false)
	defer l.end()
	b := l.tpsBalance(address, int64(lastBallMCI))
	return b, l.fail()
}

// Commissions returns what address earned in headers commissions and, if it is the order provider, payload commissions of
// the units from one main chain index to another, spent or not.
func (l *Ledger) Commissions(address byteball.Address, from, to uint64) (headers, payload byteball.Bytes, err error) {
	l.begin(false)
	defer l.end()
	headers = l.commissions("headers_commission", address, from, to)
	payload = l.commissions("witnessing", address, from, to)
	return headers, payload, l.fail()
}

// Definition returns the definition that address is bound to for units whose last ball is the last stable unit; its hash is
// another one than address if it was changed. Error: NotFound while no stable unit has shown it.
func (l *Ledger) Definition(address byteball.Address) (def any, hash byteball.Address, err error) {
	l.begin(false)
	defer l.end()
	def, hash = l.definition(address, l.last.MCI)
	if err := l.fail(); err != nil {
		return nil, "", err
	}
	if def == nil {
		return nil, hash, fmt.Errorf("definition of %s is not known: %w", address, byteball.NotFound)
	}
	return def, hash, nil
}

// Units returns the hashes of units that address wrote or was paid by, stable ones first, in the order of the main chain,
// beginning with a main chain index; at most limit.
func (l *Ledger) Units(address byteball.Address, from uint64, limit int) ([]byteball.Hash, error) {
	l.begin(false)
	defer l.end()
	var units []byteball.Hash
	prefix := key(tUsed, []byte(address))
	l.x.each(prefix, append(prefix[:len(prefix):len(prefix)], num(from)...), func(rest, _ []byte) bool {
		if len(units) < limit && len(rest) == 48 {
			units = append(units, hashOf(rest[16:]))
		}
		return len(units) < limit
	})
	for _, n := range l.tailOf(map[byteball.Address]bool{address: true}) {
		if len(units) < limit {
			units = append(units, n.Unit)
		}
	}
	return units, l.fail()
}

func checkFrom(from []byteball.Address) error {
	if len(from) == 0 || len(from) > unit.MaxAuthors {
		return refuse("bad from addresses")
	}
	for _, a := range from {
		if !chash.Valid(a) {
			return refuse("bad from addresses")
		}
	}
	return nil
}
