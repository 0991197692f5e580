// Command iotverse is the one program of IoTVerse: a market for signed sensor data. It runs sellers, validators, buyers,
// relays and the embedded ledger, keeps wallets, shows the whole market on one machine (demo) and simulates it. This
// package turns words typed by people into the packages below it; it holds no rule of the market.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes: 0 done, 1 failure, 2 wrong usage.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

// run is the whole program: data go to stdout, everything else to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	text := strings.TrimSuffix(err.Error(), ": "+byteball.Invalid.Error()) // which says nothing to people
	fmt.Fprintln(stderr, "iotverse:", strings.ReplaceAll(text, "\n", "; "))
	var u usageError
	if errors.As(err, &u) || strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "unknown flag") ||
		strings.HasPrefix(err.Error(), "unknown shorthand") {
		fmt.Fprintln(stderr, "iotverse: see iotverse --help")
		return exitUsage
	}
	return exitFailure
}

// usageError is a command that was typed wrong.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "iotverse",
		Short: "a market for sensor data that somebody vouches for",
		Long: `iotverse runs a market for signed sensor data.

Sellers sign what their sensors measure, validators look at it before anybody pays,
buyers pay by the batch over Byteball payment channels. Start with:

  iotverse demo              the whole market on this machine, in about a minute
  iotverse ledger serve      a ledger of your own; makes market.yaml
  iotverse init seller       a commented config file to begin with`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for iotverse", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v (iotverse %s --help lists the flags)", err, strings.TrimPrefix(cmd.CommandPath(), "iotverse "))
	})
	root.AddCommand(commands()...)
	for _, c := range root.Commands() {
		strict(c)
	}
	return root
}

// strict makes a group of commands refuse words that name none of them, and gives each command its example.
func strict(c *cobra.Command) {
	if words, ok := examples[strings.TrimPrefix(c.CommandPath(), "iotverse ")]; ok {
		c.Example = "  iotverse " + words
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
	if c.HasSubCommands() && c.RunE == nil {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %s", args[0], cmd.CommandPath())
			}
			return usagef("%s needs one of: %s", cmd.CommandPath(), strings.Join(names(cmd), ", "))
		}
		return
	}
	if c.Args == nil {
		c.Args = cobra.NoArgs
	}
	args := c.Args
	c.Args = func(cmd *cobra.Command, words []string) error {
		if err := args(cmd, words); err != nil {
			return usagef("%v (usage: %s)", err, cmd.UseLine())
		}
		return nil
	}
}

func names(c *cobra.Command) []string {
	var list []string
	for _, sub := range c.Commands() {
		list = append(list, sub.Name())
	}
	return list
}

// interrupted returns a channel that is closed at the first Ctrl-C or SIGTERM, and a context that ends at the second.
func interrupted(parent context.Context) (ctx context.Context, settle <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals, first := make(chan os.Signal, 2), make(chan struct{}) // 2: both signals may come at once
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			close(first)
		case <-ctx.Done():
			return
		}
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, first, func() {
		signal.Stop(signals)
		cancel()
	}
}
