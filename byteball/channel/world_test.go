package channel_test

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// chain is a ledger for one channel: it knows one deposit, checks what spends it with the real form checks and the real
// definition, and makes it stable after a few main chain units. The adversary decides what else happens to a unit.
type chain struct {
	mci    uint64
	tpsFee byteball.Bytes // what a unit has to offer now
	flaky  bool           // the next good unit is refused as bad
	bad    map[byteball.Hash]bool
	pool   *unit.Unit
	since  uint64 // when pool came
	stable *unit.Unit
}

const stableAfter = 3

func (c *chain) post(u *unit.Unit) error {
	switch {
	case c.bad[u.Unit]:
		return byteball.Errorf(byteball.Invalid, "known bad")
	case c.known(u.Unit):
		return byteball.Errorf(byteball.Stale, "known")
	}
	if err := c.judge(u); err != nil || c.flaky {
		c.bad[u.Unit], c.flaky = true, false
		return byteball.Errorf(byteball.Invalid, "refused: %v", err)
	}
	switch {
	case *u.TPSFee < c.tpsFee:
		return byteball.Errorf(byteball.Transient, "tps fee must be at least %d", c.tpsFee)
	case c.pool != nil || c.stable != nil:
		return byteball.Errorf(byteball.Stale, "The transaction would be non-serial (a double spend)")
	}
	c.pool, c.since = u, c.mci
	return nil
}

func (c *chain) known(h byteball.Hash) bool {
	return c.pool != nil && c.pool.Unit == h || c.stable != nil && c.stable.Unit == h
}

// judge checks form, signatures, age and balance.
func (c *chain) judge(u *unit.Unit) error {
	if err := unit.CheckForm(u); err != nil {
		return err
	}
	h, err := u.HashToSign()
	if err != nil {
		return err
	}
	if len(u.ParentUnits) != 1 || u.ParentUnits[0] > hash(c.mci) {
		return fmt.Errorf("parents %v", u.ParentUnits)
	}
	var parent uint64
	for parent = 0; hash(parent) != u.ParentUnits[0]; parent++ {
		if parent > c.mci {
			return fmt.Errorf("parent unknown")
		}
	}
	b := base(parent)
	if u.LastBall != b.LastBall || u.LastBallUnit != b.LastBallUnit || u.Timestamp < b.Timestamp || u.Timestamp > at(c.mci).Unix()+5 {
		return fmt.Errorf("last ball or timestamp")
	}
	in := definition.ResolvedInput{OutPoint: funding().Out, Address: u.Authors[0].Address, Amount: terms().Deposit, MCI: fundedAt, Stable: true}
	env := definition.Env{Unit: u, HashToSign: h, LastBallMCI: b.LastBallMCI, Inputs: []definition.ResolvedInput{in}}
	ok, err := definition.Evaluate(u.Authors[0].Definition, u.Authors[0].Address, u.Authors[0].Authentifiers, env)
	if err != nil || !ok {
		return fmt.Errorf("authentifier verification failed: %v", err)
	}
	return conserved(u)
}

func (c *chain) advance(n uint64) {
	c.mci += n
	if c.pool != nil && c.mci >= c.since+stableAfter {
		c.stable, c.pool = c.pool, nil
	}
}

// archive throws the pooled unit away, as happens to units that conflict with another.
func (c *chain) archive() {
	if c.pool != nil {
		c.bad[c.pool.Unit], c.pool = true, nil
	}
}

// applier is what Payer and Payee have in common.
type applier interface {
	view() channel.State
	apply(channel.Event, uint64) (applier, []channel.Effect, error)
	restore([]byte) (applier, error)
}

type payer struct{ channel.Payer }

func (p payer) view() channel.State { return p.State }
func (p payer) apply(ev channel.Event, mci uint64) (applier, []channel.Effect, error) {
	next, effects, err := p.Apply(ev, at(mci))
	return payer{next}, effects, err
}
func (p payer) restore(data []byte) (applier, error) {
	r, err := channel.RestorePayer(data, buyerKey)
	return payer{r}, err
}

type payee struct{ channel.Payee }

func (p payee) view() channel.State { return p.State }
func (p payee) apply(ev channel.Event, mci uint64) (applier, []channel.Effect, error) {
	next, effects, err := p.Apply(ev, at(mci))
	return payee{next}, effects, err
}
func (p payee) restore(data []byte) (applier, error) {
	r, err := channel.RestorePayee(data, sellerKey)
	return payee{r}, err
}

// node runs the effects of one side. It can be killed before any of them.
type node struct {
	side applier
	disk []byte
	old  [][]byte // all that disk ever held
	dead bool
	tip  uint64 // how far it has heard of the chain
	fuse int    // how many more effects it runs before it is killed; negative: for ever
	sent func(channel.Voucher)
}

// run applies ev and runs the effects. It reports whether all of them were run.
func (n *node) run(c *chain, ev channel.Event) (bool, error) {
	if n.dead {
		return false, nil
	}
	next, effects, err := n.side.apply(ev, c.mci)
	if err != nil {
		return false, err
	}
	n.side = next
	for _, e := range effects {
		if n.fuse == 0 {
			n.fuse = -1
			return false, n.reboot(c)
		}
		n.fuse--
		if err := n.do(c, e); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (n *node) do(c *chain, e channel.Effect) error {
	switch e := e.(type) {
	case channel.Save:
		n.disk, n.old = e.Value, append(n.old, e.Value)
	case channel.Send:
		n.sent(e.Voucher)
	case channel.Post:
		if err := c.post(e.Unit); err != nil {
			_, err = n.run(c, channel.PostRefused{Err: err})
			return err
		}
	case channel.Watch:
		return n.look(c)
	}
	return nil
}

// reboot loses all but the disk.
func (n *node) reboot(c *chain) error {
	side, err := n.side.restore(n.disk)
	if err != nil {
		return err
	}
	n.side, n.tip = side, 0
	_, err = n.run(c, channel.Restarted{})
	return err
}

// look tells the node what its address has on the chain.
func (n *node) look(c *chain) error {
	if n.dead || c.mci < fundedAt+stableAfter {
		return nil
	}
	if n.side.view().Phase == channel.Opening {
		if _, err := n.run(c, funded()); err != nil {
			return err
		}
	}
	if c.pool != nil {
		if _, err := n.run(c, channel.UnitSeen{Unit: c.pool}); err != nil {
			return err
		}
	}
	if c.stable != nil {
		_, err := n.run(c, channel.UnitStable{Unit: c.stable, MCI: c.mci, Serial: true})
		return err
	}
	return nil
}

// hear tells the node how long the chain is.
func (n *node) hear(c *chain) error {
	if n.dead {
		return nil
	}
	n.tip = c.mci
	_, err := n.run(c, channel.Tip{MCI: c.mci, Base: base(c.mci - stableAfter)})
	return err
}
