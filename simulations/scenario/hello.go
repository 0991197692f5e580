package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/simulations/report"
)

// stretch is how much old data a Replay seller goes on repeating.
const stretch = 10 * time.Minute

// The cells of hello lie 9 km apart; its properties have climates in package world.
var (
	helloCells = []string{"u0yj8", "u0yje"}
	helloProps = []string{"air-temperature", "relative-humidity", "air-pressure", "pm2.5", "wind-speed"}
)

// Hello is the whole market on an ordinary day, profile standard: 50 sellers of weather in two cells, of whom 5 replay old
// data from a quarter of the day on, 15 validators, of whom 2 are lazy, 10 buyers with money enough, each after two sellers
// of one property around one cell; 24 hours, 40 readings a minute. Sellers differ in sensor and price. Cheaters come first
// and ask least, so that buyers begin with them; there are honest sellers enough for the buyers that the cheaters lose.
//
// A member sees single minutes of an hour. Code 5 wants 32 equal readings in a row, so it can convict only sensors that are
// read at least that often a minute; slower ones need batches beside each other in the sample or the history. And in a
// single day no seller has the history that MECHANISM 4 asks for: integrity stays at its cap of 850, which is also the lazy
// validators' guess. What lazy validators lose shows in windows that are not usual.
func Hello(ctx context.Context, seed uint64, o Options, progress func(done float64)) (report.Report, error) {
	if err := o.fill(); err != nil {
		return report.Report{}, err
	}
	m, err := newMarket(seed, "standard", o)
	if err != nil {
		return report.Report{}, err
	}
	if err := m.hello(o); err != nil {
		return report.Report{}, err
	}
	return m.play(ctx, "hello", o, progress)
}

// play lets a cast trade and settle, and sums up.
func (m *market) play(ctx context.Context, name string, o Options, progress func(done float64)) (report.Report, error) {
	if err := m.open(o); err != nil {
		return report.Report{}, err
	}
	defer m.ledger.Close()
	if err := m.trade(ctx, progress); err != nil {
		return report.Report{}, err
	}
	r := m.report.Report(m.engine)
	r.Scenario, r.Seed, r.Real, r.Hours = name, m.keys.seed, o.Real, o.For.Hours()
	return r, nil
}

// fill puts hello's numbers where an option is zero. Error: Invalid.
func (o *Options) fill() error {
	if o.For == 0 {
		o.For = 24 * time.Hour
	}
	if o.Period == 0 {
		o.Period = 1500 * time.Millisecond
	}
	own := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
		*n = max(*n, 0)
	}
	own(&o.Sellers, 50)
	own(&o.Cheaters, max(o.Sellers/10, 1))
	own(&o.Validators, 15)
	own(&o.Lazy, o.Validators*2/15)
	own(&o.Buyers, 10)
	own(&o.Each, 2)
	switch {
	case o.For < time.Hour || o.For > 30*24*time.Hour || o.For%time.Hour != 0:
		return fmt.Errorf("hello: %v of trade, want whole hours, 1 to 720: %w", o.For, protocol.Invalid)
	case o.Period < 100*time.Millisecond || o.Period > time.Minute:
		return fmt.Errorf("hello: a reading every %v, want 100ms to 1m: %w", o.Period, protocol.Invalid)
	case o.Heartbeat < 0 || o.Heartbeat > time.Minute:
		return fmt.Errorf("hello: a heartbeat of %v, want at most 1m: %w", o.Heartbeat, protocol.Invalid)
	case o.Sellers < 1 || o.Buyers < 1 || o.Each < 1 || o.Validators < 3 || o.Cheaters > o.Sellers || o.Lazy > o.Validators:
		return fmt.Errorf("hello: %d sellers, %d of them cheating, %d validators, %d of them lazy, %d buyers; want a seller, a buyer and three validators at least: %w",
			o.Sellers, o.Cheaters, o.Validators, o.Lazy, o.Buyers, protocol.Invalid)
	}
	return nil
}

// hello puts the cast together. Groups of sellers share property and cell; cheaters are spread over the groups.
func (m *market) hello(o Options) error {
	groups := min(len(helloCells)*len(helloProps), max(o.Sellers/5, 1))
	group := func(i int) (prop, cell string) {
		i %= groups
		return helloProps[i%len(helloProps)], helloCells[i/len(helloProps)]
	}
	window := m.rules.Manifest.Params.Window()
	quarter := (o.For/4 + window - 1).Truncate(window)
	plan := adversary.Plan{After: quarter, Stretch: stretch}
	for i := range o.Sellers {
		strategy := adversary.Honest
		if i < o.Cheaters {
			strategy = adversary.Replay
		}
		prop, cell := group(i)
		asks := byteball.Bytes(2701 + m.rand.Uint64N(600)) // around what the manifest has as an example
		if strategy == adversary.Replay {
			asks = 2700
		}
		if err := m.seller(i+1, strategy, prop, cell, asks, o.Period, plan); err != nil {
			return err
		}
	}
	for i := range o.Validators {
		strategy := adversary.Honest
		if i < o.Lazy {
			strategy = adversary.Lazy
		}
		if err := m.validator(i+1, strategy); err != nil {
			return err
		}
	}
	for i := range o.Buyers {
		prop, cell := group(i)
		if err := m.buyer(i+1, want(prop, cell, o.Each, uint32(o.For/window)+24, o.Period, 4500)); err != nil {
			return err
		}
	}
	return nil
}
