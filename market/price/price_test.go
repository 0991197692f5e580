package price_test

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/price"
	"github.com/iotverse/iotverse/protocol"
)

func TestBatch(t *testing.T) {
	for _, c := range []struct {
		u           byteball.Bytes
		i, rel, rep uint16
		want        byteball.Bytes
	}{
		{3000, 1000, 1000, 1000, 3000},
		{3000, 1000, 1000, 0, 1500},
		{3000, 1000, 1000, 57, 1585},     // 1585.5
		{36000, 850, 1000, 57, 16172},    // 16172.1: the newcomer's discount of MECHANISM 10
		{300_000, 1000, 1000, 1, 150150}, // half a ‰ of reputation counts
		{3000, 0, 1000, 1000, 1},
		{1, 500, 300, 0, 1},
		{3000, 2000, 2000, 2000, 3000}, // over the range counts as its end
		{byteball.MaxBytes, 1000, 1000, 1000, byteball.MaxBytes},
		{1 << 63, 1000, 1000, 1000, byteball.MaxBytes},
	} {
		if got := price.Batch(c.u, c.i, c.rel, c.rep); got != c.want {
			t.Errorf("Batch(%d, %d, %d, %d) = %d, want %d", c.u, c.i, c.rel, c.rep, got, c.want)
		}
	}
}

var permille = rapid.Uint16Range(0, 1000)

// Law: 1 ≤ p ≤ max(1, u), p is the formula's floor, and no score that rises makes data cheaper.
func TestBatchLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := byteball.Bytes(rapid.Uint64Range(1, uint64(byteball.MaxBytes)).Draw(t, "u"))
		i, rel, rep := permille.Draw(t, "I"), permille.Draw(t, "Rel"), permille.Draw(t, "rep")
		p := price.Batch(u, i, rel, rep)
		if p < 1 || p > u {
			t.Fatalf("price %d of data at %d", p, u)
		}
		x := new(big.Int).SetUint64(uint64(u))
		for _, f := range []int64{int64(i), int64(rel), 1000 + int64(rep)} {
			x.Mul(x, big.NewInt(f))
		}
		if x.Quo(x, big.NewInt(2e9)); x.Sign() > 0 && x.Uint64() != uint64(p) {
			t.Fatalf("price %d, the formula gives %v", p, x)
		}
		for _, q := range []byteball.Bytes{
			price.Batch(u, i+1, rel, rep), price.Batch(u, i, rel+1, rep), price.Batch(u, i, rel, rep+1), price.Batch(u+1, i, rel, rep),
		} {
			if q < p {
				t.Fatalf("better data cost %d instead of %d", q, p)
			}
		}
	})
}

