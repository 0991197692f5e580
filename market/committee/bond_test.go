package committee_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
)

func TestBondAddresses(t *testing.T) {
	data, err := os.ReadFile("testdata/mechanism.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Keys                    map[string]struct{ Pub string }
		Burn, Bond, Seller_bond struct {
			Definition any
			Address    byteball.Address
		}
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	var arbiters [7]string
	for i := range arbiters {
		arbiters[i] = v.Keys["arb"+string(rune('0'+i))].Pub
	}
	bond := committee.BondDefinition(v.Keys["own"].Pub, v.Keys["bond"].Pub, arbiters, 500_000, 100_000)
	seller := committee.SellerBondDefinition(v.Keys["seller"].Pub, arbiters, 500_000, 50_000)
	for _, c := range []struct {
		name string
		def  any
		want byteball.Address
	}{
		{"bond", bond, v.Bond.Address},
		{"seller bond", seller, v.Seller_bond.Address},
		{"burn", committee.Unspendable(0), v.Burn.Address},
	} {
		got, err := chash.Of(c.def)
		if err != nil || got != c.want {
			t.Errorf("%s: address %s, %v, want %s", c.name, got, err, c.want)
		}
	}
	if committee.Burn != v.Burn.Address || committee.Reg(0) != committee.Burn || committee.Reg(1) == committee.Burn {
		t.Errorf("burn %s, lists %s and %s", committee.Burn, committee.Reg(0), committee.Reg(1))
	}
}

// Law: whoever may serve in an epoch registered at an address that the epoch's lists name.
func TestListsLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := manifest()
		m.Params.ListEpochs = rapid.IntRange(1, 200).Draw(t, "list epochs")
		m.Params.Term = rapid.IntRange(1, 200).Draw(t, "term")
		e := rapid.Uint64Range(0, 1000).Draw(t, "epoch")
		life := uint64(m.Params.Term + m.Params.Delay)
		registered := rapid.Uint64Range(max(e, life)-life, e).Draw(t, "registered")
		at := m.Calendar().EpochStart(registered).Add(m.Params.Epoch() - time.Second)
		lists := committee.Lists(m, e)
		period := committee.Period(m, at)
		for _, p := range []uint64{period, period - min(period, 1)} {
			if !slices.Contains(lists, committee.Reg(p)) {
				t.Fatalf("epoch %d, registered in %d: list %d is missing", e, registered, p)
			}
		}
	})
}

func TestPeriodIsAMonth(t *testing.T) {
	m := manifest()
	m.Params = params.Standard()
	if got, want := time.Duration(m.Params.ListEpochs)*m.Params.Epoch(), 30*24*time.Hour; got != want {
		t.Errorf("a list serves %v, want %v", got, want)
	}
	if got := committee.Period(m, time.Unix(m.T0-1000, 0)); got != 0 {
		t.Errorf("before T0: period %d", got)
	}
}
