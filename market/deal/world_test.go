package deal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

const (
	t0   = 1_800_000_000
	cell = "u33db"
	prop = "air-temperature"
)

// person has the two keys of a node.
type person struct {
	private ed25519.PrivateKey
	wallet  *unit.Key
	binding protocol.Binding
	address byteball.Address
}

func (p *person) Identity() protocol.Identity {
	return protocol.Identity(p.private.Public().(ed25519.PublicKey))
}
func (p *person) Sign(m []byte) ([]byte, error) { return ed25519.Sign(p.private, m), nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // keys and messages made by the test itself
	}
	return v
}

func newPerson(seed byte) *person {
	p := &person{private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)), wallet: must(unit.NewKey(sha256.Sum256([]byte{seed, 'w'})))}
	p.binding = must(protocol.Bind(p, p.wallet))
	p.address = must(p.binding.Address())
	return p
}

var seller, buyer, other, op = newPerson(1), newPerson(2), newPerson(3), newPerson(99).address

// rules are those of a market of profile fast.
var rules = func() deal.Rules {
	m := params.Manifest{Name: "test", Network: "dev", Hubs: []string{"ws://127.0.0.1:6611"}, OPs: []byteball.Address{op}, T0: t0, Profile: "fast", Params: params.Fast()}
	for i := range m.Arbiters {
		m.Arbiters[i], m.Fund[i] = newPerson(byte(100+i)).wallet.PublicKey(), newPerson(byte(110+i)).wallet.PublicKey()
	}
	return deal.Rules{Manifest: m, Market: m.Hash(), Network: byteball.Dev, Fund: m.FundAddress(), Verifier: envelope.Keys{}}
}()

func seal(p *person, m protocol.Message) []byte {
	return must(envelope.Seal(p, rules.Market, m)).Raw
}

const until = (t0 + 1000) * 1000

func offer() *protocol.Offer {
	return &protocol.Offer{Binding: seller.binding, Prop: prop, Unit: "Cel", Cell: cell, Period: 250, Accuracy: "0.1", Price: 36_000, Floor: 1, ValidUntil: until}
}

func demand() *protocol.Demand {
	return &protocol.Demand{Buyer: buyer.Identity(), Prop: prop, Unit: "Cel", Cell: cell, Radius: 5000, HalfLife: 3600, Period: 1000, Accuracy: "0.1",
		Cap: 36_000, Windows: 10, ValidUntil: until}
}

// match is a good proposal.
func match() *protocol.Match {
	key := must(base64.StdEncoding.DecodeString(must(unit.NewKey([32]byte{7})).PublicKey()))
	return &protocol.Match{Offer: seal(seller, offer()), Demand: seal(buyer, demand()), Relevance: 1000, Rep: 57, BuyerKey: key, Change: buyer.address,
		Age: 600, Deposit: 3_000_000, Box: [32]byte(must(deal.BoxKey([]byte("secret"), 1)).PublicKey().Bytes()), Expiry: until}
}

func open(t testing.TB) deal.Deal {
	t.Helper()
	d, err := deal.Open(rules, match())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// jury is a committee of k members with an aggregator.
func jury(k int) *committee.Committee {
	c := &committee.Committee{Quorum: params.Quorum(k), Aggregator: &committee.Ticket{Payee: newPerson(60).address}}
	for i := range k {
		c.Members = append(c.Members, &committee.Ticket{Payee: newPerson(byte(40 + i)).address})
	}
	return c
}

func hashOf(parts ...any) byteball.Hash {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return byteball.Hash(base64.StdEncoding.EncodeToString(sum[:]))
}
