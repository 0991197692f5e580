package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/validator"
)

// verifyFlags are what verify is told.
type verifyFlags struct {
	dir, market, export string
	replay              bool
}

func verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [STAMP-FILE...] | verify --replay [WINDOW...]",
		Short: "check stamps, and repeat what a committee's member judged",
		Long: `verify checks stamps: those in files, or all that a buyer keeps in its folder (--dir). The
committee is drawn afresh from the ledger, and its signatures are counted. --export DIR
writes the stamps into files, for others to check.

verify --replay repeats the judgements that a validator keeps in its folder: for each window
its own reveal is computed again from the opened batches, bit by bit; the stamp is counted
again from the reveals; the committee's signatures are checked. It needs no ledger, and the
node may run. Without WINDOW (a stamp's window id, 64 hex digits) all windows of the dispute
time are repeated. It says plainly what is the same, what differs and what is missing, and
fails unless all is the same.`,
		Example: "  iotverse verify --dir iotverse-buyer --export stamps\n  iotverse verify --replay --dir v1",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.replay && f.export != "":
				return usagef("--export is of stamps; --replay writes nothing")
			case f.replay:
				return f.repeat(cmd.OutOrStdout(), args)
			case len(args) == 0 && f.dir == "":
				return usagef("say what to verify: files with stamps, a buyer's folder (--dir), or --replay with a validator's folder")
			case len(args) > 0 && f.dir != "":
				return usagef("stamps are either in files or in --dir %s", f.dir)
			}
			return f.check(cmd.Context(), cmd.OutOrStdout(), args)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.dir, "dir", "", "folder of the node that keeps the stamps or has judged (with --replay: iotverse-validator)")
	fl.StringVar(&f.market, "market", "market.yaml", "the market's manifest")
	fl.BoolVar(&f.replay, "replay", false, "repeat judgements from what the validator keeps")
	fl.StringVar(&f.export, "export", "", "folder to write the stamps to, a file each")
	return withConfig(cmd)
}

// check checks the stamps of files or of a folder.
func (f *verifyFlags) check(ctx context.Context, w io.Writer, files []string) error {
	list, err := stampFiles(files)
	if err == nil && f.dir != "" {
		list, err = keptStamps(f.dir)
	}
	if err == nil && f.export != "" {
		err = exportStamps(f.export, list)
	}
	if err != nil {
		return err
	}
	return f.stamps(ctx, w, list)
}

// repeat recomputes windows and prints what came of it.
func (f *verifyFlags) repeat(w io.Writer, args []string) error {
	wids, err := windowIDs(args)
	if err != nil {
		return err
	}
	if f.dir == "" {
		f.dir = "iotverse-validator"
	}
	m, err := readMarket(f.market)
	if err != nil {
		return err
	}
	rules, err := rulesOf(m)
	if err != nil {
		return err
	}
	store, err := node.PeekStore(filepath.Join(f.dir, "store"))
	if errors.Is(err, protocol.NotFound) {
		return fmt.Errorf("no node's store in %s: name the validator's folder with --dir: %w", f.dir, err)
	}
	if err != nil {
		return err
	}
	defer store.Close()
	saved, err := store.All(validatorPrefix)
	if err != nil {
		return err
	}
	list, err := validator.Recompute(rules, saved, wids...)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%s keeps no judgement that can be repeated: no window was judged there in the dispute time of %d epochs: %w", f.dir, m.Params.Dispute, protocol.NotFound)
	}
	return reportReplay(w, list)
}

// reportReplay prints a line for each window, and below it what is not as it was. Error: Invalid unless all is the same.
func reportReplay(w io.Writer, list []*validator.Recomputed) error {
	same, differ, missing := 0, 0, 0
	for _, r := range list {
		verdict := "same"
		switch {
		case len(r.Differs) > 0:
			verdict = "DIFFERS"
			differ++
		case len(r.Missing) > 0:
			verdict = "incomplete"
			missing++
		default:
			same++
		}
		fmt.Fprintf(w, "%s  window %d of %s, %s: revealed %d, stamped %d by %d reveals and %d signatures, scorer %d: %s\n",
			hex.EncodeToString(r.Wid[:]), r.Commit.Window, r.Commit.Seller, r.Commit.Prop, r.Mine.Score, r.Stamp.I, len(r.Stamp.Tickets), r.Signed, r.Scorer, verdict)
		for _, text := range r.Differs {
			fmt.Fprintln(w, "  differs:", text)
		}
		for _, text := range r.Missing {
			fmt.Fprintln(w, "  missing:", text)
		}
	}
	fmt.Fprintf(w, "%d of %d windows the same, bit by bit\n", same, len(list))
	if same < len(list) {
		return fmt.Errorf("%d windows differ, %d could not be repeated in full: %w", differ, missing, protocol.Invalid)
	}
	return nil
}

// windowIDs reads window ids from words.
func windowIDs(words []string) (list []protocol.Hash, err error) {
	for _, word := range words {
		raw, err := hex.DecodeString(word)
		if err != nil || len(raw) != len(protocol.Hash{}) {
			return nil, usagef("%.80q is no window id: want 64 hex digits, as verify prints them", word)
		}
		list = append(list, protocol.Hash(raw))
	}
	return list, nil
}

// rulesOf are a market's rules, for who has no node in it.
func rulesOf(m *params.Manifest) (deal.Rules, error) {
	network, ok := byteball.NetworkByName(m.Network)
	if !ok {
		return deal.Rules{}, fmt.Errorf("market %s: network %q is unknown: %w", m.Name, m.Network, protocol.Invalid)
	}
	return deal.Rules{Manifest: *m, Market: m.Hash(), Network: network, Fund: m.FundAddress(), Verifier: envelope.Keys{}}, nil
}
