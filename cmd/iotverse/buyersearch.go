package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/buyer/catalogue"
	"github.com/iotverse/iotverse/buyer/scout"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/rank"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/seller/privacy"
)

// searchFlags are those of buyer search.
type searchFlags struct {
	market, at, from, logLevel string
	listen, peers              []string
	mdns, json                 bool
	radius                     uint32
	wait                       time.Duration
	limit                      int
}

func searchCommand() *cobra.Command {
	f := searchFlags{}
	cmd := &cobra.Command{
		Use:   "search [WORDS...]",
		Short: "list live offers, the most relevant first",
		Long: `search listens to the market for as long as sellers take to repeat their offers, checks bonds and stamps against the
ledger, and lists what is for sale around a place, ranked by what the words ask for (as buyer rank does; score 0 to
1000). It needs no wallet and signs nothing. With --from it reads the offers that a buyer's node has heard, while that
runs or after.`,
		Example: `  iotverse buyer search "supply air temperature, building 3, every 5 min" --at 52.52,13.40
  iotverse buyer search --from iotverse-buyer --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, strings.Join(args, " ")) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.market, "market", "market.yaml", "the market's manifest")
	fl.StringVar(&f.at, "at", "", "around which place, LAT,LON")
	fl.Uint32Var(&f.radius, "radius", 10_000, "how near, in metres")
	fl.StringVar(&f.from, "from", "", "folder of a buyer's node whose offers are searched instead of the market")
	fl.DurationVar(&f.wait, "wait", 0, "how long to listen (default: until every offer has been repeated)")
	fl.IntVar(&f.limit, "limit", 20, "how many offers to list")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.StringSliceVar(&f.listen, "listen", nil, "libp2p addresses to listen on (default: TCP and QUIC on all interfaces)")
	fl.StringSliceVar(&f.peers, "peer", nil, "addresses of peers to begin with, beside the manifest's")
	fl.BoolVar(&f.mdns, "mdns", true, "find peers on the local network")
	fl.StringVar(&f.logLevel, "log", "warn", "what is logged to stderr: debug, info, warn or error")
	return cmd
}

func (f *searchFlags) run(cmd *cobra.Command, words string) error {
	if f.limit < 1 || f.limit > catalogue.MaxLimit {
		return usagef("--limit %d: want 1 to %d", f.limit, catalogue.MaxLimit)
	}
	want := rank.Want{Text: words}
	cell := ""
	if f.at != "" {
		var err error
		if cell, err = privacy.Cell(f.at); err != nil {
			return usageError{err}
		}
		want.Structured.Cell, want.Structured.Radius = rank.Field(cell), rank.Field(strconv.FormatUint(uint64(f.radius), 10))
	}
	q := rank.Read(want)
	props := q.Properties()
	if words != "" {
		var d protocol.Demand
		if err := q.Fill(&d); err != nil {
			return usageError{err}
		}
		if q.Kind == "" {
			props = []string{d.Prop} // a quantity that only the market's table has a name for
		}
	}
	path := ""
	switch {
	case f.from != "":
		path = cataloguePath(f.from)
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("no offers in %s: is it the folder of a buyer that has run? %w", f.from, err)
		}
	case cell == "":
		return usagef("say around which place: --at LAT,LON, or --from the folder of a buyer")
	}
	ctx := cmd.Context()
	cat, err := catalogue.Open(ctx, path)
	if err != nil {
		return err
	}
	defer cat.Close()
	if f.from == "" {
		if err := f.scout(cmd, cat, cell, props); err != nil {
			return err
		}
	}
	found, err := lookAll(ctx, cat, q, props, f.limit)
	if err != nil {
		return err
	}
	if f.json {
		return printFound(cmd.OutOrStdout(), found)
	}
	return tableFound(cmd.OutOrStdout(), cmd.ErrOrStderr(), found)
}

// scout listens to the market and lists what it saw.
func (f *searchFlags) scout(cmd *cobra.Command, cat *catalogue.Catalogue, cell string, props []string) error {
	ctx, settle, stop := interrupted(cmd.Context())
	defer stop()
	m, err := readMarket(f.market)
	if err != nil {
		return err
	}
	r, clean, err := f.open(ctx, cmd.ErrOrStderr(), m)
	if err != nil {
		return err
	}
	defer clean()
	saved, err := r.restore(ctx, scoutPrefix)
	if err != nil {
		return err
	}
	core, err := scout.New(scout.Config{Rules: r.rules, Vars: r.vars, Props: props, Cell: cell, From: r.from}, saved)
	if err != nil {
		return err
	}
	wait := f.wait
	if wait <= 0 {
		wait = min(m.Params.OfferValid/4, 2*time.Minute) + 4*time.Second
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "iotverse: listening for %v\n", wait.Round(time.Second))
	over := make(chan struct{})
	timer := func(ctx context.Context, _ *node.Node) error {
		defer close(over)
		select {
		case <-ctx.Done():
		case <-settle:
		case <-time.After(wait):
		}
		return nil
	}
	if err := r.run(ctx, scoutPrefix, core, hooks{}, timer, stopOn(over, 10*time.Second)); err != nil {
		return err
	}
	now := time.Now()
	var list []catalogue.Listing
	for _, s := range core.Sights(now) {
		list = append(list, listingOf(s.Offer, s.Stamp, &s.Bonded, now))
	}
	return cat.Put(ctx, list)
}

// scoutPrefix is the scout's part of its store.
const scoutPrefix = "scout/"

// open brings up a node for the moment: its keys are new, encrypted by nobody's passphrase, and gone at the end.
func (f *searchFlags) open(ctx context.Context, stderr io.Writer, m *params.Manifest) (*rig, func(), error) {
	log, err := logger(stderr, f.logLevel)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "iotverse-search-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	r, err := openRig(ctx, rigConfig{Dir: filepath.Join(dir, "node"), Manifest: m, Passphrase: []byte(rand.Text()), Listen: f.listen,
		Peers: append(f.peers, m.Bootstrap...), MDNS: f.mdns, Poll: time.Second, Log: log})
	if err != nil {
		remove()
		return nil, nil, err
	}
	return r, func() { r.Close(); remove() }, nil
}

// found is an offer as a search shows it.
type found struct {
	Score     float64 `json:"score"` // 0..1000
	Seller    string  `json:"seller"`
	Property  string  `json:"property"`
	Kind      string  `json:"kind"`
	Role      string  `json:"role"`
	Medium    string  `json:"medium"`
	Title     string  `json:"title"`
	Unit      string  `json:"unit"`
	Cell      string  `json:"cell"`
	Period    string  `json:"period"`
	Accuracy  string  `json:"accuracy"`
	Price     uint64  `json:"price"` // of a batch of perfect data, bytes
	Floor     uint64  `json:"floor"`
	Integrity *int    `json:"integrity"` // ‰, null if no stamp was seen
	Wrong     bool    `json:"wrong"`     // its stamp says it is something else
	Bonded    *bool   `json:"bonded"`    // null where nobody looked
	Until     string  `json:"valid_until"`
}

// lookAll searches and looks up what it finds; of a query without a kind it keeps the properties that it may mean.
func lookAll(ctx context.Context, cat *catalogue.Catalogue, q *rank.Query, props []string, limit int) ([]found, error) {
	ranked, err := cat.Search(ctx, q, time.Now(), catalogue.MaxLimit)
	if err != nil {
		return nil, err
	}
	list := []found{}
	for _, r := range ranked {
		l, err := cat.Look(ctx, r.ID)
		if errors.Is(err, byteball.NotFound) {
			continue // a buyer's node has taken it out since
		}
		if err != nil {
			return nil, err
		}
		if r.Score == 0 || l.Market == nil || q.Kind == "" && !slices.Contains(props, l.Market.Property) {
			continue // out of reach
		}
		if len(list) == limit {
			break
		}
		e := rank.NewEntry(l.Offer, nil)
		o := &e.Offer
		list = append(list, found{Score: float64(r.Score) / 1000, Seller: l.Market.Seller, Property: l.Market.Property, Kind: e.Class.Kind.Value, Role: e.Class.Role.Value,
			Medium: e.Class.Medium.Value, Title: l.Market.Title, Unit: string(o.Unit), Cell: string(o.Cell), Period: string(o.Period), Accuracy: string(o.Accuracy),
			Price: l.Market.Price, Floor: l.Market.Floor, Integrity: l.Market.Integrity, Wrong: l.Market.Wrong, Bonded: l.Market.Bonded,
			Until: l.Until.UTC().Format(time.RFC3339)})
	}
	return list, nil
}

func printFound(w io.Writer, list []found) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(list)
}

func tableFound(w, stderr io.Writer, list []found) error {
	if len(list) == 0 {
		fmt.Fprintln(stderr, "iotverse: no live offer; look further around (--radius) or longer (--wait)")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCORE\tPRICE\tINTEGRITY\tEVERY\tPLACE\tSELLER\tWHAT")
	for _, f := range list {
		integrity := "-"
		if f.Integrity != nil {
			integrity = strconv.Itoa(*f.Integrity)
		}
		what := f.Property
		if f.Title != "" {
			what += ": " + f.Title
		}
		if f.Wrong {
			what = f.Kind + " " + f.Role + " (offered as " + f.Property + ")"
		}
		if f.Bonded != nil && !*f.Bonded {
			what += " (no bond counts)"
		}
		fmt.Fprintf(t, "%.0f\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Score, byteball.Bytes(f.Price), integrity, every(f.Period), f.Cell, f.Seller, what)
	}
	return t.Flush()
}

// every is a period as people say it.
func every(period string) string {
	d, err := time.ParseDuration(period)
	if err != nil {
		return "-"
	}
	return d.String()
}
