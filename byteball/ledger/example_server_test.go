package ledger_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A ledger in a test: in memory, served on a port of its own, with money for whom the test needs.
func ExampleLedger_Serve() {
	op := ledger.Operator{Signer: must(unit.NewKey([32]byte{31: 1}))}
	alice := byteball.Address("FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ")
	genesis := must(ledger.MakeGenesis(byteball.Dev, op, []unit.Output{{Address: alice, Amount: 1_000_000}}, time.Now()))
	l := must(ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis}))
	defer l.Close()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: op}) }()

	client := must(hub.Dial(ctx, hub.Config{URLs: []string{"ws://" + listener.Addr().String()}, Network: byteball.Dev}))
	fmt.Println(must(client.Balances(ctx, alice))[alice].Stable)
	client.Close()
	cancel()
	fmt.Println(<-served)
	// Output:
	// 1 MB
	// <nil>
}
