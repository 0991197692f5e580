package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/utim"
	"github.com/iotverse/iotverse/seller/privacy"
	"github.com/iotverse/iotverse/seller/sensor"
	"github.com/iotverse/iotverse/seller/sensor/file"
	"github.com/iotverse/iotverse/seller/sensor/host"
)

// open makes everybody's keys, a ledger whose first unit gives them money, the market, and the nodes.
func (s *show) open(ctx context.Context) error {
	s.board.say("making keys, a ledger and a market")
	for i := range 7 {
		s.parties = append(s.parties, &stand{name: fmt.Sprintf("validator %d", i+1), role: "validator", money: validatorMoney})
	}
	s.parties = append(s.parties, s.sellers()...)
	s.parties = append(s.parties, &stand{name: "buyer", role: "buyer", money: buyerMoney})
	var outputs []unit.Output
	for i, p := range s.parties {
		p.dir, p.settle = filepath.Join(s.dir, fmt.Sprintf("%02d-%s", i, p.role)), make(chan struct{})
		keys, err := openKeys(p.dir, nil, s.random(p.name), byteball.Dev.Name)
		if err != nil {
			return err
		}
		key, err := keys.Wallet().Key(wallet.AddressPath(0, 0)...)
		if err != nil {
			return err
		}
		if p.address, err = addressOf(key); err != nil {
			return err
		}
		outputs = append(outputs, unit.Output{Address: p.address, Amount: p.money})
	}
	var err error
	if s.ledger, err = startLedger(ctx, ledgerConfig{Listen: "127.0.0.1:0", Heartbeat: 500 * time.Millisecond, TPSInterval: demoTPSInterval, Outputs: outputs,
		Rand: s.random("ledger"), Log: s.log}); err != nil {
		return err
	}
	if err := s.found(); err != nil {
		return err
	}
	if err := s.sensors(); err != nil {
		return err
	}
	return s.nodes(ctx)
}

// demoTPSInterval keeps a burst of eleven nodes on one machine from pricing itself out.
const demoTPSInterval = 1000

// random gives the keys of a party: the system's randomness, or what the seed fixes.
func (s *show) random(name string) io.Reader {
	if !s.cfg.seeded {
		return nil
	}
	return rand.NewChaCha8(protocol.H("iotverse demo", s.cfg.Seed, name))
}

// found writes the market's manifest: profile fast, first window a few seconds from now, so that the bonds are there.
func (s *show) found() error {
	arbiters, err := councilKeys(s.random("arbiters"))
	if err != nil {
		return err
	}
	fund, err := councilKeys(s.random("fund"))
	if err != nil {
		return err
	}
	s.market = &params.Manifest{
		Name: "demo", Network: byteball.Dev.Name, Hubs: []string{s.ledger.URL}, OPs: []byteball.Address{s.ledger.OP},
		T0: time.Now().Add(10 * time.Second).Unix(), Arbiters: arbiters, Fund: fund, Bootstrap: []string{}, Profile: "fast", Params: params.Fast(),
	}
	s.board.least = s.market.Params.IntegrityMin
	if err := s.market.Validate(); err != nil || !s.cfg.Keep {
		return err
	}
	return writeMarket(filepath.Join(s.dir, "market.yaml"), s.market)
}

// councilKeys makes the seven keys of a council; the private halves are made on the spot and forgotten.
func councilKeys(random io.Reader) (keys [7]string, err error) {
	for i := range keys {
		dir, err := os.MkdirTemp("", "iotverse-council-")
		if err != nil {
			return keys, err
		}
		defer os.RemoveAll(dir)
		m, err := utim.Create(filepath.Join(dir, "keys"), utim.Options{Unencrypted: true, Rand: random})
		if err != nil {
			return keys, err
		}
		k, err := m.Wallet().Key(wallet.AddressPath(0, 0)...)
		if err != nil {
			return keys, err
		}
		keys[i] = k.PublicKey()
	}
	return keys, nil
}

// sensors gives the sellers what they sell.
func (s *show) sensors() error {
	every := pace(s.market.Params)
	step := privacy.Resolution(s.market.Params)
	first, second := split(host.Available())
	a, err := host.New(every, first...)
	if err != nil {
		return err
	}
	b, err := s.second(every, second)
	if err != nil {
		return err
	}
	sellers := s.byRole("seller")
	sellers[0].driver, sellers[0].step = a, step
	sellers[1].driver, sellers[1].step = b, step
	return s.falsify(sellers[2:])
}

// split gives the first seller load, memory, network and temperatures, the second what is left; timers are the cheater's.
func split(available []string) (first, second []string) {
	for _, p := range available {
		switch p {
		case "host-cpu-load", "host-memory-used", "host-network-rate", "device-temperature":
			first = append(first, p)
		case "host-timer-latency":
		default:
			second = append(second, p)
		}
	}
	return first, second
}

func (s *show) second(every time.Duration, props []string) (sensor.Driver, error) {
	if s.cfg.Data == "" {
		return host.New(every, props...)
	}
	bad := func(line int, err error) { s.log.Warn("row skipped", "file", s.cfg.Data, "line", line, "err", err) }
	in, err := file.Open(s.cfg.Data, file.Config{Prop: s.cfg.Quantity, Bad: bad})
	if err != nil {
		return nil, err
	}
	return file.Play(in, file.Pace{Prop: s.cfg.Quantity, Period: every})
}

func (s *show) byRole(role string) []*stand {
	var list []*stand
	for _, p := range s.parties {
		if p.role == role {
			list = append(list, p)
		}
	}
	return list
}

// nodes brings every party's node up; each knows those before it.
func (s *show) nodes(ctx context.Context) error {
	var known []string
	for _, p := range s.parties {
		r, err := openRig(ctx, rigConfig{Dir: p.dir, Manifest: s.market, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Peers: known,
			Poll: 500 * time.Millisecond, Log: s.log.With("node", p.name)})
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		p.rig = r
		s.board.know(r.keys.Identity(), p)
		known = append(known, r.p2p.Addrs()...)
	}
	return nil
}
