package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/mailbox"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/p2p"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/protocol/utim"
)

// rigConfig says what one node stands on.
type rigConfig struct {
	Dir        string // keys and store; made if need be
	Manifest   *params.Manifest
	Passphrase []byte    // nil: an unencrypted key file, on dev only
	Rand       io.Reader // of a new key; nil is the system's
	Listen     []string
	Peers      []string
	MDNS       bool
	Relay      bool
	Fresh      bool           // change of payments goes to a new address
	Poll       time.Duration  // of the ledger
	News       func(hub.News) // what the hub says unasked; nil: nobody listens
	Log        *slog.Logger
}

// rig is one node without its role: keys, store, ledger client, wallet, libp2p host.
type rig struct {
	cfg     rigConfig
	rules   deal.Rules
	keys    *utim.Module
	store   *node.Store
	hub     *hub.Client
	vars    unit.SystemVars
	wallet  *wallet.Wallet
	key     unit.Signer // of the wallet's first address
	binding protocol.Binding
	from    uint64 // where the ledger is followed from
	p2p     *p2p.Node
}

// openKeys opens the key file of a folder, or makes it.
func openKeys(dir string, passphrase []byte, random io.Reader, network string) (*utim.Module, error) {
	path := filepath.Join(dir, "keys")
	m, err := utim.Open(path, passphrase)
	if !errors.Is(err, protocol.NotFound) {
		return m, err
	}
	return makeKeys(dir, passphrase, random, network, "")
}

// makeKeys makes the key file of a folder; words are those of a wallet to restore, if any.
func makeKeys(dir string, passphrase []byte, random io.Reader, network, words string) (*utim.Module, error) {
	if passphrase == nil && network != byteball.Dev.Name {
		return nil, fmt.Errorf("keys on network %s are encrypted: give --passphrase-file: %w", network, protocol.Invalid)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return utim.Create(filepath.Join(dir, "keys"), utim.Options{Passphrase: passphrase, Unencrypted: passphrase == nil, Rand: random, Words: words})
}

// openRig brings a node up to the point where a role can run on it. Close ends it.
func openRig(ctx context.Context, cfg rigConfig) (*rig, error) {
	r, err := openPurse(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r.p2p, err = p2p.New(ctx, p2p.Config{Key: r.keys, Market: r.rules.Market, Listen: cfg.Listen, Peers: cfg.Peers, MDNS: cfg.MDNS, Relay: cfg.Relay, Log: cfg.Log})
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// openPurse is openRig without the network of peers: enough to see and move money.
func openPurse(ctx context.Context, cfg rigConfig) (_ *rig, err error) {
	r := &rig{cfg: cfg}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	network, ok := byteball.NetworkByName(cfg.Manifest.Network)
	if !ok {
		return nil, fmt.Errorf("market %s: network %q is unknown: %w", cfg.Manifest.Name, cfg.Manifest.Network, protocol.Invalid)
	}
	r.rules = deal.Rules{Manifest: *cfg.Manifest, Market: cfg.Manifest.Hash(), Network: network, Fund: cfg.Manifest.FundAddress(), Verifier: envelope.Keys{}}
	if r.keys, err = openKeys(cfg.Dir, cfg.Passphrase, cfg.Rand, network.Name); err != nil {
		return nil, err
	}
	if r.key, err = r.keys.Wallet().Key(wallet.AddressPath(0, 0)...); err != nil {
		return nil, err
	}
	if r.binding, err = protocol.Bind(r.keys, r.key); err != nil {
		return nil, err
	}
	if r.store, err = node.OpenStore(filepath.Join(cfg.Dir, "store")); err != nil {
		return nil, err
	}
	return r, r.openLedger(ctx, network)
}

// dialHub connects to the first of the market's hubs that answers.
func dialHub(ctx context.Context, m *params.Manifest, log *slog.Logger) (*hub.Client, error) {
	return hearHub(ctx, m, log, nil)
}

// hearHub is dialHub for somebody who wants to know what the hub says unasked.
func hearHub(ctx context.Context, m *params.Manifest, log *slog.Logger, news func(hub.News)) (*hub.Client, error) {
	network, ok := byteball.NetworkByName(m.Network)
	if !ok {
		return nil, fmt.Errorf("market %s: network %q is unknown: %w", m.Name, m.Network, protocol.Invalid)
	}
	ctx, cancel := context.WithTimeout(ctx, hubPatience)
	defer cancel()
	c, err := hub.Dial(ctx, hub.Config{URLs: m.Hubs, Network: network, OPs: m.OPs, News: news, Log: log})
	if errors.Is(err, byteball.Transient) {
		return nil, fmt.Errorf("%w; is the ledger running?", err)
	}
	return c, err
}

// hubPatience is how long a command waits for a first answer of any hub.
const hubPatience = 8 * time.Second

// openLedger connects to the market's hubs and opens the wallet.
func (r *rig) openLedger(ctx context.Context, network byteball.Network) (err error) {
	if r.hub, err = hearHub(ctx, r.cfg.Manifest, r.cfg.Log, r.cfg.News); err != nil {
		return err
	}
	if r.vars, err = r.hub.SystemVars(ctx); err != nil {
		return err
	}
	tip, err := r.hub.LastMCI(ctx)
	if err != nil {
		return err
	}
	r.from = tip - min(tip, reach)
	r.wallet, err = wallet.New(wallet.Config{Network: network, Hub: r.hub, Store: prefixed{r.store, "wallet/"}, Keys: r.keys.Wallet().Keys,
		FreshChange: r.cfg.Fresh, Log: r.cfg.Log})
	return err
}

// restore reads what a role saved, and finds the balls of the running epoch and the next where the ledger is too long to be
// followed from their beginning.
func (r *rig) restore(ctx context.Context, prefix string) (map[string][]byte, error) {
	saved, err := r.store.All(prefix)
	if err != nil || r.from == 0 {
		return saved, err
	}
	cal := r.rules.Manifest.Calendar()
	now := cal.EpochAt(time.Now())
	for _, e := range []uint64{now, now + 1} {
		p, err := r.hub.FirstSince(ctx, cal.CutTime(e))
		if errors.Is(err, protocol.NotFound) {
			continue // its unit has still to come
		}
		if err != nil {
			return nil, fmt.Errorf("the ball of epoch %d: %w", e, err)
		}
		key, value, err := view.Found(e, p)
		if err != nil {
			return nil, err
		}
		if _, known := saved[key]; !known {
			saved[key] = value
		}
	}
	return saved, nil
}

// reach is how many main chain indexes back a hub can prove the order providers' units: its answers hold about 4,000.
const reach = 3500

// Close ends everything that was opened, in the reverse order.
func (r *rig) Close() {
	if r.p2p != nil {
		r.p2p.Close()
	}
	if r.hub != nil {
		r.hub.Close()
	}
	if r.store != nil {
		r.store.Close()
	}
}

// secret is the device's secret for a purpose.
func (r *rig) secret(label string) ([]byte, error) {
	s, err := r.keys.Secret(label)
	return s[:], err
}

// bondKey is the key K of a validator's bond, base64.
func (r *rig) bondKey() (string, error) {
	k, err := r.keys.Wallet().Key(wallet.BondPath(0)...)
	if err != nil {
		return "", err
	}
	return k.PublicKey(), nil
}

// channelKey gives the wallet's key number i, as channels use it.
func (r *rig) channelKey(i uint32) (unit.Signer, error) {
	return r.keys.Wallet().Key(wallet.AddressPath(0, i)...)
}

// address is the wallet's first address, where the node's money is.
func (r *rig) address() byteball.Address { return r.wallet.Address() }

// mailbox is the node's box at the market's first hub, for peers that cannot be reached directly. Its key is that of the
// first address, which the binding names.
func (r *rig) mailbox() (*mailbox.Box, error) {
	key, err := r.keys.Wallet().Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		return nil, err
	}
	return mailbox.New(mailbox.Config{Client: r.hub, Hub: mailbox.HubName(r.cfg.Manifest.Hubs[0]), Key: key, Binding: r.binding,
		Verifier: r.rules.Verifier, Store: prefixed{r.store, "mail/"}, Log: r.cfg.Log})
}

// run drives a core until it is done. start gets the running node, to tell it what the outside brings.
func (r *rig) run(ctx context.Context, prefix string, core role.Core, hooks hooks, extra ...func(context.Context, *node.Node) error) error {
	box, err := r.mailbox()
	if err != nil {
		return err
	}
	n := node.New(node.Config{
		Core: core, Prefix: prefix, Store: r.store, P2P: r.p2p, Hub: r.hub, Wallet: purse{r.wallet},
		Follow: r.hub.Follow(hub.FollowConfig{From: r.from, Poll: r.cfg.Poll}), Market: r.rules.Market, Verifier: r.rules.Verifier, Mailbox: box,
		OnNote: hooks.note, OnDeliver: hooks.deliver, Log: r.cfg.Log,
	})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer cancel()
		return n.Run(gctx)
	})
	g.Go(func() error { return quiet(r.wallet.Run(gctx, 2*time.Second)) })
	for _, f := range extra {
		g.Go(func() error { return quiet(f(gctx, n)) })
	}
	err = g.Wait()
	r.cfg.Log.Info("ended", "messages_refused", n.Refused())
	return err
}

