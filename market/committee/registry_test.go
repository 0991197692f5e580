package committee_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// world is a chain with one provider's unit a second, MCI 10·s at T0+s, from 60 s before T0 (MCI 0) on.
type world struct {
	m     *params.Manifest
	chain *committee.Chain
	reg   *committee.Registry
}

func newWorld(t testing.TB, seconds int64) world {
	m := manifest()
	c := committee.NewChain(m, 0)
	w := world{m, c, committee.NewRegistry(m, keys, c)}
	for s := int64(-60); s < seconds; s++ {
		add(t, c, opUnit(uint64(10*(s+60)), time.Unix(m.T0+s, 0)))
	}
	return w
}

// at is the MCI at T0+s and that time.
func (w world) at(s int64) (uint64, time.Time) { return uint64(10 * (s + 60)), time.Unix(w.m.T0+s, 0) }

func (w world) register(t testing.TB, name string, role committee.Role, s int64, end uint64) *committee.Ticket {
	t.Helper()
	mci, at := w.at(s)
	n := newNode(name)
	ticket, err := w.reg.Add(register(t, w.m, n, registration(t, n, role, end), mci+1, at))
	if err != nil || ticket == nil {
		t.Fatalf("%s: %+v, %v", name, ticket, err)
	}
	return ticket
}

func spend(o unit.OutPoint, mci uint64) unit.Proven {
	in := unit.Input{Unit: o.Unit, MessageIndex: o.MessageIndex, OutputIndex: o.OutputIndex}
	return unit.Proven{MCI: mci, Serial: true, Unit: &unit.Unit{Messages: []unit.Message{{App: "payment", Payload: &unit.Payment{Inputs: []unit.Input{in}}}}}}
}

func TestWhoServes(t *testing.T) {
	w := newWorld(t, 300) // ten epochs of 30 s
	const never = 1 << 40
	genesis := w.register(t, "genesis", committee.Validator, -55, never)
	late := w.register(t, "late", committee.Validator, 95, never) // in epoch 3
	ends := w.register(t, "ends", committee.Validator, -55, 2300) // MCI 2300 − 300 is at 140 s
	slashed := w.register(t, "slashed", committee.Validator, -55, never)
	mci, _ := w.at(125) // in epoch 4: before the cut of 6
	if _, err := w.reg.Add(spend(slashed.Outputs[7], mci)); err != nil {
		t.Fatal(err)
	}
	lost := spend(genesis.Outputs[0], mci)
	lost.Serial = false
	if _, err := w.reg.Add(lost); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		t           *committee.Ticket
		first, last uint64
	}{
		{"genesis", genesis, 0, 10},
		{"late", late, 5, 10},
		{"ends", ends, 0, 5}, // cut 5 is at 120 s, cut 6 at 150 s
		{"slashed", slashed, 0, 5},
	} {
		for e := range uint64(11) {
			if got, want := w.reg.Serves(c.t, e), c.first <= e && e <= c.last; got != want {
				t.Errorf("%s in epoch %d: serves %v, want %v", c.name, e, got, want)
			}
		}
	}
	if _, err := w.reg.Tickets(50); !errors.Is(err, protocol.Transient) {
		t.Errorf("epoch 50: %v, want Transient", err)
	}
	list, err := w.reg.Tickets(5)
	if err != nil || len(list) != 4 {
		t.Errorf("epoch 5: %d tickets, %v, want 4", len(list), err)
	}
}

func TestTermEnds(t *testing.T) {
	w := newWorld(t, 300)
	w.m.Params.Term = 3
	genesis := w.register(t, "genesis", committee.Validator, -55, 1<<40)
	late := w.register(t, "late", committee.Validator, 95, 1<<40)
	for e := range uint64(11) {
		if got, want := w.reg.Serves(genesis, e), e < 5; got != want {
			t.Errorf("genesis in epoch %d: %v", e, got)
		}
		if got, want := w.reg.Serves(late, e), 5 <= e && e < 8; got != want {
			t.Errorf("late in epoch %d: %v", e, got)
		}
	}
	w.reg.Forget(5)
	if _, ok := w.reg.Ticket(genesis.Bond); ok {
		t.Error("a bond whose term is over is still there")
	}
	if _, ok := w.reg.Ticket(late.Bond); !ok {
		t.Error("a bond that serves was forgotten")
	}
}

