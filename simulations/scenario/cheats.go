package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/simulations/report"
)

// Cheats is a market of minutes, profile fast, in which one seller of each way to cheat stands among four honest ones: nine
// thermometers in one cell, seven validators, a buyer of all. Readings come every 20 ms, as in the demo, so that a batch is
// long enough to convict by; no seller has a history. A cheater measures for two seconds and then cheats for good; Copy says
// what the first seller said two windows before; Unit is wrong from its first reading on.
func Cheats(ctx context.Context, seed uint64, o Options, progress func(done float64)) (report.Report, error) {
	if err := o.fillCheats(); err != nil {
		return report.Report{}, err
	}
	m, err := newMarket(seed, "fast", o)
	if err != nil {
		return report.Report{}, err
	}
	if err := m.cheats(o); err != nil {
		return report.Report{}, err
	}
	return m.play(ctx, "cheats", o, progress)
}

// fillCheats puts the scenario's numbers where an option is zero. Error: Invalid.
func (o *Options) fillCheats() error {
	if o.For == 0 {
		o.For = 90 * time.Second
	}
	if o.Period == 0 {
		o.Period = 20 * time.Millisecond
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 10 * time.Second
	}
	switch {
	case o.For < 30*time.Second || o.For > time.Hour || o.For%(5*time.Second) != 0:
		return fmt.Errorf("cheats: %v of trade, want whole windows of 5s, 30s to 1h: %w", o.For, protocol.Invalid)
	case o.Period < 10*time.Millisecond || o.Period > 100*time.Millisecond:
		return fmt.Errorf("cheats: a reading every %v, want 10ms to 100ms: %w", o.Period, protocol.Invalid)
	case o.Sellers|o.Cheaters|o.Validators|o.Lazy|o.Buyers|o.Each != 0:
		return fmt.Errorf("cheats: its cast is what it is, only times can be changed: %w", protocol.Invalid)
	}
	return nil
}

// cheats puts the cast together.
func (m *market) cheats(o Options) error {
	const cell, prop, honest = "u0yj8", "air-temperature", 4
	p := &m.rules.Manifest.Params
	for i := range honest {
		if err := m.seller(i+1, adversary.Honest, prop, cell, p.Price, o.Period, adversary.Plan{}); err != nil {
			return err
		}
	}
	for i, strategy := range adversary.Cheats() {
		plan := adversary.Plan{After: 2 * time.Second, Behind: 2 * p.Window()}
		if strategy == adversary.Unit {
			plan.After = 0
		}
		if err := m.seller(honest+i+1, strategy, prop, cell, p.Price, o.Period, plan); err != nil {
			return err
		}
	}
	for i := range p.Members {
		if err := m.validator(i+1, adversary.Honest); err != nil {
			return err
		}
	}
	all := honest + len(adversary.Cheats())
	return m.buyer(1, want(prop, cell, all, uint32(o.For/p.Window())+24, o.Period, p.Price+p.Price))
}
