package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/seller/sensor/file"
	"github.com/iotverse/iotverse/validator/number"
	"github.com/iotverse/iotverse/validator/truth"
)

// mergeFlags are those of buyer merge.
type mergeFlags struct {
	every   time.Duration
	out     string
	sources bool
}

func mergeCommand() *cobra.Command {
	f := mergeFlags{}
	cmd := &cobra.Command{
		Use:   "merge FILE...",
		Short: "make one series of several that measure the same",
		Long: `merge reads what several sellers measured at one place, as CSV (ts,sensor,value, or bought data with time, seller and
value) or SenML JSON, gzipped or not, and writes one series: ts,value,spread,sources for each interval in which somebody
says something. It is no mean: it learns how far each source lies off and how much it strays, starts from the median, and
lets no minority pull it away. A file without names of sensors is one source.
With --sources, what was learned of each source goes to the standard error.`,
		Example: "  iotverse buyer merge --every 10m --out merged.csv bought/*.csv",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, paths []string) error { return f.run(cmd, paths) },
	}
	fl := cmd.Flags()
	fl.DurationVar(&f.every, "every", time.Minute, "length of an interval")
	fl.StringVar(&f.out, "out", "-", "file for the merged series, - for the standard output")
	fl.BoolVar(&f.sources, "sources", false, "say what was learned of each source")
	return cmd
}

// Bounds of what is merged at once: cells are held in memory, and a table of all intervals by all sources.
const (
	maxSources = 1000
	maxCells   = 20_000_000
	maxTable   = 250_000_000 // 2 GB
)

func (f *mergeFlags) run(cmd *cobra.Command, paths []string) error {
	if f.every < time.Millisecond {
		return usagef("--every %v: want 1ms or more", f.every)
	}
	m := merger{every: f.every.Milliseconds(), values: make(map[string]map[int64][]float64), spans: make(map[int64]bool)}
	for _, path := range paths {
		if same(path, f.out) {
			return usagef("--out %s is one of the files to merge: name another", f.out)
		}
	}
	for _, path := range paths {
		if err := m.read(path, cmd.ErrOrStderr()); err != nil {
			return err
		}
	}
	if f.out == "-" {
		if err := m.write(cmd.OutOrStdout()); err != nil {
			return err
		}
	} else if err := writeWhole(f.out, m.write); err != nil {
		return err
	}
	if f.sources {
		return m.report(cmd.ErrOrStderr())
	}
	return nil
}

// merger holds the readings of all sources, by interval.
type merger struct {
	every   int64
	values  map[string]map[int64][]float64 // source, interval
	spans   map[int64]bool                 // intervals in which there is something
	cells   int
	learned []truth.Source // in the order of names
}

// read takes a file; bad rows are told with their line and left out.
func (m *merger) read(path string, stderr io.Writer) error {
	r, err := file.Open(path, file.Config{All: true, Bad: func(line int, err error) {
		fmt.Fprintf(stderr, "iotverse: %s:%d: skipped: %v\n", path, line, err)
	}})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		x, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := m.add(cmp.Or(r.Sensor(), filepath.Base(path)), floorDiv(x.Time, m.every), x.Value); err != nil {
			return err
		}
	}
}

func (m *merger) add(source string, span int64, v float64) error {
	row := m.values[source]
	if row == nil {
		if len(m.values) == maxSources {
			return fmt.Errorf("more than %d sources", maxSources)
		}
		row = make(map[int64][]float64)
		m.values[source] = row
	}
	if m.cells++; m.cells > maxCells {
		return fmt.Errorf("more than %d readings: merge shorter times, or fewer sources", maxCells)
	}
	row[span] = append(row[span], v)
	m.spans[span] = true
	if len(m.spans) > maxTable/len(m.values) {
		return fmt.Errorf("%d sources in %d intervals: merge fewer sources, shorter times, or by longer intervals (--every)", len(m.values), len(m.spans))
	}
	return nil
}

// floorDiv is a/b rounded down, for b over 0.
func floorDiv(a, b int64) int64 { return (a - (a%b+b)%b) / b }

func (m *merger) names() []string { return slices.Sorted(maps.Keys(m.values)) }

// write learns and writes the merged series.
func (m *merger) write(out io.Writer) error {
	spans := slices.Sorted(maps.Keys(m.spans))
	var levels [][]float64
	for _, name := range m.names() {
		row := make([]float64, len(spans))
		for i, at := range spans {
			row[i] = math.NaN()
			if all := m.values[name][at]; len(all) > 0 {
				row[i] = number.Median(all)
			}
		}
		levels = append(levels, row)
	}
	m.learned = truth.Learn(levels)
	w := bufio.NewWriter(out)
	fmt.Fprintln(w, "ts,value,spread,sources")
	for i, at := range spans {
		var claims []truth.Claim
		var said []float64
		for s, l := range m.learned {
			if v := levels[s][i]; !math.IsNaN(v) {
				claims = append(claims, truth.Claim{Value: v - l.Bias, Scale: l.Scale})
				said = append(said, v-l.Bias)
			}
		}
		_, spread := number.Spread(said)
		ts := strconv.FormatFloat(float64(at*m.every)/1000, 'f', -1, 64)
		fmt.Fprintf(w, "%s,%.6g,%.3g,%d\n", ts, truth.Estimate(claims), spread, len(said))
	}
	return w.Flush()
}

// report says what was learned of each source, the steadiest first.
func (m *merger) report(out io.Writer) error {
	names := m.names()
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.learned[a].Scale, m.learned[b].Scale) })
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "source\tintervals\toffset\tstrays by")
	for _, i := range order {
		l := m.learned[i]
		fmt.Fprintf(w, "%s\t%d\t%+.3g\t%.3g\n", names[i], l.Claims, l.Bias, l.Scale)
	}
	return w.Flush()
}
