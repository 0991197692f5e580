package params

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/protocol"
)

// Manifest describes one market (MECHANISM 0). Nodes with different manifests do not understand one another: its hash
// stands under every signature.
type Manifest struct {
	_         struct{}           `cbor:",toarray"`
	Name      string             `yaml:"name"`      // 1..40 letters, digits, "-" and "."
	Network   string             `yaml:"network"`   // dev, testnet or live
	Hubs      []string           `yaml:"hubs"`      // websocket addresses, in order of preference
	OPs       []byteball.Address `yaml:"ops"`       // the ledger's order providers
	T0        int64              `yaml:"t0"`        // start of window 0, Unix seconds
	Arbiters  [7]string          `yaml:"arbiters"`  // compressed secp256k1 keys, base64
	Fund      [7]string          `yaml:"fund"`      // keys of the fund's keepers, likewise
	Bootstrap []string           `yaml:"bootstrap"` // multiaddrs of first peers and relays
	Profile   string             `yaml:"profile"`   // standard or fast: where parameters come from that are not given
	Params    Params             `yaml:"params"`
}

var (
	nameForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$`)
	multiaddrForm = regexp.MustCompile(`^/[a-z0-9]+/[^\s]{1,500}$`)
)

// Validate returns Invalid with a text that says what to change.
func (m *Manifest) Validate() error {
	if !nameForm.MatchString(m.Name) {
		return fmt.Errorf("market manifest: name %.50q: want 1 to 40 letters, digits, dots or dashes: %w", m.Name, protocol.Invalid)
	}
	net, ok := byteball.NetworkByName(m.Network)
	if !ok {
		return fmt.Errorf("market manifest: network %.20q: want dev, testnet or live: %w", m.Network, protocol.Invalid)
	}
	if !net.TPSFees {
		return fmt.Errorf("market manifest: units of network %s pay no tps fees, and the terms of every deal set a margin of them: want dev, testnet or live: %w",
			m.Network, protocol.Invalid)
	}
	if err := m.checkPeers(); err != nil {
		return err
	}
	if err := m.checkOPs(net); err != nil {
		return err
	}
	if m.T0 < 1_000_000_000 || m.T0 > 100_000_000_000 {
		return fmt.Errorf("market manifest: t0 %d: want Unix seconds of this century: %w", m.T0, protocol.Invalid)
	}
	if err := checkKeys("arbiters", m.Arbiters); err != nil {
		return err
	}
	if err := checkKeys("fund", m.Fund); err != nil {
		return err
	}
	if _, ok := Profile(m.Profile); !ok {
		return fmt.Errorf("market manifest: profile %.20q: want standard or fast: %w", m.Profile, protocol.Invalid)
	}
	if err := m.Params.Validate(); err != nil {
		return fmt.Errorf("market manifest: %w", err)
	}
	return nil
}

func (m *Manifest) checkPeers() error {
	if len(m.Hubs) < 1 || len(m.Hubs) > 16 || len(m.Bootstrap) > 64 {
		return fmt.Errorf("market manifest: %d hubs and %d bootstrap peers, want 1 to 16 and at most 64: %w", len(m.Hubs), len(m.Bootstrap), protocol.Invalid)
	}
	for _, h := range m.Hubs {
		u, err := url.Parse(h)
		if err != nil || len(h) > 500 || (u.Scheme != "ws" && u.Scheme != "wss") || u.Host == "" {
			return fmt.Errorf("market manifest: hub %.80q: want ws://host:port or wss://host/path: %w", h, protocol.Invalid)
		}
	}
	for _, b := range m.Bootstrap {
		if !multiaddrForm.MatchString(b) {
			return fmt.Errorf("market manifest: bootstrap peer %.80q: want a multiaddr such as /ip4/192.0.2.1/tcp/4001/p2p/12D3…: %w", b, protocol.Invalid)
		}
	}
	return nil
}

func (m *Manifest) checkOPs(net byteball.Network) error {
	if len(m.OPs) != net.OPs {
		return fmt.Errorf("market manifest: %d ops, network %s has %d: %w", len(m.OPs), net.Name, net.OPs, protocol.Invalid)
	}
	seen := map[byteball.Address]bool{}
	for _, a := range m.OPs {
		if !chash.Valid(a) || seen[a] {
			return fmt.Errorf("market manifest: order provider %.40q is no address, or stands twice: %w", string(a), protocol.Invalid)
		}
		seen[a] = true
	}
	return nil
}

func checkKeys(what string, keys [7]string) error {
	seen := map[string]bool{}
	for i, k := range keys {
		raw, err := base64.StdEncoding.Strict().DecodeString(k)
		if err != nil || len(raw) != 33 {
			return fmt.Errorf("market manifest: %s key %d %.50q: want 44 characters of base64: %w", what, i+1, k, protocol.Invalid)
		}
		if _, err := btcec.ParsePubKey(raw); err != nil {
			return fmt.Errorf("market manifest: %s key %d %s is no point of the curve: %w", what, i+1, k, protocol.Invalid)
		}
		if seen[k] {
			return fmt.Errorf("market manifest: %s key %d stands twice: %w", what, i+1, protocol.Invalid)
		}
		seen[k] = true
	}
	return nil
}

// Hash is M = H("iv1/market", enc(manifest)) over all fields, hubs and bootstrap peers too (MECHANISM 0): a market that
// moves its hub is a new market for its nodes. Durations count in nanoseconds. How the file is written does not matter.
func (m *Manifest) Hash() protocol.Hash {
	c := *m
	c.Hubs = append([]string{}, m.Hubs...)
	c.OPs = append([]byteball.Address{}, m.OPs...)
	c.Bootstrap = append([]string{}, m.Bootstrap...)
	b, err := protocol.Encode(c)
	if err != nil {
		panic(fmt.Sprintf("params: %v", err)) // plain values always encode
	}
	return protocol.H("iv1/market", b)
}

// Calendar returns the market's windows and epochs. The parameters must be valid.
func (m *Manifest) Calendar() Calendar {
	return Calendar{
		t0: m.T0 * 1000, window: m.Params.Window().Milliseconds(),
		perEpoch: int64(m.Params.EpochWindows), day: (24 * time.Hour).Milliseconds(),
	}
}

// FundDefinition is the definition of the fund's address: any four of seven keepers.
func (m *Manifest) FundDefinition() any {
	set := make([]any, len(m.Fund))
	for i, k := range m.Fund {
		set[i] = []any{"sig", map[string]any{"pubkey": k}}
	}
	return []any{"r of set", map[string]any{"required": 4.0, "set": set}}
}

// FundAddress is where the fund's share of each fee goes.
func (m *Manifest) FundAddress() byteball.Address {
	a, err := chash.Of(m.FundDefinition())
	if err != nil {
		panic(fmt.Sprintf("params: %v", err)) // a definition of seven strings always has an address
	}
	return a
}
