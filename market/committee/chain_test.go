package committee_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/protocol"
)

func TestEpochBall(t *testing.T) {
	m := manifest()
	c := committee.NewChain(m, 0)
	if _, ok := c.EpochBall(0); ok {
		t.Error("an empty chain has a ball")
	}
	// Genesis before everything, then a unit every 7 s from 40 s before T0: an epoch has 30 s.
	add(t, c, opUnit(0, time.Unix(m.T0-1000, 0)))
	for i := range uint64(30) {
		add(t, c, opUnit(1+2*i, time.Unix(m.T0-40+7*int64(i), 0)))
	}
	for e := range uint64(6) {
		b, ok := c.EpochBall(e)
		start := m.T0 + 30*(int64(e)-1)
		if !ok || b.Time < start || b.Time >= start+7 {
			t.Errorf("epoch %d: ball at %d s, %v, want the first from %d s on", e, b.Time-m.T0, ok, start-m.T0)
		}
	}
	if b, ok := c.EpochBall(9); ok {
		t.Errorf("epoch 9 has ball %+v, its start has not come", b)
	}
}

func TestChainTakesOnlyProviders(t *testing.T) {
	m := manifest()
	c := committee.NewChain(m, 10)
	stranger, lost, early, bad := opUnit(20, time.Unix(m.T0, 0)), opUnit(21, time.Unix(m.T0, 0)), opUnit(9, time.Unix(m.T0, 0)), opUnit(22, time.Unix(m.T0, 0))
	stranger.Unit.Authors[0].Address = "ANOTHER"
	lost.Serial = false
	bad.Ball = "no ball"
	for name, p := range map[string]unit.Proven{"stranger": stranger, "lost": lost, "early": early, "empty": {}} {
		if took, err := c.Add(p); took || err != nil {
			t.Errorf("%s: took %v, %v", name, took, err)
		}
	}
	if _, err := c.Add(bad); !errors.Is(err, protocol.Invalid) {
		t.Errorf("bad ball: %v", err)
	}
	good := opUnit(20, time.Unix(m.T0, 0))
	if took, err := c.Add(good); !took || err != nil {
		t.Errorf("good: took %v, %v", took, err)
	}
	if took, _ := c.Add(good); took {
		t.Error("took one unit twice")
	}
	if b, ok := c.EpochBall(0); ok {
		t.Errorf("ball %+v may not be the first of its epoch: the chain starts at 10", b)
	}
	if b, ok := c.SampleBall(9); !ok || b.MCI != 20 {
		t.Errorf("sample ball after 9: %+v, %v", b, ok)
	}
	if b, ok := c.SampleBall(5); ok {
		t.Errorf("sample ball after 5: %+v, though there may be one below 10", b)
	}
}

func TestSampleBall(t *testing.T) {
	m := manifest()
	c := committee.NewChain(m, 0)
	for _, mci := range []uint64{0, 3, 4, 8} {
		add(t, c, opUnit(mci, time.Unix(m.T0+int64(mci), 0)))
	}
	for _, v := range []struct {
		tip, want uint64
		ok        bool
	}{{0, 3, true}, {1, 3, true}, {2, 4, true}, {3, 8, true}, {6, 8, true}, {7, 0, false}, {math.MaxUint64, 0, false}} {
		if b, ok := c.SampleBall(v.tip); ok != v.ok || b.MCI != v.want {
			t.Errorf("tip %d: ball at %d, %v, want %d, %v", v.tip, b.MCI, ok, v.want, v.ok)
		}
	}
}

func add(t interface{ Fatal(...any) }, c *committee.Chain, p unit.Proven) {
	if _, err := c.Add(p); err != nil {
		t.Fatal(err)
	}
}

// Law: chains that were fed the same units in any order, and a chain that was followed from a later start, never name
// different balls.
func TestChainsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := manifest()
		gaps := rapid.SliceOfN(rapid.Int64Range(0, 40), 5, 60).Draw(t, "gaps")
		from := rapid.Uint64Range(0, 20).Draw(t, "from")
		var units []unit.Proven
		at := m.T0 - 60
		for i, g := range gaps {
			at += g
			units = append(units, opUnit(uint64(i), time.Unix(at, 0)))
		}
		whole, late := committee.NewChain(m, 0), committee.NewChain(m, from)
		for e, u := 0, 0; u < len(units); e, u = e+1, u+1 {
			add(t, whole, units[u])
			add(t, late, units[u])
		}
		mixed := committee.NewChain(m, 0)
		first := len(units) - min(len(units), 4) // disorder reaches back a few units
		for _, u := range units[:first] {
			add(t, mixed, u)
		}
		for _, u := range rapid.Permutation(units[first:]).Draw(t, "disorder") {
			add(t, mixed, u)
		}
		for e := range uint64(100) {
			a, okA := whole.EpochBall(e)
			b, okB := late.EpochBall(e)
			c, okC := mixed.EpochBall(e)
			if okA && okB && a != b || okA && okC && a != c {
				t.Fatalf("epoch %d: balls at %d, %d, %d", e, a.MCI, b.MCI, c.MCI)
			}
		}
		for tip := range uint64(len(units)) {
			a, okA := whole.SampleBall(tip)
			b, okB := late.SampleBall(tip)
			if okA && okB && a != b {
				t.Fatalf("tip %d: sample balls at %d and %d", tip, a.MCI, b.MCI)
			}
		}
	})
}

// Law: the ball of the current epoch, the next and the two before is there however long the chain grows.
func TestChainKeepsEnough(t *testing.T) {
	m := manifest()
	c := committee.NewChain(m, 0)
	for i := range uint64(3000) {
		at := time.Unix(m.T0+int64(i), 0)
		add(t, c, opUnit(i, at))
		e := m.Calendar().EpochAt(at)
		for _, want := range []uint64{max(e, 2) - 2, e, e + 1} {
			if _, ok := c.EpochBall(want); !ok {
				t.Fatalf("second %d: no ball of epoch %d", i, want)
			}
		}
	}
}
