package view_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

const (
	t0   = 1_800_000_000
	cell = "u33db"
	prop = "air-temperature"
)

// person has the two keys of a node.
type person struct {
	private ed25519.PrivateKey
	wallet  *unit.Key
	binding protocol.Binding
	address byteball.Address
}

func (p *person) Identity() protocol.Identity {
	return protocol.Identity(p.private.Public().(ed25519.PublicKey))
}
func (p *person) Sign(m []byte) ([]byte, error) { return ed25519.Sign(p.private, m), nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // made by the test itself
	}
	return v
}

func newPerson(seed byte) *person {
	p := &person{private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)), wallet: must(unit.NewKey(sha256.Sum256([]byte{seed, 'w'})))}
	p.binding = must(protocol.Bind(p, p.wallet))
	p.address = must(p.binding.Address())
	return p
}

var op = newPerson(99).address

var rules = func() deal.Rules {
	m := params.Manifest{Name: "test", Network: "dev", Hubs: []string{"ws://127.0.0.1:6611"}, OPs: []byteball.Address{op}, T0: t0, Profile: "fast", Params: params.Fast()}
	for i := range m.Arbiters {
		m.Arbiters[i], m.Fund[i] = newPerson(byte(100+i)).wallet.PublicKey(), newPerson(byte(110+i)).wallet.PublicKey()
	}
	return deal.Rules{Manifest: m, Market: m.Hash(), Network: byteball.Dev, Fund: m.FundAddress(), Verifier: envelope.Keys{}}
}()

func hashOf(parts ...any) byteball.Hash {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return byteball.Hash(base64.StdEncoding.EncodeToString(sum[:]))
}

// heartbeat is the order provider's unit number i, one a second from 20 s before T0 on.
func heartbeat(i int) unit.Proven {
	return unit.Proven{MCI: uint64(10 * i), Ball: hashOf("ball", i), Serial: true, Unit: &unit.Unit{Unit: hashOf("unit", i), Timestamp: t0 - 20 + int64(i),
		Authors: []unit.Author{{Address: op}}, LastBall: hashOf("ball", i-1), LastBallUnit: hashOf("unit", i-1)}}
}

// bond is a registration that became stable beside heartbeat i.
func bond(p *person, as committee.Role, i int) unit.Proven {
	r := committee.Registration{Role: as, Binding: p.binding, End: 100_000}
	if as == committee.Seller {
		r.Streams = []committee.Stream{{Prop: prop, Cell: cell}}
	} else {
		r.Key = newPerson(p.private[0]).wallet.PublicKey()
		r.NonceRoot = protocol.H("nonces")
	}
	at := time.Unix(t0-20+int64(i), 0)
	pay := unit.Message{App: "payment", PayloadLocation: "inline", Payload: &unit.Payment{Outputs: r.Outputs(&rules.Manifest, at)}}
	return unit.Proven{MCI: uint64(10*i + 1), Ball: hashOf("ball of", p.address), Serial: true, Unit: &unit.Unit{Unit: hashOf("bond of", p.address), Timestamp: at.Unix(),
		Authors: []unit.Author{{Address: p.address}}, Messages: []unit.Message{must(r.Message(&rules.Manifest)), pay}}}
}

func watched(effects []role.Effect) (list []byteball.Address) {
	for _, e := range effects {
		if w, ok := e.(role.Watch); ok {
			list = append(list, w.Address)
		}
	}
	return list
}

func newView() *view.View { return view.New(rules, unit.DefaultVars(byteball.Dev)) }

// ready is a view with three validators and a seller.
func ready(t *testing.T) *view.View {
	t.Helper()
	v := newView()
	units := []unit.Proven{heartbeat(0), heartbeat(1), bond(newPerson(1), committee.Validator, 1), bond(newPerson(2), committee.Validator, 1),
		bond(newPerson(3), committee.Validator, 1), bond(newPerson(20), committee.Seller, 1)}
	v.Apply(role.Chain{Tip: 20, Units: units})
	for i := 2; i < 6; i++ {
		v.Apply(role.Chain{Tip: uint64(10*i + 2), Units: []unit.Proven{heartbeat(i)}})
	}
	if !v.Ready() {
		t.Fatal("the view is not ready")
	}
	return v
}

func TestAViewAsksForListsAndBonds(t *testing.T) {
	v := newView()
	first := watched(v.Apply(role.Chain{Tip: 3, Units: []unit.Proven{heartbeat(0)}}))
	for _, a := range committee.Lists(&rules.Manifest, 0) {
		if !slices.Contains(first, a) {
			t.Errorf("the list %s is not watched", a)
		}
	}
	reg := bond(newPerson(1), committee.Validator, 1)
	second := watched(v.Apply(role.Chain{Tip: 12, Units: []unit.Proven{reg}}))
	ticket, err := committee.ParseRegistration(reg, &rules.Manifest, rules.Verifier)
	if err != nil || !slices.Equal(second, []byteball.Address{ticket.Bond}) {
		t.Errorf("watches %v, want the bond %s alone, %v", second, ticket.Bond, err)
	}
	if again := watched(v.Apply(role.Chain{Tip: 13, Units: []unit.Proven{reg, heartbeat(2)}})); len(again) > 0 {
		t.Errorf("watches %v again", again)
	}
}

