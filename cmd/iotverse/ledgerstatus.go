package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// ledgerState is what ledger status shows.
type ledgerState struct {
	Hub     string             `json:"hub"`
	Network string             `json:"network"`
	OPs     []byteball.Address `json:"ops"`
	Tip     uint64             `json:"tip"`    // main chain index of the newest unit
	Stable  uint64             `json:"stable"` // of the last ball that a new unit would name
	Ball    byteball.Hash      `json:"last_ball_unit"`
	TPSFee  byteball.Bytes     `json:"tps_fee"`        // of a small unit now
	Node    *ledger.Status     `json:"node,omitempty"` // what the hub says of itself, if it is such a ledger
}

func ledgerStatusCommand() *cobra.Command {
	var market string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "how far a market's ledger is, and how busy",
		Long: `status asks the hub of a market how far its ledger is: the main chain index of the
newest unit, that of the last ball a new unit would name, and the fee that load puts
on a unit now. A ledger of iotverse says also how many units it holds, how many clients
are connected, how many units were posted and refused since it started, how many a
second over the last ten, and how large its store is.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := readMarket(market)
			if err != nil {
				return err
			}
			s, err := askLedger(cmd.Context(), m)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if asJSON {
				return json.NewEncoder(out).Encode(s)
			}
			s.print(out)
			return nil
		},
	}
	cmd.Flags().StringVar(&market, "market", "market.yaml", "the market's manifest")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return withConfig(cmd)
}

func askLedger(ctx context.Context, m *params.Manifest) (ledgerState, error) {
	client, err := dialHub(ctx, m, nil)
	if err != nil {
		return ledgerState{}, err
	}
	defer client.Close()
	s := ledgerState{Hub: client.Hub(), Network: m.Network, OPs: m.OPs, Node: askNode(ctx, client.Hub())}
	if s.Tip, err = client.LastMCI(ctx); err != nil {
		return s, err
	}
	anchor, err := client.Anchor(ctx, m.OPs[:1], m.OPs[:1])
	if errors.Is(err, protocol.Transient) {
		return s, nil // a chain that has only begun has no place for a new unit yet
	}
	s.Stable, s.Ball, s.TPSFee = anchor.LastBallMCI, anchor.LastBallUnit, anchor.TPSFee
	return s, err
}

func (s ledgerState) print(out io.Writer) {
	fmt.Fprintf(out, "hub  %s (network %s)\ntip  %d\nstable  %d (unit %s)\ntps fee  %s\n", s.Hub, s.Network, s.Tip, s.Stable, s.Ball, s.TPSFee)
	if n := s.Node; n != nil {
		fmt.Fprintf(out, "units  %d (store %.1f MB)\nclients  %d (watching %d)\nposts  %d accepted, %d refused, %.1f a second; up %s\n", n.Units,
			float64(n.Store)/1e6, n.Clients, n.Watching, n.Accepted, n.Refused, n.Rate, time.Duration(n.Uptime*float64(time.Second)).Round(time.Second))
	}
}

// askNode asks a hub what a ledger of iotverse says of itself; nil if it is none.
func askNode(ctx context.Context, hub string) *ledger.Status {
	u, err := url.Parse(hub)
	if err != nil {
		return nil
	}
	u.Scheme, u.Path = strings.Replace(u.Scheme, "ws", "http", 1), "/status"
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	var s ledger.Status
	if answer.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&s) != nil {
		return nil
	}
	return &s
}
