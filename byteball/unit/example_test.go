package unit_test

import (
	"encoding/json"
	"errors"
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

// Two holders of a shared address: whoever composes the unit names the paths at which they will sign, since the paths and
// the length of what stands there are part of the size. A preimage stands there as it is. Each signs the same hash.
func ExampleUnit_SignWith() {
	ann, _ := unit.NewKey([32]byte{31: 1})
	bob, _ := unit.NewKey([32]byte{31: 2})
	definition := []any{"and", []any{
		[]any{"sig", map[string]any{"pubkey": ann.PublicKey()}},
		[]any{"sig", map[string]any{"pubkey": bob.PublicKey()}},
	}}
	shared, err := chash.Of(definition)
	if err != nil {
		fmt.Println(err)
		return
	}
	author := unit.Author{Address: shared, Definition: definition, // disclosed with the first unit of an address
		Authentifiers: map[string]string{"r.0": unit.PlaceholderSig, "r.1": unit.PlaceholderSig}}
	pay := unit.Message{App: "payment", Payload: &unit.Payment{
		Inputs:  []unit.Input{{Unit: someHash(9)}},
		Outputs: []unit.Output{{Address: "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", Amount: 5000}, {Address: shared}},
	}}
	note, err := unit.NewMessage("data", map[string]any{"for": "electricity", "kWh": 1.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err := unit.Compose(byteball.Dev, anchor(), []unit.Author{author}, []unit.Message{note, pay})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = errors.Join(u.Balance(100_000, shared), u.SignWith(shared, "r.0", ann), u.SignWith(shared, "r.1", bob), u.Seal())
	fmt.Println(len(u.Unit), err, unit.CheckForm(u))
	// Output: 44 <nil> <nil>
}

// received is a unit as it comes over the wire, the first of its author.
const received = `{"alt":"1","authors":[{"address":"DVXZGAFW2FODP7YUJZ4S7PX64XL4VWKE","authentifiers":{"r":"256fh+xL9wWwIno7Y8Po` +
	`tjdUfPep+ydBnqWAF0u81Ud9pwM65GnVrcNJlKuNCGDce8M9y3q6ypHoIoZD+epR1A=="},"definition":["sig",{"pubkey":"Anm+Zn75` +
	`3LusVaBilc6HCwcCm/zbLc4o2VnygVsW+BeY"}]}],"headers_commission":468,"last_ball":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAA` +
	`AAAAAAAAAAAAA=","last_ball_unit":"BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","messages":[{"app":"text","pay` +
	`load":"hello, ledger","payload_hash":"3Zi6FFT80domjd7ySit4NrGjaxF5X1+njKfIfd7Iv3g=","payload_location":"inline` +
	`"},{"app":"payment","payload":{"inputs":[{"message_index":0,"output_index":1,"unit":"CQAAAAAAAAAAAAAAAAAAAAAAA` +
	`AAAAAAAAAAAAAAAAAA="}],"outputs":[{"address":"DVXZGAFW2FODP7YUJZ4S7PX64XL4VWKE","amount":89095},{"address":"FL` +
	`YJOMYTX4X2QFMISZPWACUARB3ZFYRJ","amount":10000}]},"payload_hash":"95TRkzY52GwtG8QXGWIrAWPQ9lH2Y2aRK4u4O09Wc/4=` +
	`","payload_location":"inline"}],"parent_units":["AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","AwAAAAAAAAAAAA` +
	`AAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],"payload_commission":416,"timestamp":1700000000,"tps_fee":21,"unit":"ioEQOtGJ` +
	`K/Ub5EwVxsZzNEJw96Do3rn4LxAitUratcU=","version":"4.0"}`

// A unit that came from elsewhere: read, checked, and its author's signature verified. Package joint does the same for
// definitions of any kind.
func ExampleParse() {
	u, err := unit.Parse([]byte(received))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Unit, unit.CheckForm(u))
	author := u.Authors[0]
	address, err := chash.Of(author.Definition)
	if err != nil {
		fmt.Println(err)
		return
	}
	toSign, err := u.HashToSign()
	if err != nil {
		fmt.Println(err)
		return
	}
	key := author.Definition.([]any)[1].(map[string]any)["pubkey"].(string)
	fmt.Println(address == author.Address, unit.VerifySig(toSign, author.Authentifiers["r"], key))

	u.Messages[0].Payload = "hello, forger"
	fmt.Println(unit.CheckForm(u))
	// Output:
	// ioEQOtGJK/Ub5EwVxsZzNEJw96Do3rn4LxAitUratcU= <nil>
	// true true
	// wrong payload hash: expected UycSRgY94P4FJ5iVGDrwl1uc4ZUmzunldmKhaSjVlTM=, got 3Zi6FFT80domjd7ySit4NrGjaxF5X1+njKfIfd7Iv3g=
}

// What an oracle posts, as it stands in a unit.
func ExampleNewMessage() {
	m, err := unit.NewMessage("data_feed", map[string]any{"BERLIN_TEMPERATURE": "21.5"})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(m)
	fmt.Println(string(text), err)
	_, err = unit.NewMessage("data_feed", map[string]any{"BERLIN_TEMPERATURE": 21.5})
	fmt.Println(err)
	// Output:
	// {"app":"data_feed","payload":{"BERLIN_TEMPERATURE":"21.5"},"payload_hash":"vrlhwpk2XtOAxJ6da4YPcz8ybzxRJsrJ6moaqL71CZc=","payload_location":"inline"} <nil>
	// fractional numbers not allowed in data feeds
}
