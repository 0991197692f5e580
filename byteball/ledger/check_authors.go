package ledger

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// authors checks each author's definition and signatures, and that it writes one unit after the other (validation.js:1164).
func (c *check) authors() error {
	if c.hash = c.keys.hash; c.keys.keys == nil {
		hash, err := c.u.HashToSign()
		if err != nil {
			return err
		}
		c.hash, c.keys.keys = hash, make([]string, len(c.u.Authors))
	}
	c.resolve()
	for i := range c.u.Authors {
		if err := c.author(&c.u.Authors[i], c.keys.keys[i]); err != nil {
			return err
		}
	}
	return nil
}

// author checks one author. signer is the key that is known to have made its only authentifier, a signature at the root.
func (c *check) author(a *unit.Author, signer string) error {
	known, bound := c.l.definition(a.Address, c.lastBall.MCI)
	def := a.Definition
	if def == nil {
		if known == nil {
			return refuse("definition %s bound to address %s not found before last ball", bound, a.Address)
		}
		def = known
	}
	if err := c.signed(def, a, signer); err != nil {
		return err
	}
	beside := c.beside(a.Address)
	c.double = c.double || beside
	if a.Definition == nil {
		return nil
	}
	if known != nil {
		return refuse("duplicate definition of address %s, bNonserial=%t", a.Address, beside)
	}
	got, err := chash.Of(a.Definition)
	if err != nil {
		return refuse("definition hash failed: Error: %s", err)
	}
	if got != bound {
		return refuse("wrong definition: %s!==%s", got, bound)
	}
	return nil
}

// signed evaluates the definition that holds for a.
func (c *check) signed(def any, a *unit.Author, signer string) error {
	key := plainKey(def)
	if key != "" && key == signer {
		return nil
	}
	ok, err := definition.Evaluate(def, a.Address, a.Authentifiers, definition.Env{
		Unit: c.u, HashToSign: c.hash, LastBallMCI: uint64(c.lastBall.MCI), LastBallTimestamp: c.lastBall.Timestamp,
		Inputs: c.resolved, Chain: chainView{c.l},
	})
	if err != nil {
		return err
	}
	if !ok {
		return refuse("authentifier verification failed")
	}
	c.l.known.learn(a.Address, key)
	return nil
}

// beside says whether address wrote a unit that the parents do not include. Its units include one another, so that the
// last one tells.
func (c *check) beside(address byteball.Address) bool {
	h := c.l.x.get(key(tLast, []byte(address)))
	if h == nil {
		return false
	}
	last := c.l.node(hashOf(h))
	return last != nil && !c.l.includes(c.parents, last)
}

// resolve finds the outputs that the unit spends, as far as they exist.
func (c *check) resolve() {
	for i := range c.u.Messages {
		p, ok := c.u.Messages[i].Payload.(*unit.Payment)
		if !ok || p.Asset != "" {
			continue
		}
		for j := range p.Inputs {
			s := c.l.source(&p.Inputs[j])
			c.inputs = append(c.inputs, s)
			if s.coin == nil {
				continue
			}
			c.resolved = append(c.resolved, definition.ResolvedInput{
				OutPoint: s.point, Address: s.coin.Address, Amount: s.coin.Amount,
				MCI: uint64(max(s.from.MCI, 0)), Stable: s.from.Stable,
			})
		}
	}
}

// chainView shows definitions the stable chain.
type chainView struct{ l *Ledger }

func (v chainView) Definition(address byteball.Address, mci uint64) (any, byteball.Address, error) {
	def, bound := v.l.definition(address, int64(mci))
	return def, bound, v.l.x.err
}

func (v chainView) Seen(address byteball.Address, mci uint64) (bool, error) {
	first := v.l.x.get(key(tSeen, []byte(address)))
	return first != nil && number(first) <= mci, v.l.x.err
}

// PrivateAsset: there are no assets.
func (v chainView) PrivateAsset(byteball.Hash, uint64) (bool, error) { return false, nil }
