package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// benchRow is one figure beside its floor: the same work done by nothing but the library that it cannot do without.
// Both are medians of the same run.
type benchRow struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // of value and floor
	Floor float64 `json:"floor"`
	Ratio float64 `json:"ratio"` // of the time that the figure takes to that of the floor
}

// figure is what a row measures. work and floor do the same number of times what is named.
type figure struct {
	name        string
	work, floor func() error
	items       int // readings a call, for a figure in items a second; 0: the time of one call

	row func() (benchRow, error) // measures instead of work and floor, if it is set
}

func benchCommand() *cobra.Command {
	var asJSON bool
	var dir string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "what this machine can do, each figure beside its floor",
		Long: `bench measures what the market does most, each figure beside its floor: the bare call
into the library that it cannot do without. Both are measured in turn, a dozen times in
the same run, and the medians printed. Payments of the ledger are counted by the second of
the ledger's processor time: a crowd in another process sends them over websockets.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			ctx = stoppable(ctx, first)
			figures, done, err := figures(dir)
			if err != nil {
				return err
			}
			defer done()
			bar := newProgress(cmd.ErrOrStderr())
			defer bar.end()
			var rows []benchRow
			for i, f := range figures {
				bar.set(float64(i) / float64(len(figures)))
				row, err := f.measure()
				if err != nil {
					return fmt.Errorf("bench %s: %w", f.name, err)
				}
				rows = append(rows, row)
				if ctx.Err() != nil {
					return errInterrupted
				}
			}
			bar.end()
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", " ")
				return enc.Encode(rows)
			}
			return writeBench(cmd.OutOrStdout(), rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&dir, "dir", os.TempDir(), "folder on the disk that is measured")
	cmd.AddCommand(benchCrowdCommand())
	return cmd
}

const (
	benchRounds = 12                    // of figure and floor in turn
	benchSlot   = 20 * time.Millisecond // of one side in one round, at least
)

// measure runs work and floor in turn and takes the medians.
func (f figure) measure() (benchRow, error) {
	if f.row != nil {
		return f.row()
	}
	n, err := calls(f.work)
	if err != nil {
		return benchRow{}, err
	}
	m, err := calls(f.floor)
	if err != nil {
		return benchRow{}, err
	}
	var work, floor []float64
	for range benchRounds {
		w, err := timed(f.work, n)
		if err != nil {
			return benchRow{}, err
		}
		l, err := timed(f.floor, m)
		if err != nil {
			return benchRow{}, err
		}
		work, floor = append(work, w), append(floor, l)
	}
	w, l := median(work), median(floor)
	row := benchRow{Name: f.name, Value: w / 1e3, Unit: "µs", Floor: l / 1e3, Ratio: w / l}
	if f.items > 0 {
		row.Value, row.Floor, row.Unit = float64(f.items)*1e9/w, float64(f.items)*1e9/l, "readings/s"
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
