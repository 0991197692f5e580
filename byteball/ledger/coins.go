package ledger

import (
	"encoding/binary"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The unspent coins of an address fill slots without gaps: the last coin moves into the place of one that is spent. So they
// are listed by key, and what was spent costs nothing ever after.

// Coin is an output that no unit spends.
type Coin struct {
	unit.OutPoint
	Amount byteball.Bytes
	Stable bool
}

// Unspent returns the coins of an address in no particular order.
func (l *Ledger) Unspent(address byteball.Address) ([]Coin, error) {
	l.begin(false)
	defer l.end()
	coins := l.unspent(address)
	return coins, l.fail()
}

func (l *Ledger) unspent(address byteball.Address) []Coin {
	n := number(l.x.get(key(tOwnCount, []byte(address))))
	var coins []Coin
	for slot := range n {
		point, amount, ok := readSlot(l.x.get(slotKey(address, slot)))
		if !ok {
			break
		}
		coins = append(coins, Coin{OutPoint: point, Amount: amount, Stable: l.tail[point.Unit] == nil})
	}
	return coins
}

func slotKey(address byteball.Address, slot uint64) []byte {
	return key(tOwn, []byte(address), num(slot))
}

// pointKey is the stored form of the name of an output, 40 bytes.
func pointKey(p unit.OutPoint) []byte {
	k := raw(p.Unit)
	k = binary.BigEndian.AppendUint32(k, uint32(p.MessageIndex))
	return binary.BigEndian.AppendUint32(k, uint32(p.OutputIndex))
}

func readSlot(b []byte) (unit.OutPoint, byteball.Bytes, bool) {
	if len(b) != 48 {
		return unit.OutPoint{}, 0, false
	}
	return unit.OutPoint{Unit: hashOf(b[:32]), MessageIndex: int(binary.BigEndian.Uint32(b[32:])),
		OutputIndex: int(binary.BigEndian.Uint32(b[36:]))}, byteball.Bytes(number(b[40:])), true
}

// moveMoney spends what a new unit takes and makes its outputs.
func (l *Ledger) moveMoney(u *unit.Unit, s spent) {
	for _, from := range s.coins {
		l.spend(from.point, u.Unit)
	}
	for _, t := range s.taken {
		l.x.set(takenKey(t.Type, t.Address), num(t.ToMainChainIndex+1))
	}
	for i := range u.Messages {
		p, ok := u.Messages[i].Payload.(*unit.Payment)
		if !ok || p.Asset != "" {
			continue
		}
		for k, o := range p.Outputs {
			l.mint(unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}, o)
		}
	}
}

func (l *Ledger) mint(point unit.OutPoint, o unit.Output) {
	count := key(tOwnCount, []byte(o.Address))
	slot := number(l.x.get(count))
	l.x.save(key(tCoin, pointKey(point)), coin{Address: o.Address, Amount: o.Amount, Slot: slot})
	l.x.set(slotKey(o.Address, slot), append(pointKey(point), num(uint64(o.Amount))...))
	l.x.set(count, num(slot+1))
}

func (l *Ledger) spend(point unit.OutPoint, by byteball.Hash) {
	var c coin
	k := key(tCoin, pointKey(point))
	if !l.x.load(k, &c) {
		return
	}
	count := key(tOwnCount, []byte(c.Address))
	last := number(l.x.get(count)) - 1
	if c.Slot != last {
		l.moveSlot(c.Address, last, c.Slot)
	}
	l.x.del(slotKey(c.Address, last))
	l.x.set(count, num(last))
	c.Spender = by
	l.x.save(k, c)
}

func (l *Ledger) moveSlot(address byteball.Address, from, to uint64) {
	b := l.x.get(slotKey(address, from))
	point, _, ok := readSlot(b)
	var moved coin
	k := key(tCoin, pointKey(point))
	if !ok || !l.x.load(k, &moved) {
		return
	}
	moved.Slot = to
	l.x.save(k, moved)
	l.x.set(slotKey(address, to), b)
}
