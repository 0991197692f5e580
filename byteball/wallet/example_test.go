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

// Pay 5 kB once, however often the program is started, and wait until that is final.
func ExampleWallet_Pay() {
	ctx := context.Background()
	client, err := hub.Dial(ctx, hub.Config{URLs: []string{"ws://127.0.0.1:6611"}, Network: byteball.Dev})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	seed, err := wallet.Open("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about", "")
	if err != nil {
		log.Fatal(err)
	}
	key, err := seed.Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		log.Fatal(err)
	}
	w, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: client, Store: newStore(), Key: key})
	if err != nil {
		log.Fatal(err)
	}
	to := []unit.Output{{Address: "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", Amount: 5000}}
	if _, err := w.Pay(ctx, "rent of May", to, nil); errors.Is(err, byteball.Funds) {
		log.Fatal(err) // says how much is missing
	}
	p, err := w.Wait(ctx, "rent of May")
	fmt.Println(p.State, err)
}
