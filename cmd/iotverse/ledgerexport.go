package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
)

// sayEvery is after how many units export and import say how far they are.
const sayEvery = 10_000

func ledgerExportCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "export [FILE|-]",
		Short: "write the chain to a file, one joint a line",
		Long: `export writes the chain of a ledger that does not run, one joint a line as JSON:
the stable ones with their balls in the order of the main chain, then the others.
Two ledgers of the same chain write the same bytes. Without FILE, or with -, it
writes to stdout. The keys in the folder are not exported.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return exportChain(dir, fileArg(args), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "iotverse-ledger", "folder of the ledger")
	return withConfig(cmd)
}

func ledgerImportCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "read a chain from a file, checking every unit",
		Long: `import reads what export wrote into the folder of a ledger, a new one or one that
holds the beginning of the same chain: after an interruption it goes on. Nothing in
the file is believed: every unit is checked as if somebody posted it now. To go on
with the chain (ledger serve) the folder needs the keys of its order provider too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, settle, stop := interrupted(cmd.Context())
			defer stop()
			return importChain(until(ctx, settle), dir, fileArg(args), cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "iotverse-ledger", "folder of the ledger")
	return withConfig(cmd)
}

func fileArg(args []string) string {
	if len(args) == 0 {
		return "-"
	}
	return args[0]
}

// until is a context that ends with ctx or when settle is closed.
func until(ctx context.Context, settle <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-settle:
		case <-ctx.Done():
		}
	}()
	return ctx
}

// progressTo says on stderr, now and then, how many units are done.
func progressTo(stderr io.Writer, what string) func(uint64) {
	said := uint64(0)
	return func(n uint64) {
		if n/sayEvery > said/sayEvery {
			fmt.Fprintf(stderr, "iotverse: %d units %s\n", n, what)
		}
		said = n
	}
}

func exportChain(dir, file string, stdout, stderr io.Writer) error {
	chain := filepath.Join(dir, "chain")
	if _, err := os.Stat(chain); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s holds no ledger: name its folder with --dir", dir)
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Dir: chain})
	if err != nil {
		return err
	}
	defer l.Close()
	units, say := uint64(0), progressTo(stderr, "written")
	write := func(w io.Writer) error {
		return l.Export(w, func(n uint64) { units = n; say(n) })
	}
	if file == "-" {
		err = write(stdout)
	} else {
		err = writeWhole(file, write)
	}
	if err != nil {
		return fmt.Errorf("export to %s: %w", file, err)
	}
	fmt.Fprintf(stderr, "iotverse: %d units written to %s\n", units, file)
	return nil
}

func importChain(ctx context.Context, dir, file string, stdin io.Reader, stderr io.Writer) error {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lines, say := uint64(0), progressTo(stderr, "read")
	l, err := ledger.Import(ctx, in, ledger.Config{Network: byteball.Dev, Dir: filepath.Join(dir, "chain")}, func(n uint64) { lines = n; say(n) })
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("stopped after %d units of %s; the same command goes on from there", lines, file)
	case errors.Is(err, byteball.Transient):
		return fmt.Errorf("%s: %w; the same command may go on from there later", file, err)
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(stderr, "iotverse: %d units in %s, main chain up to %d, stable up to %d, order provider %s\n", lines, dir, l.TipMCI(), l.StableMCI(), l.OP())
	return l.Close()
}
