package ledger

import (
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// aheadSeconds is how far a unit's time may lie in the future.
const aheadSeconds = 5

// check holds what is found about a new unit while it is validated (validation.js:129).
type check struct {
	l     *Ledger
	u     *unit.Unit
	now   time.Time
	keys  signedBy
	final bool // errors from here on hang on nothing but what the unit's hash commits to

	parents  []*node
	included int64 // highest index of the main chain that some parent includes
	best     *node // best parent
	lastBall *node
	level    int64 // witnessed level

	hash     [32]byte // to sign
	inputs   []source // of the payment
	resolved []definition.ResolvedInput
	double   bool // not serial
	spent    spent
}

// all makes all checks that need the chain, in the reference's order.
func (c *check) all() error {
	for _, step := range []func() error{
		c.version, c.timeAhead, c.findParents, c.findLastBall, c.lastBallStable, c.differentAuthors, c.witnessLevel, c.agents,
		c.tpsFee, c.authors, c.messages, c.serial,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) version() error {
	switch {
	case !slices.Contains(c.l.net.Reads, c.u.Version):
		return refuse("wrong version")
	case c.u.Alt != c.l.net.Alt:
		return refuse("wrong alt")
	case c.u.ContentHash != "":
		return refuse("content_hash allowed only in finished ball")
	case len(c.u.ParentUnits) == 0:
		return refuse("missing or empty parent units array")
	}
	return nil
}

func (c *check) timeAhead() error {
	if c.u.Timestamp > c.now.Round(time.Second).Unix()+aheadSeconds {
		return later("timestamp is too far into the future")
	}
	return nil
}

// findParents checks that the parents are known, not later and not related.
func (c *check) findParents() error {
	for _, h := range c.u.ParentUnits {
		p := c.l.node(h)
		if p == nil {
			if why := c.l.bad[h]; why != "" {
				return refuse("some of the unit's parents are known bad: %s", why)
			}
			return later("unknown parents")
		}
		c.parents = append(c.parents, p)
	}
	c.final = true
	c.included = none
	for i, p := range c.parents {
		if c.u.Timestamp < p.Timestamp {
			return refuse("timestamp decreased from parent %s", p.Unit)
		}
		c.included = max(c.included, p.Included)
		for _, q := range c.parents[:i] {
			if c.l.related(p, q) {
				return refuse("parent unit %s is related to one of the other parent units", p.Unit)
			}
		}
	}
	return nil
}

// findLastBall checks that the last ball is one and that the parents include it.
func (c *check) findLastBall() error {
	u := c.u
	c.lastBall = c.l.node(u.LastBallUnit)
	b := c.lastBall
	switch {
	case b == nil:
		return refuse("last ball unit %s not found", u.LastBallUnit)
	case !b.OnMain:
		return refuse("last ball %s is not on MC", u.LastBall)
	case b.Ball != "" && b.Ball != u.LastBall:
		return refuse("last_ball %s and last_ball_unit %s do not match", u.LastBall, u.LastBallUnit)
	}
	if max(c.included, 0) < b.MCI {
		return refuse("last ball unit %s is not included in parents, unit %s", u.LastBallUnit, u.Unit)
	}
	if err := unit.CheckFees(u, c.l.vars); err != nil {
		c.final = false // the hash says nothing about the oversize fee
		return err
	}
	return nil
}

// lastBallStable checks that the last ball does not fall behind that of a parent and is stable in view of the parents.
func (c *check) lastBallStable() error {
	highest := int64(0)
	for _, p := range c.parents {
		highest = max(highest, p.LastBallMCI)
	}
	b := c.lastBall
	switch {
	case highest > b.MCI:
		return refuse("last ball mci must not retreat, parents: %s", list(c.u.ParentUnits, ", "))
	case b.Stable && highest == b.MCI:
		return nil
	case !c.l.stableFor(b, c.parents):
		return refuse("%s: last ball unit %s is not stable in view of your parents %s", c.u.Unit, c.u.LastBallUnit, list(c.u.ParentUnits, ","))
	case !b.Stable:
		return later("last ball just advanced, try again")
	}
	return nil
}

func list(hashes []byteball.Hash, between string) string {
	text := ""
	for i, h := range hashes {
		if i > 0 {
			text += between
		}
		text += string(h)
	}
	return text
}

func (c *check) differentAuthors() error {
	seen := map[byteball.Address]bool{}
	for _, p := range c.parents {
		for _, a := range p.Authors {
			if seen[a] {
				return refuse("some addresses found more than once in parents, e.g. %s", a)
			}
			seen[a] = true
		}
	}
	return nil
}

func (c *check) witnessLevel() error {
	c.best = c.l.best(c.parents)
	c.level = c.l.witnessed(c.best)
	for _, p := range c.parents {
		if c.level < p.Witnessed {
			return refuse("witnessed level retreats from parent's %d to %d", p.Witnessed, c.level)
		}
	}
	return nil
}

// agents refuses what is only for autonomous agents: there are none.
func (c *check) agents() error {
	if c.u.MaxAAResponses != nil {
		return refuse("no outputs to AAs, max_aa_responses should not be there")
	}
	return nil
}

// tpsFee checks the ledger's rule and what this node asks beyond it (validation.js:1052).
func (c *check) tpsFee() error {
	offered := int64(*c.u.TPSFee)
	least := c.l.fees.least(c.l.vars, c.l.localTPS(c.best, c.lastBall, c.u.Timestamp))
	wanted := c.l.leastFee(c.now)
	byOP := slices.ContainsFunc(c.u.Authors, func(a unit.Author) bool { return a.Address == c.l.op })
	payers := unit.TPSFeeRecipients(c.u)
	for _, a := range c.u.Authors {
		percent, pays := payers[a.Address]
		if !pays {
			continue
		}
		share := float64(percent) / 100
		balance := c.l.tpsBalance(a.Address, c.lastBall.MCI)
		if float64(balance)+float64(float64(offered)*share) < float64(float64(least)*share) {
			return refuse("tps_fee %d + tps fees balance %d less than required %d for address %s whose share is %v", offered, balance, uint64(least), a.Address, share)
		}
		if found := float64(balance)/share + float64(offered); found < wanted && !byOP {
			return later("tps fee on address %s must be at least %v, found %v", a.Address, wanted, found)
		}
	}
	return nil
}

// serial is the last word: a unit beside another one of the same author is a double spend (network.js:1193).
func (c *check) serial() error {
	if c.double {
		return errSerial
	}
	return nil
}

// node makes the graph's record of a checked unit.
func (c *check) node() *node {
	u := c.u
	n := &node{
		Unit: u.Unit, Parents: u.ParentUnits, BestParent: c.best.Unit, LastBallUnit: u.LastBallUnit, LastBallMCI: c.lastBall.MCI,
		Witnessed: c.level, Included: none, MCI: none, Timestamp: u.Timestamp,
		Headers: u.HeadersCommission, Payload: u.PayloadCommission, TPSFee: *u.TPSFee, Recipients: u.Recipients, allKids: true,
	}
	for _, p := range c.parents {
		n.Level = max(n.Level, p.Level+1)
	}
	for _, a := range u.Authors {
		n.Authors = append(n.Authors, a.Address)
	}
	return n
}