// purse is the wallet as a role uses it: its payments are by the first address, which the node's binding is to.
type purse struct{ w *wallet.Wallet }

func (p purse) Pay(ctx context.Context, ref string, outputs []unit.Output, msgs []unit.Message) (*unit.Unit, error) {
	return p.w.Send(ctx, ref, wallet.Order{Outputs: outputs, Messages: msgs, From: []byteball.Address{p.w.Address()}, Change: p.w.Address()})
}

// hooks are what a command wants to know of a running role.
type hooks struct {
	note    func(role.Note)
	deliver func(role.Deliver) error
}

// quiet takes the end of a context for what it is: no failure.
func quiet(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// stopOn tells a node to settle when done is closed, and to give up when it has not within patience.
func stopOn(done <-chan struct{}, patience time.Duration) func(context.Context, *node.Node) error {
	return func(ctx context.Context, n *node.Node) error {
		select {
		case <-ctx.Done():
			return nil
		case <-done:
		}
		if err := n.Tell(ctx, role.Stop{}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(patience):
			return fmt.Errorf("not settled within %v; start again to go on settling: %w", patience, protocol.Transient)
		}
	}
}

// prefixed is a part of the store as the wallet sees it.
type prefixed struct {
	s      *node.Store
	prefix string
}

func (p prefixed) Get(key string) ([]byte, error) {
	return p.s.Get([]byte(p.prefix + key))
}
func (p prefixed) Put(key string, value []byte) error {
	return p.s.Put([]byte(p.prefix+key), value)
}
func (p prefixed) Delete(key string) error { return p.s.Delete([]byte(p.prefix + key)) }
