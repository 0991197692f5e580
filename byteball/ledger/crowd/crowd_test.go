package crowd_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/ledger/crowd"
	"github.com/iotverse/iotverse/byteball/unit"
)

// A crowd pays two batches to a ledger in memory.
func TestCrowdPays(t *testing.T) {
	key, err := unit.NewKey([32]byte{31: 9})
	if err != nil {
		t.Fatal(err)
	}
	op := ledger.Operator{Signer: key}
	c, err := crowd.New(byteball.Dev, 3)
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, c.Outputs(), time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	vars := unit.SystemVars{ThresholdSize: 10_000, BaseTPSFee: 10, TPSInterval: 1000, TPSFeeMultiplier: 10}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis, Vars: vars})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1) // the result waits until the end
	go func() {
		served <- l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: op, Heartbeat: 50 * time.Millisecond})
	}()
	var accepted atomic.Int64
	c.Acknowledged = func(byteball.Hash) {
		accepted.Add(1)
	}
	if err := c.Connect(ctx, "ws://"+listener.Addr().String(), genesis.Unit, 2); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for batch := range int64(2) {
		if err := c.Prepare(ctx, 4); err != nil {
			t.Fatal(err)
		}
		if err := c.Post(ctx); err != nil {
			t.Fatal(err)
		}
		if got, want := accepted.Load(), 12*(batch+1); got != want {
			t.Errorf("%d units accepted, want %d", got, want)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestCrowdRefuses(t *testing.T) {
	for _, n := range []int{0, -1, crowd.MostPeople + 1} {
		if _, err := crowd.New(byteball.Dev, n); !errors.Is(err, byteball.Invalid) {
			t.Errorf("a crowd of %d: %v, want invalid", n, err)
		}
	}
	c, err := crowd.New(byteball.Dev, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, stranger := range []*unit.Unit{nil, {}, {Messages: []unit.Message{{App: "payment", Payload: &unit.Payment{}}}}} {
		if err := c.Connect(t.Context(), "ws://127.0.0.1:1", stranger, 1); !errors.Is(err, byteball.Invalid) {
			t.Errorf("genesis unit %+v, which pays nobody here: %v, want invalid", stranger, err)
		}
	}
}
