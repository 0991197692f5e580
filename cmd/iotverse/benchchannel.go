package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol/node"
)

const (
	benchInFlight = 256    // channels, with one voucher on its way in each
	benchEachFlow = 8      // vouchers of each channel in a round
	benchAlone    = 24     // vouchers in a round with one in flight
	benchFlows    = 7      // rounds of figure and floor in turn
	benchOpen     = 10_000 // channels of a node that starts
	benchStarts   = 5
	benchPayees   = 12 // outputs of a voucher beside the change
	benchDeposit  = 20_000_000
)

// benchBase is where all vouchers of the measured channels hang.
var benchBase = channel.Base{Unit: benchRef(5), MCI: 30, LastBall: benchRef(6), LastBallUnit: benchRef(7), LastBallMCI: 27, Timestamp: 1_700_000_000, TPSFee: 100}

// benchTerms are those of channel number i; both processes know all keys.
func benchTerms(i int) (t channel.Terms, buyer, seller *unit.Key, err error) {
	secret := [32]byte{0: 3}
	binary.BigEndian.PutUint32(secret[28:], uint32(i))
	if buyer, err = unit.NewKey(secret); err != nil {
		return
	}
	if seller, err = unit.NewKey([32]byte{0: 4}); err != nil {
		return
	}
	payee, err := benchPayee(0)
	if err != nil {
		return
	}
	change, err := benchPayee(100)
	return channel.Terms{Network: byteball.Dev, Buyer: buyer.PublicKey(), Seller: seller.PublicKey(), Age: 600, SellerAddress: payee, ChangeAddress: change,
		Deposit: benchDeposit, Reserve: 5_000, Dust: 200, TPSMargin: 300}, buyer, seller, err
}

func benchPayee(n byte) (byteball.Address, error) {
	key, err := unit.NewKey([32]byte{0: 5, 31: n})
	if err != nil {
		return "", err
	}
	return addressOf(key)
}

// benchPay pays every payee so much.
func benchPay(amount byteball.Bytes) (channel.Pay, error) {
	pay := channel.Pay{Add: channel.Payouts{}, Base: benchBase}
	for n := range byte(benchPayees) {
		a, err := benchPayee(n)
		if err != nil {
			return pay, err
		}
		pay.Add[a] = amount
	}
	return pay, nil
}

