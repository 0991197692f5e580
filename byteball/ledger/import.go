package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Bounds of what is read ahead of the ledger.
const (
	importUnits = 256
	importBytes = 8 << 20
)

// Import reads an export into the ledger of cfg.Dir, or one in memory, and returns it open. cfg.Genesis and cfg.Vars are
// taken from the first line, so that cfg must not hold them. Every unit is checked as if a light client had posted it now;
// of the balls nothing is believed, they are compared with those that the chain makes. Units that the ledger has are passed
// over: an import that was interrupted goes on. progress, if not nil, hears now and then how many lines are done.
//
// Errors name the line: Invalid for a file that is broken, holds a unit that is not valid, or is of another network or
// chain; Transient for one that cannot be accepted yet; ctx's; those of Open. What came before the line stays in the
// folder.
func Import(ctx context.Context, r io.Reader, cfg Config, progress func(lines uint64)) (*Ledger, error) {
	im := &importer{in: bufio.NewReaderSize(r, 1<<16), progress: progress}
	first, err := im.read()
	if err == nil && first == nil {
		err = fmt.Errorf("the file is empty: %w", byteball.Invalid)
	}
	if err == nil {
		err = first.found(&cfg)
	}
	if err != nil {
		return nil, err
	}
	if im.l, err = Open(cfg); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	if err := errors.Join(im.expect(first), im.run(ctx)); err != nil {
		im.l.Close()
		return nil, err
	}
	return im.l, nil
}

type importer struct {
	l        *Ledger
	in       *bufio.Reader
	lines    uint64
	progress func(uint64)
	balls    []*importLine // whose units were not stable when they were read
}

// importLine is a line that was read.
type importLine struct {
	number uint64
	size   int
	fields map[string]any // of the unit
	unit   byteball.Hash
	ball   byteball.Hash
	vars   *exportVars
}

func (i *importLine) fail(err error) error { return fmt.Errorf("line %d: %w", i.number, err) }

func (i *importLine) invalid(format string, args ...any) error {
	return i.fail(byteball.Errorf(byteball.Invalid, format, args...))
}

// read reads the next line; it returns nil after the last one.
func (im *importer) read() (*importLine, error) {
	im.lines++
	i := &importLine{number: im.lines}
	data, err := im.text()
	if err == io.EOF && len(data) == 0 {
		return nil, nil
	}
	if err != nil && err != io.EOF {
		return nil, i.fail(err)
	}
	var line exportLine
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&line); err != nil {
		return nil, i.invalid("not a joint, {\"unit\":{...},\"ball\":\"...\"}: %v", err)
	}
	if rest, _ := io.ReadAll(decoder.Buffered()); len(bytes.TrimSpace(rest)) > 0 {
		return nil, i.invalid("text after the joint")
	}
	tree, err := objecthash.ParseTree(line.Unit)
	if err != nil {
		return nil, i.fail(err)
	}
	i.fields, _ = tree.(map[string]any)
	name, _ := i.fields["unit"].(string)
	if name == "" {
		return nil, i.invalid("no unit")
	}
	i.size, i.unit, i.ball, i.vars = len(data), byteball.Hash(name), line.Ball, line.Vars
	delete(i.fields, "main_chain_index")
	delete(i.fields, "actual_tps_fee")
	return i, nil
}

