package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/apd/v3"
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
	var noWait bool
	cmd := &cobra.Command{
		Use:   "pay ADDRESS AMOUNT",
		Short: "pay, once, and wait until the payment is stable",
		Long: `pay pays AMOUNT (1000, 10kB, 2MB, 1GB) to ADDRESS and waits until the ledger has made
it final. With --ref it can be typed again after any failure and pays only once.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := parseOutput(args[0], args[1])
			if err != nil {
				return err
			}
			if ref == "" {
				ref = "pay-" + strings.ToLower(rand.Text()[:12])
			}
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			v, err := f.pay(stoppable(ctx, first), "cli/"+ref, to, !noWait)
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
	return f.add(cmd)
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

// pay pays from the wallet; wait says whether to come back only when that is final.
func (f *walletFlags) pay(ctx context.Context, ref string, to unit.Output, wait bool) (paymentView, error) {
	r, err := f.open(ctx)
	if errors.Is(err, node.ErrInUse) {
		return paymentView{}, fmt.Errorf("a node runs on %s and holds its wallet: stop it first, or pay from another wallet: %w", f.dir, protocol.Transient)
	}
	if err != nil {
		return paymentView{}, err
	}
	defer r.Close()
	u, err := r.wallet.Pay(ctx, ref, []unit.Output{to}, nil)
	if err != nil {
		return paymentView{}, err
	}
	p, err := r.wallet.Payment(ctx, ref)
	if err != nil {
		return paymentView{}, err
	}
	if !slices.Equal(p.Outputs, []unit.Output{to}) {
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
	before, err := r.wallet.Balance(ctx)
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

func parseOutput(address, amount string) (unit.Output, error) {
	a := byteball.Address(address)
	if !chash.Valid(a) {
		return unit.Output{}, usagef("%q is no address: want 32 characters as iotverse wallet address prints them", address)
	}
	n, err := parseAmount(amount)
	return unit.Output{Address: a, Amount: n}, err
}

// parseAmount reads an amount as people write it: 1000, 10kB, 2.5MB, 1GB.
func parseAmount(s string) (byteball.Bytes, error) {
	wrong := func() (byteball.Bytes, error) {
		return 0, usagef("amount %q: want whole bytes over 0, e.g. 1000, 10kB, 2.5MB or 1GB", s)
	}
	number, exp := strings.TrimSpace(s), int32(0)
	for unit, e := range map[string]int32{"kb": 3, "mb": 6, "gb": 9} {
		if n, ok := strings.CutSuffix(strings.ToLower(number), unit); ok {
			number, exp = strings.TrimSpace(n), e
			break
		}
	}
	if len(number) > 30 || strings.ContainsAny(number, "eE+-") {
		return wrong()
	}
	d, _, err := apd.NewFromString(number)
	if err != nil || d.Form != apd.Finite {
		return wrong()
	}
	d.Exponent += exp
	d.Reduce(d)
	if d.Exponent < 0 {
		return wrong()
	}
	n, err := d.Int64()
	if err != nil || n <= 0 || byteball.Bytes(n) > byteball.MaxBytes {
		return wrong()
	}
	return byteball.Bytes(n), nil
}
