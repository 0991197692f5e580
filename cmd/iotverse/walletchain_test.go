package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// beat is how often the ledger's witness posts.
const beat = 40 * time.Millisecond

// chain is a ledger in this process whose chain grows fast, and grows dear when it is told to be busy.
type chain struct {
	*ledger.Ledger
	url     string
	witness ledger.Operator
	busy    atomic.Int32 // units that a stranger posts with each unit of the witness
	other   ledger.Operator
	coin    ledger.Coin // of the stranger
}

// calm are fees with which no load costs anything worth mentioning.
var calm = unit.SystemVars{ThresholdSize: unit.ThresholdSize, BaseTPSFee: 10, TPSFeeMultiplier: 10, TPSInterval: 1000}

// loaded are fees with which a unit costs about a hundred bytes while the witness is alone, and 700 to 2,000 in a throng: more
// than a voucher of calm days offers, three times less than the reserve of a trade's channel.
var loaded = unit.SystemVars{ThresholdSize: unit.ThresholdSize, BaseTPSFee: 1000, TPSFeeMultiplier: 4, TPSInterval: 30}

// throng is how many units a stranger posts with each of the witness, for load.
const throng = 15

// newChain begins with outputs and serves until the test is over.
func newChain(t *testing.T, vars unit.SystemVars, outputs ...unit.Output) *chain {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	op, err := unit.NewKey([32]byte{1})
	ok(err)
	other, err := unit.NewKey([32]byte{2})
	ok(err)
	c := &chain{witness: ledger.Operator{Signer: op}, other: ledger.Operator{Signer: other}}
	from, err := c.other.Address()
	ok(err)
	genesis, err := ledger.MakeGenesis(byteball.Dev, c.witness, append(outputs, unit.Output{Address: from, Amount: 1e12}), time.Now())
	ok(err)
	c.Ledger, err = ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis, Vars: vars})
	ok(err)
	coins, err := c.Unspent(from)
	ok(err)
	c.coin = coins[0]
	ok(c.pay(from, c.other.Definition())) // the ledger knows the stranger from here on
	c.hurry(t, 5)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ok(err)
	c.url = "ws://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.Serve(ctx, ledger.ServerConfig{Listener: listener}) })
	running.Go(func() {
		if err := c.grow(ctx, from); err != nil {
			t.Error("the chain stopped: ", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		c.Close()
	})
	return c
}

// listen serves at one more address until the test is over.
func (c *chain) listen(t *testing.T, at string) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.Serve(ctx, ledger.ServerConfig{Listener: l}) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// grow posts the witness's units, and those of a busy stranger before each.
func (c *chain) grow(ctx context.Context, from byteball.Address) error {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for range c.busy.Load() {
			if err := c.pay(from, nil); err != nil {
				return err
			}
		}
		if _, err := c.Witness(c.witness, time.Now()); err != nil {
			return err
		}
	}
}

// hurry lets the chain grow by so many units at once.
func (c *chain) hurry(t *testing.T, mcis int) {
	t.Helper()
	for range mcis {
		if _, err := c.Witness(c.witness, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// pay is a payment of the stranger to himself; the first one shows his definition.
func (c *chain) pay(from byteball.Address, definition any) error {
	a, err := c.Anchor([]byteball.Address{from}, time.Now())
	if err != nil {
		return err
	}
	author := unit.Author{Address: from, Definition: definition, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{author}, []unit.Message{{App: "payment", Payload: &unit.Payment{
		Inputs:  []unit.Input{{Unit: c.coin.Unit, MessageIndex: c.coin.MessageIndex, OutputIndex: c.coin.OutputIndex}},
		Outputs: []unit.Output{{Address: from}},
	}}})
	if err != nil {
		return err
	}
	if err := u.Balance(c.coin.Amount, from); err != nil {
		return err
	}
	if err := u.SignWith(from, "r", c.other); err != nil {
		return err
	}
	if err := u.Seal(); err != nil {
		return err
	}
	c.coin = ledger.Coin{OutPoint: unit.OutPoint{Unit: u.Unit}, Amount: u.Messages[0].Payload.(*unit.Payment).Outputs[0].Amount}
	return c.Post(u, time.Now())
}
