// Package view is what a node believes of the ledger: the chain of the order providers' balls, the register of bonds, the
// units that vouchers may hang on. All three roles feed it the proven units that their ledger client brings, and ask it
// who judges whom. It is pure; nodes with the same units have the same view.
package view

import (
	"encoding/binary"
	"fmt"
	"strings"
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

	rules   deal.Rules
	cal     params.Calendar
	saved   map[uint64]bool // epochs whose ball is in the store
	watched map[byteball.Address]bool
	drawn   map[draw]*committee.Committee
	epoch   uint64
	calm    int // Chain events since an address was last asked for, up to settled
}

// settled is how many Chain events without a new address to watch show that the register is complete: the units of a new
// address come with the next event, or with the one after if that was on its way already.
const settled = 2

type draw struct {
	seller protocol.Identity
	stream committee.Stream
	epoch  uint64
}

// New makes an empty view that is fed from the beginning of the chain.
func New(r deal.Rules, vars unit.SystemVars) *View {
	v := &View{rules: r, Bases: deal.NewBases(r.Manifest.OPs, vars), cal: r.Manifest.Calendar(), saved: make(map[uint64]bool),
		watched: make(map[byteball.Address]bool), drawn: make(map[draw]*committee.Committee)}
	v.Begin(0, nil)
	return v
}

// Begin says, before anything is fed, from which main chain index on every unit of the order providers will come, and gives
// back what the view saved in an earlier run (of all the rows of the node it takes its own).
func (v *View) Begin(from uint64, saved map[string][]byte) {
	v.Chain = committee.NewChain(&v.rules.Manifest, from)
	v.Registry = committee.NewRegistry(&v.rules.Manifest, v.rules.Verifier, v.Chain)
	for key, value := range saved {
		rest, ok := strings.CutPrefix(key, ballPrefix)
		if !ok || len(rest) != 8 {
			continue
		}
		var b savedBall
		if protocol.Decode(value, &b) == nil {
			e := binary.BigEndian.Uint64([]byte(rest))
			v.saved[e] = true
			v.Chain.Recall(e, committee.Ball(b.Ball))
		}
	}
}

// ballPrefix is where the balls of epochs are saved: a ledger shows a light client only so much of its past.
const ballPrefix = "ball/"

type savedBall struct {
	_    struct{} `cbor:",toarray"`
	Ball struct {
		Unit byteball.Hash
		Hash byteball.Hash
		Raw  protocol.Hash
		MCI  uint64
		Time int64
	}
}

// Found is the row by which a view is told, through Begin, the ball of an epoch whose start lies before what it will be fed:
// p is the first unit of the order providers at or after the epoch's cut. Error: Invalid for a unit without a ball.
func Found(e uint64, p unit.Proven) (key string, value []byte, err error) {
	raw, err := committee.ParseBall(p.Ball)
	if err != nil {
		return "", nil, err
	}
	b := committee.Ball{Unit: p.Unit.Unit, Hash: p.Ball, Raw: raw, MCI: p.MCI, Time: p.Unit.Timestamp}
	value, err = protocol.Encode(savedBall{Ball: b})
	return string(ballKey(e)), value, err
}

// remember saves the balls of the running epoch and the next, once each.
func (v *View) remember() (effects []role.Effect) {
	for e := v.epoch; e <= v.epoch+1; e++ {
		ball, ok := v.Chain.EpochBall(e)
		if !ok || v.saved[e] {
			continue
		}
		data, err := protocol.Encode(savedBall{Ball: ball})
		if err != nil {
			continue // plain values always encode
		}
		v.saved[e] = true
		effects = append(effects, role.Save{Key: ballKey(e), Value: data})
		if e > 4 && v.saved[e-4] {
			delete(v.saved, e-4)
			effects = append(effects, role.Delete{Key: ballKey(e - 4)})
		}
	}
	return effects
}

func ballKey(e uint64) []byte { return binary.BigEndian.AppendUint64([]byte(ballPrefix), e) }

// Apply takes in what the ledger client has proven, and asks to watch what that makes interesting. Registrations that do
// not hold are counted as refused.
func (v *View) Apply(ev role.Chain) []role.Effect {
	var effects []role.Effect
	v.Tip = max(v.Tip, ev.Tip)
	changed := len(v.watched) == 0
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
			changed = true
			clear(v.drawn)
		}
	}
	e := v.cal.EpochAt(time.Unix(v.Chain.Last().Time, 0))
	if e > v.epoch {
		v.epoch, changed = e, true
		clear(v.drawn)
		v.Registry.Forget(max(e, 2) - 2)
	}
	var asked []role.Effect
	if changed {
		asked = v.watch()
	}
	switch {
	case v.Ready():
	case len(asked) > 0 || v.Chain.Last().Time == 0:
		v.calm = 0
	default:
		v.calm++
	}
	return append(append(effects, asked...), v.remember()...)
}

// Ready says whether the view has caught up since the start. Before, bonds that the ledger holds may be missing here, and a
// committee would be another than everybody else's.
func (v *View) Ready() bool { return v.calm >= settled }

// watch asks for the addresses that the registry needs, once each.
func (v *View) watch() (effects []role.Effect) {
	for _, a := range v.Registry.Watch(v.epoch) {
		if !v.watched[a] {
			v.watched[a] = true
			effects = append(effects, role.Watch{Address: a})
		}
	}
	return effects
}

// Load is the tps fee of a unit now, in bytes, as far as this view can tell; 0 if it knows nothing (deal.Bases.Load). It
// counts up to the tip, so it is asked for when a Chain event has just come.
func (v *View) Load(now time.Time) byteball.Bytes { return v.Bases.Load(v.Tip, now) }

// Epoch is the epoch of the newest ball.
func (v *View) Epoch() uint64 { return v.epoch }

// Fresh says whether the view is near the present: the newest ball is younger than age.
func (v *View) Fresh(now time.Time, age time.Duration) bool {
	return now.Sub(time.Unix(v.Chain.Last().Time, 0)) < age
}

// Committee returns who judges a stream in an epoch. Errors: Transient while the epoch's ball is not known or the view is not
// Ready, NotFound without validators.
func (v *View) Committee(seller protocol.Identity, prop, cell string, e uint64) (*committee.Committee, error) {
	if !v.Ready() {
		return nil, fmt.Errorf("committee of %s in epoch %d: the ledger is still being read: %w", prop, e, protocol.Transient)
	}
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
