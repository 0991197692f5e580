package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/buyer/sink"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
	"github.com/iotverse/iotverse/simulations/adversary"
)

// demoConfig is what demo's flags say.
type demoConfig struct {
	Keep     bool
	Out      string
	Format   string
	Data     string
	Quantity string
	Cheat    string
	JSON     string
	For      time.Duration
	Seed     uint64
	seeded   bool
	LogLevel string
}

func demoCommand() *cobra.Command {
	var cfg demoConfig
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "the whole market on this machine, from its own sensors to settled money",
		Long: `demo starts a ledger, seven validators, three sellers and a buyer in this process;
they talk through real sockets on 127.0.0.1 only. One seller sells what this machine
measures, one other measurements or a recording (--data), one cheats. At the end every
party's own books are compared with what a light client proves from the ledger.

--cheat says how: replay repeats two seconds for ever, copy sells another seller's readings
as its own, curve makes up a smooth curve, stuck says its last reading for ever, unit says
degrees Fahrenheit and calls them Celsius; "all", or several with commas, is as many
cheaters. Copy brings a fourth honest seller to copy from; unit brings three honest
neighbours, whose thermometers are simulated.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.seeded = cmd.Flags().Changed("seed")
			if cfg.For <= 0 {
				return usagef("--for %v: want how long to trade, like 40s", cfg.For)
			}
			ctx, settle, stop := interrupted(cmd.Context())
			defer stop()
			return demo(ctx, cfg, settle, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&cfg.Keep, "keep", false, "keep the folder with everybody's keys and stores and the market's manifest, and say where it is")
	f.StringVar(&cfg.Out, "out", "", "folder for the bought data (default: in the temporary folder)")
	f.StringVar(&cfg.Format, "format", "jsonl", "of the bought data: jsonl or csv")
	f.StringVar(&cfg.Data, "data", "", "recording that the second seller replays: ts,value or ts,sensor,value CSV, gzipped or not, or SenML JSON")
	f.StringVar(&cfg.Quantity, "quantity", "air-temperature", "what the recording is of")
	f.StringVar(&cfg.Cheat, "cheat", string(adversary.Replay), "what the cheater does: "+cheatNames()+", several with commas, or all")
	f.StringVar(&cfg.JSON, "json", "", "file for the final statement as JSON")
	f.DurationVar(&cfg.For, "for", 40*time.Second, "how long to trade before settling")
	f.Uint64Var(&cfg.Seed, "seed", 0, "fixes keys, demands and what the cheater does, not the timing")
	f.StringVar(&cfg.LogLevel, "log", "error", "what the nodes log to stderr: debug, info, warn or error")
	return cmd
}

// Opening balances of the demo's parties.
const (
	validatorMoney byteball.Bytes = 150e6
	sellerMoney    byteball.Bytes = 20e6
	buyerMoney     byteball.Bytes = 200e6
)

// stand is one party of the demo.
type stand struct {
	name, role string
	money      byteball.Bytes
	dir        string
	address    byteball.Address
	rig        *rig
	driver     sensor.Driver
	step       time.Duration // of the times that leave
	settle     chan struct{}
	kind       adversary.Strategy // of a cheater, "" for the honest
}

// show is a running demo.
type show struct {
	cfg     demoConfig
	kinds   []adversary.Strategy // one cheater each
	dir     string
	ledger  *ledgerHost
	market  *params.Manifest
	parties []*stand
	board   *board
	log     *slog.Logger
	sink    *sink.Sink
}

// demo runs the market, settles it, and fails unless everything that it promises has been seen.
func demo(ctx context.Context, cfg demoConfig, settle <-chan struct{}, stdout, stderr io.Writer) (err error) {
	log, err := logger(stderr, cfg.LogLevel)
	if err != nil {
		return err
	}
	kinds, err := cheatKinds(cfg.Cheat)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "iotverse-demo-")
	if err != nil {
		return err
	}
	if cfg.Keep {
		fmt.Fprintln(stderr, "everything is kept in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	if cfg.Out == "" {
		cfg.Out = filepath.Join(dir, "data")
	}
	s := &show{cfg: cfg, kinds: kinds, dir: dir, log: log, board: newBoard(stderr)}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.trade(ctx, settle); err != nil {
		return err
	}
	st, err := s.conclude(ctx)
	if err != nil {
		return err
	}
	st.write(stdout)
	if err := s.export(st); err != nil {
		return err
	}
	return s.verdict(st)
}

// demoCell is where all of the demo's sensors stand: Null Island, 0° N 0° E.
const demoCell = "s0000"

// trade runs all roles until the time is over or somebody asks to stop, then lets them settle: the buyer first.
func (s *show) trade(ctx context.Context, stop <-chan struct{}) error {
	var err error
	if s.sink, err = sink.Open(s.cfg.Out, s.cfg.Format); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all, ctx := errgroup.WithContext(ctx)
	done := make(map[string]*errgroup.Group)
	for _, p := range s.parties {
		g := done[p.role]
		if g == nil {
			g = new(errgroup.Group)
			done[p.role] = g
		}
		finished := make(chan error, 1) // 1: two readers, the group that fails early and the one that waits
		g.Go(func() error { return <-finished })
		all.Go(func() error {
			err := s.perform(ctx, p)
			if err != nil {
				err = fmt.Errorf("%s: %w", p.name, err)
			}
			finished <- err
			return err
		})
	}
	all.Go(func() error { return quiet(s.board.run(ctx)) })
	s.board.say(fmt.Sprintf("trading until %s, then settling; Ctrl-C settles at once", time.Now().Add(s.left()).Format("15:04:05")))
	s.wait(ctx, stop)
	s.board.say("settling: the buyer first, then the sellers, then the validators")
	for _, role := range []string{"buyer", "seller", "validator"} {
		for _, p := range s.byRole(role) {
			close(p.settle)
		}
		if err := done[role].Wait(); err != nil {
			cancel()
			if first := all.Wait(); first != nil {
				return first // what made the others end
			}
			return err
		}
	}
	cancel()
	return all.Wait()
}

// left is how long the market trades from now on: so long after its first window begins.
func (s *show) left() time.Duration {
	return time.Until(time.Unix(s.market.T0, 0)) + s.cfg.For
}

// wait lets the market trade until the time is over, a person stops it, or a node fails.
func (s *show) wait(ctx context.Context, stop <-chan struct{}) {
	select {
	case <-time.After(s.left()):
	case <-stop:
		s.board.say("stopping: everything is settled first; once more leaves at once")
	case <-ctx.Done():
	}
}

// perform runs one party's role.
func (s *show) perform(ctx context.Context, p *stand) error {
	h := s.board.hooks(p.name)
	switch p.role {
	case "validator":
		return runValidator(ctx, p.rig, h, p.settle)
	case "seller":
		return runSeller(ctx, p.rig, p.driver, demoCell, products(p.driver, s.market.Params.Price, 0), p.step, h, p.settle)
	}
	return runBuyer(ctx, p.rig, s.wants(), buyer.Limits{}, s.sink, h, p.settle)
}

// wants are the buyer's demands: everything that is on offer, from all who offer it.
func (s *show) wants() []buyer.Want {
	spread := rand.New(rand.NewPCG(s.cfg.Seed, 1))
	var list []buyer.Want
	for _, p := range s.byRole("seller") {
		for _, q := range p.driver.Quantities() {
			prop, _ := protocol.PropertyOf(q.Prop)
			period := uint32(q.Period.Milliseconds())
			if i := slices.IndexFunc(list, func(w buyer.Want) bool { return w.Demand.Prop == q.Prop && w.Demand.Period == period }); i >= 0 {
				list[i].Sellers++
				continue
			}
			list = append(list, buyer.Want{Sellers: 1, Demand: protocol.Demand{
				Prop: prop.Slug, Unit: prop.Unit, Cell: demoCell, Radius: 10_000 + spread.Uint32N(10_000), HalfLife: 3600,
				Period: period, Accuracy: q.Accuracy, Cap: s.market.Params.Price + byteball.Bytes(spread.Uint32N(10_000)), Windows: 30,
			}})
		}
	}
	return list
}

// close ends what is still open.
func (s *show) close() {
	if s.sink != nil {
		s.sink.Close()
	}
	for _, p := range s.parties {
		if p.rig != nil {
			p.rig.Close()
		}
	}
	if s.ledger != nil {
		s.ledger.Close()
	}
}

// addressOf is the ledger address of a key.
func addressOf(key unit.Signer) (byteball.Address, error) {
	raw, err := base64.StdEncoding.DecodeString(key.PublicKey())
	if err != nil {
		return "", err
	}
	return protocol.SigAddress(raw)
}
