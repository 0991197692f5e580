package unit_test

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// A payment from one key: composed on the place that a hub named, balanced, signed and sealed.
func ExampleCompose() {
	key, err := unit.NewKey([32]byte{31: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	definition := []any{"sig", map[string]any{"pubkey": key.PublicKey()}}
	from, err := chash.Of(definition)
	if err != nil {
		fmt.Println(err)
		return
	}
	author := unit.Author{Address: from, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	pay := unit.Message{App: "payment", Payload: &unit.Payment{
		Inputs: []unit.Input{{Unit: someHash(9), MessageIndex: 0, OutputIndex: 1}}, // an output of 100,000 bytes
		Outputs: []unit.Output{
			{Address: "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", Amount: 10_000},
			{Address: from}, // the change
		},
	}}
	u, err := unit.Compose(byteball.Dev, anchor(), []unit.Author{author}, []unit.Message{pay})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range []func() error{
		func() error { return u.Balance(100_000, from) },
		func() error { return u.SignWith(from, "r", key) },
		u.Seal,
		func() error { return unit.CheckForm(u) },
	} {
		if err := step(); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(u.Unit)
	fmt.Printf("headers %d, payload %d, tps fee %d\n", u.HeadersCommission, u.PayloadCommission, *u.TPSFee)
	// Output:
	// A6vyppictSkoVm8sKcVak0Ek560EUlGJMmlTTYcLmaM=
	// headers 408, payload 311, tps fee 21
}
