package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/model"
)

// scoreFlags are what validator score is told.
type scoreFlags struct {
	readings, out, quantity, locations string
	explain                            bool
	rows                               int
}

func validatorScoreCommand() *cobra.Command {
	f := scoreFlags{rows: runRows}
	cmd := &cobra.Command{
		Use:   "score",
		Short: "score batches of readings in a CSV file, without any market",
		Long: `score reads sensor,batch,seq,ts,value (ts in seconds since 1970; a column arrival, when the
readings came in, is used if it is there), plain or gzip, as the sensors sent them, and
writes sensor,batch,score in order of time: 1000 is beyond doubt, under 500 would be
refused. The sensors of a file stand near one another. A batch is judged
with what all of them had sent up to its end, and nothing later. A file that does not fit
in memory is sorted through a temporary file. Sensors of different quantities may share a file:
who tells nothing of a sensor is not taken for its neighbour.`,
		Example: "  iotverse validator score --readings readings.csv.gz --out scores.csv --explain",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.readings == "" || f.out == "" {
				return usagef("validator score needs --readings and --out")
			}
			if same(f.readings, f.out) || f.locations != "" && same(f.locations, f.out) {
				return usagef("validator score: --out is the file of --readings or --locations: name another")
			}
			return f.run(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.readings, "readings", "", "CSV file, may be gzip; - is standard input")
	fl.StringVar(&f.out, "out", "", "where the scores go; - is standard output")
	fl.StringVar(&f.quantity, "quantity", "", "property as in an offer (air-temperature, pm2.5 …); readings far out of its bounds are refused")
	fl.StringVar(&f.locations, "locations", "", `JSON file [{"sensor", "lat", "lon"}]; the nearest sensors are compared`)
	fl.BoolVar(&f.explain, "explain", false, "add columns: collection and transport (is it what the sensor saw; did it come whole, in order, in time; both 0..1000), and reasons with advice")
	fl.IntVar(&f.rows, "rows", runRows, "rows kept in memory while sorting")
	fl.MarkHidden("rows")
	return withConfig(cmd)
}

func (f *scoreFlags) run(stdin io.Reader, stdout, stderr io.Writer) (err error) {
	judge, err := model.Default()
	if err != nil {
		return err
	}
	s := &scorer{flags: f, net: detect.NewNetwork(judge), sorter: rowSorter{limit: max(f.rows, 2)}, low: math.Inf(-1), high: math.Inf(1)}
	defer func() { err = errors.Join(err, s.sorter.close()) }()
	if err := s.bounds(stderr); err != nil {
		return err
	}
	if err := s.read(stdin, stderr); err != nil {
		return err
	}
	if err := s.place(); err != nil {
		return err
	}
	if f.out == "-" {
		return s.write(stdout)
	}
	return writeWhole(f.out, s.write)
}

// scorer is one file being scored.
type scorer struct {
	flags     *scoreFlags
	net       *detect.Network
	sorter    rowSorter
	names     []string
	sensors   []*detect.Sensor
	outside   []int // readings out of bounds in the batch, of each sensor
	low, high float64
}

// bounds looks up the quantity.
func (s *scorer) bounds(stderr io.Writer) error {
	if s.flags.quantity == "" {
		return nil
	}
	p, ok := protocol.PropertyOf(strings.ReplaceAll(s.flags.quantity, "_", "-"))
	if !ok {
		p, ok = protocol.PropertyOf(strings.ReplaceAll(s.flags.quantity, "_", ".")) // pm2_5
	}
	if !ok {
		_, err := fmt.Fprintf(stderr, "iotverse: quantity %q is not in the table of properties: its bounds are not checked; known are %s\n",
			s.flags.quantity, strings.Join(protocol.Properties(), ", "))
		return err
	}
	wide := (p.Max - p.Min) / 2 // the file does not say its unit
	s.low, s.high = p.Min-wide, p.Max+wide
	return nil
}

// read takes the file and makes its sensors, in the order in which they come.
func (s *scorer) read(stdin io.Reader, stderr io.Writer) error {
	name, from := "standard input", stdin
	if s.flags.readings != "-" {
		file, err := os.Open(s.flags.readings)
		if err != nil {
			return err
		}
		defer file.Close()
		name, from = s.flags.readings, file
	}
	rows := &rowReader{sorter: &s.sorter, stderr: stderr, name: name}
	if err := rows.read(from); err != nil {
		return err
	}
	s.names = rows.names
	for range s.names {
		s.sensors = append(s.sensors, s.net.Add())
	}
	s.outside = make([]int, len(s.names))
	return nil
}

// place tells the sensors where they stand.
func (s *scorer) place() error {
	if s.flags.locations == "" {
		return nil
	}
	b, err := os.ReadFile(s.flags.locations)
	if err != nil {
		return err
	}
	var list []struct {
		Sensor   string
		Lat, Lon float64
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("locations %s: %v", s.flags.locations, err)
	}
	at := map[string]int{}
	for i, l := range list {
		at[l.Sensor] = i
	}
	for i, name := range s.names {
		if k, ok := at[name]; ok {
			s.sensors[i].Place(list[k].Lat, list[k].Lon)
		}
	}
	return nil
}

// write judges all batches and writes a line for each.
func (s *scorer) write(to io.Writer) error {
	w := bufio.NewWriter(to)
	header := "sensor,batch,score\n"
	if s.flags.explain {
		header = "sensor,batch,score,collection,transport,reasons\n"
	}
	w.WriteString(header)
	var due []sentRow // ends of batches at the moment being read
	now := int64(math.MinInt64)
	err := s.sorter.each(func(r *sentRow) error {
		if r.key != now || (len(due) > 0 && due[len(due)-1].sensor == r.sensor) {
			if err := s.close(w, due); err != nil {
				return err
			}
			due, now = due[:0], r.key
		}
		s.sensors[r.sensor].Reading(detect.Reading{T: r.t, V: r.value, Arrival: r.arrival})
		if r.value < s.low || r.value > s.high {
			s.outside[r.sensor]++
		}
		if r.last {
			due = append(due, *r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.close(w, due); err != nil {
		return err
	}
	return w.Flush()
}

// close judges the batches that end now.
func (s *scorer) close(w *bufio.Writer, due []sentRow) error {
	for _, r := range due {
		got := s.sensors[r.sensor].Close()
		if n := s.outside[r.sensor]; n > 0 {
			got.Score, got.Collection = min(got.Score, 400), min(got.Collection, 400)
			text := fmt.Sprintf("%d readings are out of the bounds %v..%v of %s", n, s.low, s.high, s.flags.quantity)
			got.Reasons = append([]detect.Reason{{Code: "range", Text: text, Advice: "check the sensor and the unit", Grade: 10}}, got.Reasons...)
			s.outside[r.sensor] = 0
		}
		fmt.Fprintf(w, "%s,%d,%d", quoted(s.names[r.sensor]), r.batch, got.Score)
		if s.flags.explain {
			var list []string
			for _, reason := range got.Reasons[:min(3, len(got.Reasons))] {
				list = append(list, reason.Code+": "+reason.Text+": "+reason.Advice)
			}
			fmt.Fprintf(w, ",%d,%d,%s", got.Collection, got.Transport, quoted(strings.Join(list, "; ")))
		}
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

// quoted writes a cell of CSV.
func quoted(s string) string {
	if strings.ContainsAny(s, ",\"\r\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
