package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/validator/event"
)

func validatorEventsCommand() *cobra.Command {
	var in, out string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "score how unusual each value of a CSV file is, without any market",
		Long: `events reads timestamp,value, plain or gzip, and writes timestamp,value,anomaly_score:
0 is usual, 1 is like nothing before, 0.5 a fair level for an alarm. A row is scored with
the rows before it, and written before the next is read, so a pipe works as well as a file
of any length. Times may be "2014-04-10 00:00:00", RFC 3339, or seconds or milliseconds
since 1970; only the order of the rows matters to the score.`,
		Example: "  iotverse validator events --in cpu.csv.gz --out scores.csv\n  tail -n +1 -f cpu.csv | iotverse validator events --in - --out -",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if in == "" || out == "" {
				return usagef("validator events needs --in and --out")
			}
			return scoreEvents(in, out, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&in, "in", "", "CSV file, may be gzip; - is standard input")
	cmd.Flags().StringVar(&out, "out", "", "where the scores go; - is standard output")
	return withConfig(cmd)
}

// scoreEvents opens what the names mean. The output is not touched before the input has shown its header.
func scoreEvents(in, out string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	e := eventRows{name: in, stderr: stderr}
	from := stdin
	if in != "-" {
		file, err := os.Open(in)
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	} else {
		e.name = "standard input"
	}
	if err := e.open(from); err != nil {
		return err
	}
	to := stdout
	if out != "-" {
		if same(in, out) {
			return usagef("validator events: --in and --out are one file")
		}
		file, err := os.Create(out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		to = file
	}
	return e.score(to)
}

// eventRows is one CSV of timestamp,value being scored.
type eventRows struct {
	name        string
	stderr      io.Writer
	in          *bufio.Reader
	time, value int // columns
	line        int64
	good, bad   int64
}

const eventHeader = "want CSV with timestamp,value"

// open reads the header. It is an error if there is none.
func (e *eventRows) open(from io.Reader) error {
	e.in = bufio.NewReaderSize(from, 1<<16)
	if magic, _ := e.in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(e.in)
		if err != nil {
			return fmt.Errorf("%s: %v", e.name, err)
		}
		e.in = bufio.NewReaderSize(z, 1<<16)
	}
	var text string
	var err error
	for text == "" && err == nil { // lines before the header may be blank
		text, err = rowText(e.in)
		text = strings.TrimSpace(text)
		e.line++
	}
	switch {
	case errors.Is(err, errLongRow), strings.ContainsRune(text, 0), !utf8.ValidString(text):
		return fmt.Errorf("%s is no text: %s", e.name, eventHeader)
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %v", e.name, err)
	case text == "" && err != nil:
		return fmt.Errorf("%s is empty: %s", e.name, eventHeader)
	}
	e.time, e.value = -1, -1
	for i, c := range splitRow(nil, text) {
		switch strings.TrimSpace(c) {
		case "timestamp":
			e.time = i
		case "value":
			e.value = i
		}
	}
	if e.time < 0 || e.value < 0 {
		return fmt.Errorf("%s: line %d: no column timestamp or no column value: %s", e.name, e.line, eventHeader)
	}
	return nil
}

// score writes a line for every good row. Bad rows are reported and left out; it is an error if there is no good one.
func (e *eventRows) score(to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<16)
	w.WriteString("timestamp,value,anomaly_score\n")
	scorer := event.New()
	var cells []string
	for line := e.line + 1; ; line++ {
		if err := e.flush(w); err != nil {
			return err
		}
		text, err := rowText(e.in)
		if text == "" && errors.Is(err, io.EOF) {
			break
		}
		switch {
		case errors.Is(err, errLongRow):
			e.complain(line, err)
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return errors.Join(w.Flush(), fmt.Errorf("%s: after line %d: %v", e.name, line-1, err))
		case strings.TrimSpace(text) == "":
			continue
		}
		cells = splitRow(cells[:0], text)
		x, err := e.parse(cells)
		if err != nil {
			e.complain(line, err)
			continue
		}
		e.good++
		fmt.Fprintf(w, "%s,%s,%.6f\n", quoted(cells[e.time]), quoted(cells[e.value]), scorer.Add(x))
	}
	if e.bad > maxComplaints {
		fmt.Fprintf(e.stderr, "iotverse: %s: %d bad rows in all were left out\n", e.name, e.bad)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if e.good == 0 {
		return fmt.Errorf("%s: no row is a time and a value", e.name)
	}
	return nil
}

// flush writes what is due before a read that may have to wait for more input.
func (e *eventRows) flush(w *bufio.Writer) error {
	if waiting, _ := e.in.Peek(e.in.Buffered()); bytes.IndexByte(waiting, '\n') >= 0 {
		return nil
	}
	return w.Flush()
}

func (e *eventRows) complain(line int64, err error) {
	if e.bad++; e.bad <= maxComplaints {
		fmt.Fprintf(e.stderr, "iotverse: %s: line %d: %v; left out\n", e.name, line, err)
	}
}

// parse reads the value of a row and sees that its time is one.
func (e *eventRows) parse(cells []string) (float64, error) {
	if most := max(e.time, e.value); most >= len(cells) {
		return 0, fmt.Errorf("%d cells, want at least %d", len(cells), most+1)
	}
	if err := moment(strings.TrimSpace(cells[e.time])); err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(cells[e.value]), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("value %.40q is no finite number", cells[e.value])
	}
	return x, nil
}

// moment says what is wrong with a time, if anything.
func moment(s string) error {
	if x, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(x) < 1e14 {
		return nil // seconds or milliseconds
	}
	for _, layout := range [...]string{time.DateTime, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00"} {
		if _, err := time.Parse(layout, s); err == nil {
			return nil
		}
	}
	return fmt.Errorf("time %.40q is neither like 2014-04-10 00:00:00 nor RFC 3339 nor a number since 1970", s)
}
