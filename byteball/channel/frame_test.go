package channel_test

import (
	"encoding/base64"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// A closing is what unit.Compose and Balance make of its parts.
func TestCloseIsWhatComposeMakes(t *testing.T) {
	for n := range 5 {
		pay := thousands(n * 20)
		got, err := channel.Close(terms(), funding(), base(50).Anchor(at(50)), pay)
		if err != nil {
			t.Fatal(err)
		}
		outs := []unit.Output{{Address: terms().ChangeAddress}}
		for a, amount := range pay {
			outs = append(outs, unit.Output{Address: a, Amount: amount})
		}
		in := funding().Out
		msg := unit.Message{App: "payment", PayloadLocation: "inline", Payload: &unit.Payment{
			Inputs: []unit.Input{{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}}, Outputs: outs}}
		want, err := unit.Compose(byteball.Dev, base(50).Anchor(at(50)), got.Authors, []unit.Message{msg})
		if err != nil {
			t.Fatal(err)
		}
		if err := want.Balance(terms().Deposit, terms().ChangeAddress); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d payees: got %+v, want %+v", n*20, got, want)
		}
	}
}

// The same signature with the other S is as good to btcec, but the ledger refuses it.
func TestHighSIsRefused(t *testing.T) {
	v, seller := voucher(t)
	raw, err := base64.StdEncoding.DecodeString(v.Unit.Authors[0].Authentifiers["r.0.0"])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(raw[32:])
	new(big.Int).Sub(btcec.S256().N, s).FillBytes(raw[32:])
	bad := copied(t, v)
	bad.Unit.Authors[0].Authentifiers["r.0.0"] = base64.StdEncoding.EncodeToString(raw)
	if _, _, err := seller.Apply(accept(bad, base(30), 33), at(33)); kindOf(err) != byteball.Invalid || !strings.Contains(err.Error(), "signature") {
		t.Errorf("got %v, want Invalid for the signature", err)
	}
}
