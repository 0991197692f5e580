package definition_test

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/merkle"
	"github.com/iotverse/iotverse/byteball/unit"
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

const oracle = "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"

// oneFeed is a chain on which an oracle posted one value, and nothing else happened.
type oneFeed struct {
	definition.Chain
	name  string
	value any
	mci   uint64
}

func (c oneFeed) Feed(f definition.Feed, mci uint64) (bool, error) {
	return f.Oracle == oracle && f.Name == c.name && f.From <= c.mci && c.mci <= mci && f.Relation == "=" && f.Value == c.value, nil
}

// An address that opens when an oracle has posted a value. What is not yet before the last ball does not count.
func ExampleEvaluate() {
	key, err := unit.NewKey([32]byte{31: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, err := key.Sign([32]byte{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sig := base64.StdEncoding.EncodeToString(raw[:])
	def := []any{"and", []any{
		[]any{"sig", map[string]any{"pubkey": key.PublicKey()}},
		[]any{"in data feed", []any{[]any{oracle}, "arrived", "=", "yes"}},
	}}
	env := definition.Env{Chain: oneFeed{name: "arrived", value: "yes", mci: 20}}
	for env.LastBallMCI = range uint64(22) {
		if ok, err := definition.Evaluate(def, "", map[string]string{"r.0": sig}, env); ok || err != nil {
			fmt.Println("opens at", env.LastBallMCI, err)
		}
	}
	// Output:
	// opens at 20 <nil>
	// opens at 21 <nil>
}

// A condition of an asset that may be transferred only together with bytes for its issuer.
func ExampleEvaluateCondition() {
	asset := byteball.Hash(strings.Repeat("A", 43) + "=")
	def := []any{"and", []any{
		[]any{"has", map[string]any{"what": "output", "asset": "this asset"}},
		[]any{"has", map[string]any{"what": "output", "asset": "base", "address": oracle, "amount_at_least": 100.0}},
	}}
	pay := func(asset byteball.Hash, to byteball.Address, amount byteball.Bytes) unit.Message {
		return unit.Message{App: "payment", Payload: &unit.Payment{Asset: asset, Outputs: []unit.Output{{Address: to, Amount: amount}}}}
	}
	for _, fee := range []byteball.Bytes{99, 100} {
		u := &unit.Unit{Messages: []unit.Message{pay(asset, "X", 5), pay("", oracle, fee)}}
		fmt.Println(definition.EvaluateCondition(def, asset, definition.Env{Unit: u}))
	}
	// Output:
	// false <nil>
	// true <nil>
}

// A Merkle proof shows that one of many facts is below a root that an oracle posted.
func Example_inMerkle() {
	facts := []string{"device 1 sold", "device 2 sold", "device 3 sold"}
	proof, err := merkle.Prove(facts, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	def := []any{"or", []any{
		[]any{"sig", map[string]any{"pubkey": strings.Repeat("A", 44)}},
		[]any{"and", []any{
			[]any{"sig", map[string]any{"pubkey": strings.Repeat("B", 44)}},
			[]any{"in merkle", []any{[]any{oracle}, "sold", "device 2 sold"}},
		}},
	}}
	chain := oneFeed{name: "sold", value: string(proof.Root), mci: 3}
	env := definition.Env{Chain: chain, LastBallMCI: 5}
	fmt.Println(definition.Evaluate(def, "", map[string]string{"r.1.1": proof.String()}, env))
	other, err := merkle.Prove(facts, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(definition.Evaluate(def, "", map[string]string{"r.1.1": other.String()}, env))
	// Output:
	// false <nil>
	// false bad merkle proof at path r.1.1
}
