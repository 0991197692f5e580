package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Connect to a hub and see what it is.
func ExampleDial() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := hub.Dial(ctx, hub.Config{
		URLs:    []string{"wss://obyte.org/bb", "wss://hub.example/bb"}, // the next one is used when one fails
		Network: byteball.Live,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	tip, err := client.LastMCI(ctx) // the hub's word
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Hub(), tip)
	for _, s := range client.Status() {
		fmt.Println(s.URL, s.Connected, s.Reason)
	}
}

// Read the proven history of an address, however long, in batches. After a cut, go on at the tip.
func ExampleClient_Sync() {
	ctx := context.Background()
	client, err := hub.Dial(ctx, hub.Config{URLs: []string{"ws://127.0.0.1:6611"}, Network: byteball.Dev})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	addresses := []byteball.Address{"FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"}
	from := uint64(0) // or what was stored
	err = client.Sync(ctx, from, addresses, func(tip uint64, units []unit.Proven) error {
		for _, p := range units {
			fmt.Println(p.MCI, p.Unit.Unit, p.Serial) // not serial: a double spend that lost, it pays nobody
		}
		from = tip + 1 // store it
		return nil
	})
	if err != nil && !errors.Is(err, byteball.Transient) { // Transient: try again from there
		log.Fatal(err)
	}
}

// Compose, sign and post a unit that carries a text, paid from one coin of an address with one key. Package wallet does
// all of this, and keeps books.
func ExampleClient_Post() {
	ctx := context.Background()
	client, err := hub.Dial(ctx, hub.Config{URLs: []string{"ws://127.0.0.1:6611"}, Network: byteball.Dev})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	key, err := unit.NewKey([32]byte{31: 1}) // a secret of 32 random bytes
	if err != nil {
		log.Fatal(err)
	}
	definition := []any{"sig", map[string]any{"pubkey": key.PublicKey()}}
	address, err := chash.Of(definition)
	if err != nil {
		log.Fatal(err)
	}
	own := []byteball.Address{address}
	anchor, err := client.Anchor(ctx, own, own)
	if err != nil {
		log.Fatal(err)
	}
	coins, err := client.Coins(ctx, hub.CoinQuery{Addresses: own, LastBallMCI: anchor.LastBallMCI, Amount: 1000})
	if err != nil {
		log.Fatal(err) // Funds says how much is missing
	}
	pay := &unit.Payment{Outputs: []unit.Output{{Address: address}}} // all that is left comes back
	var total byteball.Bytes
	for _, c := range coins {
		pay.Inputs = append(pay.Inputs, unit.Input{Unit: c.Unit, MessageIndex: c.MessageIndex, OutputIndex: c.OutputIndex})
		total += c.Amount
	}
	author := unit.Author{Address: address, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	if _, err := client.Definition(ctx, address); errors.Is(err, byteball.NotFound) {
		author.Definition = definition // its first unit shows it
	}
	u, err := unit.Compose(byteball.Dev, anchor, []unit.Author{author}, []unit.Message{
		{App: "payment", Payload: pay}, {App: "text", Payload: "hello"}})
	if err == nil {
		err = u.Balance(total, address)
	}
	if err == nil {
		err = u.SignWith(address, "r", key)
	}
	if err == nil {
		err = u.Seal()
	}
	if err == nil {
		err = client.Post(ctx, u) // nil: the hub has it, which means nothing until it is stable (Prove, Sync, Follow)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(u.Unit)
}

// Print the proven payments to an address from the beginning, and go on as they come.
func ExampleClient_Follow() {
	ctx := context.Background()
	client, err := hub.Dial(ctx, hub.Config{URLs: []string{"ws://127.0.0.1:6611"}, Network: byteball.Dev})
	if err != nil {
		log.Fatal(err) // one line that says what is wrong
	}
	defer client.Close()
	const address byteball.Address = "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"
	follower := client.Follow(hub.FollowConfig{From: 0, Addresses: []byteball.Address{address}})
	err = follower.Run(ctx, func(tip uint64, units []unit.Proven) error {
		for _, p := range units {
			fmt.Println(p.MCI, p.Unit.Unit, p.Serial)
		}
		return nil // a node stores tip here and begins at tip+1 the next time
	})
	log.Fatal(err)
}
