package ledger_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// start is the time of the first unit of the chains made here.
var start = time.Unix(1_790_000_000, 0)

// calm are variables with which a burst of units costs little.
var calm = unit.SystemVars{ThresholdSize: 10_000, BaseTPSFee: 10, TPSInterval: 1000, TPSFeeMultiplier: 10}

// person has one key and the address that it defines.
type person struct {
	*unit.Key
	definition any
	address    byteball.Address
}

func someone(t testing.TB, n byte) person {
	t.Helper()
	key, err := unit.NewKey([32]byte{0: 1, 31: n})
	if err != nil {
		t.Fatal(err)
	}
	def := ledger.Operator{Signer: key}.Definition()
	address, err := chash.Of(def)
	if err != nil {
		t.Fatal(err)
	}
	return person{key, def, address}
}

// world is a ledger, its order provider and its clock.
type world struct {
	testing.TB
	*ledger.Ledger
	op  ledger.Operator
	now time.Time
}

// newWorld begins a ledger on which each person has a billion bytes; dir may be empty.
func newWorld(t testing.TB, dir string, people ...person) *world {
	t.Helper()
	op := ledger.Operator{Signer: someone(t, 200).Key}
	var outputs []unit.Output
	for _, p := range people {
		outputs = append(outputs, unit.Output{Address: p.address, Amount: 1_000_000_000})
	}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, outputs, start)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, open(t, ledger.Config{Dir: dir, Network: byteball.Dev, Genesis: &genesis, Vars: calm}), op, start.Add(time.Second)}
}

// witness posts n units of the order provider, one a second.
func (w *world) witness(n int) {
	w.Helper()
	for range n {
		w.now = w.now.Add(time.Second)
		if _, err := w.Witness(w.op, w.now); err != nil {
			w.Fatal(err)
		}
	}
}

// draft makes a signed payment from p with its largest coin. Errors of posting it are the caller's.
func (w *world) draft(p person, outputs []unit.Output, messages ...unit.Message) *unit.Unit {
	w.Helper()
	a, err := w.Anchor([]byteball.Address{p.address}, w.now)
	if err != nil {
		w.Fatal(err)
	}
	return w.draftAt(p, a, outputs, messages...)
}

func (w *world) draftAt(p person, a unit.Anchor, outputs []unit.Output, messages ...unit.Message) *unit.Unit {
	w.Helper()
	coins, err := w.Unspent(p.address)
	if err != nil || len(coins) == 0 {
		w.Fatalf("%s has no coins (%v)", p.address, err)
	}
	c := slices.MaxFunc(coins, func(a, b ledger.Coin) int { return cmp.Compare(a.Amount, b.Amount) })
	return w.sign(p, a, []ledger.Coin{c}, outputs, messages...)
}

func (w *world) sign(p person, a unit.Anchor, coins []ledger.Coin, outputs []unit.Output, messages ...unit.Message) *unit.Unit {
	w.Helper()
	author := unit.Author{Address: p.address, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	if _, _, err := w.Definition(p.address); err != nil {
		author.Definition = p.definition
	}
	pay := &unit.Payment{Outputs: append(slices.Clone(outputs), unit.Output{Address: p.address})}
	var total byteball.Bytes
	for _, c := range coins {
		pay.Inputs = append(pay.Inputs, unit.Input{Unit: c.Unit, MessageIndex: c.MessageIndex, OutputIndex: c.OutputIndex})
		total += c.Amount
	}
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{author}, append(messages, unit.Message{App: "payment", Payload: pay}))
	if err != nil {
		w.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return u.Balance(total, p.address) },
		func() error { return u.SignWith(p.address, "r", p) },
		u.Seal,
	} {
		if err := step(); err != nil {
			w.Fatal(err)
		}
	}
	return u
}

// post posts a unit that must be accepted.
func (w *world) post(u *unit.Unit) *unit.Unit {
	w.Helper()
	if err := w.Post(u, w.now); err != nil {
		w.Fatal(err)
	}
	return u
}

func to(p person, amount byteball.Bytes) []unit.Output {
	return []unit.Output{{Address: p.address, Amount: amount}}
}
