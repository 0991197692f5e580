package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
)

// paymentView is what wallet pay and fund print.
type paymentView struct {
	Ref    string           `json:"ref,omitempty"`
	To     byteball.Address `json:"to"`
	Amount byteball.Bytes   `json:"amount"`
	Unit   byteball.Hash    `json:"unit,omitempty"`
	Fees   byteball.Bytes   `json:"fees,omitempty"`
	State  string           `json:"state"`
	MCI    uint64           `json:"mci,omitempty"`
}

func walletPayCommand() *cobra.Command {
	var f walletFlags
	var ref string
	var from []string
	var noWait bool
	cmd := &cobra.Command{
		Use:   "pay ADDRESS AMOUNT",
		Short: "pay, once, and wait until the payment is stable",
		Long: `pay pays AMOUNT (1000, 10kB, 2MB, 1GB, all) to ADDRESS and waits until the ledger has
made it final. With --ref it can be typed again after any failure and pays only once.
It spends from one address of the wallet where that suffices, else from several.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			payers, err := parseAddresses(from)
			if err != nil {
				return err
			}
			if args[1] == "all" {
				return f.sweep(cmd, args[:1], payers, ref, !noWait)
			}
			to, err := parseOutput(args[0], args[1])
			if err != nil {
				return err
			}
			if ref == "" {
				ref = newRef("pay")
			}
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			v, err := f.pay(stoppable(ctx, first), cliRef+ref, wallet.Order{Outputs: []unit.Output{to}, From: payers}, !noWait)
			if errors.Is(err, context.Canceled) {
				return fmt.Errorf("stopped; the payment may still happen, and the same command with --ref %s goes on with it", ref)
			}
			if err != nil {
				return fmt.Errorf("%w (payment --ref %s)", err, ref)
			}
			v.Ref = ref
			return f.show(cmd.OutOrStdout(), v, "%s to %s in unit %s, fees %s: %s\n", v.Amount, v.To, v.Unit, v.Fees, v.State)
		},
	}
	cmd.Flags().StringVar(&ref, "ref", "", "name of the payment: the same name never pays twice (default: a new one)")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it is stable")
	cmd.Flags().StringArrayVar(&from, "from", nil, "spend only from this address of the wallet; may be repeated (default: any)")
	cmd.Flags().BoolVar(&f.fresh, "fresh-change", false, "change goes to a new address, not back to where it came from")
	return f.add(cmd)
}

// cliRef begins the references of payments that people make.
const cliRef = "cli/"

// newRef makes a name for a payment.
func newRef(kind string) string { return kind + "-" + strings.ToLower(rand.Text()[:12]) }

func parseAddresses(texts []string) ([]byteball.Address, error) {
	var list []byteball.Address
	for _, t := range texts {
		if !chash.Valid(byteball.Address(t)) {
			return nil, usagef("%q is no address: want 32 characters as iotverse wallet address prints them", t)
		}
		list = append(list, byteball.Address(t))
	}
	return list, nil
}

// stoppable is a context that ends with ctx, or when a person asks for it.
func stoppable(ctx context.Context, first <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-first:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx
}

var errInterrupted = errors.New("interrupted")

// hold opens the wallet to change its books, which no node may use meanwhile.
func (f *walletFlags) hold(ctx context.Context) (*rig, error) {
	r, err := f.open(ctx)
	if errors.Is(err, node.ErrInUse) {
		return nil, fmt.Errorf("a node runs on %s and holds its wallet: stop it first, or pay from another wallet: %w", f.dir, protocol.Transient)
	}
	return r, err
}

// pay pays from the wallet; wait says whether to come back only when that is final.
func (f *walletFlags) pay(ctx context.Context, ref string, o wallet.Order, wait bool) (paymentView, error) {
	r, err := f.hold(ctx)
	if err != nil {
		return paymentView{}, err
	}
	defer r.Close()
	if _, err := r.wallet.Scan(ctx); err != nil {
		return paymentView{}, err
	}
	u, err := r.wallet.Send(ctx, ref, o)
	if err != nil {
		return paymentView{}, err
	}
	p, err := r.wallet.Payment(ctx, ref)
	if err != nil {
		return paymentView{}, err
	}
	if !slices.Equal(p.Outputs, o.Outputs) {
		return paymentView{}, usagef("this ref has paid something else before (%v); choose another one", p.Outputs)
	}
	if wait {
		if p, err = r.wallet.Wait(ctx, ref); err != nil {
			return paymentView{}, err
		}
	}
	fees, err := unit.Fees(u)
	if err != nil {
		return paymentView{}, err
	}
	to := o.Outputs[0]
	return paymentView{To: to.Address, Amount: to.Amount, Unit: u.Unit, Fees: fees, State: p.State.String(), MCI: p.MCI}, nil
}

func walletFundCommand() *cobra.Command {
	var f walletFlags
	return f.add(&cobra.Command{
		Use:   "fund [AMOUNT]",
		Short: "get money from the dev ledger's faucet (default 1GB)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			amount := byteball.Bytes(1e9)
			if len(args) > 0 {
				var err error
				if amount, err = parseAmount(args[0]); err != nil {
					return err
				}
			}
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			v, err := f.fund(stoppable(ctx, first), amount, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), v, "%s to %s: %s\n", v.Amount, v.To, v.State)
		},
	})
}

// fund asks the faucet and waits until the money is there for good.
func (f *walletFlags) fund(ctx context.Context, amount byteball.Bytes, stderr io.Writer) (paymentView, error) {
	r, err := f.look(ctx, stderr)
	if err != nil {
		return paymentView{}, err
	}
	defer r.Close()
	m := r.rules.Manifest
	if m.Network != byteball.Dev.Name {
		return paymentView{}, fmt.Errorf("there is no faucet on network %s: ask somebody to pay to %s", m.Network, r.address())
	}
	if amount > faucetAddress {
		return paymentView{}, fmt.Errorf("the faucet gives one address %s an hour at most: ask for less", faucetAddress)
	}
	before, err := r.wallet.Balance(ctx, r.address())
	if err != nil {
		return paymentView{}, err
	}
	if err := askFaucet(ctx, faucetURL(m.Hubs[0]), r.address(), amount); err != nil {
		return paymentView{}, err
	}
	if err := r.await(ctx, spendable(before)+before.Arriving+amount); err != nil {
		return paymentView{}, err
	}
	return paymentView{To: r.address(), Amount: amount, State: wallet.Stable.String()}, nil
}
