package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/utim"
)

func walletCommand() *cobra.Command {
	return group("wallet", "keys and money", walletNewCommand(), walletRestoreCommand(), walletAddressCommand(),
		walletAddressesCommand(), walletBalanceCommand(), walletHistoryCommand(), walletPayCommand(), walletSweepCommand(), walletSharedCommand(),
		walletFundCommand(), walletChannelsCommand(), walletWatchCommand())
}

// walletFlags are those of all wallet commands.
type walletFlags struct {
	dir, market, passphraseFile string
	json, fresh                 bool
	news                        func(hub.News) // what the hub says unasked; nil: nobody listens
}

func (f *walletFlags) add(cmd *cobra.Command) *cobra.Command {
	fl := cmd.Flags()
	fl.StringVar(&f.dir, "dir", "iotverse-wallet", "folder of the wallet, or of any node")
	fl.StringVar(&f.market, "market", "market.yaml", "the market's manifest: its network and hubs")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "file whose first line encrypts the keys; needed outside of dev")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	return withConfig(cmd)
}

// show prints v as JSON or text for people.
func (f *walletFlags) show(w io.Writer, v any, format string, args ...any) error {
	if f.json {
		return json.NewEncoder(w).Encode(v)
	}
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

// keys opens the folder's keys, which must be there.
func (f *walletFlags) keys() (*utim.Module, error) {
	pass, err := readPassphrase(f.passphraseFile)
	if err != nil {
		return nil, err
	}
	m, err := utim.Open(filepath.Join(f.dir, "keys"), pass)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, protocol.NotFound) {
		return nil, fmt.Errorf("no keys in %s: make some with iotverse wallet new, or name another folder with --dir", f.dir)
	}
	return m, err
}

// firstAddress is where a node's money is.
func firstAddress(m *utim.Module) (byteball.Address, error) {
	k, err := m.Wallet().Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		return "", err
	}
	return addressOf(k)
}

// open opens the wallet with its books and its market's ledger.
func (f *walletFlags) open(ctx context.Context) (*rig, error) {
	if _, err := f.keys(); err != nil {
		return nil, err
	}
	m, err := readMarket(f.market)
	if err != nil {
		return nil, err
	}
	pass, err := readPassphrase(f.passphraseFile)
	if err != nil {
		return nil, err
	}
	log, err := logger(io.Discard, "error")
	if err != nil {
		return nil, err
	}
	return openPurse(ctx, rigConfig{Dir: f.dir, Manifest: m, Passphrase: pass, Fresh: f.fresh, News: f.news, Log: log})
}

// addressView is what wallet new and address print.
type addressView struct {
	Address byteball.Address `json:"address"`
	Key     string           `json:"key,omitempty"` // public, base64
	Words   string           `json:"words,omitempty"`
}

func walletNewCommand() *cobra.Command {
	var f walletFlags
	var words bool
	cmd := &cobra.Command{
		Use:   "new",
		Short: "make keys",
		Long: `new makes the keys of a wallet in --dir and prints its first address. With --show-words
it also prints the twelve words from which wallet restore makes the same wallet again:
write them down on paper now. They are shown by no other command.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := f.create("", cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			v := addressView{}
			if v.Address, err = firstAddress(m); err != nil {
				return err
			}
			text := fmt.Sprintf("%s\n", v.Address)
			if words {
				v.Words = m.Backup()
				text += v.Words + "\n"
			}
			return f.show(cmd.OutOrStdout(), v, "%s", text)
		},
	}
	cmd.Flags().BoolVar(&words, "show-words", false, "also print the twelve words that restore the money; whoever has them has it")
	return f.add(cmd)
}

// create makes the folder's keys; their wallet is that of words, if there are any.
func (f *walletFlags) create(words string, stderr io.Writer) (*utim.Module, error) {
	path := filepath.Join(f.dir, "keys")
	if _, err := os.Stat(path); err == nil {
		return nil, fmt.Errorf("%s holds keys already: name another folder with --dir", f.dir)
	}
	pass, err := readPassphrase(f.passphraseFile)
	if err != nil {
		return nil, err
	}
	network := byteball.Dev.Name
	if m, err := readMarket(f.market); err == nil {
		network = m.Network
	}
	m, err := makeKeys(f.dir, pass, nil, network, words)
	if err == nil && pass == nil {
		fmt.Fprintf(stderr, "iotverse: the keys in %s are not encrypted; fine on dev, elsewhere give --passphrase-file\n", f.dir)
	}
	return m, err
}

// look opens the wallet to see and not to pay: while a node runs on the folder, with empty books in memory.
func (f *walletFlags) look(ctx context.Context, stderr io.Writer) (*rig, error) {
	r, err := f.open(ctx)
	if !errors.Is(err, node.ErrInUse) {
		return r, err
	}
	fmt.Fprintf(stderr, "iotverse: a node runs on %s; this is what the ledger shows, without what the node has on its way\n", f.dir)
	m, err := readMarket(f.market)
	if err != nil {
		return nil, err
	}
	return f.glance(ctx, m)
}

// glance is open without the folder's store.
func (f *walletFlags) glance(ctx context.Context, m *params.Manifest) (_ *rig, err error) {
	network, _ := byteball.NetworkByName(m.Network)
	log, err := logger(io.Discard, "error")
	if err != nil {
		return nil, err
	}
	r := &rig{cfg: rigConfig{Dir: f.dir, Manifest: m, Log: log}}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	r.rules.Manifest, r.rules.Network = *m, network
	if r.keys, err = f.keys(); err != nil {
		return nil, err
	}
	if r.key, err = r.keys.Wallet().Key(wallet.AddressPath(0, 0)...); err != nil {
		return nil, err
	}
	if r.store, err = node.OpenStore(""); err != nil {
		return nil, err
	}
	return r, r.openLedger(ctx, network)
}
