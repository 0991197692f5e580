package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/simulations/engine"
	"github.com/iotverse/iotverse/simulations/report"
	"github.com/iotverse/iotverse/simulations/world"
)

// opening is when window 0 begins, 2026-03-01 00:00 UTC; the world begins a little earlier, so that bonds and first deals
// are there by then.
const (
	opening = 1_772_323_200
	lead    = 10 * time.Minute // of a market that is not hurried
)

// market is one simulated market while its cast is put together, and then while it trades.
type market struct {
	keys  keys
	rand  *rand.Rand
	rules deal.Rules
	vars  unit.SystemVars
	world *world.World
	cast  []*actor
	end   time.Time // of trade
	hurry int       // everything around trade goes so many times as fast as in profile standard

	engine *engine.Engine
	ledger *ledger.Ledger
	report *report.Collector
}

// actor is one node of the cast.
type actor struct {
	name     string
	role     string
	strategy adversary.Strategy
	signer   protocol.Signer
	key      *unit.Key
	binding  protocol.Binding
	secret   [32]byte
	funds    byteball.Bytes // at the start
	make     func(saved map[string][]byte) (role.Core, error)
	source   *world.Sensor // of a seller's readings
	lie      adversary.Lie // what a dishonest one makes of them, nil for the honest
	victim   *actor        // whose readings it copies
	first    time.Time     // of its readings
	prop     string

	node *engine.Node
}

// newMarket makes the manifest of a market with a profile's parameters; its keys follow from the seed.
func newMarket(seed uint64, profile string, o Options) (*market, error) {
	p, ok := params.Profile(profile)
	if !ok {
		return nil, fmt.Errorf("profile %q: %w", profile, protocol.NotFound)
	}
	m := &market{keys: keys{seed, o.Real}, rand: rand.New(rand.NewPCG(seed, 0xca57)), world: world.New(seed),
		vars: unit.DefaultVars(byteball.Dev), end: time.Unix(opening, 0).Add(o.For), hurry: 1}
	if profile == "fast" {
		m.hurry, m.vars.TPSInterval = 40, 1000 // a whole cast within seconds must not price itself out of the ledger
	}
	op, err := m.operator()
	if err != nil {
		return nil, err
	}
	address, err := op.Address()
	if err != nil {
		return nil, err
	}
	manifest := params.Manifest{Name: "simulated", Network: byteball.Dev.Name, Hubs: []string{"ws://simulated.invalid"},
		OPs: []byteball.Address{address}, T0: opening, Profile: profile, Params: p}
	for i := range manifest.Arbiters {
		if err := m.publish("arbiter", i, &manifest.Arbiters[i]); err != nil {
			return nil, err
		}
		if err := m.publish("keeper", i, &manifest.Fund[i]); err != nil {
			return nil, err
		}
	}
	if err := manifest.Validate(); err != nil {
		return nil, err
	}
	m.rules = deal.Rules{Manifest: manifest, Market: manifest.Hash(), Network: byteball.Dev, Fund: manifest.FundAddress(), Verifier: m.keys.verifier()}
	return m, nil
}

func (m *market) publish(purpose string, i int, to *string) error {
	key, err := m.keys.wallet("market", purpose, uint32(i))
	if err == nil {
		*to = key.PublicKey()
	}
	return err
}

func (m *market) operator() (ledger.Operator, error) {
	key, err := m.keys.wallet("market", "order provider", 0)
	return ledger.Operator{Signer: key}, err
}

// enter gives an actor its keys and puts it on the cast.
func (m *market) enter(role string, number int, strategy adversary.Strategy, funds byteball.Bytes) (*actor, error) {
	a := &actor{name: fmt.Sprintf("%s-%02d", role, number), role: role, strategy: strategy, funds: funds}
	a.signer, a.secret = m.keys.identity(a.name), m.keys.secret(a.name, "secret", 0)
	var err error
	if a.key, err = m.keys.wallet(a.name, "wallet", 0); err != nil {
		return nil, err
	}
	if a.binding, err = protocol.Bind(a.signer, a.key); err != nil {
		return nil, err
	}
	m.cast = append(m.cast, a)
	return a, nil
}

// found begins the ledger: its first unit gives every actor the money to start with.
func (m *market) found() (*engine.Embedded, error) {
	op, err := m.operator()
	if err != nil {
		return nil, err
	}
	if len(m.cast) >= unit.MaxOutputs {
		return nil, fmt.Errorf("a cast of %d, the ledger's first unit can fund %d: %w", len(m.cast), unit.MaxOutputs-1, protocol.Invalid)
	}
	var outputs []unit.Output
	for _, a := range m.cast {
		address, err := chash.Of(wallet.Definition(a.key))
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, unit.Output{Address: address, Amount: a.funds})
	}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, outputs, m.begin())
	if err != nil {
		return nil, err
	}
	m.ledger, err = ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis, Vars: m.vars})
	if err != nil {
		return nil, err
	}
	return engine.Embed(m.ledger, genesis.Unit, op), nil
}

