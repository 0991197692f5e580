package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// Open a wallet by its words, find its money, and pay 5 kB once, however often the program is started.
func ExampleWallet_Pay() {
	ctx := context.Background()
	client, err := hub.Dial(ctx, hub.Config{URLs: []string{"ws://127.0.0.1:6611"}, Network: byteball.Dev})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	seed, err := wallet.Open("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about", "")
	if err != nil {
		log.Fatal(err) // names each word that is wrong
	}
	w, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: client, Store: newStore(), Keys: seed.Keys})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := w.Scan(ctx); err != nil {
		log.Fatal(err)
	}
	b, err := w.Balance(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.Stable, "proven,", b.Arriving, "arriving")

	to := []unit.Output{{Address: "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", Amount: 5000}}
	if _, err := w.Pay(ctx, "rent of May", to, nil); errors.Is(err, byteball.Funds) {
		log.Fatal(err) // says how much is missing
	}
	p, err := w.Wait(ctx, "rent of May")
	fmt.Println(p.State, err)
}

// Two holders of an address spend from it. The proposal goes from one to the other as JSON.
func ExampleProposal() {
	anna, _ := unit.NewKey([32]byte{31: 1})
	ben, _ := unit.NewKey([32]byte{31: 2})
	both := wallet.Shared{Definition: []any{"and", []any{wallet.Definition(anna), wallet.Definition(ben)}}}
	address, err := both.Address()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("pay to", address)

	// Later; anchor is what the hub's Anchor says, coins are those that Unspent finds in the hub's History of the address.
	coins := []wallet.Coin{coin(10, 50_000)}
	proposal, err := both.Propose(wallet.Plan{Network: byteball.Dev, Anchor: anchor, Coins: coins, Paths: []string{"r.0", "r.1"},
		Outputs: []unit.Output{{Address: "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", Amount: 5000}}})
	if err != nil {
		log.Fatal(err)
	}
	proposal.Sign(anna)
	data, err := proposal.Marshal()
	if err != nil {
		log.Fatal(err)
	}

	received, err := wallet.ReadProposal(data) // at Ben's
	if err != nil {
		log.Fatal(err)
	}
	pays, fees := received.Pays()
	fmt.Println(pays[0].Amount, "to", pays[0].Address, "and", fees, "of fees;", len(received.Missing()), "signature missing")
	received.Sign(ben)
	u, err := received.Finish() // for the hub's Post
	fmt.Println(len(u.Unit), err)
	// Output:
	// pay to KLWGNNBKE42ZHDKR6NPRV3BTM4QLPB7S
	// 5 kB to FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ and 971 bytes of fees; 1 signature missing
	// 44 <nil>
}
