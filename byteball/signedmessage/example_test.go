package signedmessage_test

import (
	"encoding/json"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/signedmessage"
	"github.com/iotverse/iotverse/byteball/unit"
)

func Example() {
	key, err := unit.NewKey([32]byte{31: 7})
	if err != nil {
		panic(err)
	}
	def := []any{"sig", map[string]any{"pubkey": key.PublicKey()}}
	address, err := chash.Of(def)
	if err != nil {
		panic(err)
	}
	m := signedmessage.New(byteball.Live, "this address is mine", "", unit.Author{Address: address, Definition: def})
	if err := m.SignWith(address, "r", key); err != nil {
		panic(err)
	}
	sent, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	got, err := signedmessage.Validate(sent, address, signedmessage.Config{Network: byteball.Live})
	fmt.Println(got.Body, err)
	// Output: this address is mine <nil>
}
