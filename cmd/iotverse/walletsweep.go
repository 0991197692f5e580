package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// sweepView is what wallet sweep prints; amounts in bytes.
type sweepView struct {
	Ref    string           `json:"ref"`
	To     byteball.Address `json:"to"`
	Amount byteball.Bytes   `json:"amount"`
	Fees   byteball.Bytes   `json:"fees"`
	Units  []byteball.Hash  `json:"units"`
	State  string           `json:"state"`
}

func walletSweepCommand() *cobra.Command {
	var f walletFlags
	var ref string
	var from []string
	var noWait bool
	cmd := &cobra.Command{
		Use:   "sweep [ADDRESS]",
		Short: "send everything, or tidy up many small coins",
		Long: `sweep sends all that the wallet can spend to ADDRESS and leaves exactly nothing; what
does not arrive is fees. Many coins take several units, of which the last pays. Without
ADDRESS everything ends as one coin on the wallet's own first address. What is arriving
or held stays. With --ref it can be typed again after any failure.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			payers, err := parseAddresses(from)
			if err != nil {
				return err
			}
			return f.sweep(cmd, args, payers, ref, !noWait)
		},
	}
	cmd.Flags().StringArrayVar(&from, "from", nil, "sweep only this address of the wallet; may be repeated (default: all)")
	cmd.Flags().StringVar(&ref, "ref", "", "name of the sweep: the same name goes on with it (default: a new one)")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it is stable")
	return f.add(cmd)
}

// sweep sends everything of from to args[0], or to the wallet's first address.
func (f *walletFlags) sweep(cmd *cobra.Command, args []string, from []byteball.Address, ref string, wait bool) error {
	target, err := parseAddresses(args)
	if err != nil {
		return err
	}
	if ref == "" {
		ref = newRef("sweep")
	}
	ctx, first, stop := interrupted(cmd.Context())
	defer stop()
	v, err := f.swept(stoppable(ctx, first), ref, target, from, wait)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopped; what is on its way may still happen, and the same command with --ref %s goes on with it", ref)
	}
	if err != nil {
		return fmt.Errorf("%w (sweep --ref %s)", err, ref)
	}
	return f.show(cmd.OutOrStdout(), v, "%s to %s in %d units, fees %s: %s\n", v.Amount, v.To, len(v.Units), v.Fees, v.State)
}

func (f *walletFlags) swept(ctx context.Context, ref string, target, from []byteball.Address, wait bool) (sweepView, error) {
	r, err := f.hold(ctx)
	if err != nil {
		return sweepView{}, err
	}
	defer r.Close()
	if _, err := r.wallet.Scan(ctx); err != nil {
		return sweepView{}, err
	}
	v := sweepView{Ref: ref, To: r.address(), State: wallet.Posted.String()}
	if len(target) > 0 {
		v.To = target[0]
	}
	done, err := r.wallet.Sweep(ctx, cliRef+ref, v.To, from...)
	if err != nil {
		return sweepView{}, err
	}
	v.Amount, v.Fees = done.Amount, done.Fees
	for _, u := range done.Units {
		v.Units = append(v.Units, u.Unit)
	}
	if wait {
		p, err := r.wallet.Wait(ctx, cliRef+ref+"#all")
		if err != nil {
			return sweepView{}, err
		}
		v.State = p.State.String()
	}
	return v, nil
}
