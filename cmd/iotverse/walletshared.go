package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

func walletSharedCommand() *cobra.Command {
	c := group("shared", "spend from an address of several keys", sharedAddressCommand(), sharedProposeCommand(), sharedSignCommand(),
		sharedJoinCommand(), sharedPostCommand())
	c.Long = `An address of several keys is defined in a file: {"definition": [...], "members": {...}},
where members holds the definitions of the addresses that the definition names, if any.
One holder proposes a payment, each signs it, one joins the answers and posts it:

  iotverse wallet shared address both.json           the address, and where who signs
  iotverse wallet shared propose both.json ADDRESS 1MB --path r.0 --path r.1 > payment.json
  iotverse wallet shared sign payment.json > mine.json      each holder, with his keys
  iotverse wallet shared join mine.json theirs.json > all.json
  iotverse wallet shared post all.json`
	return c
}

// readShared reads a definition file.
func readShared(file string, stdin io.Reader) (wallet.Shared, error) {
	data, err := readSmall(file, stdin)
	if err != nil {
		return wallet.Shared{}, err
	}
	var s wallet.Shared
	if strings.HasPrefix(strings.TrimSpace(string(data)), "[") {
		err = json.Unmarshal(data, &s.Definition)
	} else {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return wallet.Shared{}, fmt.Errorf(`%s: %w; want {"definition": [...]}`, file, err)
	}
	return s, nil
}

// readSmall reads a file of the size of a proposal at most; - is standard input.
func readSmall(file string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, wallet.MaxProposal+1))
	if err == nil && len(data) > wallet.MaxProposal {
		err = fmt.Errorf("%s has more than %d bytes", file, wallet.MaxProposal)
	}
	return data, err
}

// sharedView is what wallet shared address prints.
type sharedView struct {
	Address byteball.Address `json:"address"`
	Slots   []wallet.Slot    `json:"slots"`
}

func sharedAddressCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "address FILE",
		Short: "the address of a definition, and at which paths who signs",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readShared(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			v := sharedView{}
			if v.Address, err = s.Address(); err != nil {
				return err
			}
			if v.Slots, err = s.Slots(); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			fmt.Fprintln(cmd.OutOrStdout(), v.Address)
			for _, slot := range v.Slots {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", slot.Path, slotText(slot))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func slotText(s wallet.Slot) string {
	text := "signature of key " + s.Key
	if s.Hash != "" {
		text = "preimage of " + s.Hash
	}
	if s.Member != "" {
		text += " of " + string(s.Member)
	}
	return text
}

func sharedProposeCommand() *cobra.Command {
	var f walletFlags
	var paths, preimages []string
	cmd := &cobra.Command{
		Use:   "propose FILE ADDRESS AMOUNT",
		Short: "compose a payment from a shared address, to be signed by its holders",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readShared(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			to, err := parseOutput(args[1], args[2])
			if err != nil {
				return err
			}
			plan := wallet.Plan{Paths: paths, Preimages: map[string]string{}, Outputs: []unit.Output{to}}
			for _, p := range preimages {
				path, text, ok := strings.Cut(p, "=")
				if !ok {
					return usagef("--preimage %q: want PATH=TEXT", p)
				}
				plan.Preimages[path] = text
			}
			if len(paths) == 0 {
				return usagef("say who signs: --path, as iotverse wallet shared address %s lists them", args[0])
			}
			p, err := f.propose(cmd.Context(), s, plan)
			if err != nil {
				return err
			}
			return writeProposal(cmd, p)
		},
	}
	cmd.Flags().StringArrayVar(&paths, "path", nil, "a path at which somebody signs; repeat it for each signer")
	cmd.Flags().StringArrayVar(&preimages, "preimage", nil, "PATH=TEXT that opens a hash lock; all who see the proposal see it")
	cmd.Flags().StringVar(&f.market, "market", "market.yaml", "the market's manifest: its network and hubs")
	return withConfig(cmd)
}

// propose looks up the shared address's coins, proven, and composes.
func (f *walletFlags) propose(ctx context.Context, s wallet.Shared, plan wallet.Plan) (*wallet.Proposal, error) {
	address, err := s.Address()
	if err != nil {
		return nil, err
	}
	m, err := readMarket(f.market)
	if err != nil {
		return nil, err
	}
	client, err := dialHub(ctx, m, nil)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	here := []byteball.Address{address}
	history, unstable, err := client.History(ctx, here, nil, 0)
	if err != nil {
		return nil, err
	}
	for _, u := range unstable {
		for _, a := range u.Authors {
			if a.Address == address {
				return nil, fmt.Errorf("%s is paying already, in unit %s: wait until that is stable: %w", address, u.Unit, byteball.Transient)
			}
		}
	}
	if plan.Anchor, err = client.Anchor(ctx, here, here); err != nil {
		return nil, err
	}
	coins, first, shown := wallet.Unspent(history, address)
	plan.Network, _ = byteball.NetworkByName(m.Network)
	plan.Coins, plan.Shown = coins, shown && first <= plan.Anchor.LastBallMCI
	return s.Propose(plan)
}

// writeProposal prints a proposal for a file, and for the person what it does.
func writeProposal(cmd *cobra.Command, p *wallet.Proposal) error {
	data, err := p.Marshal()
	if err != nil {
		return err
	}
	outputs, fees := p.Pays()
	for _, o := range outputs {
		fmt.Fprintf(cmd.ErrOrStderr(), "iotverse: %s pays %s to %s\n", p.Address(), o.Amount, o.Address)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "iotverse: fees %s; %d signatures are missing\n", fees, len(p.Missing()))
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", data)
	return err
}

func readProposal(cmd *cobra.Command, file string) (*wallet.Proposal, error) {
	data, err := readSmall(file, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	p, err := wallet.ReadProposal(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// keysTried is how many keys of each chain are looked through for one that has to sign.
const keysTried = 200

func sharedSignCommand() *cobra.Command {
	var f walletFlags
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "sign a proposal wherever the wallet's keys are asked for",
		Long: `sign checks a proposal, prints to stderr where the money goes, and prints the proposal
with the signatures of this wallet's keys. It needs no ledger.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readProposal(cmd, args[0])
			if err != nil {
				return err
			}
			m, err := f.keys()
			if err != nil {
				return err
			}
			signed := 0
			for i := range uint32(2 * keysTried) {
				if len(p.Missing()) == 0 {
					break
				}
				key, err := m.Wallet().Keys(i%2, i/2)
				if err != nil {
					return err
				}
				n, err := p.Sign(key)
				if err != nil {
					return err
				}
				signed += n
			}
			if signed == 0 {
				return fmt.Errorf("no key of %s is asked for: the missing signatures are %s", f.dir, missingText(p))
			}
			return writeProposal(cmd, p)
		},
	}
	cmd.Flags().StringVar(&f.dir, "dir", "iotverse-wallet", "folder of the wallet, or of any node")
	cmd.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "file whose first line encrypts the keys; needed outside of dev")
	return withConfig(cmd)
}

func missingText(p *wallet.Proposal) string {
	var list []string
	for _, s := range p.Missing() {
		list = append(list, s.Path+" of "+s.Key)
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func sharedJoinCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "join FILE FILE...",
		Short: "join the signatures of several copies of a proposal",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := joined(cmd, args)
			if err != nil {
				return err
			}
			return writeProposal(cmd, p)
		},
	}
}

func joined(cmd *cobra.Command, files []string) (*wallet.Proposal, error) {
	p, err := readProposal(cmd, files[0])
	if err != nil {
		return nil, err
	}
	for _, file := range files[1:] {
		q, err := readProposal(cmd, file)
		if err != nil {
			return nil, err
		}
		if err := p.Join(q); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return p, nil
}

func sharedPostCommand() *cobra.Command {
	var f walletFlags
	cmd := &cobra.Command{
		Use:   "post FILE...",
		Short: "post a proposal that is signed; several copies are joined first",
		Long: `post checks the signatures against the definition and hands the payment to a hub. It
can be typed again after any failure: the same proposal is the same unit.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := joined(cmd, args)
			if err != nil {
				return err
			}
			u, err := p.Finish()
			if err != nil {
				return err
			}
			m, err := readMarket(f.market)
			if err != nil {
				return err
			}
			client, err := dialHub(cmd.Context(), m, nil)
			if err != nil {
				return err
			}
			defer client.Close()
			if err := client.Post(cmd.Context(), u); err != nil {
				if errors.Is(err, byteball.Stale) || errors.Is(err, byteball.Invalid) {
					return fmt.Errorf("%w; a new proposal may go through", err)
				}
				return err
			}
			v := paymentView{Unit: u.Unit, State: wallet.Posted.String()}
			outputs, fees := p.Pays()
			v.Fees = fees
			if len(outputs) > 0 {
				v.To, v.Amount = outputs[0].Address, outputs[0].Amount
			}
			return f.show(cmd.OutOrStdout(), v, "%s to %s in unit %s, fees %s: %s\n", v.Amount, v.To, v.Unit, v.Fees, v.State)
		},
	}
	cmd.Flags().StringVar(&f.market, "market", "market.yaml", "the market's manifest: its network and hubs")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return withConfig(cmd)
}
