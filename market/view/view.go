// Package view is what a node believes of the ledger: the chain of the order providers' balls, the register of bonds, the
// units that vouchers may hang on. All three roles feed it the proven units that their ledger client brings, and ask it
// who judges whom. It is pure; nodes with the same units have the same view.
package view

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// View is one node's view. It has one user at a time.
type View struct {
	Chain    *committee.Chain
	Registry *committee.Registry
	Bases    *deal.Bases
	Tip      uint64 // last main chain index, stable or not

	cal     params.Calendar
	watched map[byteball.Address]bool
	drawn   map[draw]*committee.Committee
	epoch   uint64
}

type draw struct {
	seller protocol.Identity
	stream committee.Stream
	epoch  uint64
}

// New makes an empty view that is fed from the beginning of the chain.
func New(r deal.Rules, vars unit.SystemVars) *View {
	chain := committee.NewChain(&r.Manifest, 0)
	return &View{
		Chain: chain, Registry: committee.NewRegistry(&r.Manifest, r.Verifier, chain), Bases: deal.NewBases(r.Manifest.OPs, vars),
		cal: r.Manifest.Calendar(), watched: make(map[byteball.Address]bool), drawn: make(map[draw]*committee.Committee),
	}
}

// Apply takes in what the ledger client has proven, and asks to watch what that makes interesting. Registrations that do
// not hold are counted as refused.
func (v *View) Apply(ev role.Chain) []role.Effect {
	var effects []role.Effect
	v.Tip = max(v.Tip, ev.Tip)
	for _, p := range ev.Units {
		v.Bases.Add(p)
		if _, err := v.Chain.Add(p); err != nil {
			effects = append(effects, role.Refused{Err: err})
		}
		t, err := v.Registry.Add(p)
		if err != nil {
			effects = append(effects, role.Refused{Err: err})
		}
		if t != nil {
			clear(v.drawn)
		}
	}
	e := v.cal.EpochAt(time.Unix(v.Chain.Last().Time, 0))
	if e > v.epoch {
		v.epoch = e
		clear(v.drawn)
		v.Registry.Forget(max(e, 2) - 2)
	}
	for _, a := range v.Registry.Watch(e) {
		if !v.watched[a] {
			v.watched[a] = true
			effects = append(effects, role.Watch{Address: a})
		}
	}
	return effects
}

// Epoch is the epoch of the newest ball.
func (v *View) Epoch() uint64 { return v.epoch }

// Fresh says whether the view is near the present: the newest ball is younger than age.
func (v *View) Fresh(now time.Time, age time.Duration) bool {
	return now.Sub(time.Unix(v.Chain.Last().Time, 0)) < age
}

// Committee returns who judges a stream in an epoch. Errors: Transient while the epoch's ball is not known, NotFound
// without validators.
func (v *View) Committee(seller protocol.Identity, prop, cell string, e uint64) (*committee.Committee, error) {
	key := draw{seller, committee.Stream{Prop: prop, Cell: cell}, e}
	if c, ok := v.drawn[key]; ok {
		return c, nil
	}
	c, err := v.Registry.Committee(seller, key.stream, e)
	if err != nil {
		return nil, fmt.Errorf("committee of %s in epoch %d: %w", prop, e, err)
	}
	v.drawn[key] = c
	return c, nil
}

// Seller says whether a seller's bond for a stream counts in an epoch.
func (v *View) Seller(id protocol.Identity, prop, cell string, e uint64) bool {
	_, ok := v.Registry.Seller(id, committee.Stream{Prop: prop, Cell: cell}, e)
	return ok
}
