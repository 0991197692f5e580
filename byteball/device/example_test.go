package device_test

import (
	"crypto/rand"
	"fmt"

	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/unit"
)

func Example() {
	alice, err := unit.NewKey([32]byte{31: 1})
	if err != nil {
		panic(err)
	}
	permanent, err := unit.NewKey([32]byte{31: 2})
	if err != nil {
		panic(err)
	}
	bob, err := device.NewRing(permanent, rand.Reader)
	if err != nil {
		panic(err)
	}
	temp, err := bob.TempKey() // what the hub gives to those who write to Bob
	if err != nil {
		panic(err)
	}
	m := device.Message{From: device.Address(alice.PublicKey()), Hub: "obyte.org/bb", Subject: "text", Body: "hello"}
	p, err := m.Encrypt(temp.TempPubkey, rand.Reader)
	if err != nil {
		panic(err)
	}
	sealed, err := device.Seal(p, permanent.PublicKey(), alice)
	if err != nil {
		panic(err)
	}
	got, err := bob.Open(sealed)
	fmt.Println(got.Body, err)
	// Output: hello <nil>
}
