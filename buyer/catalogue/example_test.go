package catalogue_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/iotverse/iotverse/buyer/catalogue"
	"github.com/iotverse/iotverse/market/rank"
)

func Example() {
	ctx := context.Background()
	c, err := catalogue.Open(ctx, "") // a temporary file
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	err = c.Put(ctx, []catalogue.Listing{
		{Offer: rank.Offer{ID: "a", Title: "AHU-2 SA-T", Unit: "degF", Building: "Building 3"}},
		{Offer: rank.Offer{ID: "b", Title: "VAV-17 ZN-T", Unit: "degF", Building: "Building 3"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	found, err := c.Search(ctx, rank.Read(rank.Want{ID: "d", Text: "zone temperature in building 3"}), time.Unix(1_800_000_000, 0), 1)
	fmt.Println(len(found), found[0].ID, err)
	// Output: 1 b <nil>
}
