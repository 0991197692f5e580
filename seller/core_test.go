package seller_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller"
)

// What a seller does in a trade, with all that can go wrong, is tested in simulations/faults; here is what needs no buyer.

type edKey struct{ ed25519.PrivateKey }

func (k edKey) Identity() protocol.Identity {
	return protocol.Identity(k.Public().(ed25519.PublicKey))
}
func (k edKey) Sign(m []byte) ([]byte, error) { return ed25519.Sign(k.PrivateKey, m), nil }

func config(t *testing.T) seller.Config {
	t.Helper()
	id := edKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))}
	wallet, err := unit.NewKey([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	binding, err := protocol.Bind(id, wallet)
	if err != nil {
		t.Fatal(err)
	}
	m := params.Manifest{Name: "test", Network: "dev", OPs: []byteball.Address{"YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7"}, T0: 1_800_000_000, Profile: "fast", Params: params.Fast()}
	return seller.Config{Rules: deal.Rules{Manifest: m, Market: m.Hash(), Network: byteball.Dev, Verifier: envelope.Keys{}}, Vars: unit.DefaultVars(byteball.Dev),
		Signer: id, Binding: binding, Wallet: wallet, Secret: make([]byte, 32), Cell: "u33db",
		Products: []seller.Product{{Prop: "air-temperature", Period: time.Second, Accuracy: "0.1", Price: 36_000}}}
}

func TestConfig(t *testing.T) {
	if _, err := seller.New(config(t), nil); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*seller.Config){
		"no cell":               func(c *seller.Config) { c.Cell = "" },
		"a cell too exact":      func(c *seller.Config) { c.Cell = "u33dbfc" },
		"nothing to sell":       func(c *seller.Config) { c.Products = nil },
		"an unknown property":   func(c *seller.Config) { c.Products[0].Prop = "audio" },
		"a short secret":        func(c *seller.Config) { c.Secret = make([]byte, 15) },
		"no price":              func(c *seller.Config) { c.Products[0].Price = 0 },
		"a price over the most": func(c *seller.Config) { c.Products[0].Price = protocol.MaxPrice + 1 },
		"a floor over the price": func(c *seller.Config) {
			c.Products[0].Floor = c.Products[0].Price + 1
		},
		"no binding": func(c *seller.Config) { c.Binding = protocol.Binding{} },
	} {
		c := config(t)
		spoil(&c)
		if _, err := seller.New(c, nil); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
}

func TestMistakesOfTheDriver(t *testing.T) {
	c, err := seller.New(config(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	for what, ev := range map[string]role.Event{"an event of nobody": "hello", "a reading of what is not sold": seller.Sensed{Prop: "pm10"}} {
		if _, err := c.Step(ev, now); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
	if _, err := c.Step(role.Woken{}, now); err != nil {
		t.Error(err)
	}
}

func TestASellerThatStopsAtOnceIsDone(t *testing.T) {
	c, err := seller.New(config(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	effects, err := c.Step(role.Stop{}, time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := effects[len(effects)-1].(role.Done); !ok {
		t.Errorf("effects %v, want Done at the end", effects)
	}
}
