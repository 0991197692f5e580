package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol/p2p"
)

// relayListen is where a relay listens: on ports that stay, since others write them down.
var relayListen = []string{"/ip4/0.0.0.0/tcp/6613", "/ip4/0.0.0.0/udp/6613/quic-v1", "/ip6/::/tcp/6613", "/ip6/::/udp/6613/quic-v1"}

func relayCommand() *cobra.Command {
	var f commonFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "help nodes to find and reach each other",
		Long: `run is a first peer of a market, a server of its peer directory (DHT) and a relay for
nodes behind NAT. It needs neither ledger nor money. Others name it with --peer, or in
the manifest's bootstrap list.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, first, stop := interrupted(cmd.Context())
			defer stop()
			return f.relay(ctx, first, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd, "relay")
	cmd.Flags().Lookup("listen").Usage = "libp2p addresses to listen on (default: TCP and QUIC, port 6613, on all interfaces)"
	return group("relay", "help nodes to find and reach each other", withConfig(cmd))
}

// relay runs until first is closed.
func (c *commonFlags) relay(ctx context.Context, first <-chan struct{}, stdout, stderr io.Writer) error {
	log, err := logger(stderr, c.logLevel)
	if err != nil {
		return err
	}
	m, err := readMarket(c.market)
	if err != nil {
		return err
	}
	pass, err := readPassphrase(c.passphraseFile)
	if err != nil {
		return err
	}
	if pass == nil && m.Network != byteball.Dev.Name {
		return fmt.Errorf("keys on network %s are encrypted: give --passphrase-file", m.Network)
	}
	keys, err := openKeys(c.dir, pass, nil, m.Network)
	if err != nil {
		return err
	}
	if len(c.listen) == 0 {
		c.listen = relayListen
	}
	n, err := p2p.New(ctx, p2p.Config{Key: keys, Market: m.Hash(), Listen: c.listen, Peers: append(c.peers, m.Bootstrap...), MDNS: c.mdns, Relay: true, Log: log})
	if err != nil {
		return fmt.Errorf("the relay cannot start: %w; choose other addresses with --listen", err)
	}
	defer n.Close()
	for _, a := range n.Addrs() {
		fmt.Fprintln(stdout, a)
	}
	fmt.Fprintf(stderr, "iotverse: relay of market %s; give one of these addresses to others with --peer\n", m.Name)
	select {
	case <-first:
	case <-ctx.Done():
	}
	fmt.Fprintln(stderr, "iotverse: the relay ends")
	return nil
}
