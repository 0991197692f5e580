package price_test

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/price"
)

func Example() {
	p := params.Fast()
	fmt.Println("a batch:", price.Batch(36_000, 940, 1000, 57))
	fee := price.Fee(&p, 36_000, 7)
	to := price.Payees{Members: []byteball.Address{"A", "B", "C", "D", "E", "F", "G"}, Aggregator: "C", Fund: "FUND"}
	shares := price.Split(&p, fee, to)
	fmt.Println("a window:", fee, "of it to a member:", shares["A"], "to the fund:", shares["FUND"])
	// Output:
	// a batch: 17.884 kB
	// a window: 27.895 kB of it to a member: 3.586 kB to the fund: 1.957 kB
}
