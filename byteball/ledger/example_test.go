package ledger_test

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// A ledger in memory: its first unit gives somebody money, the order provider's units carry it on.
func Example() {
	key, err := unit.NewKey([32]byte{31: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	op := ledger.Operator{Signer: key}
	now := time.Unix(1_790_000_000, 0)
	const alice = "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, []unit.Output{{Address: alice, Amount: 1_000_000}}, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	for range 3 {
		now = now.Add(time.Second)
		if _, err := l.Witness(op, now); err != nil {
			fmt.Println(err)
			return
		}
	}
	balance, err := l.Balance(alice)
	fmt.Println(balance.Stable, l.TipMCI(), l.StableMCI(), err)
	// Output: 1 MB 3 2 <nil>
}
