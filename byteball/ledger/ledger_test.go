package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

func TestPaymentBecomesStable(t *testing.T) {
	alice, bob := someone(t, 1), someone(t, 2)
	w := newWorld(t, "", alice)
	w.witness(3)
	u := w.post(w.draft(alice, to(bob, 1000)))
	got, err := w.Balance(bob.address)
	if want := (ledger.Balance{Pending: 1000, PendingCoins: 1}); err != nil || got != want {
		t.Errorf("balance at once: %+v (%v), want %+v", got, err, want)
	}
	w.witness(2)
	got, err = w.Balance(bob.address)
	if want := (ledger.Balance{Stable: 1000, StableCoins: 1}); err != nil || got != want {
		t.Errorf("balance after two units of the order provider: %+v (%v), want %+v", got, err, want)
	}
	j, err := w.Joint(u.Unit)
	if err != nil || j.Ball == "" || j.Unit.MainChainIndex == nil || *j.Unit.MainChainIndex != 4 {
		t.Errorf("joint %+v (%v), want a ball and index 4", j, err)
	}
}

func TestDoubleSpend(t *testing.T) {
	alice, bob := someone(t, 1), someone(t, 2)
	w := newWorld(t, "", alice)
	w.witness(3)
	first, second := w.draft(alice, to(bob, 1000)), w.draft(alice, to(bob, 2000))
	w.post(first)
	err := w.Post(second, w.now)
	if !errors.Is(err, byteball.Stale) || err.Error() != "The transaction would be non-serial (a double spend)" {
		t.Errorf("second spend: %v", err)
	}
	var no interface{ Refused() string }
	if !errors.As(err, &no) || no.Refused() != err.Error() {
		t.Errorf("second spend: %v is no definite no", err)
	}
	err = w.Post(first, w.now)
	if !errors.Is(err, byteball.Stale) || err.Error() != "known" || errors.As(err, &no) {
		t.Errorf("first again: %v, want Stale, not a definite no", err)
	}
}

// Many free units are all covered by the order provider, 16 at a time.
func TestManyFreeUnits(t *testing.T) {
	var people []person
	for n := range byte(50) {
		people = append(people, someone(t, n+1))
	}
	w := newWorld(t, "", people...)
	w.witness(3)
	a, err := w.Anchor([]byteball.Address{people[0].address}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	a.TPSFee = 1000
	var units []*unit.Unit
	for _, p := range people {
		units = append(units, w.post(w.draftAt(p, a, nil)))
	}
	w.witness(6)
	for _, u := range units {
		if j, err := w.Joint(u.Unit); err != nil || j.Ball == "" {
			t.Fatalf("unit %s is not stable (%v)", u.Unit, err)
		}
	}
}

func TestReopen(t *testing.T) {
	alice, bob := someone(t, 1), someone(t, 2)
	dir := t.TempDir()
	w := newWorld(t, dir, alice)
	w.witness(5)
	u := w.post(w.draft(alice, to(bob, 1000)))
	tip := w.TipMCI()
	if _, err := ledger.Open(ledger.Config{Dir: dir, Network: byteball.Dev}); !errors.Is(err, byteball.Transient) {
		t.Errorf("open twice: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Ledger = open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
	if got := w.TipMCI(); got != tip {
		t.Errorf("tip %d after opening, want %d", got, tip)
	}
	if w.Vars() != calm {
		t.Errorf("variables %+v, want %+v", w.Vars(), calm)
	}
	if err := w.Post(u, w.now); err == nil || err.Error() != "known" {
		t.Errorf("unit of before: %v, want known", err)
	}
	w.witness(3)
	if j, err := w.Joint(u.Unit); err != nil || j.Ball == "" {
		t.Errorf("unit of before is not stable (%v)", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	op := ledger.Operator{Signer: someone(t, 9).Key}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ledger.MakeGenesis(byteball.Dev, op, nil, start.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l, err := ledger.Open(ledger.Config{Dir: dir, Network: byteball.Dev, Genesis: &genesis})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	spoiled := *genesis.Unit
	spoiled.Timestamp++
	for _, c := range []struct {
		name, text string
		cfg        ledger.Config
	}{
		{"no genesis", "no ledger yet", ledger.Config{Dir: t.TempDir(), Network: byteball.Dev}},
		{"no genesis, in memory", "needs a genesis", ledger.Config{Network: byteball.Dev}},
		{"other genesis", "another genesis", ledger.Config{Dir: dir, Network: byteball.Dev, Genesis: &other}},
		{"other variables", "cannot become", ledger.Config{Dir: dir, Network: byteball.Dev, Vars: calm}},
		{"live network", "works with one", ledger.Config{Dir: dir, Network: byteball.Live}},
		{"spoiled genesis", "wrong unit hash", ledger.Config{Network: byteball.Dev, Genesis: &unit.Joint{Unit: &spoiled}}},
		{"variables out of range", "out of the ranges", ledger.Config{Network: byteball.Dev, Genesis: &genesis, Vars: unit.SystemVars{TPSInterval: 1}}},
	} {
		l, err := ledger.Open(c.cfg)
		if err == nil {
			l.Close()
		}
		if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
}

func TestNewerSchema(t *testing.T) {
	op := ledger.Operator{Signer: someone(t, 9).Key}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	cfg := ledger.Config{Dir: t.TempDir(), Network: byteball.Dev, Genesis: &genesis}
	l := open(t, cfg)
	if err := l.SetSchema(99); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(cfg); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "schema 99") {
		t.Errorf("open: %v", err)
	}
}

func TestWitnessRefuses(t *testing.T) {
	w := newWorld(t, "")
	_, err := w.Witness(ledger.Operator{Signer: someone(t, 1).Key}, w.now)
	if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "is not the order provider") {
		t.Errorf("stranger as order provider: %v", err)
	}
}

// The order provider's coin goes on for ever: it also works long after its first one.
func TestLongChain(t *testing.T) {
	w := newWorld(t, "")
	w.witness(300)
	if got := w.StableMCI(); got != 299 {
		t.Errorf("stable index %d, want 299", got)
	}
}

func BenchmarkWitness(b *testing.B) {
	w := newWorld(b, "")
	w.witness(200)
	b.ReportAllocs()
	for b.Loop() {
		w.witness(1)
	}
}

func BenchmarkPost(b *testing.B) {
	alice, bob := someone(b, 1), someone(b, 2)
	w := newWorld(b, "", alice)
	w.witness(5)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if w.TipMCI()-w.StableMCI() > 10 {
			w.witness(2)
		}
		u := w.draft(alice, to(bob, 1))
		b.StartTimer()
		if err := w.Post(u, w.now); err != nil {
			b.StopTimer()
			b.Fatal(err)
		}
	}
}
