package deal_test

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
)

// Law: vouchers follow the scores. What a voucher adds for a batch follows from match and stamp alone, so both sides compute
// it; when the quality of the next window falls, the next voucher adds less, and nothing has to be disputed.
func TestVoucherFollowsQuality(t *testing.T) {
	d := open(t)
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.Uint16Range(501, 1000).Draw(t, "integrity")
		after := rapid.Uint16Range(500, before-1).Draw(t, "next window's")
		good, poor := stamp(before), stamp(after)
		poor.A = good.A - uint32(rapid.IntRange(0, 500).Draw(t, "reputation lost"))
		first, sold := d.Batch(rules, good)
		next, soldToo := d.Batch(rules, poor)
		if !sold || !soldToo {
			t.Fatalf("integrity %d sold %t, %d sold %t", before, sold, after, soldToo)
		}
		owed := channel.Payouts{d.PayTo: 5000}
		added := []byteball.Bytes{voucherAdds(t, d, owed, first), voucherAdds(t, d, owed, next)}
		if added[0] != first || added[1] != next {
			t.Fatalf("vouchers add %v, the batches cost %d and %d", added, first, next)
		}
		if added[1] >= added[0] {
			t.Fatalf("integrity %d adds %d, %d adds %d", before, added[0], after, added[1])
		}
	})
}

// voucherAdds pays for a batch on top of owed and returns what the seller gets more by it.
func voucherAdds(t *rapid.T, d deal.Deal, owed channel.Payouts, batch byteball.Bytes) byteball.Bytes {
	promised, err := owed.Plus(channel.Payouts{d.PayTo: batch})
	if err != nil {
		t.Fatal(err)
	}
	if maps.Equal(promised, owed) {
		t.Fatal("a batch for nothing")
	}
	a := unit.Anchor{Parents: []byteball.Hash{hashOf(1)}, LastBall: hashOf(2), LastBallUnit: hashOf(3), Timestamp: t0}
	u, err := channel.Close(d.Terms, channel.Funding{Out: unit.OutPoint{Unit: hashOf(4)}}, a, promised)
	if err != nil {
		t.Fatal(err)
	}
	return channel.Paid(u)[d.PayTo] - owed[d.PayTo]
}
