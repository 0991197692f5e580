package wallet_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// key makes the n-th key of the tests and its address.
func key(t interface{ Fatal(...any) }, n int) (*unit.Key, byteball.Address) {
	k, err := unit.NewKey([32]byte{31: byte(n + 1), 30: 1})
	if err != nil {
		t.Fatal(err)
	}
	address, err := chash.Of(wallet.Definition(k))
	if err != nil {
		t.Fatal(err)
	}
	return k, address
}

// hash makes an identifier that looks like a unit's.
func hash(n int) byteball.Hash {
	return byteball.Hash(fmt.Sprintf("%043d=", n))
}

var anchor = unit.Anchor{Parents: []byteball.Hash{hash(1)}, LastBall: hash(2), LastBallUnit: hash(3), LastBallMCI: 9,
	Timestamp: 1_700_000_000, TPSFee: 40}

func coin(n int, amount byteball.Bytes) wallet.Coin {
	return wallet.Coin{OutPoint: unit.OutPoint{Unit: hash(n)}, Amount: amount, Stable: true}
}

// spent sums the coins that u spends, and what it pays and burns.
func spent(t interface{ Fatal(...any) }, u *unit.Unit, coins []wallet.Coin) (in, out byteball.Bytes) {
	worth := map[unit.OutPoint]byteball.Bytes{}
	for _, c := range coins {
		worth[c.OutPoint] = c.Amount
	}
	p := u.Messages[0].Payload.(*unit.Payment)
	for _, i := range p.Inputs {
		point := unit.OutPoint{Unit: i.Unit, MessageIndex: i.MessageIndex, OutputIndex: i.OutputIndex}
		if worth[point] == 0 {
			t.Fatal("spends an unknown coin or one twice")
		}
		in += worth[point]
		delete(worth, point)
	}
	for _, o := range p.Outputs {
		out += o.Amount
	}
	fees, err := unit.Fees(u)
	if err != nil {
		t.Fatal(err)
	}
	return in, out + fees
}

