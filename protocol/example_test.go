package protocol_test

import (
	"fmt"

	"github.com/iotverse/iotverse/protocol"
)

// A batch of readings travels as a SenML pack; its header commits to it behind a salt.
func ExampleEncodePack() {
	p, _ := protocol.PropertyOf("air-temperature")
	pack, err := protocol.EncodePack(p, []protocol.Reading{{Time: 1_800_000_000_000, Value: 21.5}, {Time: 1_800_000_001_000, Value: 21.25}})
	if err != nil {
		fmt.Println(err)
		return
	}
	readings, err := protocol.DecodePack(p, pack)
	fmt.Println(len(pack), "bytes:", readings, err)
	fmt.Println("commitment", protocol.BatchCommit([16]byte{1}, pack))
	// Output:
	// 43 bytes: [{1800000000000 21.5} {1800000001000 21.25}] <nil>
	// commitment 1d82a4d6
}
