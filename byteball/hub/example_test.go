package hub_test

import (
	"context"
	"fmt"
	"log"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

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
