package deal_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
)

// heartbeat is unit i of the order provider; its last ball is unit i-2.
func heartbeat(i int) unit.Proven {
	return unit.Proven{MCI: uint64(3 * i), Ball: hashOf("ball", i), Serial: true, Unit: &unit.Unit{Unit: hashOf("unit", i), Timestamp: t0 + int64(i),
		Authors: []unit.Author{{Address: op}}, LastBall: hashOf("ball", i-2), LastBallUnit: hashOf("unit", i-2)}}
}

func TestBasesFollowTheOrderProvider(t *testing.T) {
	vars := unit.DefaultVars(byteball.Dev)
	b := deal.NewBases([]byteball.Address{op}, vars)
	if _, ok := b.Newest(); ok {
		t.Error("a base out of nothing")
	}
	for i := 1; i <= 10; i++ {
		b.Add(heartbeat(i))
	}
	got, ok := b.Newest()
	if !ok || got.Unit != hashOf("unit", 10) || got.MCI != 30 || got.LastBallUnit != hashOf("unit", 8) || got.LastBallMCI != 24 || got.Timestamp != t0+10 {
		t.Errorf("newest %+v", got)
	}
	if want := unit.MinTPSFee(vars, 7.0/2, 1); got.TPSFee != want { // 7 units in 2 seconds
		t.Errorf("tps fee %d, want %d", got.TPSFee, want)
	}
	if old, ok := b.Of(hashOf("unit", 5)); !ok || old.MCI != 15 {
		t.Errorf("base %+v, %t", old, ok)
	}
	for _, none := range []byteball.Hash{hashOf("unit", 1), hashOf("unit", 2), hashOf("unit", 99), ""} {
		if x, ok := b.Of(none); ok {
			t.Errorf("base %+v of unit %s, whose last ball nobody knows", x, none)
		}
	}
}

func TestBasesPassOver(t *testing.T) {
	b := deal.NewBases([]byteball.Address{op}, unit.DefaultVars(byteball.Dev))
	for i := 1; i <= 5; i++ {
		b.Add(heartbeat(i))
	}
	by := heartbeat(6)
	by.Unit.Authors = []unit.Author{{Address: seller.address}}
	two := heartbeat(6)
	two.Unit.Authors = append(two.Unit.Authors, unit.Author{Address: seller.address})
	lost := heartbeat(6)
	lost.Serial = false
	floating := heartbeat(6)
	floating.Ball = ""
	for what, p := range map[string]unit.Proven{"another's": by, "two authors": two, "a double spend": lost, "no ball": floating, "an old one": heartbeat(4), "nothing": {}} {
		b.Add(p)
		if got, _ := b.Newest(); got.MCI != 15 {
			t.Errorf("%s became a base at %d", what, got.MCI)
		}
	}
}

func TestBasesReachAsFarAsVouchers(t *testing.T) {
	b := deal.NewBases([]byteball.Address{op}, unit.DefaultVars(byteball.Dev))
	for i := 1; i <= 1000; i++ {
		b.Add(heartbeat(i))
	}
	if _, ok := b.Of(hashOf("unit", 1000-2*channel.MaxBehind)); !ok {
		t.Error("a base that a voucher may hang on is forgotten")
	}
	if _, ok := b.Of(hashOf("unit", 10)); ok {
		t.Error("old bases are kept for ever")
	}
}

func TestLoad(t *testing.T) {
	vars := unit.DefaultVars(byteball.Dev)
	b := deal.NewBases([]byteball.Address{op}, vars)
	if fee := b.Load(100, time.Unix(t0, 0)); fee != 0 {
		t.Errorf("%d bytes, and nothing is known", fee)
	}
	for i := 1; i <= 10; i++ {
		b.Add(heartbeat(i)) // at index 30 and t0+10 at last
	}
	for _, c := range []struct {
		what string
		tip  uint64
		at   int64
		tps  float64
	}{
		{"calm", 30, 11, 1},
		{"9 more in a second", 39, 11, 10},
		{"9 more in ten seconds", 39, 20, 1},
		{"an old tip", 12, 12, 0.5},
		{"a clock that is slow", 31, 5, 2},
	} {
		if got, want := b.Load(c.tip, time.Unix(t0+c.at, 0)), unit.CurrentTPSFee(vars, c.tps); got != want {
			t.Errorf("%s: %d bytes, want %d", c.what, got, want)
		}
	}
	if got := b.Load(1<<63, time.Unix(t0+11, 0)); got > byteball.MaxBytes {
		t.Errorf("%d bytes", got)
	}
	charged := heartbeat(11)
	fee := byteball.Bytes(777)
	charged.Unit.ActualTPSFee = &fee
	b.Add(charged)
	if got := b.Load(33, time.Unix(t0+12, 0)); got != fee {
		t.Errorf("%d bytes, want the %d that the newest unit was charged", got, fee)
	}
	b.Add(heartbeat(12))
	if got := b.Load(36, time.Unix(t0+20, 0)); got >= fee {
		t.Errorf("%d bytes, by a unit that is not the newest", got)
	}
	if got := deal.NewBases([]byteball.Address{op}, unit.SystemVars{}).Load(9, time.Unix(t0, 0)); got != 0 {
		t.Errorf("%d bytes on a network without tps fees", got)
	}
}

// Law: a voucher offers what the ledger will ask of it, however many units stand beside the main chain, and hardly more.
func TestBasesCountUnitsBesideTheMainChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vars := unit.DefaultVars(byteball.Dev)
		vars.TPSInterval = rapid.SampledFrom([]float64{1, 2, 1000}).Draw(t, "interval")
		elapsed := rapid.Int64Range(1, 60).Draw(t, "elapsed")
		count := rapid.IntRange(1, 6*int(elapsed)).Draw(t, "units")
		b := deal.NewBases([]byteball.Address{op}, vars)
		b.Add(heartbeat(0))
		p := heartbeat(2)
		p.MCI, p.Unit.Timestamp = 1, t0+elapsed
		charged := unit.FinalTPSFee(vars, float64(count)/float64(elapsed))
		p.Unit.ActualTPSFee = &charged
		b.Add(p)
		got, ok := b.Newest()
		want := unit.MinTPSFee(vars, float64(count+1)/float64(elapsed), 1)
		if !ok || got.TPSFee < want || got.TPSFee > want+30 {
			t.Errorf("%d units in %d s, interval %g: fee %d, the ledger asks %d", count, elapsed, vars.TPSInterval, got.TPSFee, want)
		}
	})
}
