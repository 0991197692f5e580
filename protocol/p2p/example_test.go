package p2p_test

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

// Two nodes on one machine: one answers direct messages, the other knows its address and sends one.
func Example() {
	ctx := context.Background()
	node := func(seed byte, peers ...string) (*p2p.Node, error) {
		key := edKey{ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))} // a real node takes a utim.Module
		return p2p.New(ctx, p2p.Config{Key: key, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Peers: peers})
	}
	seller, err := node(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer seller.Close()
	buyer, err := node(2, seller.Addrs()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer buyer.Close()

	err = seller.Handle("/iotverse/deal/1", 4096, func(_ context.Context, from protocol.Identity, frame []byte) error {
		if string(frame) != "voucher" {
			return fmt.Errorf("%s is no voucher: %w", frame, protocol.Invalid)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(buyer.Send(ctx, seller.Identity(), "/iotverse/deal/1", []byte("voucher")))
	fmt.Println(buyer.Send(ctx, seller.Identity(), "/iotverse/deal/1", []byte("an apple")))
	// Output:
	// <nil>
	// refused by the peer: "an apple is no voucher": invalid
}
