package committee_test

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// A node feeds the proven units of its ledger client to a chain and a registry, then asks who judges a seller.
func Example() {
	m := manifest()
	chain := committee.NewChain(m, 0)
	registry := committee.NewRegistry(m, envelope.Keys{}, chain)
	if _, err := chain.Add(opUnit(0, time.Unix(m.T0, 0))); err != nil {
		fmt.Println(err)
	}
	_, err := registry.Committee("seller", committee.Stream{Prop: "pm10", Cell: "u281z"}, 1)
	fmt.Println(err)

	p := params.Standard()
	c, err := committee.Draw(committee.Seed(1, chain.Last()), 0, "seller", tickets(10), &p)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(c.Members), "seats,", c.Quorum, "signatures,", len(c.Spares), "spares")
	// Output:
	// committee of seller a4279eae: no ticket is registered: not found
	// 7 seats, 5 signatures, 3 spares
}
