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

// longChain is a ledger of n units of its order provider, two seconds apart, behind a socket.
func longChain(t testing.TB, n int) (made []*unit.Unit, url string, start time.Time) {
	k, _ := newKey(t, 100)
	op := ledger.Operator{Signer: k}
	start = time.Now().Add(-time.Duration(n) * step).Truncate(time.Second)
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	if err != nil {
		t.Fatal(err)
	}
	made = []*unit.Unit{genesis.Unit}
	for i := 1; i < n; i++ {
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
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: op, Heartbeat: time.Minute})
	}()
	t.Cleanup(func() {
		cancel()
		<-served
		l.Close()
	})
	return made, "ws://" + listener.Addr().String(), start
}

const step = 2 * time.Second

// long is a ledger of more units of one address than get_history reaches.
type long struct {
	made  []*unit.Unit
	url   string
	start time.Time
}

// TestLong does with one long ledger all that must work on it.
func TestLong(t *testing.T) {
	var l long
	l.made, l.url, l.start = longChain(t, 5600)
	t.Run("first since", l.firstSince)
	t.Run("sync", l.sync)
	t.Run("hidden", l.hidden)
}

// firstSince asks for the first unit since moments all over the ledger.
func (l long) firstSince(t *testing.T) {
	made, start := l.made, l.start
	client := dial(t, hub.Config{}, l.url)

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