func TestCompose(t *testing.T) {
	k, from := key(t, 0)
	_, to := key(t, 1)
	pay := []unit.Output{{Address: to, Amount: 5000}}
	const bare, change, first = 408 + 258 + 40, 53, 63 // fees without change, of a change, of a definition
	for _, test := range []struct {
		name       string
		coins      []wallet.Coin
		outputs    []unit.Output
		definition any
		inputs     int
		change     byteball.Bytes
		tps        byteball.Bytes
	}{
		{"one coin", []wallet.Coin{coin(10, 10_000)}, pay, nil, 1, 10_000 - 5000 - bare - change, 40},
		{"with definition", []wallet.Coin{coin(10, 10_000)}, pay, wallet.Definition(k), 1, 10_000 - 5000 - bare - change - first, 40},
		{"large before small", []wallet.Coin{coin(10, 10), coin(11, 9000), coin(12, 700)}, pay, nil, 1, 9000 - 5000 - bare - change, 40},
		{"exact, no change", []wallet.Coin{coin(10, 5000+bare)}, pay, nil, 1, 0, 40},
		{"rest too small for a change", []wallet.Coin{coin(10, 5000+bare+change)}, pay, nil, 1, 0, 40 + change},
		{"smallest change", []wallet.Coin{coin(10, 5000+bare+change+1)}, pay, nil, 1, 1, 40},
		{"only change", []wallet.Coin{coin(10, 5000)}, nil, nil, 1, 5000 - bare, 40},
	} {
		u, err := wallet.Compose(byteball.Dev, anchor, test.coins, test.outputs, nil, from, test.definition, from)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		p := u.Messages[0].Payload.(*unit.Payment)
		var got byteball.Bytes
		for _, o := range p.Outputs {
			if o.Address == from {
				got = o.Amount
			}
		}
		if in, out := spent(t, u, test.coins); in != out {
			t.Errorf("%s: spends %d for %d", test.name, in, out)
		}
		if len(p.Inputs) != test.inputs || got != test.change || *u.TPSFee != test.tps {
			t.Errorf("%s: got %d inputs, change %d, tps fee %d, want %d, %d, %d", test.name,
				len(p.Inputs), got, *u.TPSFee, test.inputs, test.change, test.tps)
		}
		if err := errors.Join(u.SignWith(from, "r", k), u.Seal(), unit.CheckForm(u)); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestComposeRefuses(t *testing.T) {
	_, from := key(t, 0)
	_, to := key(t, 1)
	dust := make([]wallet.Coin, 200)
	for i := range dust {
		dust[i] = coin(100+i, 100)
	}
	for _, test := range []struct {
		name   string
		coins  []wallet.Coin
		amount byteball.Bytes
		kind   error
		text   string
	}{
		{"no coins", nil, 5000, byteball.Funds, "5706 bytes missing"},
		{"one byte short", []wallet.Coin{coin(10, 5705)}, 5000, byteball.Funds, ": 1 bytes missing"},
		{"too many coins", dust, 19_000, byteball.Funds, "in the 128 coins"},
		{"nothing", []wallet.Coin{coin(10, 5705)}, 0, byteball.Invalid, "output of 0"},
		{"more than there is", []wallet.Coin{coin(10, 5705)}, byteball.MaxBytes + 1, byteball.Invalid, "sum"},
	} {
		_, err := wallet.Compose(byteball.Dev, anchor, test.coins, []unit.Output{{Address: to, Amount: test.amount}}, nil, from, nil, from)
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v, want %v with %q", test.name, err, test.kind, test.text)
		}
	}
}

// TestComposeMissing: with just what is said to be missing the payment can be made, with a byte less it cannot.
func TestComposeMissing(t *testing.T) {
	_, from := key(t, 0)
	_, to := key(t, 1)
	pay := []unit.Output{{Address: to, Amount: 5000}}
	for _, net := range []byteball.Network{byteball.Dev, byteball.Old} {
		a := anchor
		if !net.TPSFees {
			a.TPSFee, a.WitnessListUnit = 0, hash(4)
		}
		for have := byteball.Bytes(5500); have < 5800; have++ {
			_, err := wallet.Compose(net, a, []wallet.Coin{coin(10, have)}, pay, nil, from, nil, from)
			if err == nil {
				continue
			}
			var lack byteball.Bytes
			if _, scan := fmt.Sscanf(err.Error()[strings.LastIndex(err.Error(), ": ")+2:], "%d bytes missing", &lack); scan != nil {
				t.Fatalf("%s: no amount in %v", net.Name, err)
			}
			_, enough := wallet.Compose(net, a, []wallet.Coin{coin(10, have+lack)}, pay, nil, from, nil, from)
			_, less := wallet.Compose(net, a, []wallet.Coin{coin(10, have+lack-1)}, pay, nil, from, nil, from)
			if enough != nil || less == nil {
				t.Fatalf("%s, coin of %d: %v, but with %d more %v, with %d more %v", net.Name, have, err, lack, enough, lack-1, less)
			}
		}
	}
}

// TestComposeBalances: whatever the coins and outputs, a unit spends exactly what it pays and burns, at most 128 coins,
// none twice, and lack of money is reported only where there is none.
func TestComposeBalances(t *testing.T) {
	_, from := key(t, 0)
	_, to := key(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		var coins []wallet.Coin
		var have byteball.Bytes
		for i, a := range rapid.SliceOfN(rapid.Uint64Range(1, 3000), 0, 60).Draw(t, "coins") {
			c := coin(100+i, byteball.Bytes(a))
			c.Stable = rapid.Bool().Draw(t, "stable")
			coins = append(coins, c)
			have += c.Amount
		}
		var outputs []unit.Output
		var want byteball.Bytes
		for _, a := range rapid.SliceOfN(rapid.Uint64Range(1, 9000), 0, 6).Draw(t, "outputs") {
			outputs = append(outputs, unit.Output{Address: to, Amount: byteball.Bytes(a)})
			want += byteball.Bytes(a)
		}
		u, err := wallet.Compose(byteball.Dev, anchor, coins, outputs, nil, from, nil, from)
		if errors.Is(err, byteball.Funds) {
			if most := byteball.Bytes(700 + 53*len(outputs) + 110*len(coins)); have > want+most {
				t.Fatalf("%d in coins are said not to suffice for %d: %v", have, want, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if in, out := spent(t, u, coins); in != out {
			t.Fatalf("spends %d for %d", in, out)
		}
		coins = rapid.Permutation(coins).Draw(t, "other order")
		again, err := wallet.Compose(byteball.Dev, anchor, coins, outputs, nil, from, nil, from)
		if err != nil || len(again.Messages[0].Payload.(*unit.Payment).Inputs) != len(u.Messages[0].Payload.(*unit.Payment).Inputs) {
			t.Fatalf("another order of the coins gives another number of inputs: %v", err)
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	_, from := key(b, 0)
	_, to := key(b, 1)
	coins := []wallet.Coin{coin(10, 10_000)}
	outputs := []unit.Output{{Address: to, Amount: 5000}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wallet.Compose(byteball.Dev, anchor, coins, outputs, nil, from, nil, from); err != nil {
			b.Fatal(err)
		}
	}
}
