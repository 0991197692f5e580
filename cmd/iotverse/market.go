package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/market/params"
)

func marketCommand() *cobra.Command {
	return group("market", "manifests: what a market fixes once", marketNewCommand(), marketShowCommand())
}

// marketFlags are what market new is told.
type marketFlags struct {
	out, name, network, profile, t0, council string
	hubs, ops, bootstrap, arbiters, fund     []string
}

func marketNewCommand() *cobra.Command {
	var f marketFlags
	cmd := &cobra.Command{
		Use:   "new",
		Short: "write the manifest of another market",
		Long: `new writes a manifest. Nodes with different manifests do not understand one another,
so everybody in a market needs the very same file. The fourteen keys of arbiters and
fund keepers are made in --council, unless --arbiter and --keeper name them.`,
		Example: "  iotverse market new --name garden --hub ws://192.168.1.5:6611 --op ADDRESS --profile standard",
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := f.manifest(time.Now())
			if err != nil {
				return err
			}
			if err := writeMarket(f.out, m); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s  market %s, hash %s\n", f.out, m.Name, hashOf(m))
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "market.yaml", "file to write; one that is there stays")
	fl.StringVar(&f.name, "name", "dev", "name of the market")
	fl.StringVar(&f.network, "network", byteball.Dev.Name, "dev, testnet or live")
	fl.StringSliceVar(&f.hubs, "hub", []string{"ws://127.0.0.1:6611"}, "websocket addresses of hubs, in order of preference")
	fl.StringSliceVar(&f.ops, "op", nil, "the ledger's order providers (iotverse ledger serve prints its own)")
	fl.StringSliceVar(&f.bootstrap, "bootstrap", nil, "addresses of first peers and relays, /ip4/…/p2p/…")
	fl.StringVar(&f.profile, "profile", "fast", "where the parameters come from: fast or standard")
	fl.StringVar(&f.t0, "t0", "now", "start of window 0: now, or a time such as 2027-01-31T12:00:00Z")
	fl.StringVar(&f.council, "council", "iotverse-council", "folder for the keys of arbiters and fund keepers")
	fl.StringSliceVar(&f.arbiters, "arbiter", nil, "seven public keys, base64, instead of new ones")
	fl.StringSliceVar(&f.fund, "keeper", nil, "likewise, of the fund's keepers")
	return withConfig(cmd)
}

// manifest makes what the flags describe. It refuses, before any key is made, to replace a file.
func (f *marketFlags) manifest(now time.Time) (*params.Manifest, error) {
	if _, err := os.Stat(f.out); err == nil {
		return nil, exists(f.out)
	}
	if len(f.ops) == 0 {
		return nil, usagef("say who orders the ledger's units: --op ADDRESS (iotverse ledger serve prints it)")
	}
	p, ok := params.Profile(f.profile)
	if !ok {
		return nil, usagef("profile %q: want fast or standard", f.profile)
	}
	m := &params.Manifest{Name: f.name, Network: f.network, Hubs: f.hubs, T0: now.Unix(), Bootstrap: f.bootstrap, Profile: f.profile, Params: p}
	if m.Bootstrap == nil {
		m.Bootstrap = []string{}
	}
	for _, a := range f.ops {
		m.OPs = append(m.OPs, byteball.Address(a))
	}
	if f.t0 != "now" {
		t, err := time.Parse(time.RFC3339, f.t0)
		if err != nil {
			return nil, usagef("t0 %q: want now, or a time such as 2027-01-31T12:00:00Z", f.t0)
		}
		m.T0 = t.Unix()
	}
	if err := f.councils(m); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, usageError{err}
	}
	return m, nil
}

// councils fills in the keys of arbiters and keepers.
func (f *marketFlags) councils(m *params.Manifest) error {
	if len(f.arbiters) > 0 || len(f.fund) > 0 {
		if copy(m.Arbiters[:], f.arbiters) != 7 || copy(m.Fund[:], f.fund) != 7 || len(f.arbiters)+len(f.fund) != 14 {
			return usagef("%d keys of arbiters and %d of keepers: give seven of each, or none", len(f.arbiters), len(f.fund))
		}
		return nil
	}
	if m.Network != byteball.Dev.Name {
		return usagef("on network %s arbiters and keepers are people: name their keys with --arbiter and --keeper", m.Network)
	}
	var err error
	m.Arbiters, m.Fund, err = keptCouncils(f.council)
	return err
}

