package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/joint"
	"github.com/iotverse/iotverse/byteball/unit"
)

func ledgerCheckCommand() *cobra.Command {
	rules := joint.Rules{}
	cmd := &cobra.Command{
		Use:   "check FILE.ndjson",
		Short: "check units as far as that goes without a chain",
		Long: `check reads one unit or joint a line, in JSON, of any version, from a file or, for "-",
from stdin. For each it prints one line of JSON: the hash the unit should have, whether
it is in order, and if not, why:

  {"unit":"…","ok":true,"error":""}

It looks at hashes, sizes, form, and the signatures of authors whose definition is in
the unit. What hangs on other units (parents, money, definitions disclosed before) it
leaves to a ledger. Blank lines are skipped; a unit that cannot be hashed is "".
The exit code is 1 if any line is not ok.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(`ledger check needs one file of units, or "-" for stdin`)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			rules.Now = time.Now().Unix()
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return usagef("%v", err)
				}
				defer f.Close()
				in = f
			}
			wrong, lines, err := checkLines(cmd.Context(), in, cmd.OutOrStdout(), rules)
			if err != nil {
				return err
			}
			if wrong > 0 {
				return fmt.Errorf("%d of %d units are not in order", wrong, lines)
			}
			return nil
		},
	}
	cmd.Flags().Uint64Var(&rules.ThresholdSize, "threshold-size", unit.ThresholdSize,
		"size in bytes beyond which units of 4.0 pay an oversize fee, as the network voted; 0: do not check that fee")
	return cmd
}

// checked is one line of the answer, in the order of its fields.
type checked struct {
	Unit  byteball.Hash `json:"unit"`
	OK    bool          `json:"ok"`
	Error string        `json:"error"`
}

const (
	maxJointLine = 8 << 20   // bytes; the largest frame of the protocol has 6 MB
	batchBytes   = 256 << 10 // of lines that are handed to one core together
)

// errLongLine stands for a line that is too long to be a unit.
var errLongLine = errors.New("line too long")

// batch is some lines and then the answers to them.
type batch struct {
	lines [][]byte // nil: too long
	size  int
	done  chan []byte // the answers, capacity 1 so that a worker never waits
	wrong int         // valid once done was read
}

// checkLines checks the lines of in on all cores and writes the answers to out in the order of the lines. What it holds is
// bounded by a few batches and the longest line for each core.
func checkLines(ctx context.Context, in io.Reader, out io.Writer, rules joint.Rules) (wrong, lines int, err error) {
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *batch)
	order := make(chan *batch, workers) // so many may be on the way
	g.Go(func() error {
		defer close(order)
		defer close(work)
		return readBatches(ctx, in, func(b *batch) error {
			for _, to := range []chan<- *batch{order, work} {
				select {
				case to <- b:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range workers {
		g.Go(func() error {
			for b := range work {
				b.check(rules)
			}
			return nil
		})
	}
	g.Go(func() error {
		for b := range order {
			select {
			case answers := <-b.done:
				if _, err := out.Write(answers); err != nil {
					return err
				}
				wrong += b.wrong
				lines += len(b.lines)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	err = g.Wait()
	return wrong, lines, err
}

// readBatches cuts in into lines without their ends, leaves out blank ones, and hands them on in batches. A batch is handed
// on early when the reader has no more for now, so that a line typed at a terminal is answered at once.
func readBatches(ctx context.Context, in io.Reader, hand func(*batch) error) error {
	r := bufio.NewReaderSize(in, batchBytes)
	b := &batch{done: make(chan []byte, 1)}
	for {
		line, err := readLine(r)
		if errors.Is(err, errLongLine) {
			b.lines = append(b.lines, nil)
			err = nil
		} else if line = bytes.Trim(line, " \t\r"); len(line) > 0 {
			b.lines = append(b.lines, line)
			b.size += len(line)
		}
		if len(b.lines) > 0 && (err != nil || b.size >= batchBytes || r.Buffered() == 0) {
			if err := hand(b); err != nil {
				return err
			}
			b = &batch{done: make(chan []byte, 1)}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// readLine returns a copy of the next line; with io.EOF it may be empty. A line that is too long is skipped.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxJointLine {
			long, line = true, nil
		}
		if !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case long && (err == nil || errors.Is(err, io.EOF)):
			return nil, errLongLine
		default:
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}

func (b *batch) check(rules joint.Rules) {
	var answers bytes.Buffer
	enc := json.NewEncoder(&answers)
	enc.SetEscapeHTML(false)
	for i, line := range b.lines {
		c := checked{}
		err := fmt.Errorf("%w: more than %d bytes", errLongLine, maxJointLine)
		if line != nil {
			c.Unit, err = joint.Check(line, rules)
		}
		if err != nil {
			b.wrong++
			c.Error = err.Error()
		}
		c.OK = err == nil
		_ = enc.Encode(c) // into memory, of strings and a bool
		b.lines[i] = nil
	}
	b.done <- answers.Bytes()
}
