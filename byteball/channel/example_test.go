package channel_test

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball/channel"
)

// A buyer pays a seller and one payee twice and asks for the close.
func Example() {
	buyer, _, err := channel.NewPayer(terms(), buyerKey) // runs Save and Watch, then pays the deposit to buyer.Address()
	if err != nil {
		panic(err)
	}
	seller, _, err := channel.NewPayee(terms(), sellerKey)
	if err != nil {
		panic(err)
	}
	buyer, _, _ = buyer.Apply(funded(), at(25))
	seller, _, _ = seller.Apply(funded(), at(25))

	// step hands the voucher among the buyer's effects to the seller.
	step := func(ev channel.Event, mci uint64) []channel.Effect {
		next, effects, err := buyer.Apply(ev, at(mci))
		if err != nil {
			panic(err)
		}
		buyer = next
		var out []channel.Effect
		for _, e := range effects {
			if s, ok := e.(channel.Send); ok {
				seller, out, err = seller.Apply(channel.Accept{Voucher: s.Voucher, Base: base(mci), Tip: mci + 3}, at(mci))
				if err != nil {
					panic(err)
				}
			}
		}
		return out
	}
	step(channel.Pay{Add: channel.Payouts{terms().SellerAddress: 3000, address(20): 500}, Base: base(30)}, 30)
	step(channel.Pay{Add: channel.Payouts{terms().SellerAddress: 3000, address(20): 500}, Base: base(31)}, 31)
	fmt.Println(seller.Phase, seller.Newest.N, seller.Payouts[terms().SellerAddress])

	effects := step(channel.CloseNow{Reason: "enough", Base: base(40)}, 40)
	for _, e := range effects {
		if p, ok := e.(channel.Post); ok {
			buyer, _, _ = buyer.Apply(channel.UnitStable{Unit: p.Unit, MCI: 43, Serial: true}, at(44))
		}
	}
	fmt.Println(seller.Phase, buyer.Phase, uint64(channel.Paid(buyer.Settled)[terms().ChangeAddress]))
	// Output:
	// open 2 6 kB
	// closing closed 1991542
}
