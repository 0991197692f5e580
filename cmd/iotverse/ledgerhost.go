package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol/utim"
)

// ledgerConfig says what an embedded ledger is.
type ledgerConfig struct {
	Dir         string // keys and chain; empty: memory, for a demo
	Listen      string
	Heartbeat   time.Duration
	TPSInterval float64
	Outputs     []unit.Output // of a new chain, beside the order provider's rest
	Rand        io.Reader     // of a new order provider's key
	Log         *slog.Logger
}

// ledgerHost is a running embedded ledger.
type ledgerHost struct {
	URL     string // of its websocket
	OP      byteball.Address
	Genesis byteball.Hash
	Keys    *utim.Module
	ledger  *ledger.Ledger
	cancel  context.CancelFunc
	done    chan struct{} // closed when the server has ended
	err     error         // what it ended with, once done is closed
}

// openOperator gives the order provider's key: kept in the ledger's folder, or made for one run.
func openOperator(cfg ledgerConfig) (*utim.Module, error) {
	if cfg.Dir != "" {
		return openKeys(cfg.Dir, nil, cfg.Rand, byteball.Dev.Name)
	}
	dir, err := os.MkdirTemp("", "iotverse-op-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return utim.Create(filepath.Join(dir, "keys"), utim.Options{Unencrypted: true, Rand: cfg.Rand})
}

// openChain opens the chain of a folder, or begins one, also where a start was cut off before the chain began.
func openChain(cfg ledgerConfig, op ledger.Operator) (*ledger.Ledger, error) {
	if cfg.Dir == "" {
		return foundChain(cfg, ledger.Config{Network: byteball.Dev}, op)
	}
	lc := ledger.Config{Network: byteball.Dev, Dir: filepath.Join(cfg.Dir, "chain")}
	if _, err := os.Stat(lc.Dir); errors.Is(err, fs.ErrNotExist) {
		return foundChain(cfg, lc, op)
	}
	l, err := ledger.Open(lc)
	if errors.Is(err, byteball.Invalid) {
		if l, err := foundChain(cfg, lc, op); err == nil {
			return l, nil
		}
	}
	return l, err
}

// foundChain begins a chain. It fails if lc.Dir holds one.
func foundChain(cfg ledgerConfig, lc ledger.Config, op ledger.Operator) (*ledger.Ledger, error) {
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, cfg.Outputs, time.Now())
	if err != nil {
		return nil, err
	}
	lc.Genesis, lc.Vars = &genesis, unit.DefaultVars(byteball.Dev)
	if cfg.TPSInterval > 0 {
		lc.Vars.TPSInterval = cfg.TPSInterval
	}
	return ledger.Open(lc)
}

// startLedger opens the chain and serves it until Close.
func startLedger(ctx context.Context, cfg ledgerConfig) (*ledgerHost, error) {
	keys, err := openOperator(cfg)
	if err != nil {
		return nil, err
	}
	key, err := keys.Wallet().Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		return nil, err
	}
	op := ledger.Operator{Signer: key}
	l, err := openChain(cfg, op)
	if err != nil {
		return nil, err
	}
	if own, err := op.Address(); err != nil || own != l.OP() {
		l.Close()
		return nil, fmt.Errorf("the chain in %s belongs to the order provider %s, the keys there to %s: put the right file at %s",
			cfg.Dir, l.OP(), own, filepath.Join(cfg.Dir, "keys"))
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("the ledger cannot listen on %s: %w; choose another port with --listen", cfg.Listen, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	h := &ledgerHost{URL: "ws://" + listener.Addr().String(), OP: l.OP(), Genesis: l.Genesis(), Keys: keys, ledger: l, cancel: cancel,
		done: make(chan struct{})}
	go func() {
		defer close(h.done)
		h.err = l.Serve(ctx, ledger.ServerConfig{Listener: listener, Heartbeat: cfg.Heartbeat, Operator: op, Log: cfg.Log})
	}()
	return h, nil
}

// Close ends the server and closes the chain.
func (h *ledgerHost) Close() error {
	h.cancel()
	<-h.done
	err := quiet(h.err)
	if cerr := h.ledger.Close(); err == nil {
		err = cerr
	}
	return err
}
