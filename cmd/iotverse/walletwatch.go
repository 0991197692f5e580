package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
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
what vanished is signed anew, and only what is final counts. So it is with the wallet's own
payments: a deposit on its way that the ledger has lost is posted again. It prints a line per
event and runs until Ctrl-C, or with --once until nothing is open. A ledger that is away is
waited for, but with --once at the start. A node that runs watches itself.`,
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
	seen := make(chan *unit.Unit, manySeen)
	f.news = func(n hub.News) {
		if n.Joint == nil {
			return
		}
		select {
		case seen <- n.Joint:
		default: // what is proven of it comes later
		}
	}
	r, err := f.reach(ctx, once, stderr)
	if errors.Is(err, node.ErrInUse) {
		return fmt.Errorf("a node runs on %s and watches its channels itself; iotverse wallet channels --dir %s shows them: %w", f.dir, f.dir, protocol.Transient)
	}
	if err != nil {
		return quiet(err)
	}
	defer r.Close()
	k, err := keepChannels(r.store, r.keys, stderr)
	if err != nil {
		return err
	}
	unreadable(k.Check(), stderr)
	open := 0
	for _, id := range k.IDs() {
		if s, err := k.Status(id); err == nil && !s.Over {
			open++
			fmt.Fprintf(stderr, "iotverse: %s: %s; %s\n", id, s.Phase, s.Next)
		}
	}
	fmt.Fprintf(stderr, "iotverse: %d channels to watch\n", open)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return quiet(r.wallet.Run(gctx, walletPause)) })
	g.Go(func() error {
		defer cancel()
		return r.watch(gctx, k, once, seen, teller(stdout))
	})
	return quiet(g.Wait())
}

// reach opens the folder. But for once a ledger that is away is waited for: whoever starts a watch with the machine is not there to
// start it again.
func (f *walletFlags) reach(ctx context.Context, once bool, stderr io.Writer) (*rig, error) {
	for told := false; ; told = true {
		r, err := f.open(ctx)
		if once || err == nil || errors.Is(err, node.ErrInUse) || !errors.Is(err, protocol.Transient) {
			return r, err
		}
		if !told {
			fmt.Fprintf(stderr, "iotverse: %v; nothing is watched until it answers\n", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(walletPause):
		}
	}
}

// manySeen is how many units of a burst may wait for the watch.
const manySeen = 256

// walletPause is between two looks at the wallet's payments.
const walletPause = 2 * time.Second

// watch follows the channels. With once it ends when nothing is open and no deposit is on its way.
func (r *rig) watch(ctx context.Context, k *keeper.Keeper, once bool, seen <-chan *unit.Unit, tell func(keeper.Told)) error {
	for {
		coming, err := r.deposits(ctx, k)
		if err != nil {
			return err
		}
		err = keeper.Watch(ctx, keeper.Config{Keeper: k, Hub: r.hub, Follow: r.hub.Follow(hub.FollowConfig{From: r.from}), Once: once,
			Bases: deal.NewBases(r.cfg.Manifest.OPs, r.vars), Tell: tell, Seen: seen})
		if err != nil || coming == 0 {
			return err
		}
		select { // what came is seen from the next beginning on
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(walletPause):
		}
	}
}

// deposits counts the payments on their way to channels that still wait for one.
func (r *rig) deposits(ctx context.Context, k *keeper.Keeper) (n int, err error) {
	pending, err := r.wallet.Pending(ctx)
	for _, p := range pending {
		for _, o := range p.Outputs {
			if st, err := k.State(keeper.ID{Side: keeper.Buyer, Address: o.Address}); err == nil && st.Phase == channel.Opening {
				n++
			}
		}
	}
	return n, err
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
