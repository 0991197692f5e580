package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// benchRow is one figure beside its floor: the same work done by nothing but the library that it cannot do without.
// Value and floor are medians of the same run. Ratio is that of the time that the figure takes to that of the floor, the
// median of those of all rounds: what else the machine does meets both sides of a round alike.
type benchRow struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // of value and floor
	Floor float64 `json:"floor"`
	Ratio float64 `json:"ratio"`
}

// figure is a row of bench, by its name. set makes ready what it measures, which is done for chosen rows only.
type figure struct {
	name string
	set  func(*bench) (measure, error)
}

// measure is what a row measures. work and floor do the same number of times what is named.
type measure struct {
	work, floor func() error
	items       int // readings a call, for a figure in items a second; 0: the time of one call

	row func() (benchRow, error) // measures instead of work and floor, if it is set
}

func benchCommand() *cobra.Command {
	var asJSON bool
	var dir string
	cmd := &cobra.Command{
		Use:   "bench [ROW…]",
		Short: "what this machine can do, each figure beside its floor",
		Long: `bench measures what the market does most, each figure beside its floor: the bare call
into the library that it cannot do without. Both are measured in turn, dozens of times in
the same run; printed are the medians, also of the rounds' ratios. Payments of the ledger
are counted by the second of the ledger's processor time: a crowd in another process sends
them over websockets. All rows take about a minute and a half; words choose rows, whole
names or a part of several.

  iotverse bench unit gossip --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			list, err := chosen(figures, words)
			if err != nil {
				return err
			}
			b, err := openBench(dir)
			if err != nil {
				return err
			}
			defer b.close()
			rows, err := b.measureAll(stoppable(ctx, first), list, cmd.ErrOrStderr())
			switch {
			case err != nil:
				return err
			case asJSON:
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", " ")
				return enc.Encode(rows)
			}
			return writeBench(cmd.OutOrStdout(), rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&dir, "dir", os.TempDir(), "folder on the disk that is measured")
	cmd.AddCommand(benchCrowdCommand(), benchPayeeCommand())
	return cmd
}

// chosen are the figures whose names begin with one of words or have it as a word; all of them without words.
func chosen(list []figure, words []string) ([]figure, error) {
	if len(words) == 0 {
		return list, nil
	}
	var some []figure
	used := make([]bool, len(words))
	for _, f := range list {
		in := false
		for i, w := range words {
			if strings.HasPrefix(f.name, w) || slices.Contains(strings.Fields(f.name), w) {
				in, used[i] = true, true
			}
		}
		if in {
			some = append(some, f)
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		var names []string
		for _, f := range list {
			names = append(names, f.name)
		}
		return nil, usagef("no row of bench is called %q: there are: %s", words[i], strings.Join(names, "; "))
	}
	return some, nil
}

func (b *bench) measureAll(ctx context.Context, list []figure, stderr io.Writer) ([]benchRow, error) {
	bar := newProgress(stderr)
	defer bar.end()
	var rows []benchRow
	for i, f := range list {
		bar.set(float64(i) / float64(len(list)))
		m, err := f.set(b)
		if err != nil {
			return nil, fmt.Errorf("bench %s: %w", f.name, err)
		}
		row, err := m.run()
		if err != nil {
			return nil, fmt.Errorf("bench %s: %w", f.name, err)
		}
		row.Name = f.name
		rows = append(rows, row)
		if ctx.Err() != nil {
			return nil, errInterrupted
		}
	}
	return rows, nil
}

const (
	benchSlot  = 10 * time.Millisecond // of one side in one round, at least
	benchMost  = 60                    // rounds of figure and floor in turn
	benchLeast = 5                     // rounds that a row gets however long one takes
	benchTime  = 4 * time.Second       // after which a row gets no more rounds than that
)

// run runs work and floor in turn, now this first, now that, and takes the medians.
func (m measure) run() (benchRow, error) {
	if m.row != nil {
		return m.row()
	}
	sides := [2]func() error{m.work, m.floor}
	var n [2]int
	for i, side := range sides {
		var err error
		if n[i], err = calls(side); err != nil {
			return benchRow{}, err
		}
	}
	var times [2][]float64
	var ratios []float64
	begin := time.Now()
	for round := 0; round < benchLeast || round < benchMost && time.Since(begin) < benchTime; round++ {
		for turn := range sides {
			i := (round + turn) % len(sides)
			t, err := timed(sides[i], n[i])
			if err != nil {
				return benchRow{}, err
			}
			times[i] = append(times[i], t)
		}
		ratios = append(ratios, times[0][round]/times[1][round])
	}
	w, l := median(times[0]), median(times[1])
	row := benchRow{Value: w / 1e3, Unit: "µs", Floor: l / 1e3, Ratio: median(ratios)}
	if m.items > 0 {
		row.Value, row.Floor, row.Unit = float64(m.items)*1e9/w, float64(m.items)*1e9/l, "readings/s"
	}
	return row, nil
}

// calls is how many calls fill a slot; it warms up, too.
func calls(f func() error) (int, error) {
	for n := 1; ; n *= 2 {
		t, err := timed(f, n)
		if err != nil || t*float64(n) >= float64(benchSlot) {
			return n, err
		}
	}
}

// timed is the time of one call in ns, the mean of n.
func timed(f func() error, n int) (float64, error) {
	runtime.GC()
	begin := time.Now()
	for range n {
		if err := f(); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(begin)) / float64(n), nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

func writeBench(w io.Writer, rows []benchRow) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "figure\tvalue\tfloor\tunit\ttimes the floor\t")
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%.2f\t\n", r.Name, digits(r.Value), digits(r.Floor), r.Unit, r.Ratio)
	}
	return tw.Flush()
}

// digits prints three significant digits, without an exponent.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
