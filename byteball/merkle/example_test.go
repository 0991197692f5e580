package merkle_test

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball/merkle"
)

func ExampleProve() {
	facts := []string{"flight 1 on time", "flight 2 late", "flight 3 on time"}
	proof, err := merkle.Prove(facts, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(proof.Root == merkle.Root(facts), merkle.Verify("flight 2 late", proof), merkle.Verify("flight 2 on time", proof))
	// Output: true true false
}
