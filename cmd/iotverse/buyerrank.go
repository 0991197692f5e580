package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/buyer/catalogue"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/rank"
)

// rankFlags are those of buyer rank.
type rankFlags struct {
	demands, offers, out string
	limit                int
	explain              bool
}

func rankCommand() *cobra.Command {
	f := rankFlags{}
	cmd := &cobra.Command{
		Use:   "rank",
		Short: "order offers by how relevant they are to demands",
		Long: `rank reads demands and offers, a JSON object on each line, and writes demand,offer,score for every candidate of each
demand, the best first; the score goes from 0 to 1000. A demand has an id and says what is wanted in words (text), in
fields (structured), or in both; without candidates, the best of all offers are written. An offer has an id, a title
and, as far as known, unit, building, city, country, floor, room, cell, period, accuracy and age.
A line that cannot be read is reported with its number and skipped.`,
		Example: `  iotverse buyer rank --demands demands.jsonl --offers offers.jsonl --out ranks.csv
  echo '{"id":"d1","text":"supply air temperature, building 3, every 5 min"}' |
    iotverse buyer rank --demands - --offers offers.jsonl`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.demands, "demands", "", "file of demands, - for the standard input")
	fl.StringVar(&f.offers, "offers", "", "file of offers")
	fl.StringVar(&f.out, "out", "-", "file for the scores, - for the standard output")
	fl.IntVar(&f.limit, "limit", 100, "how many offers for a demand without candidates")
	fl.BoolVar(&f.explain, "explain", false, "add a column that says what each score is made of")
	return cmd
}

func (f *rankFlags) run(cmd *cobra.Command) error {
	if f.demands == "" || f.offers == "" {
		return usagef("say what to rank: --demands FILE --offers FILE")
	}
	if f.limit < 1 || f.limit > catalogue.MaxLimit {
		return usagef("--limit %d: want 1 to %d", f.limit, catalogue.MaxLimit)
	}
	if same(f.demands, f.out) || same(f.offers, f.out) {
		return usagef("--out %s is the file of demands or offers: name another", f.out)
	}
	ctx := cmd.Context()
	cat, err := catalogue.Open(ctx, "")
	if err != nil {
		return err
	}
	defer cat.Close()
	r := ranker{cat: cat, stderr: cmd.ErrOrStderr(), limit: f.limit, explain: f.explain}
	if err := r.load(ctx, f.offers); err != nil {
		return err
	}
	if f.out == "-" {
		return r.answer(ctx, f.demands, cmd.InOrStdin(), cmd.OutOrStdout())
	}
	return writeWhole(f.out, func(w io.Writer) error { return r.answer(ctx, f.demands, cmd.InOrStdin(), w) })
}

// ranker answers demands from a catalogue.
type ranker struct {
	cat     *catalogue.Catalogue
	stderr  io.Writer
	limit   int
	explain bool
}

// indexed is how many offers go into the index at once.
const indexed = 1000

// load indexes a file of offers; of two with one id the first stays.
func (r *ranker) load(ctx context.Context, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	var list []catalogue.Listing
	waiting := map[string]bool{}
	flush := func() error {
		err := r.cat.Put(ctx, list)
		list, waiting = list[:0], map[string]bool{}
		return err
	}
	err = jsonLines(r.stderr, path, in, func(line []byte) error {
		var o rank.Offer
		if err := json.Unmarshal(line, &o); err != nil {
			return err
		}
		if err := o.Check(); err != nil {
			return err
		}
		if _, err := r.cat.Get(ctx, o.ID); err == nil || waiting[o.ID] {
			return fmt.Errorf("offer %q stands on an earlier line too: %w", o.ID, byteball.Invalid)
		}
		list, waiting[o.ID] = append(list, catalogue.Listing{Offer: o}), true
		if len(list) < indexed {
			return nil
		}
		return ends(flush())
	})
	if err != nil {
		return err
	}
	return flush()
}

// answer reads demands and writes scores.
func (r *ranker) answer(ctx context.Context, path string, stdin io.Reader, w io.Writer) error {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	out := csv.NewWriter(w)
	head := []string{"demand", "offer", "score"}
	if r.explain {
		head = append(head, "why")
	}
	if err := out.Write(head); err != nil {
		return err
	}
	err := jsonLines(r.stderr, path, in, func(line []byte) error {
		var want rank.Want
		if err := json.Unmarshal(line, &want); err != nil {
			return err
		}
		if err := want.Check(); err != nil {
			return err
		}
		return ends(r.one(ctx, want, out))
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

// one answers one demand.
func (r *ranker) one(ctx context.Context, want rank.Want, out *csv.Writer) error {
	q := rank.Read(want)
	ranked, err := r.candidates(ctx, q)
	if err != nil {
		return err
	}
	for _, c := range ranked {
		row := []string{want.ID, c.ID, fmt.Sprintf("%d.%03d", c.Score/1000, c.Score%1000)}
		if r.explain {
			why, err := r.why(ctx, q, c.ID)
			if err != nil {
				return err
			}
			row = append(row, why)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// candidates scores the offers that a demand names, or searches; a name without an offer scores 0.
func (r *ranker) candidates(ctx context.Context, q *rank.Query) ([]rank.Ranked, error) {
	if len(q.Want.Candidates) == 0 {
		return r.cat.Search(ctx, q, time.Time{}, r.limit)
	}
	var list []rank.Ranked
	seen := map[string]bool{}
	for _, id := range q.Want.Candidates {
		if seen[id] {
			continue
		}
		seen[id] = true
		e, err := r.cat.Get(ctx, id)
		switch {
		case errors.Is(err, byteball.NotFound):
			fmt.Fprintf(r.stderr, "iotverse: demand %s: no offer %q, its score is 0\n", q.Want.ID, id)
			list = append(list, rank.Ranked{ID: id})
		case err != nil:
			return nil, err
		default:
			list = append(list, rank.Ranked{ID: id, Score: q.Score(&e)})
		}
	}
	rank.Order(list)
	return list, nil
}

func (r *ranker) why(ctx context.Context, q *rank.Query, id string) (string, error) {
	e, err := r.cat.Get(ctx, id)
	if errors.Is(err, byteball.NotFound) {
		return "no such offer", nil
	}
	_, why := q.Explain(&e)
	return strings.Join(why, ", "), err
}
