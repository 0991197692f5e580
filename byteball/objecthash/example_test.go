package objecthash_test

import (
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/byteball/objecthash"
)

func ExampleSource() {
	tree, err := objecthash.ParseTree([]byte(`["sig", {"pubkey": "A8lUyrq8qsHZe5fvP7UXMJ59ZukI+UQPMand7BXnd98q"}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	source, err := objecthash.Source(tree)
	fmt.Println(strings.ReplaceAll(source, "\x00", "|"), err)
	// Output: [|s|sig|pubkey|s|A8lUyrq8qsHZe5fvP7UXMJ59ZukI+UQPMand7BXnd98q|] <nil>
}
