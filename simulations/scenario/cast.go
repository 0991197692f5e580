package scenario

import (
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/simulations/world"
	"github.com/iotverse/iotverse/validator"
)

// softwareKey is A of MECHANISM 4 for the keys of this cast, in ‰.
const softwareKey = 950

// seller casts a seller of one property in one cell. A dishonest one lies by plan; a Copy seller sees what the first seller
// of the cast sees, with a sensor of its own that is the other's twin, for actors share nothing.
func (m *market) seller(number int, strategy adversary.Strategy, prop, cell string, asks byteball.Bytes, period time.Duration, plan adversary.Plan) error {
	a, err := m.enter("seller", number, strategy, 50e6)
	if err != nil {
		return err
	}
	eyes := a
	if strategy == adversary.Copy {
		eyes = m.of("seller")[0]
		a.victim = eyes
	}
	a.prop = prop
	if a.source, err = m.world.Sensor(eyes.name, prop, cell); err != nil {
		return err
	}
	if strategy != adversary.Honest {
		p, _ := protocol.PropertyOf(prop)
		if a.lie, err = adversary.Cheat(strategy, p, plan); err != nil {
			return err
		}
	}
	cfg := seller.Config{Rules: m.rules, Vars: m.vars, Signer: a.signer, Binding: a.binding, Wallet: a.key, Secret: a.secret[:], Cell: cell,
		Products: []seller.Product{{Prop: prop, Period: period, Accuracy: world.Accuracy(prop), Price: asks}}}
	a.make = func(saved map[string][]byte) (role.Core, error) { return seller.New(cfg, saved) }
	return nil
}

// sense feeds a seller with the readings of its sensor from window 0 to the end of trade.
func (m *market) sense(a *actor, period time.Duration) {
	a.first = time.Unix(opening, 0).Add(m.draw(period - time.Millisecond))
	if a.victim != nil {
		a.first = a.victim.first // so that their sensors see the same
	}
	m.engine.Feed(a.node, a.first, m.end, period, func(now time.Time) role.Event {
		reading := a.source.Read(now)
		if a.lie != nil {
			said := a.lie.Tell(reading)
			if len(said) == 0 {
				return nil
			}
			reading = said[0] // a lie told reading by reading never makes two of one
		}
		return seller.Sensed{Prop: a.prop, Reading: reading}
	})
}

// validator casts a validator.
func (m *market) validator(number int, strategy adversary.Strategy) error {
	a, err := m.enter("validator", number, strategy, 200e6)
	if err != nil {
		return err
	}
	bond, err := m.keys.wallet(a.name, "bond", 0)
	if err != nil {
		return err
	}
	cfg := validator.Config{Rules: m.rules, Vars: m.vars, Signer: a.signer, Binding: a.binding, BondKey: bond.PublicKey(), Secret: a.secret[:], Device: softwareKey}
	if strategy == adversary.Lazy {
		cfg.Score = adversary.Unseen
	}
	a.make = func(saved map[string][]byte) (role.Core, error) { return validator.New(cfg, saved) }
	return nil
}

// buyer casts a buyer with one want.
func (m *market) buyer(number int, want buyer.Want) error {
	a, err := m.enter("buyer", number, adversary.Honest, 1e9)
	if err != nil {
		return err
	}
	change, err := a.binding.Address()
	if err != nil {
		return err
	}
	want.Demand.Buyer = a.signer.Identity()
	cfg := buyer.Config{Rules: m.rules, Vars: m.vars, Signer: a.signer, Change: change, Secret: a.secret[:], Wants: []buyer.Want{want},
		Keys: func(i uint32) (unit.Signer, error) { return m.keys.wallet(a.name, "channel", i) }}
	a.make = func(saved map[string][]byte) (role.Core, error) { return buyer.New(cfg, saved) }
	return nil
}

// want is a demand for n sellers of a property around a cell, for so many windows.
func want(prop, cell string, n int, windows uint32, period time.Duration, most byteball.Bytes) buyer.Want {
	p, _ := protocol.PropertyOf(prop)
	return buyer.Want{Sellers: n, Demand: protocol.Demand{Prop: prop, Unit: p.Unit, Cell: cell, Radius: 4000, HalfLife: 86_400,
		Period: uint32(period.Milliseconds()), Accuracy: world.Accuracy(prop), Cap: most, Windows: windows}}
}
