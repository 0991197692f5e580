package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/scenario"
)

func simulateCommand() *cobra.Command {
	return group("simulate", "the same roles on simulated time", simulateRunCommand(), simulateListCommand())
}

// simulateFlags are what simulate run is told.
type simulateFlags struct {
	scenario.Options
	seed uint64
	json bool
}

func simulateRunCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "play a scenario: prices, stamps and earnings by strategy",
		Long: `run plays a scenario (iotverse simulate list) with the real cores of all roles, without
sockets and on simulated time. The same seed and flags give the same bytes.`,
		Example: "  iotverse simulate run hello\n  iotverse simulate run hello --seed 7 --for 6h --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			return f.run(stoppable(ctx, first), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.Uint64Var(&f.seed, "seed", 1, "of everything that is drawn")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.BoolVar(&f.Real, "real", false, "identities sign with real keys, not with a cheap stand-in; slower")
	fl.DurationVar(&f.For, "for", 0, "how long the market trades, whole hours (default: the scenario's, like all numbers below)")
	fl.DurationVar(&f.Period, "period", 0, "between two readings of a sensor")
	fl.IntVar(&f.Sellers, "sellers", 0, "how many sellers")
	fl.IntVar(&f.Cheaters, "cheaters", 0, "how many of them cheat; -1 is none")
	fl.IntVar(&f.Validators, "validators", 0, "how many validators")
	fl.IntVar(&f.Lazy, "lazy", 0, "how many of them do not look at the data; -1 is none")
	fl.IntVar(&f.Buyers, "buyers", 0, "how many buyers")
	return withConfig(cmd)
}

func (f *simulateFlags) run(ctx context.Context, name string, stdout, stderr io.Writer) error {
	bar := newProgress(stderr)
	r, err := scenario.Run(ctx, name, f.seed, f.Options, bar.set)
	bar.end()
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case errors.Is(err, protocol.Invalid), errors.Is(err, protocol.NotFound):
		return usageError{err}
	case err != nil:
		return err
	case f.json:
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", " ")
		return enc.Encode(r)
	}
	return r.WriteText(stdout)
}

func simulateListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "the scenarios that there are",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), strings.Join(scenario.Names(), "\n")+"\n")
			return err
		},
	}
}

// progress is a bar on a terminal and nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

const progressSteps = 1000

func newProgress(w io.Writer) progress {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return progress{}
	}
	return progress{progressbar.NewOptions(progressSteps, progressbar.OptionSetWriter(w), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionSetWidth(40), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())}
}

// set shows the part that is done, 0..1.
func (p progress) set(done float64) {
	if p.bar != nil {
		p.bar.Set(int(done * progressSteps))
	}
}

func (p progress) end() {
	if p.bar != nil {
		p.bar.Finish()
	}
}
