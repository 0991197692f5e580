package keeper_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

var start = time.Unix(1_700_000_000, 0)

func key(kind byte, n int) *unit.Key {
	var secret [32]byte
	secret[0] = kind
	binary.BigEndian.PutUint32(secret[28:], uint32(n))
	k, err := unit.NewKey(secret)
	if err != nil {
		panic(err)
	}
	return k
}

func address(n int) byteball.Address {
	a, err := chash.Of([]any{"sig", map[string]any{"pubkey": key(9, n).PublicKey()}})
	if err != nil {
		panic(err)
	}
	return a
}

func hash(n uint64) byteball.Hash {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], n+1)
	return byteball.Hash(base64.StdEncoding.EncodeToString(b[:]))
}

// base is the main chain unit at an index; there is one a second.
func base(mci uint64) channel.Base {
	return channel.Base{Unit: hash(mci), MCI: mci, LastBall: hash(mci - 3 + 1e9), LastBallUnit: hash(mci - 3),
		LastBallMCI: mci - 3, Timestamp: start.Unix() + int64(mci), TPSFee: 100}
}

func terms(n int) channel.Terms {
	return channel.Terms{Network: byteball.Dev, Buyer: key(1, n).PublicKey(), Seller: key(2, 0).PublicKey(), Age: 600,
		SellerAddress: address(0), ChangeAddress: address(1), Deposit: 2_000_000, Reserve: 5_000, Dust: 200, TPSMargin: 300}
}

func funded(n int) channel.Funded {
	return channel.Funded{Out: unit.OutPoint{Unit: hash(uint64(1_000_000 + n))}, Amount: 2_000_000, MCI: 20, Stable: true}
}

// disk keeps rows like a store, and fails when it is told to.
type disk struct {
	mu   sync.Mutex
	rows map[string][]byte
	fail error
}

func (d *disk) put(id keeper.ID, value []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	if d.rows == nil {
		d.rows = make(map[string][]byte)
	}
	d.rows[id.Key()] = value
	return nil
}

var errDisk = errors.New("the disk is gone")

// find has all keys of the tests.
func find(public string) (unit.Signer, error) {
	if k := key(2, 0); k.PublicKey() == public {
		return k, nil
	}
	for n := range 10 {
		if k := key(1, n); k.PublicKey() == public {
			return k, nil
		}
	}
	return nil, byteball.Errorf(byteball.NotFound, "no key %s", public)
}

// open makes n channels with both sides in one keeper, funded.
func open(tb testing.TB, d *disk, n int) (*keeper.Keeper, []byteball.Address) {
	tb.Helper()
	k := keeper.New(d.put)
	at := make([]byteball.Address, n)
	for i := range at {
		p, _, err := channel.NewPayer(terms(i), key(1, i))
		if err != nil {
			tb.Fatal(err)
		}
		s, _, err := channel.NewPayee(terms(i), key(2, 0))
		if err != nil {
			tb.Fatal(err)
		}
		k.AddPayer(p)
		k.AddPayee(s)
		at[i] = p.Address()
		for _, side := range []keeper.Side{keeper.Buyer, keeper.Seller} {
			if _, err := k.Apply(keeper.ID{Side: side, Address: at[i]}, funded(i), start); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return k, at
}

// pay pays once in a channel.
func pay(k *keeper.Keeper, at byteball.Address, amount byteball.Bytes) error {
	return payAll(k, at, channel.Payouts{address(0): amount})
}

func payAll(k *keeper.Keeper, at byteball.Address, add channel.Payouts) error {
	now := start.Add(35 * time.Second)
	effects, err := k.Apply(keeper.ID{Side: keeper.Buyer, Address: at}, channel.Pay{Add: add, Base: base(30)}, now)
	if err != nil {
		return err
	}
	_, err = k.Apply(keeper.ID{Side: keeper.Seller, Address: at}, channel.Accept{Voucher: effects[0].(channel.Send).Voucher, Base: base(30), Tip: 31}, now)
	return err
}
