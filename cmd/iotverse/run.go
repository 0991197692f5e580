package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// commands are all there are, in the order of help.
func commands() []*cobra.Command {
	return []*cobra.Command{
		demoCommand(), sellerCommand(), validatorCommand(), buyerCommand(), ledgerCommand(), marketCommand(), relayCommand(),
		walletCommand(), verifyCommand(), initCommand(), simulateCommand(), benchCommand(), versionCommand(),
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.AddCommand(subs...)
	return cmd
}

// readMarket reads a manifest.
func readMarket(path string) (*params.Manifest, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no market manifest at %s: name one with --market, or make one with iotverse ledger serve", path)
	}
	if err != nil {
		return nil, err
	}
	m, err := params.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// open brings up the rig that a role's flags describe.
func (c *commonFlags) open(ctx context.Context, stderr io.Writer, relay bool) (*rig, error) {
	log, err := logger(stderr, c.logLevel)
	if err != nil {
		return nil, err
	}
	m, err := readMarket(c.market)
	if err != nil {
		return nil, err
	}
	pass, err := readPassphrase(c.passphraseFile)
	if err != nil {
		return nil, err
	}
	if pass == nil && m.Network == byteball.Dev.Name {
		fmt.Fprintf(stderr, "iotverse: the keys in %s are not encrypted; fine on dev, elsewhere give --passphrase-file\n", c.dir)
	}
	return openRig(ctx, rigConfig{Dir: c.dir, Manifest: m, Passphrase: pass, Listen: c.listen, Peers: append(c.peers, m.Bootstrap...),
		MDNS: c.mdns, Relay: relay, Poll: time.Second, Log: log})
}

// running is what all role commands do around their role.
func running(cmd *cobra.Command, c *commonFlags, need byteball.Bytes, role func(ctx context.Context, r *rig, settle <-chan struct{}) error) error {
	ctx, settle, stop := interrupted(cmd.Context())
	defer stop()
	stderr := cmd.ErrOrStderr()
	r, err := c.open(ctx, stderr, false)
	if err != nil {
		return err
	}
	defer r.Close()
	fmt.Fprintf(stderr, "iotverse: node %s, wallet %s\n", r.keys.Identity(), r.address())
	for _, a := range r.p2p.Addrs() {
		fmt.Fprintln(stderr, "iotverse: reachable at", a)
	}
	if err := r.ensure(ctx, need, stderr); err != nil {
		return err
	}
	if err := r.checkClock(ctx, time.Now); err != nil {
		return err
	}
	return role(ctx, r, settle)
}

// clockSkew is how far this machine's clock may be from the ledger's: units and windows are refused beyond it (MECHANISM 3).
const clockSkew = 5 * time.Second

// checkClock compares this machine's clock with the hub's.
func (r *rig) checkClock(ctx context.Context, clock func() time.Time) error {
	here := []byteball.Address{r.address()}
	a, err := r.hub.Anchor(ctx, here, here)
	if err != nil {
		return err
	}
	off := clock().Sub(time.Unix(a.Timestamp, 0))
	if off > clockSkew || off < -clockSkew {
		return fmt.Errorf("this machine's clock is %v off the ledger's; set it, e.g. with timedatectl set-ntp true: %w", off.Round(time.Second), protocol.Invalid)
	}
	return nil
}

// ensure sees to it that the wallet holds what the role needs; on a dev ledger its faucet helps.
func (r *rig) ensure(ctx context.Context, need byteball.Bytes, stderr io.Writer) error {
	b, err := r.wallet.Balance(ctx, r.address())
	if err != nil {
		return err
	}
	if spendable(b) >= need || r.opened() {
		return nil
	}
	if spendable(b)+b.Arriving >= need { // it was asked for before this start
		return r.await(ctx, need)
	}
	if r.rules.Network.Name != byteball.Dev.Name {
		return fmt.Errorf("the wallet %s holds %s, this role needs %s: send it %s more: %w", r.address(), spendable(b), need, need-spendable(b), byteball.Funds)
	}
	fmt.Fprintf(stderr, "iotverse: asking the dev faucet for %s\n", need)
	if err := askFaucet(ctx, faucetURL(r.rules.Manifest.Hubs[0]), r.address(), need); err != nil {
		return fmt.Errorf("the wallet %s holds %s of %s and the faucet did not help: %w", r.address(), spendable(b), need, err)
	}
	return r.await(ctx, need)
}

// await waits until the wallet holds an amount, stable.
func (r *rig) await(ctx context.Context, need byteball.Bytes) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		b, err := r.wallet.Balance(ctx, r.address())
		if err != nil {
			return err
		}
		if spendable(b) >= need {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the payment to %s is not stable after a minute: is the ledger's witness running? %w", r.address(), byteball.Transient)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// opened says whether a role has run here before: then it goes on with what it has.
func (r *rig) opened() bool {
	for _, prefix := range []string{sellerPrefix, validatorPrefix, buyerPrefix} {
		if rows, err := r.store.All(prefix + "line/opening"); err == nil && len(rows) > 0 {
			return true
		}
	}
	return false
}

// printer tells people what a role does, one line each.
func printer(w io.Writer) hooks {
	return hooks{note: func(n role.Note) {
		fmt.Fprintf(w, "%s  %s%s\n", time.Now().Format("15:04:05"), n.Text, pairs(n.Attrs))
	}}
}

// bondNeed is what a bond costs with the fees around it.
func bondNeed(p params.Params, slices int, slice byteball.Bytes) byteball.Bytes {
	return slice*byteball.Bytes(slices) + p.RegFee + 100_000
}

// spendable is the money that a wallet can pay with now.
func spendable(b wallet.Balance) byteball.Bytes { return b.Stable + b.Change }