func TestFirstRegistrationOfABondStands(t *testing.T) {
	w := newWorld(t, 10)
	n := newNode("v")
	r := registration(t, n, committee.Validator, 5000)
	early, lateUnit := register(t, w.m, n, r, 50, time.Unix(w.m.T0, 0)), register(t, w.m, n, r, 60, time.Unix(w.m.T0, 0))
	lateUnit.Unit.Unit = hash("later")
	for _, p := range []unit.Proven{lateUnit, early, lateUnit} {
		if _, err := w.reg.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := w.reg.Ticket(r.Bond(w.m)); !ok || got.MCI != 50 {
		t.Errorf("got the registration at %d, want 50", got.MCI)
	}
}

func TestSeller(t *testing.T) {
	w := newWorld(t, 300)
	s := newNode("seller")
	ticket := w.register(t, "seller", committee.Seller, -55, 1<<40)
	w.register(t, "validator", committee.Validator, -55, 1<<40)
	if own := w.reg.Own(s.Identity(), committee.Seller); len(own) != 1 || own[0] != ticket || len(w.reg.Own(s.Identity(), committee.Validator)) != 0 {
		t.Errorf("own bonds: %v", own)
	}
	if got, ok := w.reg.Seller(s.Identity(), committee.Stream{Prop: "pm10", Cell: "u281z"}, 3); !ok || got != ticket {
		t.Errorf("got %+v, %v", got, ok)
	}
	for name, stream := range map[string]committee.Stream{"property": {Prop: "pm2.5", Cell: "u281z"}, "cell": {Prop: "pm10", Cell: "u281y"}} {
		if _, ok := w.reg.Seller(s.Identity(), stream, 3); ok {
			t.Errorf("another %s is licensed", name)
		}
	}
	if _, ok := w.reg.Seller(newNode("validator").Identity(), committee.Stream{Prop: "pm10", Cell: "u281z"}, 3); ok {
		t.Error("a validator's bond is a seller's licence")
	}
	list, err := w.reg.Tickets(3)
	if err != nil || len(list) != 1 {
		t.Errorf("%d tickets, %v: a seller's bond is no lot", len(list), err)
	}
	if watch := w.reg.Watch(3); !slices.Contains(watch, ticket.Bond) || !slices.Contains(watch, committee.Reg(0)) {
		t.Errorf("watch %v", watch)
	}
}

func TestRegistryDraws(t *testing.T) {
	w := newWorld(t, 300)
	stream := committee.Stream{Prop: "pm10", Cell: "u281z"}
	if _, err := w.reg.Committee("seller", stream, 3); !errors.Is(err, protocol.NotFound) {
		t.Errorf("without validators: %v", err)
	}
	for i := range 9 {
		w.register(t, fmt.Sprint("v", i), committee.Validator, -55, 1<<40)
	}
	a, err := w.reg.Committee("seller", stream, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Members) != 7 || len(a.Spares) != 2 || a.Quorum != 5 || a.Provisional {
		t.Errorf("got %d members, %d spares, quorum %d", len(a.Members), len(a.Spares), a.Quorum)
	}
	if b, err := w.reg.Committee("seller", stream, 3); err != nil || a != b {
		t.Errorf("asked again: another committee, %v", err)
	}
	mci, _ := w.at(20)
	if _, err := w.reg.Add(spend(a.Members[0].Outputs[0], mci)); err != nil {
		t.Fatal(err)
	}
	if b, err := w.reg.Committee("seller", stream, 3); err != nil || slices.Contains(b.Members, a.Members[0]) {
		t.Errorf("after a spend before the cut: the same member, %v", err)
	}
	if payees := a.Payees(); len(payees) != 7 || payees[0] != a.Members[0].Payee || payees[0] == byteball.Address("") {
		t.Errorf("payees %v", payees)
	}
}

func BenchmarkWatch(b *testing.B) {
	w := newWorld(b, 10)
	for i := range 20 {
		w.register(b, fmt.Sprint("v", i), committee.Validator, -55, 1<<40)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.reg.Watch(0)
	}
}