// TestNoCommitteeBeforeTheLedgerIsRead: a node that has just started knows the balls before the bonds.
func TestNoCommitteeBeforeTheLedgerIsRead(t *testing.T) {
	v := newView()
	for i := range 3 {
		if _, err := v.Committee(newPerson(20).Identity(), prop, cell, 0); !errors.Is(err, protocol.Transient) || v.Ready() {
			t.Errorf("after %d events: ready %t, error %v, want Transient", i, v.Ready(), err)
		}
		units := []unit.Proven{heartbeat(i)}
		if i == 1 { // the lists were asked for at 0; their units come now
			units = append(units, bond(newPerson(1), committee.Validator, 0))
		}
		v.Apply(role.Chain{Tip: uint64(10 * i), Units: units})
	}
	for i := 3; i < 5; i++ {
		v.Apply(role.Chain{Tip: uint64(10 * i), Units: []unit.Proven{heartbeat(i)}})
	}
	if c, err := v.Committee(newPerson(20).Identity(), prop, cell, 0); err != nil || len(c.Members) != 1 {
		t.Errorf("committee %+v, %v", c, err)
	}
	if w := watched(v.Apply(role.Chain{Tip: 60, Units: []unit.Proven{bond(newPerson(2), committee.Validator, 6)}})); len(w) == 0 || !v.Ready() {
		t.Errorf("a new bond: watches %v, ready %t", w, v.Ready())
	}
}

func TestTwoViewsDrawAlike(t *testing.T) {
	a, b := ready(t), ready(t)
	id := newPerson(20).Identity()
	x, err := a.Committee(id, prop, cell, 0)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Committee(id, prop, cell, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Payees(), y.Payees()) || len(x.Members) != 3 || x.Aggregator.ID != y.Aggregator.ID {
		t.Errorf("%v and %v", x.Payees(), y.Payees())
	}
	if again, err := a.Committee(id, prop, cell, 0); err != nil || again != x {
		t.Errorf("drawn anew: %v, %v", again, err)
	}
	if _, err := a.Committee(id, prop, cell, 7); !errors.Is(err, protocol.Transient) {
		t.Errorf("an epoch to come: error %v, want Transient", err)
	}
}

func TestSellersAreBonded(t *testing.T) {
	v := ready(t)
	if !v.Seller(newPerson(20).Identity(), prop, cell, 0) {
		t.Error("a bonded seller does not count")
	}
	for what, ok := range map[string]bool{
		"a stranger":         v.Seller(newPerson(21).Identity(), prop, cell, 0),
		"another property":   v.Seller(newPerson(20).Identity(), "pm10", cell, 0),
		"another cell":       v.Seller(newPerson(20).Identity(), prop, "u33dc", 0),
		"a validator's bond": v.Seller(newPerson(1).Identity(), prop, cell, 0),
	} {
		if ok {
			t.Errorf("%s may sell", what)
		}
	}
}

func TestFalseRegistrationsAreRefused(t *testing.T) {
	v := newView()
	bad := bond(newPerson(1), committee.Validator, 1)
	bad.Unit.Authors[0].Address = newPerson(2).address
	effects := v.Apply(role.Chain{Tip: 12, Units: []unit.Proven{bad, heartbeat(2)}})
	if !slices.ContainsFunc(effects, func(e role.Effect) bool { r, ok := e.(role.Refused); return ok && errors.Is(r.Err, protocol.Invalid) }) {
		t.Errorf("effects %v, want a refusal", effects)
	}
	if v.Chain.Last().Time == 0 {
		t.Error("the rest of the event is lost")
	}
}

func TestFreshAndEpoch(t *testing.T) {
	v := newView()
	now := time.Unix(t0, 0)
	if v.Fresh(now, time.Hour) {
		t.Error("an empty view is fresh")
	}
	v.Apply(role.Chain{Tip: 5, Units: []unit.Proven{heartbeat(10)}})
	if !v.Fresh(now, 11*time.Second) || v.Fresh(now, 10*time.Second) {
		t.Error("the age of the newest ball is 10 s")
	}
	v.Apply(role.Chain{Tip: 900, Units: []unit.Proven{heartbeat(85)}}) // 65 s after T0, epochs of 30 s
	if v.Epoch() != 2 || v.Tip != 900 {
		t.Errorf("epoch %d, tip %d", v.Epoch(), v.Tip)
	}
	v.Apply(role.Chain{Tip: 7})
	if v.Tip != 900 {
		t.Errorf("the tip falls to %d", v.Tip)
	}
}

// TestBallsAreRemembered: a node that follows the ledger from near its tip still knows what seeded the running epoch.
func TestBallsAreRemembered(t *testing.T) {
	v, disk := newView(), map[string][]byte{}
	for i := range 200 {
		for _, e := range v.Apply(role.Chain{Tip: uint64(10 * i), Units: []unit.Proven{heartbeat(i)}}) {
			switch e := e.(type) {
			case role.Save:
				disk[string(e.Key)] = e.Value
			case role.Delete:
				delete(disk, string(e.Key))
			}
		}
	}
	if len(disk) == 0 || len(disk) > 8 {
		t.Errorf("%d balls are kept", len(disk))
	}
	want, ok := v.Chain.EpochBall(v.Epoch())
	if !ok {
		t.Fatal("no ball of the running epoch")
	}
	disk["ball/short"] = []byte{1}
	disk["deal/12345678"] = []byte{1}
	again := newView()
	again.Begin(1990, disk)
	again.Apply(role.Chain{Tip: 2000, Units: []unit.Proven{heartbeat(199), heartbeat(200)}})
	if got, ok := again.Chain.EpochBall(v.Epoch()); !ok || got != want {
		t.Errorf("ball %+v, %t, want %+v", got, ok, want)
	}
}