// keptCouncils gives the keys of both councils of a dev market, each in a key file of its own below dir; those that are
// missing are made.
func keptCouncils(dir string) (arbiters, fund [7]string, err error) {
	for i := range 7 {
		if arbiters[i], err = keptKey(filepath.Join(dir, fmt.Sprintf("arbiter-%d", i+1))); err != nil {
			return
		}
		if fund[i], err = keptKey(filepath.Join(dir, fmt.Sprintf("keeper-%d", i+1))); err != nil {
			return
		}
	}
	return
}

func keptKey(dir string) (string, error) {
	keys, err := openKeys(dir, nil, nil, byteball.Dev.Name)
	if err != nil {
		return "", err
	}
	k, err := keys.Wallet().Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		return "", err
	}
	return k.PublicKey(), nil
}

// writeMarket writes a manifest to a file that is not there yet, whole or not at all.
func writeMarket(path string, m *params.Manifest) error {
	if err := m.Validate(); err != nil {
		return err
	}
	data, err := m.Marshal()
	if err != nil {
		return err
	}
	return writeNew(path, data)
}

// writeNew writes a new file under a name of its own and then gives it its name, which fails if there is one.
func writeNew(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); errors.Is(err, fs.ErrExist) {
		return exists(path)
	} else if err != nil {
		return err
	}
	return nil
}

func exists(path string) error {
	return fmt.Errorf("%s is there already and stays as it is: name another file with --out, or move it away", path)
}

func marketShowCommand() *cobra.Command {
	var market string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "show a manifest and its hash",
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := readMarket(market)
			if err != nil {
				return err
			}
			if asJSON {
				return showMarketJSON(cmd.OutOrStdout(), m)
			}
			return showMarket(cmd.OutOrStdout(), m, time.Now())
		},
	}
	cmd.Flags().StringVar(&market, "market", "market.yaml", "the market's manifest")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return withConfig(cmd)
}

func showMarket(w io.Writer, m *params.Manifest, now time.Time) error {
	data, err := m.Marshal()
	if err != nil {
		return err
	}
	c, p := m.Calendar(), m.Params
	fmt.Fprintf(w, "market  %s on %s, hash %s\nfund  %s\nwindows of %v, epochs of %v, since %s\n", m.Name, m.Network, hashOf(m), m.FundAddress(),
		p.Window(), p.Epoch(), time.Unix(m.T0, 0).UTC().Format(time.RFC3339))
	if w0, ok := c.WindowAt(now); ok {
		fmt.Fprintf(w, "now  window %d of epoch %d\n", w0, c.EpochAt(now))
	}
	_, err = fmt.Fprintf(w, "\n%s", data)
	return err
}

// marketView is what market show prints as JSON.
type marketView struct {
	Name      string             `json:"name"`
	Hash      string             `json:"hash"`
	Network   string             `json:"network"`
	Hubs      []string           `json:"hubs"`
	OPs       []byteball.Address `json:"ops"`
	T0        int64              `json:"t0"`
	Fund      byteball.Address   `json:"fund"`
	Bootstrap []string           `json:"bootstrap"`
	Profile   string             `json:"profile"`
	Window    float64            `json:"window_seconds"`
	Epoch     float64            `json:"epoch_seconds"`
	Params    map[string]any     `json:"params"` // names and values as in the file
}

func showMarketJSON(w io.Writer, m *params.Manifest) error {
	data, err := yaml.Marshal(m.Params)
	if err != nil {
		return err
	}
	var p map[string]any
	if err := yaml.Unmarshal(data, &p); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(marketView{Name: m.Name, Hash: hashOf(m), Network: m.Network, Hubs: m.Hubs, OPs: m.OPs,
		T0: m.T0, Fund: m.FundAddress(), Bootstrap: m.Bootstrap, Profile: m.Profile, Window: m.Params.Window().Seconds(), Epoch: m.Params.Epoch().Seconds(), Params: p})
}

// hashOf is M, the whole of it, in hex.
func hashOf(m *params.Manifest) string {
	h := m.Hash()
	return hex.EncodeToString(h[:])
}