func (m *market) begin() time.Time { return time.Unix(opening, 0).Add(-m.scaled(lead)) }

// scaled is a time of profile standard in this market.
func (m *market) scaled(d time.Duration) time.Duration { return d / time.Duration(m.hurry) }

// open starts the world with its cast, each actor at a time of its own: buyers, so that they hear the first offers; then
// cheaters, then the rest, over more than a minute, since a burst of registrations would drive up the ledger's fees, yet
// soon enough for their bonds to be among the chain's first units and count from epoch 0. Nobody is started anew here, so
// disks hold the books only.
func (m *market) open(o Options) error {
	l, err := m.found()
	if err != nil {
		return err
	}
	m.report = report.NewCollector(&m.rules)
	m.engine = engine.New(engine.Config{Seed: m.keys.seed, Start: m.begin(), Network: byteball.Dev, Market: m.rules.Market,
		Verifier: m.rules.Verifier, Ledger: l, OP: m.rules.Manifest.OPs[0], Heartbeat: m.scaled(o.Heartbeat), Soon: m.scaled(2 * time.Second),
		MinDelay: m.scaled(20 * time.Millisecond), MaxDelay: m.scaled(200 * time.Millisecond), Observe: m.report.Observe})
	for _, a := range m.cast {
		at := m.begin().Add(m.scaled(40*time.Second) + m.draw(m.scaled(80*time.Second)))
		switch {
		case a.role == "buyer":
			at = m.begin().Add(m.draw(m.scaled(20 * time.Second)))
		case a.role == "seller" && a.strategy != adversary.Honest:
			at = m.begin().Add(m.scaled(25*time.Second) + m.draw(m.scaled(10*time.Second)))
		}
		if a.node, err = m.engine.Add(engine.Setup{Name: a.name, Identity: a.signer.Identity(), Key: a.key, Make: a.make, Keep: books}, at); err != nil {
			return err
		}
		m.report.Cast(a.node, a.role, string(a.strategy))
		if a.source != nil {
			m.sense(a, o.Period)
		}
	}
	return nil
}

// books says whether a key of the store is a line of a node's books.
func books(key string) bool { return strings.HasPrefix(key, "line/") }

// trade plays until the end of trade. Buyers stop in its last minutes, not all at once, since a burst of closings would drive
// up the ledger's fees; when they are done the sellers stop, then the validators, who still judge the last windows.
func (m *market) trade(ctx context.Context, progress func(done float64)) error {
	whole := m.end.Sub(m.begin())
	report := func() {
		if progress != nil {
			progress(min(1, float64(m.engine.Now().Sub(m.begin()))/float64(whole)))
		}
	}
	m.stop("buyer", m.end.Add(-m.scaled(10*time.Minute)))
	for m.engine.Now().Before(m.end) {
		if err := m.engine.Run(ctx, m.engine.Now().Add(m.scaled(time.Minute))); err != nil {
			return err
		}
		report()
	}
	for _, role := range []string{"buyer", "seller", "validator"} {
		if role != "buyer" {
			m.stop(role, m.engine.Now())
		}
		if err := m.settle(ctx, role); err != nil {
			return err
		}
	}
	err := m.engine.Run(ctx, m.engine.Now().Add(m.scaled(5*time.Minute))) // what was posted last becomes stable
	report()
	return err
}

// stop stops the actors of a role, each at a time of its own in ten minutes of profile standard.
func (m *market) stop(role string, from time.Time) {
	for _, a := range m.of(role) {
		m.engine.At(from.Add(m.draw(m.scaled(10*time.Minute))), a.stop)
	}
}

// settle plays until the actors of a role are done, four windows at the longest.
func (m *market) settle(ctx context.Context, role string) error {
	limit := m.engine.Now().Add(4 * m.rules.Manifest.Params.Window())
	for m.engine.Now().Before(limit) && slices.ContainsFunc(m.of(role), func(a *actor) bool { return !a.node.Done() }) {
		if err := m.engine.Run(ctx, m.engine.Now().Add(m.scaled(time.Minute))); err != nil {
			return err
		}
	}
	return nil
}

// of lists the cast of a role.
func (m *market) of(role string) []*actor {
	return slices.DeleteFunc(slices.Clone(m.cast), func(a *actor) bool { return a.role != role })
}

func (a *actor) stop() { a.node.Tell(role.Stop{}) }

// draw is a time of up to d, in whole milliseconds.
func (m *market) draw(d time.Duration) time.Duration {
	return time.Duration(m.rand.Int64N(d.Milliseconds()+1)) * time.Millisecond
}
