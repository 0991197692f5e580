package hub_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TestFirstSinceReachesAnyPast makes a chain longer than a history answer can prove, and asks for the first unit since
// moments all over it.
func TestFirstSinceReachesAnyPast(t *testing.T) {
	k, _ := newKey(t, 100)
	op := ledger.Operator{Signer: k}
	const units, step = 5000, 2 * time.Second
	start := time.Now().Add(-units * step).Truncate(time.Second)
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	made := []*unit.Unit{genesis.Unit}
	for i := 1; i < units; i++ {
		u, err := l.Witness(op, start.Add(time.Duration(i)*step))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, u)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: op, Heartbeat: time.Minute})
	}()
	defer func() { cancel(); <-served }()
	client := dial(t, hub.Config{}, "ws://"+listener.Addr().String())

	for _, i := range []int{1, 2, 777, 999, 1000, 1001, 2500, 4321, 4990} {
		for _, before := range []time.Duration{0, time.Second} {
			got, err := client.FirstSince(t.Context(), start.Add(time.Duration(i)*step-before))
			if err != nil {
				t.Fatalf("unit %d: %v", i, err)
			}
			if got.Unit.Unit != made[i].Unit || got.MCI != uint64(i) || got.Ball == "" {
				t.Errorf("since %v before unit %d: unit of main chain index %d", before, i, got.MCI)
			}
		}
	}
	if _, err := client.FirstSince(t.Context(), time.Now().Add(time.Hour)); !errors.Is(err, byteball.NotFound) {
		t.Errorf("since the future: %v, want NotFound", err)
	}
}
