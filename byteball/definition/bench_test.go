package definition_test

import (
	"testing"

	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// BenchmarkEvaluate: what a definition costs beside the bare signatures in it, which is the floor.
func BenchmarkEvaluate(b *testing.B) {
	m := loadMechanism(b)
	key := form{[]any{"sig", map[string]any{"pubkey": m.Keys["own"].Pub}}, "one key"}
	coins := []coin{{m.Bond.Address, 100_000, 10}}
	burn := []unit.Output{{Address: m.Burn.Address, Amount: 95_000}}
	for _, c := range []struct {
		name string
		form
		auth map[string]string
	}{
		{"one key", key, m.sign(b, "r own")},
		{"channel close", m.Channel, m.sign(b, "r.0.0 buyer", "r.0.1 seller")},
		{"bond, 5 arbiters", m.Bond, m.arbiters(b, "r.1.0.1", 5)},
	} {
		env := spend{coins, burn, 100}.env()
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := definition.Evaluate(c.Definition, c.Address, c.auth, env); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
	b.Run("floor, one signature", func(b *testing.B) {
		sig, pub := m.sign(b, "r own")["r"], m.Keys["own"].Pub
		b.ReportAllocs()
		for b.Loop() {
			if !unit.VerifySig(signed, sig, pub) {
				b.Fatal("refused")
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	m := loadMechanism(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := definition.Validate(m.Bond.Definition, definition.Env{}); err != nil {
			b.Fatal(err)
		}
	}
}
