package rank_test

import (
	"fmt"

	"github.com/iotverse/iotverse/market/rank"
)

func ExampleRank() {
	offers := []rank.Entry{
		rank.NewEntry(rank.Offer{ID: "a", Title: "AHU-2 SA-T", Unit: "degF", Building: "Building 4", Period: "1 min"}, nil),
		rank.NewEntry(rank.Offer{ID: "b", Title: "VAV-17 ZN-T", Unit: "degF", Building: "Building 3", Period: "1 min"}, nil),
		rank.NewEntry(rank.Offer{ID: "c", Title: "Supply_Air_Temperature_Sensor", Unit: "°C", Building: "Building 3", Period: "10 min"}, nil),
	}
	q := rank.Read(rank.Want{ID: "d", Text: "supply air temperature, building 3, every 5 min"})
	fmt.Println(q)
	for _, r := range rank.Rank(q, offers) {
		fmt.Println(r.ID, r.Score)
	}
	// Output:
	// temperature measured supply building="3" period=300000
	// c 471144
	// b 213372
	// a 81792
}
