package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

func walletAddressCommand() *cobra.Command {
	var f walletFlags
	var fresh bool
	cmd := &cobra.Command{
		Use:   "address",
		Short: "where the wallet is paid",
		Long: `address prints the wallet's first address. With --new it prints one that was never given
to anybody; its words alone find the money there again.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := f.keys()
			if err != nil {
				return err
			}
			k, err := m.Wallet().Key(wallet.AddressPath(0, 0)...)
			if err != nil {
				return err
			}
			v := addressView{Key: k.PublicKey()}
			if v.Address, err = addressOf(k); err != nil {
				return err
			}
			if fresh {
				if v.Address, err = f.receive(cmd); err != nil {
					return err
				}
				v.Key = ""
			}
			return f.show(cmd.OutOrStdout(), v, "%s\n", v.Address)
		},
	}
	cmd.Flags().BoolVar(&fresh, "new", false, "a new address instead of the first")
	return f.add(cmd)
}

// receive gives out a new address.
func (f *walletFlags) receive(cmd *cobra.Command) (byteball.Address, error) {
	r, err := f.hold(cmd.Context())
	if err != nil {
		return "", err
	}
	defer r.Close()
	if _, err := r.wallet.Scan(cmd.Context()); err != nil {
		return "", err
	}
	return r.wallet.Receive(cmd.Context())
}

// balanceView is what wallet balance prints; amounts in bytes.
type balanceView struct {
	Address   byteball.Address `json:"address"`   // the first
	Addresses int              `json:"addresses"` // how many there are
	Held      byteball.Bytes   `json:"held"`
	Leaving   byteball.Bytes   `json:"leaving"`
	Stable    byteball.Bytes   `json:"stable"`
	Change    byteball.Bytes   `json:"change"`
	Arriving  byteball.Bytes   `json:"arriving"`
}

// print writes a balance for people; what is usually nothing is left out.
func (v balanceView) print(w io.Writer) error {
	more := ""
	if v.Addresses > 1 {
		more = fmt.Sprintf(" and %d more", v.Addresses-1)
	}
	fmt.Fprintf(w, "%s%s\nstable    %s\nchange    %s (own, on its way; can be spent)\n", v.Address, more, v.Stable, v.Change)
	if v.Held > 0 {
		fmt.Fprintf(w, "held      %s (in payments that no hub has answered for)\n", v.Held)
	}
	if v.Leaving > 0 {
		fmt.Fprintf(w, "leaving   %s (to others and fees, not stable yet)\n", v.Leaving)
	}
	_, err := fmt.Fprintf(w, "arriving  %s (from others, not stable yet)\n", v.Arriving)
	return err
}

func walletBalanceCommand() *cobra.Command {
	var f walletFlags
	return f.add(&cobra.Command{
		Use:   "balance",
		Short: "what the wallet holds, proven from the ledger",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := f.look(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer r.Close()
			v, err := r.total(cmd)
			if err != nil {
				return err
			}
			if f.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			return v.print(cmd.OutOrStdout())
		},
	})
}

// total searches all addresses and adds up.
func (r *rig) total(cmd *cobra.Command) (v balanceView, err error) {
	if _, err = r.wallet.Scan(cmd.Context()); err != nil {
		return v, err
	}
	b, err := r.wallet.Balance(cmd.Context())
	if err != nil {
		return v, err
	}
	list, err := r.wallet.Addresses(cmd.Context())
	return balanceView{r.address(), len(list), b.Held, b.Leaving, b.Stable, b.Change, b.Arriving}, err
}

// scanned opens the wallet with all addresses that the ledger has seen. Close ends it.
func (f *walletFlags) scanned(cmd *cobra.Command) (*rig, error) {
	r, err := f.look(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	if _, err := r.wallet.Scan(cmd.Context()); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// placeView is one address of wallet addresses; amounts in bytes.
type placeView struct {
	Address  byteball.Address `json:"address"`
	Path     string           `json:"path"`
	Used     bool             `json:"used"`
	Stable   byteball.Bytes   `json:"stable"`
	Change   byteball.Bytes   `json:"change"`
	Arriving byteball.Bytes   `json:"arriving"`
}

func walletAddressesCommand() *cobra.Command {
	var f walletFlags
	return f.add(&cobra.Command{
		Use:   "addresses",
		Short: "all addresses of the wallet and what each holds",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := f.scanned(cmd)
			if err != nil {
				return err
			}
			defer r.Close()
			list, err := r.wallet.Addresses(cmd.Context())
			if err != nil {
				return err
			}
			views := make([]placeView, 0, len(list))
			for _, p := range list {
				views = append(views, placeView{p.Address, fmt.Sprintf("m/44'/0'/0'/%d/%d", p.Change, p.Index), p.Used,
					p.Balance.Stable, p.Balance.Change, p.Balance.Arriving})
			}
			if f.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(views)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "ADDRESS\tPATH\tSTABLE\tCHANGE\tARRIVING\tUSED")
			for _, v := range views {
				used := "no"
				if v.Used {
					used = "yes"
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Address, v.Path, v.Stable, v.Change, v.Arriving, used)
			}
			return t.Flush()
		},
	})
}

// movementView is one row of wallet history; amounts in bytes, time in Unix seconds.
type movementView struct {
	Unit  byteball.Hash  `json:"unit"`
	State string         `json:"state"`
	MCI   uint64         `json:"mci,omitempty"`
	Time  int64          `json:"time"`
	Ref   string         `json:"ref,omitempty"`
	In    byteball.Bytes `json:"in"`
	Out   byteball.Bytes `json:"out"`
	Fees  byteball.Bytes `json:"fees"`
	To    []unit.Output  `json:"to,omitempty"`
}

// change is what the movement does to the wallet, for people.
func (v movementView) change() string {
	switch {
	case v.Out > v.In:
		return "-" + (v.Out - v.In).String()
	case v.In > v.Out:
		return "+" + (v.In - v.Out).String()
	}
	return "0 bytes"
}

func walletHistoryCommand() *cobra.Command {
	var f walletFlags
	return f.add(&cobra.Command{
		Use:   "history",
		Short: "what came and went, and how final it is",
		Long: `history lists every unit that moved the wallet's money, read anew from the ledger and
proven; then what is on its way:

  prepared      signed here; no hub has answered that it has it. Typing the payment
                again under its --ref asks, and never pays twice
  posted        a hub has it; it is not final
  stable        final
  double-spent  its coins went elsewhere first: it never happens
  refused       hubs find it wrong; it holds no money
  arriving      from others, not final: the hub's word`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := f.scanned(cmd)
			if err != nil {
				return err
			}
			defer r.Close()
			list, err := r.wallet.History(cmd.Context())
			if err != nil {
				return err
			}
			views := make([]movementView, 0, len(list))
			for _, m := range list {
				views = append(views, movementView{m.Unit, m.State.String(), m.MCI, m.Time, strings.TrimPrefix(m.Ref, cliRef), m.In, m.Out, m.Fees, m.To})
			}
			if f.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(views)
			}
			return printHistory(cmd.OutOrStdout(), views)
		},
	})
}

func printHistory(w io.Writer, views []movementView) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TIME\tSTATE\tAMOUNT\tFEES\tTO\tREF\tUNIT")
	for _, v := range views {
		when, to, fees, ref := "-", "-", "-", "-"
		if v.Time > 0 {
			when = time.Unix(v.Time, 0).UTC().Format(time.RFC3339)
		}
		if len(v.To) > 0 {
			to = string(v.To[0].Address)
		}
		if len(v.To) > 1 {
			to += fmt.Sprintf(" +%d", len(v.To)-1)
		}
		if v.Fees > 0 {
			fees = v.Fees.String()
		}
		if v.Ref != "" {
			ref = v.Ref
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", when, v.State, v.change(), fees, to, ref, v.Unit)
	}
	return t.Flush()
}