func TestStamped(t *testing.T) {
	p := params.Standard()
	for _, c := range []struct {
		name string
		s    protocol.Stamp
		want byteball.Bytes
		ok   bool
	}{
		{"good", protocol.Stamp{I: 900}, 2700, true},
		{"least", protocol.Stamp{I: 500}, 1500, true},
		{"under", protocol.Stamp{I: 499}, 0, false},
		{"hard", protocol.Stamp{Hard: []uint8{5}}, 0, false},
		{"hard with a mark", protocol.Stamp{I: 900, Hard: []uint8{1}}, 0, false},
		{"provisional", protocol.Stamp{I: 900, Provisional: true}, 1500, true},
		{"provisional and poor", protocol.Stamp{I: 500, Provisional: true}, 1500, true},
	} {
		got, ok := price.Stamped(&p, 3000, &c.s, 1000, 1000)
		if got != c.want || ok != c.ok {
			t.Errorf("%s: %d, %v, want %d, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestFloorLetsNewcomersBegin(t *testing.T) {
	for rep := range uint16(1001) {
		u := byteball.Bytes(36_000)
		floor := price.Floor(u, rep)
		if near := price.Batch(u, price.FloorIntegrity, 720, rep); near < floor {
			t.Fatalf("reputation %d: relevance 720 gives %d, the floor is %d", rep, near, floor)
		}
		if far := price.Batch(u, price.FloorIntegrity, 690, rep); far >= floor {
			t.Fatalf("reputation %d: relevance 690 gives %d, the floor is %d", rep, far, floor)
		}
	}
	if got := price.Floor(3000, 1000); got != 1800 {
		t.Errorf("floor %d, want .6 of 3000", got)
	}
}

func TestFee(t *testing.T) {
	standard, fast := params.Standard(), params.Fast()
	for _, c := range []struct {
		p    *params.Params
		u    byteball.Bytes
		k    int
		want byteball.Bytes
	}{
		{&standard, 3000, 7, 7 * 3985}, // .155·60·3000/7 = 3985.7
		{&fast, 36_000, 7, 7 * 3985},
		{&standard, 1, 7, 7 * 2000}, // the least
		{&standard, 3000, 1, 27_900},
		{&standard, byteball.MaxBytes, 7, 7 * 11957142857142857},
	} {
		if got := price.Fee(c.p, c.u, c.k); got != c.want {
			t.Errorf("Fee(%d, %d) = %d, want %d", c.u, c.k, got, c.want)
		}
	}
}

// Law: every fee is divided to the last byte, nobody gets a negative or empty share, members get alike, and each named part
// is what MECHANISM 5 says, rounded down.
func TestSplitLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := params.Standard()
		fee := byteball.Bytes(rapid.Uint64Range(0, uint64(byteball.MaxBytes)).Draw(t, "F"))
		k := rapid.IntRange(1, 16).Draw(t, "k")
		to := price.Payees{Aggregator: "agg", Fund: "fund"}
		for i := range k {
			to.Members = append(to.Members, byteball.Address(fmt.Sprint("m", i)))
		}
		if rapid.Bool().Draw(t, "merit") {
			to.Winner = "winner"
		}
		for name, split := range map[string]map[byteball.Address]byteball.Bytes{"split": price.Split(&p, fee, to), "further": price.SplitFurther(fee, to)} {
			var sum byteball.Bytes
			for a, amount := range split {
				if amount == 0 || amount > fee {
					t.Fatalf("%s: %s gets %d of %d", name, a, amount, fee)
				}
				sum += amount
			}
			if sum != fee {
				t.Fatalf("%s: sum %d of %d", name, sum, fee)
			}
			for _, m := range to.Members {
				if split[m] != split[to.Members[0]] {
					t.Fatalf("%s: members get %d and %d", name, split[m], split[to.Members[0]])
				}
			}
		}
		n := byteball.Bytes(k)
		want := fee * 500 / 1000 / n
		if to.Winner == "" {
			want += fee * 400 / 1000 / n
		}
		got := price.Split(&p, fee, to)
		if got["m0"] != want || got["agg"] != fee*30/1000 || (to.Winner != "" && got["winner"] != fee*400/1000) {
			t.Fatalf("fee %d, %d members: got %v, want %d a member", fee, k, got, want)
		}
	})
}

// Law: one person in several roles gets the sum of them.
func TestSplitAddsUp(t *testing.T) {
	p := params.Standard()
	apart := price.Split(&p, 27_895, price.Payees{Members: []byteball.Address{"a", "b", "c"}, Aggregator: "d", Fund: "f"})
	once := price.Split(&p, 27_895, price.Payees{Members: []byteball.Address{"a", "a", "f"}, Aggregator: "a", Fund: "f"})
	if got, want := once["a"], apart["a"]+apart["b"]+apart["d"]; got != want {
		t.Errorf("a gets %d, want %d", got, want)
	}
	if got, want := once["f"], apart["c"]+apart["f"]; got != want {
		t.Errorf("the fund gets %d, want %d", got, want)
	}
}

func BenchmarkBatch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		price.Batch(36_000, 940, 1000, 57)
	}
}
