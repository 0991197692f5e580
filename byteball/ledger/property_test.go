package ledger_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// books keeps the accounts of a ledger from outside.
type books struct {
	spent map[unit.OutPoint]byteball.Hash
	fees  byteball.Bytes // of all units
	taken byteball.Bytes // commissions that became money again
}

// enter books an accepted unit and fails if it spends what was spent before.
func (b *books) enter(t *rapid.T, u *unit.Unit, taken byteball.Bytes) {
	fees, err := unit.Fees(u)
	if err != nil {
		t.Fatal(err)
	}
	b.fees += fees
	b.taken += taken
	for _, m := range u.Messages {
		p, ok := m.Payload.(*unit.Payment)
		if !ok {
			continue
		}
		for _, in := range p.Inputs {
			point := unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}
			if before := b.spent[point]; in.Type == "" && before != "" {
				t.Fatalf("unit %s spends %v, which unit %s spent", u.Unit, point, before)
			}
			b.spent[point] = u.Unit
		}
	}
}

// Law: coins + fees of all units − commissions taken = all the money there is; no output is spent twice. Whoever pays whom,
// in whatever order, with however many attempts to spend a coin twice.
func TestMoneyIsConserved(t *testing.T) {
	people := []person{someone(t, 1), someone(t, 2), someone(t, 3), someone(t, 4)}
	op := ledger.Operator{Signer: someone(t, 200).Key}
	opAddress, err := op.Address()
	if err != nil {
		t.Fatal(err)
	}
	var outputs []unit.Output
	for _, p := range people {
		outputs = append(outputs, unit.Output{Address: p.address, Amount: 5_000_000}, unit.Output{Address: p.address, Amount: 7_000_000})
	}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, outputs, start)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis, Vars: calm})
		if err != nil {
			rt.Fatal(err)
		}
		defer l.Close()
		w := &world{t, l, op, start.Add(time.Second)}
		b := &books{spent: map[unit.OutPoint]byteball.Hash{}}
		b.enter(rt, genesis.Unit, 0)
		witness := func() {
			w.now = w.now.Add(time.Second)
			u, err := l.Witness(op, w.now)
			if err != nil {
				rt.Fatal(err)
			}
			b.enter(rt, u, 0)
		}
		witness()
		witness()
		rt.Repeat(map[string]func(*rapid.T){
			"witness": func(*rapid.T) { witness() },
			"pay": func(rt *rapid.T) {
				from, to := rapid.SampledFrom(people).Draw(rt, "from"), rapid.SampledFrom(people).Draw(rt, "to")
				w.tryPay(rt, b, from, to, byteball.Bytes(rapid.Uint64Range(1, 2_000_000).Draw(rt, "amount")), rapid.Bool().Draw(rt, "twice"))
			},
			"take commissions": func(rt *rapid.T) { w.tryTake(rt, b, rapid.SampledFrom(people).Draw(rt, "earner")) },
			"": func(rt *rapid.T) {
				got := b.taken
				var coins byteball.Bytes
				for _, a := range append([]byteball.Address{opAddress}, addressesOf(people)...) {
					balance, err := l.Balance(a)
					if err != nil {
						rt.Fatal(err)
					}
					coins += balance.Stable + balance.Pending
				}
				const votes = 1_000_000_000 // the genesis unit pays that for counting its vote
				if want := ledger.TotalBytes + got; coins+b.fees+votes != want {
					rt.Fatalf("coins %d + fees %d + %d, want %d", coins, b.fees, votes, want)
				}
			},
		})
	})
}

func addressesOf(people []person) (list []byteball.Address) {
	for _, p := range people {
		list = append(list, p.address)
	}
	return list
}

// tryPay pays with a random coin; with twice it then tries to spend the same coin again.
func (w *world) tryPay(rt *rapid.T, b *books, from, to person, amount byteball.Bytes, twice bool) {
	coins, err := w.Unspent(from.address)
	if err != nil {
		rt.Fatal(err)
	}
	coin := rapid.SampledFrom(coins).Draw(rt, "coin")
	if coin.Amount < amount+5000 {
		return
	}
	a, err := w.Anchor([]byteball.Address{from.address}, w.now)
	if errors.Is(err, byteball.Transient) {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	outputs := []unit.Output{{Address: to.address, Amount: amount}}
	u := w.sign(from, a, []ledger.Coin{coin}, outputs)
	if err := w.Post(u, w.now); err == nil {
		b.enter(rt, u, 0)
	} else if errors.Is(err, byteball.Invalid) {
		rt.Fatalf("pay: %v", err)
	}
	if twice {
		other := w.sign(from, a, []ledger.Coin{coin}, []unit.Output{{Address: to.address, Amount: amount + 1}})
		if err := w.Post(other, w.now); err == nil {
			b.enter(rt, other, 0)
		}
	}
}

// tryTake spends the headers commissions that someone has earned up to now, together with a coin.
func (w *world) tryTake(rt *rapid.T, b *books, p person) {
	a, err := w.Anchor([]byteball.Address{p.address}, w.now)
	if err != nil || a.LastBallMCI < 2 {
		return
	}
	last := a.LastBallMCI - 1
	earned, _, err := w.Commissions(p.address, 0, last)
	if err != nil {
		rt.Fatal(err)
	}
	coins, err := w.Unspent(p.address)
	if err != nil {
		rt.Fatal(err)
	}
	u := w.signTaking(p, a, coins[0], last, earned)
	if u == nil {
		return
	}
	if err := w.Post(u, w.now); err == nil {
		b.enter(rt, u, earned)
	}
}

// signTaking makes a unit that takes commissions from index 0 on; it works once for each address.
func (w *world) signTaking(p person, a unit.Anchor, coin ledger.Coin, last uint64, earned byteball.Bytes) *unit.Unit {
	author := unit.Author{Address: p.address, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	if _, _, err := w.Definition(p.address); err != nil {
		author.Definition = p.definition
	}
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{author}, []unit.Message{{App: "payment", Payload: &unit.Payment{
		Inputs: []unit.Input{{Unit: coin.Unit, MessageIndex: coin.MessageIndex, OutputIndex: coin.OutputIndex},
			{Type: "headers_commission", ToMainChainIndex: last}},
		Outputs: []unit.Output{{Address: p.address}},
	}}})
	if err != nil || u.Balance(coin.Amount+earned, p.address) != nil || u.SignWith(p.address, "r", p) != nil || u.Seal() != nil {
		return nil
	}
	return u
}