// benchKeeper makes one side of n funded channels that are saved in a store, and where each is.
func benchKeeper(s *node.Store, side keeper.Side, n int) (*keeper.Keeper, []keeper.ID, error) {
	k := channelsIn(s)
	ids := make([]keeper.ID, n)
	for i := range ids {
		t, buyer, seller, err := benchTerms(i)
		if err != nil {
			return nil, nil, err
		}
		address, err := t.Address()
		if err != nil {
			return nil, nil, err
		}
		ids[i] = keeper.ID{Side: side, Address: address}
		var payer channel.Payer
		var payee channel.Payee
		if side == keeper.Buyer {
			if payer, _, err = channel.NewPayer(t, buyer); err == nil {
				k.AddPayer(payer)
			}
		} else if payee, _, err = channel.NewPayee(t, seller); err == nil {
			k.AddPayee(payee)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return k, ids, manyTimes(n, func(i int) error {
		out := unit.OutPoint{Unit: benchRef(8), OutputIndex: i % 100}
		_, err := k.Apply(ids[i], channel.Funded{Out: out, Amount: benchDeposit, MCI: 20, Stable: true}, time.Now())
		return err
	})
}

// manyTimes runs f for 0..n-1, many at a time: what they write shares syncs.
func manyTimes(n int, f func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(benchInFlight)
	for i := range n {
		g.Go(func() error { return f(i) })
	}
	return g.Wait()
}

// benchFlow measures payments between two processes over loopback by the clock, each voucher on the buyer's disk before it is
// sent and on the seller's before it is acknowledged. The floor signs and verifies once a voucher, in one thread of one
// process; with one in flight it also syncs a file once. The two take turns, so that other load meets both.
func benchFlow(inFlight, each int) func(*bench) (measure, error) {
	return func(b *bench) (measure, error) {
		return measure{row: func() (benchRow, error) {
			return flowRow(filepath.Join(b.dir, fmt.Sprintf("flow%d", inFlight)), inFlight, each)
		}}, nil
	}
}

func flowRow(dir string, inFlight, each int) (row benchRow, err error) {
	f, err := newFlow(dir, inFlight)
	if err != nil {
		return row, err
	}
	defer func() {
		if e := f.close(); err == nil {
			err = e
		}
	}()
	if err := f.run(1); err != nil { // the first vouchers make the outputs
		return row, err
	}
	n := float64(inFlight * each)
	var work, floor, ratios []float64
	for range benchFlows {
		w, err := timed(func() error { return f.run(each) }, 1)
		if err != nil {
			return row, err
		}
		l, err := timed(func() error { return bareVouchers(dir, int(n), inFlight == 1) }, 1)
		if err != nil {
			return row, err
		}
		work, floor, ratios = append(work, n*1e9/w), append(floor, n*1e9/l), append(ratios, w/l)
	}
	return benchRow{Value: median(work), Unit: "vouchers/s", Floor: median(floor), Ratio: median(ratios)}, nil
}

// bareVouchers signs and verifies so many times, and syncs as many bytes as a state has if that is asked for.
func bareVouchers(dir string, n int, synced bool) error {
	key, _ := btcec.PrivKeyFromBytes([]byte{1, 2, 3})
	f, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		return err
	}
	defer f.Close()
	for i := range n {
		hash := [32]byte{1, byte(i), byte(i >> 8)}
		if !ecdsa.Sign(key, hash[:]).Verify(hash[:], key.PubKey()) {
			return errBench
		}
		if !synced {
			continue
		}
		if _, err := f.Write(make([]byte, 1000)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// benchStart measures the start of a node with many open channels, up to where each takes vouchers again: it is woken by the
// first. The floor reads the same rows.
func benchStart(b *bench) (measure, error) {
	return measure{row: func() (benchRow, error) {
		find, err := b.channels()
		if err != nil {
			return benchRow{}, err
		}
		var work, floor, ratios []float64
		for range benchStarts {
			w, err := timed(func() error { _, err := startOnce(b.store, find); return err }, 1)
			if err != nil {
				return benchRow{}, err
			}
			l, err := timed(func() error {
				if all, err := b.store.All(benchPrefix); err != nil || len(all) != benchOpen {
					return errBench
				}
				return nil
			}, 1)
			if err != nil {
				return benchRow{}, err
			}
			work, floor, ratios = append(work, w/1e6), append(floor, l/1e6), append(ratios, w/l)
		}
		return benchRow{Value: median(work), Unit: "ms", Floor: median(floor), Ratio: median(ratios)}, nil
	}}, nil
}

// benchMemory is what an open channel takes of the heap, the mean of all after each had something to do: the last are awake,
// the others at rest. The floor is its row on disk.
func benchMemory(b *bench) (measure, error) {
	return measure{row: func() (benchRow, error) {
		find, err := b.channels()
		if err != nil {
			return benchRow{}, err
		}
		k, err := startOnce(b.store, find)
		if err != nil {
			return benchRow{}, err
		}
		var disk float64
		for _, id := range k.IDs() {
			if _, err := k.Apply(id, channel.Restarted{}, time.Now()); err != nil {
				return benchRow{}, err
			}
			v, err := b.store.Get([]byte(storeKey(id)))
			if err != nil {
				return benchRow{}, err
			}
			disk += float64(len(v)) / benchOpen
		}
		with := heap()
		runtime.KeepAlive(k)
		used := (with - heap()) / benchOpen // what was left of making the rows is gone in both
		return benchRow{Value: used, Unit: "B", Floor: disk, Ratio: used / disk}, nil
	}}, nil
}

// startOnce reads all channels.
func startOnce(store *node.Store, find channel.FindKey) (*keeper.Keeper, error) {
	k, bad, err := readChannels(store, find)
	if err = errors.Join(bad, err); err == nil && len(k.IDs()) != benchOpen {
		err = errBench
	}
	return k, err
}

// heap is what is in use, in bytes.
func heap() float64 {
	runtime.GC() // what it finds of pools
	runtime.GC() // goes now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// benchPrefix is where the channels of benchStart stand.
const benchPrefix = sellerPrefix + "channel/"

// benchRows saves many sellers' channels, each with a voucher of twelve payees.
func benchRows(store *node.Store) (channel.FindKey, error) {
	_, _, seller, err := benchTerms(0)
	if err != nil {
		return nil, err
	}
	memory, err := node.OpenStore("")
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	buyers, from, err := benchKeeper(memory, keeper.Buyer, benchOpen)
	if err != nil {
		return nil, err
	}
	sellers, to, err := benchKeeper(store, keeper.Seller, benchOpen)
	if err != nil {
		return nil, err
	}
	pay, err := benchPay(1000)
	if err != nil {
		return nil, err
	}
	find := func(string) (unit.Signer, error) { return seller, nil }
	return find, manyTimes(benchOpen, func(i int) error {
		effects, err := buyers.Apply(from[i], pay, time.Now())
		if err != nil {
			return err
		}
		_, err = sellers.Apply(to[i], channel.Accept{Voucher: sentVoucher(effects), Base: benchBase, Tip: benchBase.MCI}, time.Now())
		return err
	})
}
