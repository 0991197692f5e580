package definition_test

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball/definition"
)

// A definition is wrong for ever if one of its branches needs no signature.
func ExampleValidate() {
	key := []any{"sig", map[string]any{"pubkey": "AnlVOxHXAukQEIOkG8oK8MAXZUDEy8MCfZRvBSX5r9Fx"}}
	later := []any{"age", []any{">", 600.0}}
	fmt.Println(definition.Validate([]any{"or", []any{key, later}}, definition.Env{}))
	fmt.Println(definition.Validate([]any{"and", []any{key, later}}, definition.Env{}))
	// Output:
	// each branch must have a signature
	// <nil>
}
