package channel_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// dag is a ledger for one channel, as its nodes behave by the rules that bite (BYTEBALL C). It checks what spends the
// deposit with the real form checks and the real definition. The adversary decides what else happens to a unit.
//
//	rule 1, serial use     post refuses a second unit of the address, push makes both temp-bad
//	rule 3, tps fee        post wants 1.5 times the current fee; a unit that offers less than 3 times does not become stable
//	rule 4, known bad      a hash that failed once is refused for ever
//	rule 5, race           temp-bad units are archived after a while; an archived hash is taken again and never becomes stable
//	age, signatures        judge, by package definition
//
// Rule 2, undisclosed definitions, cannot bite: the channel's definition names keys.
type dag struct {
	terms   channel.Terms
	mci     uint64
	fee     byteball.Bytes // the current tps fee
	flaky   bool           // the next good unit is refused as bad
	bad     map[byteball.Hash]bool
	gone    map[byteball.Hash]bool // archived
	pool    []entry
	stable  *unit.Unit
	lost    []*unit.Unit            // stable, but not serial
	answers map[byteball.Hash]error // the last answer to each post

	deposit *unit.Unit              // pays to the channel; nil before
	paidAt  uint64                  // main chain index of deposit
	twice   bool                    // deposit loses a double spend
	judged  map[byteball.Hash]error // if not nil, what judge said
	wrong   error                   // why the last unit that was wrong in itself is wrong
	trace   func(string, ...any)
}

// entry is a unit that is not stable.
type entry struct {
	u     *unit.Unit
	since uint64
	stuck bool // was archived once: nothing is built on it
	bad   bool // conflicts with another, neither is stable
}

const (
	stableAfter  = 3  // main chain units
	archiveAfter = 50 // of temp-bad units
	leastFee     = 100
)

// post is the request post_joint.
func (d *dag) post(u *unit.Unit) error {
	err := d.take(u)
	d.answers[u.Unit] = err
	d.trace("  %d: post of %s: %v", d.mci, u.Unit, err)
	return err
}

func (d *dag) take(u *unit.Unit) error {
	if err := d.check(u); err != nil {
		return err
	}
	if len(d.pool) > 0 || d.stable != nil {
		return byteball.Errorf(byteball.Stale, "The transaction would be non-serial (a double spend)")
	}
	d.pool = append(d.pool, entry{u: u, since: d.mci, stuck: d.gone[u.Unit]})
	return nil
}

// push brings u as a peer does: a double spend is taken too.
func (d *dag) push(u *unit.Unit) {
	switch {
	case d.check(u) != nil:
	case d.stable != nil:
		d.lost = append(d.lost, u)
	case len(d.pool) > 0 && !d.pool[0].bad && !d.pool[0].stuck && d.mci > d.pool[0].since:
		d.lost = append(d.lost, u) // an order provider's unit is on top of the first one
	default:
		d.pool = append(d.pool, entry{u: u, since: d.mci, stuck: d.gone[u.Unit]})
		for i := range d.pool {
			d.pool[i].bad = len(d.pool) > 1
		}
	}
}

func (d *dag) check(u *unit.Unit) error {
	switch {
	case d.bad[u.Unit]:
		return byteball.Errorf(byteball.Invalid, "known bad")
	case d.known(u.Unit):
		return byteball.Errorf(byteball.Stale, "known")
	}
	err, known := d.judged[u.Unit]
	if !known {
		err = d.judge(u)
	}
	if d.judged != nil {
		d.judged[u.Unit] = err
	}
	if err != nil {
		d.wrong = err
	}
	if err != nil || d.flaky {
		d.bad[u.Unit], d.flaky = true, false
		return byteball.Errorf(byteball.Invalid, "refused: %v", err)
	}
	if *u.TPSFee < d.fee+d.fee/2 {
		return byteball.Errorf(byteball.Transient, "tps fee must be at least %d", d.fee+d.fee/2)
	}
	return nil
}

func (d *dag) known(h byteball.Hash) bool {
	is := func(u *unit.Unit) bool { return u.Unit == h }
	return slices.ContainsFunc(d.pool, func(e entry) bool { return is(e.u) }) || slices.ContainsFunc(d.lost, is) ||
		d.stable != nil && is(d.stable) || d.deposit != nil && is(d.deposit)
}

// judge checks form, place, signatures, age and balance.
func (d *dag) judge(u *unit.Unit) error {
	if err := unit.CheckForm(u); err != nil {
		return err
	}
	h, err := u.HashToSign()
	if err != nil {
		return err
	}
	if len(u.ParentUnits) != 1 || indexOf(u.ParentUnits[0]) > d.mci {
		return fmt.Errorf("parents %v", u.ParentUnits)
	}
	b := base(indexOf(u.ParentUnits[0]))
	switch {
	case u.LastBall != b.LastBall || u.LastBallUnit != b.LastBallUnit:
		return fmt.Errorf("last ball")
	case u.Timestamp < b.Timestamp || u.Timestamp > at(d.mci).Unix()+5:
		return fmt.Errorf("timestamp")
	case *u.TPSFee < leastFee:
		return fmt.Errorf("tps fee %d under the least of its parents", *u.TPSFee)
	case b.MCI < d.paidAt || !d.funded():
		return fmt.Errorf("the deposit is not there")
	}
	f := d.funding()
	in := definition.ResolvedInput{OutPoint: f.Out, Address: u.Authors[0].Address, Amount: d.terms.Deposit, MCI: f.MCI, Stable: true}
	env := definition.Env{Unit: u, HashToSign: h, LastBallMCI: b.LastBallMCI, Inputs: []definition.ResolvedInput{in}}
	ok, err := definition.Evaluate(u.Authors[0].Definition, u.Authors[0].Address, u.Authors[0].Authentifiers, env)
	if err != nil || !ok {
		return fmt.Errorf("authentifier verification failed: %v", err)
	}
	return conserved(u)
}

// funded reports whether the deposit is stable.
func (d *dag) funded() bool { return d.deposit != nil && !d.twice && d.mci >= d.paidAt+stableAfter }

func (d *dag) funding() channel.Funding {
	return channel.Funding{Out: unit.OutPoint{Unit: d.deposit.Unit, OutputIndex: 1}, MCI: d.paidAt}
}

// advance makes the main chain longer, unit by unit as far as it matters.
func (d *dag) advance(n uint64) {
	d.mci += n
	for i := 0; i < len(d.pool); i++ {
		switch e := d.pool[i]; {
		case e.bad && d.mci >= e.since+archiveAfter:
			d.archive()
		case !e.bad && !e.stuck && d.mci >= e.since+stableAfter && *e.u.TPSFee >= 3*d.fee:
			d.win(i)
		}
	}
}

// win makes the unit i of the pool stable; the others lose.
func (d *dag) win(i int) {
	d.stable = d.pool[i].u
	for k, e := range d.pool {
		if k != i {
			d.lost = append(d.lost, e.u)
		}
	}
	d.pool = nil
}

// archive throws all unstable units away, as happens to units that conflict.
func (d *dag) archive() {
	for _, e := range d.pool {
		d.gone[e.u.Unit] = true
	}
	d.pool = nil
}

// indexOf is the inverse of hash.
func indexOf(h byteball.Hash) uint64 {
	raw, err := base64.StdEncoding.DecodeString(string(h))
	if err != nil || len(raw) != 32 {
		return 1 << 60
	}
	return binary.BigEndian.Uint64(raw) - 1
}
