package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
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
	TPSFee  byteball.Bytes     `json:"tps_fee"` // of a small unit now
}

func ledgerStatusCommand() *cobra.Command {
	var market string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "how far a market's ledger is",
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
			fmt.Fprintf(out, "hub  %s (network %s)\ntip  %d\nstable  %d (unit %s)\ntps fee  %s\n", s.Hub, s.Network, s.Tip, s.Stable, s.Ball, s.TPSFee)
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
	s := ledgerState{Hub: client.Hub(), Network: m.Network, OPs: m.OPs}
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
