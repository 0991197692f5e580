package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
)

func walletWatchCommand() *cobra.Command {
	var f walletFlags
	var once bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "close and refund payment channels in time while their node is off",
		Long: `watch opens a node's store without the rest of the node, follows its payment channels on
the ledger and carries out what is due: as seller it closes before the deadline, 0.6 of the
age; as buyer it takes the deposit back after the age. What fees kept off is posted again,
what vanished is signed anew, and only what is final counts. It prints a line per event and
runs until Ctrl-C, or with --once until nothing is open. A node that runs watches itself.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			return f.watch(stoppable(ctx, first), once, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end when nothing is open")
	return f.add(cmd)
}

// watch watches the channels of a folder.
func (f *walletFlags) watch(ctx context.Context, once bool, stdout, stderr io.Writer) error {
	r, err := f.open(ctx)
	if errors.Is(err, node.ErrInUse) {
		return fmt.Errorf("a node runs on %s and watches its channels itself; iotverse wallet channels --dir %s shows them: %w", f.dir, f.dir, protocol.Transient)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	k, err := keepChannels(r.store, r.keys, stderr)
	if err != nil {
		return err
	}
	open := 0
	for _, id := range k.IDs() {
		if s, err := k.Status(id); err == nil && !s.Over {
			open++
			fmt.Fprintf(stderr, "iotverse: %s: %s; %s\n", id, s.Phase, s.Next)
		}
	}
	fmt.Fprintf(stderr, "iotverse: %d channels to watch\n", open)
	return quiet(keeper.Watch(ctx, keeper.Config{
		Keeper: k, Hub: r.hub, Follow: r.hub.Follow(hub.FollowConfig{From: r.from}), Once: once,
		Bases: deal.NewBases(r.cfg.Manifest.OPs, r.vars), Tell: teller(stdout),
	}))
}

// teller prints a line per event.
func teller(w io.Writer) func(keeper.Told) {
	return func(t keeper.Told) {
		text := t.Text
		if t.Err != nil {
			text += ": " + t.Err.Error()
		}
		fmt.Fprintf(w, "%s  %s: %s\n", time.Now().Format("15:04:05"), t.ID, text)
	}
}
