package channel_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// start is the time of the first main chain unit in these tests.
var start = time.Unix(1_700_000_000, 0)

func key(n byte) *unit.Key {
	k, err := unit.NewKey([32]byte{0: 1, 31: n})
	if err != nil {
		panic(err)
	}
	return k
}

var buyerKey, sellerKey = key(1), key(2)

// The same, for the thousands.
var quickBuyer, quickSeller = newQuickKey(1), newQuickKey(2)

// Who else is paid in the adversary's world.
var (
	jurorA, jurorB, fund = address(12), address(13), address(14)
	deposited            = depositUnit(terms(), 7777)
	sellerGets           = address(10)
	changeGoes           = address(11)
)

// address is that of the nth other key.
func address(n byte) byteball.Address {
	a, err := chash.Of([]any{"sig", map[string]any{"pubkey": key(n).PublicKey()}})
	if err != nil {
		panic(err)
	}
	return a
}

func terms() channel.Terms {
	return channel.Terms{
		Network: byteball.Dev, Buyer: buyerKey.PublicKey(), Seller: sellerKey.PublicKey(), Age: 600,
		SellerAddress: sellerGets, ChangeAddress: changeGoes,
		Deposit: 2_000_000, Reserve: 5_000, Dust: 200, TPSMargin: 300,
	}
}

func hash(n uint64) byteball.Hash {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], n+1)
	return byteball.Hash(base64.StdEncoding.EncodeToString(b[:]))
}

// base is the main chain unit at an index; there is one a second.
func base(mci uint64) channel.Base {
	return channel.Base{Unit: hash(mci), MCI: mci, LastBall: hash(mci - 3 + 1e9), LastBallUnit: hash(mci - 3),
		LastBallMCI: mci - 3, Timestamp: at(mci).Unix(), TPSFee: 100}
}

func at(mci uint64) time.Time { return start.Add(time.Duration(mci) * time.Second) }

const fundedAt = 20

func funding() channel.Funding {
	return channel.Funding{Out: unit.OutPoint{Unit: hash(7777), OutputIndex: 1}, MCI: fundedAt}
}

func funded() channel.Funded {
	return channel.Funded{Out: funding().Out, Amount: terms().Deposit, MCI: fundedAt, Stable: true}
}

// pair opens both sides of a channel.
func pair(tb testing.TB) (channel.Payer, channel.Payee) {
	tb.Helper()
	buyer, _, err := channel.NewPayer(terms(), buyerKey)
	if err != nil {
		tb.Fatal(err)
	}
	seller, _, err := channel.NewPayee(terms(), sellerKey)
	if err != nil {
		tb.Fatal(err)
	}
	buyer, _ = must(tb)(buyer.Apply(funded(), at(25)))
	seller, _, err = seller.Apply(funded(), at(25))
	if err != nil {
		tb.Fatal(err)
	}
	return buyer, seller
}

func must(tb testing.TB) func(channel.Payer, []channel.Effect, error) (channel.Payer, []channel.Effect) {
	return func(p channel.Payer, e []channel.Effect, err error) (channel.Payer, []channel.Effect) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return p, e
	}
}

// sent returns the voucher among effects.
func sent(tb testing.TB, effects []channel.Effect) channel.Voucher {
	tb.Helper()
	for _, e := range effects {
		if s, ok := e.(channel.Send); ok {
			return s.Voucher
		}
	}
	tb.Fatalf("no voucher among %v", effects)
	return channel.Voucher{}
}

// posted returns the unit among effects.
func posted(tb testing.TB, effects []channel.Effect) *unit.Unit {
	tb.Helper()
	for _, e := range effects {
		if p, ok := e.(channel.Post); ok {
			return p.Unit
		}
	}
	tb.Fatalf("no post among %v", effects)
	return nil
}

// accept is the event of v arriving when the main chain is at tip.
func accept(v channel.Voucher, b channel.Base, tip uint64) channel.Accept {
	return channel.Accept{Voucher: v, Base: b, Tip: tip}
}

// conserved checks that u's outputs and fees are the deposit.
func conserved(u *unit.Unit) error {
	sum, err := channel.Paid(u).Total()
	if err != nil {
		return err
	}
	fees, err := unit.Fees(u)
	if err != nil {
		return err
	}
	if sum+fees != terms().Deposit {
		return fmt.Errorf("outputs %d and fees %d, want %d", sum, fees, terms().Deposit)
	}
	return nil
}

func kindOf(err error) error {
	for _, k := range []error{byteball.Invalid, byteball.Stale, byteball.NotFound, byteball.Funds, byteball.Transient} {
		if errors.Is(err, k) {
			return k
		}
	}
	return err
}

// depositUnit is the unit that pays the deposit of t, as far as a channel reads it.
func depositUnit(t channel.Terms, n uint64) *unit.Unit {
	to, err := t.Address()
	if err != nil {
		panic(err)
	}
	pay := &unit.Payment{Outputs: []unit.Output{{Address: address(15), Amount: 5}, {Address: to, Amount: t.Deposit}}}
	return &unit.Unit{Unit: hash(n), Messages: []unit.Message{{App: "payment", Payload: pay}}}
}
