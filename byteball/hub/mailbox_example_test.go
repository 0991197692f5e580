package hub_test

import (
	"context"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// A device shows a code, prints what paired devices write to it, and says that it has it.
func ExampleClient_Mailbox() {
	talk := func(ctx context.Context, key *unit.Key, store hub.Store) error {
		client, err := hub.Dial(ctx, hub.Config{URLs: []string{"wss://obyte.org/bb"}, Network: byteball.Live})
		if err != nil {
			return err
		}
		defer client.Close()
		var box *hub.Mailbox
		box, err = client.Mailbox(hub.MailConfig{
			Key: key, Store: store, Name: "sensor 7", Hub: "obyte.org/bb",
			Handle: func(_ context.Context, m device.Opened) error {
				fmt.Println(m.From, m.Subject, m.Body)
				return box.Send(m.Pubkey, m.Hub, "text", "got it")
			},
		})
		if err != nil {
			return err
		}
		code, err := box.Invite(false)
		if err != nil {
			return err
		}
		fmt.Println("scan this:", code)
		return box.Run(ctx)
	}
	_ = talk
}
