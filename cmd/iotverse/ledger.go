package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/utim"
)

func ledgerCommand() *cobra.Command {
	return group("ledger", "a Byteball ledger of your own", ledgerServeCommand(), ledgerStatusCommand(), ledgerExportCommand(), ledgerImportCommand(), ledgerCheckCommand())
}

// ledgerFlags are what ledger serve is told.
type ledgerFlags struct {
	dir, listen, url, faucet, market, profile, logLevel string
	heartbeat                                           time.Duration
	tpsInterval                                         float64
}

func ledgerServeCommand() *cobra.Command {
	var f ledgerFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run a dev ledger with a faucet; makes market.yaml",
		Long: `serve runs a Byteball ledger of its own until Ctrl-C: a node with one order provider
and a faucet. Its first start makes the keys, the chain, and the manifest of a market
on it, which all other commands read. Everything is kept in --dir.

Others' light wallets can use it: it speaks the protocol of a Byteball (Obyte) hub,
version 4.0dev. It listens on this machine only; to let others in, give --listen an
address of yours and --url the address they know. Ctrl-C or SIGTERM ends it: what it
has accepted is answered and on disk.

  iotverse ledger status            how far it is, and how busy
  iotverse ledger export FILE       a copy of its chain, while it does not run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, settle, stop := interrupted(cmd.Context())
			defer stop()
			return f.serve(ctx, settle, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.dir, "dir", "iotverse-ledger", "folder of the ledger: keys, chain, faucet")
	fl.StringVar(&f.listen, "listen", "127.0.0.1:6611", "where the ledger listens, HOST:PORT")
	fl.StringVar(&f.url, "url", "", "websocket address that market.yaml names (default: ws:// and --listen)")
	fl.StringVar(&f.faucet, "faucet-listen", "", `where the faucet listens (default: 127.0.0.1 and the ledger's port + 1), or "none"`)
	fl.StringVar(&f.market, "market", "market.yaml", "the manifest that is made; one that is there must belong to this ledger")
	fl.StringVar(&f.profile, "profile", "fast", "parameters of a new market: fast or standard")
	fl.DurationVar(&f.heartbeat, "heartbeat", time.Second, "between units of the order provider while anybody is connected")
	fl.Float64Var(&f.tpsInterval, "tps-interval", 0, "of a new chain: the larger, the slower fees grow with load (default: the network's)")
	fl.StringVar(&f.logLevel, "log", "warn", "what is logged to stderr: debug, info, warn or error")
	return withConfig(cmd)
}

// check refuses what cannot work before anything is made.
func (f *ledgerFlags) check() error {
	if _, ok := params.Profile(f.profile); !ok {
		return usagef("profile %q: want fast or standard", f.profile)
	}
	if f.heartbeat <= 0 || f.tpsInterval < 0 {
		return usagef("--heartbeat must be over 0 and --tps-interval not below 0")
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return usagef("--listen %q: want HOST:PORT", f.listen)
	}
	if ip := net.ParseIP(host); f.url == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		return usagef("--listen %s names no address; say how others reach the ledger, e.g. --url ws://192.168.1.5:6611", f.listen)
	}
	return nil
}

// serve runs ledger and faucet until settle is closed or one of them fails.
func (f *ledgerFlags) serve(ctx context.Context, settle <-chan struct{}, stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	log, err := logger(stderr, f.logLevel)
	if err != nil {
		return err
	}
	existing, err := f.existing()
	if err != nil {
		return err
	}
	keys, err := openKeys(f.dir, nil, nil, byteball.Dev.Name)
	if err != nil {
		return err
	}
	if err := f.matches(existing, keys); err != nil {
		return err
	}
	purse, err := keys.Wallet().Key(wallet.AddressPath(0, faucetKey)...)
	if err != nil {
		return err
	}
	address, err := addressOf(purse)
	if err != nil {
		return err
	}
	h, err := startLedger(ctx, ledgerConfig{Dir: f.dir, Listen: f.listen, Heartbeat: f.heartbeat, TPSInterval: f.tpsInterval,
		Outputs: []unit.Output{{Address: address, Amount: faucetFunds}}, Log: log})
	if err != nil {
		return err
	}
	defer h.Close()
	if got := h.ledger.Vars().TPSInterval; f.tpsInterval != 0 && got != f.tpsInterval {
		return fmt.Errorf("the chain in %s began with --tps-interval %v, which is for good: leave the flag out, or begin another --dir", f.dir, got)
	}
	spring, err := f.spring(h)
	if err != nil {
		return err
	}
	m := existing
	if m == nil {
		if m, err = f.found(h); err != nil {
			return err
		}
	}
	for _, text := range f.warnings(spring) {
		fmt.Fprintln(stderr, "iotverse: warning:", text)
	}
	fmt.Fprintf(stdout, "ledger  %s\norder provider  %s\nmarket  %s (%s, profile %s, hash %s)\n", h.URL, h.OP, f.market, m.Name, m.Profile, hashOf(m))
	if f.url == "" && m.Hubs[0] != h.URL {
		fmt.Fprintf(stderr, "iotverse: %s names the hub %s, this ledger listens at %s; use --listen or --url\n", f.market, m.Hubs[0], h.URL)
	}
	var pour func(context.Context) error
	if spring != nil {
		fmt.Fprintf(stdout, "faucet  http://%s/pay?address=ADDRESS&amount=BYTES (POST)\n", spring.Addr())
		pour = func(ctx context.Context) error { return f.pour(ctx, h, spring, purse, log) }
	}
	return attend(ctx, settle, h, pour, stderr)
}

