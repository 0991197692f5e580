package ledger

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Dump returns the records of the chain that do not hang on the order in which its units came: the places of unspent coins
// and of attestations do, and what is known of units that are not stable is in Place.
func (l *Ledger) Dump() map[string]string {
	l.begin(false)
	defer l.end()
	all := map[string]string{}
	for _, table := range []byte{tJoint, tMain, tAt, tChild, tCoin, tOwnCount, tUsed, tLast, tSeen, tDef, tChange, tChanged, tTPS, tTPSNow,
		tHeaders, tHeadNow, tPayload, tTaken, tFeed} {
		l.x.each([]byte{table}, nil, func(rest, value []byte) bool {
			if table == tCoin {
				var c coin
				l.x.note(unmarshal(value, &c))
				c.Slot = 0
				value = fmt.Append(nil, c)
			}
			all[string(table)+hex.EncodeToString(rest)] = string(value)
			return true
		})
	}
	return all
}

// Sums are the accounts of a whole chain.
type Sums struct {
	Units, Stable int
	Coins         byteball.Bytes // unspent
	Fees          byteball.Bytes // of all units
	Taken         byteball.Bytes // commissions that became money again
	Due           byteball.Bytes // headers commissions that were to be earned up to now
	Earned        byteball.Bytes // and those that were
	Payload       byteball.Bytes // of all stable units
	PayloadEarned byteball.Bytes
}

// Audit reads the whole database and says what does not fit: a unit without node, output or spender, a coin without unit, an
// index that differs from what it indexes.
func (l *Ledger) Audit() (s Sums, err error) {
	l.begin(false)
	defer l.end()
	var names []byteball.Hash
	l.x.each([]byte{tJoint}, nil, func(rest, _ []byte) bool {
		names = append(names, hashOf(rest))
		return true
	})
	note := func(format string, args ...any) {
		if err == nil {
			err = fmt.Errorf(format, args...)
		}
	}
	outputs := 0
	for _, h := range names {
		n, u := l.node(h), l.unit(h)
		if n == nil || u == nil {
			note("unit %s has no node", h)
			continue
		}
		s.Units++
		outputs += l.auditUnit(u, note)
		l.auditPlace(n, note)
		fees, ferr := unit.Fees(u)
		if ferr != nil {
			note("fees of %s: %v", h, ferr)
		}
		s.Fees += fees
		for _, in := range payments(u) {
			if in.Type == "headers_commission" || in.Type == "witnessing" {
				address := in.Address
				if address == "" {
					address = u.Authors[0].Address
				}
				s.Taken += l.commissions(in.Type, address, in.FromMainChainIndex, in.ToMainChainIndex)
			}
		}
		if n.Stable {
			s.Stable++
			s.Payload += n.Payload
			if n.MCI > 0 && n.MCI < l.last.MCI {
				s.Due += n.Headers
			}
		}
	}
	l.x.each([]byte{tCoin}, nil, func(_, value []byte) bool {
		var c coin
		l.x.note(unmarshal(value, &c))
		outputs--
		if c.Spender == "" {
			s.Coins += c.Amount
		}
		return true
	})
	if outputs != 0 {
		note("%d outputs have no coin", outputs)
	}
	l.x.each([]byte{tHeadNow}, nil, func(_, value []byte) bool {
		s.Earned += byteball.Bytes(number(value))
		return true
	})
	s.PayloadEarned = l.commissions("witnessing", l.op, 0, uint64(l.last.MCI))
	l.auditSlots(&s, note)
	if l.x.err != nil {
		note("store: %v", l.x.err)
	}
	return s, err
}

func payments(u *unit.Unit) (inputs []unit.Input) {
	for i := range u.Messages {
		if p, ok := u.Messages[i].Payload.(*unit.Payment); ok && p.Asset == "" {
			inputs = append(inputs, p.Inputs...)
		}
	}
	return inputs
}

// auditUnit checks that all of a unit was written; it returns the number of its outputs.
func (l *Ledger) auditUnit(u *unit.Unit, note func(string, ...any)) (outputs int) {
	for i := range u.Messages {
		p, ok := u.Messages[i].Payload.(*unit.Payment)
		if !ok || p.Asset != "" {
			continue
		}
		for k := range p.Outputs {
			outputs++
			if !l.x.has(key(tCoin, pointKey(unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}))) {
				note("output %d.%d of %s has no coin", i, k, u.Unit)
			}
		}
		for _, in := range p.Inputs {
			var c coin
			if in.Type != "" {
				continue
			}
			if !l.x.load(key(tCoin, pointKey(unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex})), &c) || c.Spender != u.Unit {
				note("unit %s spends %v, whose spender is %q", u.Unit, in, c.Spender)
			}
		}
	}
	for _, a := range u.Authors {
		if !l.x.has(key(tLast, []byte(a.Address))) {
			note("author %s of %s has no last unit", a.Address, u.Unit)
		}
	}
	return outputs
}

// auditPlace checks that a unit is either in the tail or at its index.
func (l *Ledger) auditPlace(n *node, note func(string, ...any)) {
	_, waits := l.tail[n.Unit]
	if waits == n.Stable {
		note("unit %s: stable %t, in the tail %t", n.Unit, n.Stable, waits)
	}
	if n.Stable && !l.x.has(key(tAt, num(uint64(n.MCI)), raw(n.Unit))) {
		note("unit %s is not at its index %d", n.Unit, n.MCI)
	}
	if n.Stable && n.Ball == "" {
		note("stable unit %s has no ball", n.Unit)
	}
}

// auditSlots checks that the slots of each address hold its unspent coins and nothing else.
func (l *Ledger) auditSlots(s *Sums, note func(string, ...any)) {
	var slots byteball.Bytes
	var owners []byteball.Address
	l.x.each([]byte{tOwnCount}, nil, func(rest, _ []byte) bool {
		owners = append(owners, byteball.Address(rest))
		return true
	})
	slices.Sort(owners)
	for _, a := range owners {
		for _, c := range l.unspent(a) {
			slots += c.Amount
			var stored coin
			if !l.x.load(key(tCoin, pointKey(c.OutPoint)), &stored) || stored.Address != a || stored.Spender != "" {
				note("slot of %s holds %v, which is %v", a, c, stored)
			}
		}
	}
	if slots != s.Coins {
		note("slots hold %d, coins %d", slots, s.Coins)
	}
}