// text reads a line without its end.
func (im *importer) text() ([]byte, error) {
	var line []byte
	for {
		part, err := im.in.ReadSlice('\n')
		if len(line)+len(part) > maxFrame {
			return nil, byteball.Errorf(byteball.Invalid, "longer than %d bytes", maxFrame)
		}
		line = append(line, part...)
		if err == nil {
			return bytes.TrimRight(line, "\r\n"), nil
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// found takes genesis and system variables of a chain from its first line.
func (i *importLine) found(cfg *Config) error {
	if cfg.Genesis != nil || cfg.Vars != (unit.SystemVars{}) {
		return fmt.Errorf("an import takes genesis and system variables from the file: %w", byteball.Invalid)
	}
	if version, _ := i.fields["version"].(string); version != cfg.Network.Version {
		return i.invalid("a unit of version %.20q: this is no chain of network %s (%s)", version, cfg.Network.Name, cfg.Network.Version)
	}
	if parents, given := i.fields["parent_units"]; given {
		return i.invalid("unit %s has parents %.100v: the file does not begin with the first unit of a chain", i.unit, parents)
	}
	u, err := unit.FromTree(i.fields)
	if err == nil {
		err = unit.CheckForm(u)
	}
	if err != nil {
		return i.fail(err)
	}
	cfg.Genesis, cfg.Vars = &unit.Joint{Unit: u}, unit.DefaultVars(cfg.Network)
	if i.vars != nil {
		cfg.Vars = unit.SystemVars(*i.vars)
	}
	return nil
}

// run reads the other lines.
func (im *importer) run(ctx context.Context) error {
	for {
		batch, last, failed := im.batch()
		err := errors.Join(im.post(batch), failed)
		if err == nil {
			err = im.compare(last)
		}
		if err != nil {
			return firstOf(err)
		}
		if im.progress != nil {
			im.progress(im.lines - 1)
		}
		if last {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("line %d: %w", im.lines, err)
		}
	}
}

// firstOf returns the first of joined errors: what follows it may follow from it.
func firstOf(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()[0]
	}
	return err
}

// batch reads some lines; what is wrong with the one after them is the error.
func (im *importer) batch() (batch []*importLine, last bool, err error) {
	for size := 0; len(batch) < importUnits && size < importBytes; {
		i, err := im.read()
		if err != nil || i == nil {
			return batch, i == nil && err == nil, err
		}
		if i.vars != nil {
			return batch, false, i.invalid("system_vars belong to the first line only")
		}
		batch = append(batch, i)
		size += i.size
	}
	return batch, false, nil
}

// post gives lines to the ledger in their order; signatures are checked beside one another.
func (im *importer) post(batch []*importLine) error {
	jobs := make([]*job, len(batch))
	errs := make([]error, len(batch))
	now := time.Now()
	var done sync.WaitGroup
	for k, i := range batch {
		done.Go(func() { jobs[k], errs[k] = im.l.jointJob(map[string]any{"unit": i.fields}, now) })
	}
	done.Wait()
	posted := 0
	for k := range batch {
		if errs[k] != nil {
			break
		}
		im.l.submit(jobs[k])
		posted++
	}
	for !im.l.drain(nil) {
	}
	for k, i := range batch {
		err := errs[k]
		if k < posted {
			err = im.verdict(jobs[k])
		}
		if err != nil {
			return i.fail(err)
		}
		if err := im.expect(i); err != nil {
			return err
		}
	}
	return nil
}

// verdict is what the ledger said of a unit. One that it has is good if it is the one that its name says.
func (im *importer) verdict(j *job) error {
	if errors.Is(j.err, byteball.Stale) && im.has(j.name) {
		return j.form
	}
	return j.err
}

func (im *importer) has(h byteball.Hash) bool {
	im.l.begin(false)
	defer im.l.end()
	return im.l.node(h) != nil
}

// expect notes the ball of a line.
func (im *importer) expect(i *importLine) error {
	if i.ball == "" {
		return nil
	}
	i.fields = nil
	im.balls = append(im.balls, i)
	return im.compare(false)
}

// compare holds the balls that were read against those that the chain made, in the end all of them.
func (im *importer) compare(all bool) error {
	im.l.begin(false)
	defer im.l.end()
	for len(im.balls) > 0 {
		i := im.balls[0]
		n := im.l.node(i.unit)
		switch {
		case n == nil || !n.Stable:
			if all {
				return i.fail(byteball.Errorf(byteball.Invalid, "unit %s has a ball, but the units of the file do not make it stable", i.unit))
			}
			return im.l.fail()
		case n.Ball != i.ball:
			return i.fail(byteball.Errorf(byteball.Invalid, "unit %s has ball %s, the file says %s", i.unit, n.Ball, i.ball))
		}
		im.balls = im.balls[1:]
	}
	return im.l.fail()
}