// warnings says what others can do who reach this machine.
func (f *ledgerFlags) warnings(spring net.Listener) []string {
	var list []string
	if !loopback(f.listen) {
		list = append(list, fmt.Sprintf("whoever reaches %s can read the chain and post units; there is no encryption, put a proxy with TLS (wss) before it outside a trusted network", f.listen))
	}
	if spring != nil && !loopback(spring.Addr().String()) {
		list = append(list, fmt.Sprintf("whoever reaches %s gets money from the faucet; --faucet-listen 127.0.0.1:PORT keeps it on this machine", spring.Addr()))
	}
	return list
}

// loopback says whether HOST:PORT is reached from this machine only.
func loopback(at string) bool {
	host, _, err := net.SplitHostPort(at)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

const (
	faucetKey                  = 1      // the faucet's key among the ledger's own, m/44'/0'/0'/0/1
	faucetFunds byteball.Bytes = 500e12 // half of all there is
)

// existing reads the manifest that is there, nil if there is none.
func (f *ledgerFlags) existing() (*params.Manifest, error) {
	if _, err := os.Stat(f.market); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	m, err := readMarket(f.market)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(f.dir, "keys")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is the market of another ledger, %s is new: name another file with --market, or the right folder with --dir", f.market, f.dir)
	}
	return m, nil
}

// matches checks that an existing manifest belongs to the ledger of these keys.
func (f *ledgerFlags) matches(m *params.Manifest, keys *utim.Module) error {
	if m == nil {
		return nil
	}
	key, err := keys.Wallet().Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		return err
	}
	op, err := addressOf(key)
	if err != nil {
		return err
	}
	if len(m.OPs) != 1 || m.OPs[0] != op {
		return fmt.Errorf("%s is the market of another ledger (order provider %s, here it is %s): name another file with --market", f.market, m.OPs[0], op)
	}
	return nil
}

// found writes the manifest of a new market on this ledger. The councils' keys stay in the ledger's folder.
func (f *ledgerFlags) found(h *ledgerHost) (*params.Manifest, error) {
	p, _ := params.Profile(f.profile)
	m := &params.Manifest{Name: "dev", Network: byteball.Dev.Name, Hubs: []string{h.URL}, OPs: []byteball.Address{h.OP},
		T0: time.Now().Unix(), Bootstrap: []string{}, Profile: f.profile, Params: p}
	if f.url != "" {
		m.Hubs[0] = f.url
	}
	var err error
	if m.Arbiters, m.Fund, err = keptCouncils(filepath.Join(f.dir, "council")); err != nil {
		return nil, err
	}
	return m, writeMarket(f.market, m)
}

// attend waits until settle is closed, or ledger or faucet fail.
func attend(ctx context.Context, settle <-chan struct{}, h *ledgerHost, pour func(context.Context) error, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer cancel()
		select {
		case <-settle:
			fmt.Fprintln(stderr, "iotverse: the ledger ends; everything is on disk")
			return nil
		case <-h.done:
			return h.err
		case <-ctx.Done():
			return nil
		}
	})
	if pour != nil {
		g.Go(func() error { return quiet(pour(ctx)) })
	}
	return g.Wait()
}

// spring takes the faucet's port; nil if there is to be no faucet.
func (f *ledgerFlags) spring(h *ledgerHost) (net.Listener, error) {
	at := f.faucet
	switch at {
	case "none":
		return nil, nil
	case "":
		at = beside(h.URL)
	}
	listener, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("the faucet cannot listen on %s: %w; choose another address with --faucet-listen, or none", at, err)
	}
	return listener, nil
}

// pour runs the faucet until ctx is over.
func (f *ledgerFlags) pour(ctx context.Context, h *ledgerHost, spring net.Listener, purse unit.Signer, log *slog.Logger) error {
	defer spring.Close()
	store, err := node.OpenStore(filepath.Join(f.dir, "faucet"))
	if err != nil {
		return err
	}
	defer store.Close()
	client, err := hub.Dial(ctx, hub.Config{URLs: []string{h.local()}, Network: byteball.Dev, OPs: []byteball.Address{h.OP}, Log: log})
	if err != nil {
		return err
	}
	defer client.Close()
	w, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: client, Store: prefixed{store, "wallet/"}, Key: purse, Log: log})
	if err != nil {
		return err
	}
	give := func(ctx context.Context, ref string, to unit.Output) (byteball.Hash, error) {
		u, err := w.Pay(ctx, ref, []unit.Output{to}, nil)
		if err != nil {
			return "", err
		}
		return u.Unit, nil
	}
	web := &http.Server{Handler: newFaucet(give), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return quiet(w.Run(ctx, 5*time.Second)) })
	g.Go(func() error { return web.Serve(spring) })
	g.Go(func() error {
		<-ctx.Done()
		return web.Close()
	})
	if err := g.Wait(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// beside is the loopback address whose port is a hub's + 1, where commands look for its faucet.
func beside(hub string) string {
	u, err := url.Parse(faucetURL(hub))
	if err != nil || u.Port() == "" {
		return "127.0.0.1:0"
	}
	return net.JoinHostPort("127.0.0.1", u.Port())
}

// local is the ledger's address as this machine reaches it.
func (h *ledgerHost) local() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return h.URL
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsUnspecified() {
		return h.URL
	}
	return "ws://" + net.JoinHostPort("127.0.0.1", u.Port())
}
