package buyer_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// What a buyer does in a trade, with all that can go wrong, is tested in simulations/faults; here is what needs no seller.

type edKey struct{ ed25519.PrivateKey }

func (k edKey) Identity() protocol.Identity {
	return protocol.Identity(k.Public().(ed25519.PublicKey))
}
func (k edKey) Sign(m []byte) ([]byte, error) { return ed25519.Sign(k.PrivateKey, m), nil }

func config() buyer.Config {
	m := params.Manifest{Name: "test", Network: "dev", OPs: []byteball.Address{"YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7"}, T0: 1_800_000_000, Profile: "fast", Params: params.Fast()}
	return buyer.Config{Rules: deal.Rules{Manifest: m, Market: m.Hash(), Network: byteball.Dev, Verifier: envelope.Keys{}}, Vars: unit.DefaultVars(byteball.Dev),
		Signer: edKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))}, Change: "YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7", Secret: make([]byte, 32),
		Keys: func(i uint32) (unit.Signer, error) { return unit.NewKey([32]byte{byte(i)}) },
		Wants: []buyer.Want{{Demand: protocol.Demand{Prop: "air-temperature", Unit: "Cel", Cell: "u33db", Radius: 5000, HalfLife: 3600, Period: 1000, Accuracy: "0.1",
			Cap: 36_000, Windows: 10}}}}
}

func TestConfig(t *testing.T) {
	if _, err := buyer.New(config(), nil); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*buyer.Config){
		"no wants":            func(c *buyer.Config) { c.Wants = nil },
		"a short secret":      func(c *buyer.Config) { c.Secret = nil },
		"no keys":             func(c *buyer.Config) { c.Keys = nil },
		"an unknown property": func(c *buyer.Config) { c.Wants[0].Demand.Prop = "audio" },
		"no cap":              func(c *buyer.Config) { c.Wants[0].Demand.Cap = 0 },
		"a bad cell":          func(c *buyer.Config) { c.Wants[0].Demand.Cell = "u3" },
		"no windows":          func(c *buyer.Config) { c.Wants[0].Demand.Windows = 0 },
	} {
		c := config()
		spoil(&c)
		if _, err := buyer.New(c, nil); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
}

func TestABuyerListensAroundItsCell(t *testing.T) {
	c, err := buyer.New(config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	effects, err := c.Step(role.Woken{}, time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	var topics []string
	for _, e := range effects {
		if s, ok := e.(role.Subscribe); ok {
			topics = append(topics, s.Topic)
		}
	}
	if len(topics) != 9 || !slices.Contains(topics, protocol.OfferTopic("air-temperature", "u33")) {
		t.Errorf("topics %v, want the cell's and its eight neighbours'", topics)
	}
	again, err := c.Step(role.Woken{}, time.Unix(1_800_000_001, 0))
	if err != nil || slices.ContainsFunc(again, func(e role.Effect) bool { _, ok := e.(role.Subscribe); return ok }) {
		t.Errorf("subscribes again: %v, %v", again, err)
	}
}

func TestMistakesOfTheDriver(t *testing.T) {
	c, err := buyer.New(config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Step("hello", time.Unix(1_800_000_000, 0)); !errors.Is(err, protocol.Invalid) {
		t.Errorf("an event of nobody: error %v, want Invalid", err)
	}
}

func TestABuyerThatStopsAtOnceIsDone(t *testing.T) {
	c, err := buyer.New(config(), nil)
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
